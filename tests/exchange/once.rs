//! Never a second forward: repeats, broken connections, callers that leave, cities that are down.

use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::until;
use crate::support::withdrawal;
use jingyue::edge::ledger::Outcome;

const NUMBER: &str = "YY-GJ12-20261123-000777";

fn stand() -> Stand {
    Setup::at(at(9, 30, 15, 0)).start()
}

#[test]
fn the_same_number_again_gets_the_stored_answer() {
    let stand = stand();
    let body = withdrawal(NUMBER, "");
    let first = stand.ask(WITHDRAW, &body);
    assert_eq!((first.status, first.header("x-jingyue-repeat")), (200, ""));
    // Later, so that an answer made anew would bear another time.
    stand.clock.set(at(11, 0, 0, 0));
    for _ in 0..3 {
        let again = stand.ask(WITHDRAW, &body);
        assert_eq!((again.status, again.header("x-jingyue-repeat")), (200, "1"));
        assert_eq!(again.body, first.body);
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn the_same_number_with_other_content_is_refused() {
    let stand = stand();
    assert_eq!(stand.ask(WITHDRAW, &withdrawal(NUMBER, "")).status, 200);
    let other = stand.ask(WITHDRAW, &withdrawal(NUMBER, "。"));
    assert_eq!((other.status, other.number().as_str(), &other.json()["code"]), (409, "J603", &4090.into()));
    assert_eq!(stand.forwarded(), 1);
    // Another application's numbers are its own; this one may not withdraw at all.
    let body = withdrawal(NUMBER, "");
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &stand.with_type("yy-query-01", WITHDRAW, &body), &body);
    assert_eq!(client.receive().number(), "J306");
}

#[test]
fn the_same_number_while_the_first_is_open() {
    let stand = stand();
    let body = withdrawal(NUMBER, "【模拟:慢 600】");
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    stand.until_forwarded(1);
    let second = stand.ask(WITHDRAW, &body);
    assert_eq!((second.status, second.number().as_str()), (409, "J602"));
    assert_eq!(second.header("retry-after"), "5");
    let other = stand.ask(WITHDRAW, &withdrawal(NUMBER, "。"));
    assert_eq!(other.number(), "J605", "the first may yet be done");
    let first = client.receive();
    assert_eq!(first.status, 200);
    assert_eq!(stand.ask(WITHDRAW, &body).body, first.body);
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn what_was_not_delivered_may_be_sent_again() {
    // Nobody listens on this port any more.
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stand = stand();
    let city = format!("http://{}", stand.cities.address("jingzhou-window"));
    stand.edit_config(&city, &format!("http://{dead}"));
    stand.app().reload().unwrap();
    let body = withdrawal(NUMBER, "");
    for _ in 0..2 {
        let answer = stand.ask(WITHDRAW, &body);
        assert_eq!((answer.status, answer.number().as_str(), &answer.json()["code"]), (502, "J501", &5030.into()));
    }
    let entry = stand.entry(NUMBER).unwrap();
    assert_eq!((entry.outcome, entry.fault), (Some(Outcome::NotDelivered), 501));
    assert_eq!(stand.forwarded(), 0);

    stand.edit_config(&format!("http://{dead}"), &city);
    stand.app().reload().unwrap();
    let answer = stand.ask(WITHDRAW, &body);
    assert_eq!((answer.status, answer.header("x-jingyue-repeat")), (200, ""), "{}", answer.text());
    assert_eq!(stand.ask(WITHDRAW, &body).header("x-jingyue-repeat"), "1");
    assert_eq!(stand.entry(NUMBER).unwrap().outcome, Some(Outcome::Answered));
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn a_connection_lost_after_reading_is_unknown_for_ever() {
    let stand = stand();
    let body = withdrawal(NUMBER, "【模拟:断开】");
    let answer = stand.ask(WITHDRAW, &body);
    assert_eq!((answer.status, answer.number().as_str(), &answer.json()["code"]), (504, "J504", &5040.into()));
    assert!(answer.json()["msg"].as_str().unwrap().contains("先查询"));
    for _ in 0..3 {
        let again = stand.ask(WITHDRAW, &body);
        assert_eq!((again.status, again.number().as_str()), (504, "J604"));
    }
    // Neither a reload nor time makes it sendable.
    stand.app().reload().unwrap();
    stand.clock.set(at(23, 0, 0, 0));
    assert_eq!(stand.ask(WITHDRAW, &body).number(), "J604");
    assert_eq!(stand.forwarded(), 1);
    assert_eq!(stand.entry(NUMBER).unwrap().outcome, Some(Outcome::Unknown));
    assert_eq!(stand.metric(&["jingyue_ledger_entries", "unknown", "money=\"true\""]), "1");
}

#[test]
fn every_answer_that_says_nothing_is_unknown() {
    let stand = stand();
    for (step, (marker, fault)) in [
        ("【模拟:乱码】", "J505"),
        ("【模拟:缺字段】", "J507"),
        ("【模拟:未知代码】", "J507"),
        ("【模拟:500】", "J508"),
    ]
    .into_iter()
    .enumerate()
    {
        let number = format!("{NUMBER}-{step}");
        let body = withdrawal(&number, marker);
        assert_eq!(stand.ask(WITHDRAW, &body).number(), fault, "{marker}");
        assert_eq!(stand.ask(WITHDRAW, &body).number(), "J604", "{marker}");
        assert_eq!(stand.entry(&number).unwrap().outcome, Some(Outcome::Unknown), "{marker}");
        assert_eq!(stand.forwarded(), step + 1, "{marker}");
    }
}

#[test]
fn a_caller_that_hangs_up_does_not_end_the_exchange() {
    let stand = stand();
    let body = withdrawal(NUMBER, "【模拟:慢 300】");
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    stand.until_forwarded(1);
    assert_eq!(stand.entry(NUMBER).unwrap().outcome, None, "open while the city works");
    drop(client);
    until("the entry is closed", || stand.entry(NUMBER).unwrap().outcome.is_some());
    assert_eq!(stand.entry(NUMBER).unwrap().outcome, Some(Outcome::Answered));
    let again = stand.ask(WITHDRAW, &body);
    assert_eq!((again.status, again.header("x-jingyue-repeat")), (200, "1"));
    assert_eq!(again.json()["data"]["status"], "accepted");
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn many_at_once_with_one_number_are_one() {
    let stand = stand();
    let body = withdrawal(NUMBER, "【模拟:慢 200】");
    let mut clients: Vec<_> = (0..16)
        .map(|_| {
            let mut client = stand.connect();
            client.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
            client
        })
        .collect();
    let answers: Vec<_> = clients.iter_mut().map(crate::support::Client::receive).collect();
    let well = answers.iter().filter(|answer| answer.status == 200 && answer.header("x-jingyue-repeat").is_empty());
    assert_eq!(well.count(), 1);
    assert!(answers.iter().filter(|answer| answer.status != 200).all(|answer| answer.number() == "J602"));
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn a_number_is_one_within_its_step() {
    // A query of the same case number is another matter, so it is another exchange.
    let stand = stand();
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("YY20261123093015000001", "")).status, 200);
    let query = crate::support::sample("01-pf-query/yueyang.request.json");
    assert_eq!(stand.ask(crate::support::ACCOUNT, &query).status, 200);
    assert_eq!(stand.forwarded(), 2);
}
