//! Taking mappings and configuration anew while requests are in hand, refusing what is wrong, and stopping.

use crate::support::Client;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::signed;
use crate::support::until;
use crate::support::withdrawal;
use std::net::TcpStream;
use std::path::Path;

const NOW: i64 = at(9, 30, 15, 0);

/// A stand on a mapping directory that the test may change.
fn stand() -> (Stand, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    crate::few::copy(folder.path());
    let stand = Setup::at(NOW).start();
    folder.path().clone_into(&mut stand.mappings.lock().unwrap());
    stand.app().reload().unwrap();
    (stand, folder)
}

fn edit(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {from}");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

const ANSWER: &str = "messages/yueyang-window/gj12-answer.csv";
/// One more member in the answer: the city that handled the case.
const MORE: &str = "data.acceptOrg,accept_org,,,,,,\ndata.handledBy,,const jingzhou,,,,,composed";

#[test]
fn changed_mappings_are_taken_without_dropping_anybody() {
    let (stand, folder) = stand();
    let mut kept = stand.connect();
    let ask = |client: &mut Client, number: &str, marker: &str| {
        let body = withdrawal(number, marker);
        client.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    };
    ask(&mut kept, "K1", "");
    assert!(kept.receive().json()["data"].get("handledBy").is_none());
    let mut slow = stand.connect();
    ask(&mut slow, "K2", "【模拟:慢 500】");
    stand.until_forwarded(2);

    edit(folder.path(), ANSWER, "data.acceptOrg,accept_org,,,,,,", MORE);
    let before = stand.metric(&["jingyue_mapping_info"]);
    assert_eq!(before, "1");
    let summary = stand.app().reload().unwrap();
    assert!(summary.contains("映射版本"), "{summary}");

    // The kept connection goes on, with the new mappings.
    ask(&mut kept, "K3", "");
    assert_eq!(kept.receive().json()["data"]["handledBy"], "jingzhou");
    // What was in hand ends with the mappings that it began with.
    let answer = slow.receive();
    assert_eq!(answer.status, 200);
    assert!(answer.json()["data"].get("handledBy").is_none(), "{}", answer.text());
    // What was stored stays as it was given.
    ask(&mut kept, "K1", "");
    assert!(kept.receive().json()["data"].get("handledBy").is_none());
    assert_eq!(stand.forwarded(), 3);
    assert_eq!(stand.metric(&["jingyue_config_last_reload_successful"]), "1");
}

/// What a request means by today's mappings is no news for one that has left already: the ledger's word goes first.
#[test]
fn a_request_that_has_left_gets_the_ledgers_word_whatever_became_of_its_codes() {
    let (stand, folder) = stand();
    let (done, lost) = (withdrawal("K1", ""), withdrawal("K2", "【模拟:断开】"));
    let first = stand.ask(WITHDRAW, &done);
    assert_eq!(first.status, 200);
    assert_eq!(stand.ask(WITHDRAW, &lost).number(), "J504");
    let other = |number: &str| withdrawal(number, "。");
    edit(folder.path(), "codes/pf-withdraw-reason.csv", "rent,租房,07,", "rent,租房,77,");
    stand.app().reload().unwrap();

    let again = stand.ask(WITHDRAW, &done);
    assert_eq!((again.status, again.header("x-jingyue-repeat"), &again.body), (200, "1", &first.body));
    assert_eq!(stand.ask(WITHDRAW, &lost).number(), "J604");
    assert_eq!(stand.ask(WITHDRAW, &other("K1")).number(), "J603");
    assert_eq!(stand.ask(WITHDRAW, &other("K2")).number(), "J605");
    // What never left is told what is wrong with it, and may be put right under its number.
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K3", "")).number(), "J200");
    assert!(stand.entry("K3").is_none());
    // Where the matter is not served at all any more, a request that is lost is not sent another way.
    let services = "messages/jingzhou-window/services.csv";
    let text = std::fs::read_to_string(folder.path().join(services)).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("GJ12,")).collect();
    std::fs::write(folder.path().join(services), without.join("\n") + "\n").unwrap();
    stand.app().reload().unwrap();
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K4", "")).number(), "J221");
    assert_eq!(stand.ask(WITHDRAW, &lost).number(), "J604");
    assert_eq!(stand.ask(WITHDRAW, &done).header("x-jingyue-repeat"), "1");
    assert_eq!(stand.forwarded(), 2);
    // Who may not ask for the matter any more gets no answer of it either.
    stand.edit_config("allow = [{ matters = [\"*\"], to = [\"jingzhou\"] }]", "allow = []");
    std::fs::write(folder.path().join(services), text).unwrap();
    stand.app().reload().unwrap();
    assert_eq!(stand.ask(WITHDRAW, &done).number(), "J306");
}

#[test]
fn broken_mappings_are_refused_with_all_that_is_wrong() {
    let (stand, folder) = stand();
    let version = |stand: &Stand| {
        let text = stand.app().metrics();
        text.lines().find(|line| line.starts_with("jingyue_mapping_info{")).unwrap().to_owned()
    };
    let before = version(&stand);
    edit(folder.path(), ANSWER, "data.acceptOrg,accept_org,,,,,,", "data.acceptOrg,accept_orgg,,,,,,");
    edit(folder.path(), "messages/jingzhou-window/gj12-request.csv", "amount fen", "amount fan");
    let problems = stand.app().reload().unwrap_err();
    assert!(problems.iter().any(|problem| problem.starts_with(&format!("{ANSWER}:"))), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("jingzhou-window/gj12-request.csv:")), "{problems:?}");
    assert_eq!(version(&stand), before);
    assert_eq!(stand.metric(&["jingyue_config_last_reload_successful"]), "0");
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "")).status, 200, "the old set stays");

    edit(folder.path(), ANSWER, "accept_orgg", "accept_org");
    edit(folder.path(), "messages/jingzhou-window/gj12-request.csv", "amount fan", "amount fen");
    stand.app().reload().unwrap();
    assert_eq!(stand.metric(&["jingyue_config_last_reload_successful"]), "1");
}

#[test]
fn a_broken_configuration_is_refused_with_all_that_is_wrong() {
    let (stand, _folder) = stand();
    let whole = stand.config.lock().unwrap().clone();
    stand.edit_config("profile = \"jingzhou-fund\"", "profile = \"jingzhou-found\"");
    stand.edit_config(
        "city = \"jingzhou\"\nprofile = \"jingzhou-police\"",
        "city = \"jinzhou\"\nprofile = \"jingzhou-police\"",
    );
    let problems = stand.app().reload().unwrap_err().join("\n");
    assert!(problems.contains("jingzhou-found") && problems.contains("jinzhou"), "{problems}");
    *stand.config.lock().unwrap() = whole.replace("per_second = 1000", "per_second = 0") + "[surprise]\nx = 1\n";
    let problems = stand.app().reload().unwrap_err();
    assert!(problems.len() >= 2 && problems.iter().all(|problem| problem.contains("test.toml:")), "{problems:?}");
    assert_eq!(stand.metric(&["jingyue_config_last_reload_successful"]), "0");
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "")).status, 200);
    *stand.config.lock().unwrap() = whole;
    stand.app().reload().unwrap();
}

#[test]
fn a_reload_takes_permissions_and_forgets_no_day_and_no_nonce() {
    let stand = Setup::at(NOW).edit("burst = 1000", "burst = 1000\nper_day = 3").start();
    let body = withdrawal("K1", "");
    let headers = stand.with_type("yy-kstb-01", WITHDRAW, &body);
    let send = |headers: &[(String, String)], body: &[u8]| {
        let mut client = stand.connect();
        client.send("POST", WITHDRAW, headers, body);
        client.receive()
    };
    assert_eq!(send(&headers, &body).status, 200);
    assert_eq!(send(&headers, &body).number(), "J305");
    // A caller more before the others: everybody has another place in the list now.
    let text = stand.config.lock().unwrap().clone();
    let (head, tail) = text.split_once("[[caller]]").unwrap();
    let (_, other) = tail.split_once("[[caller]]").unwrap();
    let first = other.split("[[caller]]").next().unwrap().replace("yy-query-01", "yy-first-01");
    *stand.config.lock().unwrap() = format!("{head}[[caller]]{first}[[caller]]{tail}");
    stand.app().reload().unwrap();
    assert_eq!(send(&headers, &body).number(), "J305", "a nonce stays used");
    assert_eq!(stand.ask(WITHDRAW, &body).header("x-jingyue-repeat"), "1");

    stand.edit_config("allow = [{ matters = [\"*\"], to = [\"jingzhou\"] }]", "allow = []");
    match stand.app().reload() {
        Ok(_) => assert_eq!(stand.ask(WITHDRAW, &withdrawal("K2", "")).number(), "J306"),
        Err(problems) => panic!("{problems:?}"),
    }
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K3", "")).number(), "J402", "the day's count went on");
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn a_wider_clock_window_waits_for_a_restart() {
    let stand = Setup::at(NOW).start();
    let text = stand.config.lock().unwrap().clone();
    *stand.config.lock().unwrap() = text + "[identify]\nclock_window_seconds = 3600\n";
    stand.app().reload().unwrap();
    let body = withdrawal("K1", "");
    let mut client = stand.connect();
    // Its nonce may have been forgotten.
    let headers = signed("yy-kstb-01", "POST", WITHDRAW, NOW - 700_000, "old", &body);
    client.send("POST", WITHDRAW, &headers, &body);
    assert_eq!(client.receive().number(), "J304");
}

#[test]
fn over_the_admin_address() {
    let (stand, folder) = stand();
    let post = || {
        let mut client = Client::connect(stand.app().admin_address());
        client.send("POST", "/v1/reload", &[], b"");
        client.receive()
    };
    assert_eq!(post().status, 200);
    edit(folder.path(), "matters.csv", "GJ12,", "GJ12");
    let refused = post();
    assert_eq!(refused.status, 422);
    assert!(String::from_utf8_lossy(&refused.body).contains("matters.csv:"), "{refused:?}");
}

#[test]
fn a_drain_lets_what_is_in_hand_end_and_takes_nobody_new() {
    let mut stand = Setup::at(NOW).start();
    let (data, admin) = (stand.address(), stand.app().admin_address());
    let body = withdrawal("K1", "【模拟:慢 600】");
    let mut slow = stand.connect();
    slow.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    let mut idle = stand.connect();
    let quick = withdrawal("K2", "");
    idle.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &quick), &quick);
    assert_eq!(idle.receive().status, 200);
    stand.until_forwarded(2);
    let ready = || {
        let mut client = Client::connect(admin);
        client.send("GET", "/readyz", &[], b"");
        client.receive().status
    };
    assert_eq!(ready(), 200);
    let app = stand.app.take().unwrap();
    let ledger = std::sync::Arc::clone(app.ledger());
    std::thread::scope(|scope| {
        let draining = scope.spawn(|| app.drain());
        until("new connections are refused", || TcpStream::connect(data).is_err());
        assert_eq!(ready(), 503, "and the one who balances the load is told");
        assert!(idle.try_receive().is_err(), "the idle connection is closed");
        let answer = slow.receive();
        assert_eq!(answer.status, 200);
        assert_eq!(draining.join().unwrap(), 0);
    });
    assert!(!ledger.healthy(), "the ledger was closed");
    assert_eq!(stand.cities.received().len(), 2);
}

#[test]
fn a_drain_that_takes_too_long_leaves_the_entry_open() {
    let mut stand = Setup::at(NOW).edit("workers = 1", "workers = 1\ndrain_ms = 100").start();
    let body = withdrawal("K1", "【模拟:慢 60000】");
    let mut slow = stand.connect();
    slow.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    stand.until_forwarded(1);
    let app = stand.app.take().unwrap();
    assert_eq!(app.drain(), 1);
    assert!(slow.try_receive().is_err());
}
