//! What an answer means for money: only a plain no is a no, only a plain "not taken" may be sent again, and no sentence
//! tells a clerk to submit once more where the outcome is not known.

use crate::support::ACCOUNT;
use crate::support::Answer;
use crate::support::Setup;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::root;
use crate::support::sample;
use crate::support::sample_text;
use crate::support::withdrawal;
use crate::upstream::answering;
use crate::upstream::towards;
use jingyue::edge::ledger::Outcome;
use std::collections::BTreeMap;

const NOW: i64 = at(9, 30, 15, 0);

fn text(answer: &Answer) -> String {
    answer.json()["msg"].as_str().unwrap().to_owned()
}

/// The answer says that nobody knows, says to ask, and nowhere asks to submit, fill in or choose anew.
#[track_caller]
fn warns(answer: &Answer) {
    let told = answer.text();
    assert!(told.contains("结果未知") && told.contains("先查询") && told.contains("不要重复提交"), "{told}");
    for wrong in ["后重新提交", "新编号", "同一编号重新", "改选", "补填"] {
        assert!(!told.contains(wrong), "{wrong}: {told}");
    }
}

/// Canonical word and Hubei's code of every row of the table `fault`.
fn words() -> BTreeMap<String, String> {
    let mut reader = csv::Reader::from_path(root().join("mappings/codes/fault.csv")).unwrap();
    let column = |name: &str, header: &csv::StringRecord| header.iter().position(|found| found == name).unwrap();
    let header = reader.headers().unwrap().clone();
    let (canonical, code) = (column("canonical", &header), column("hb", &header));
    reader.records().map(Result::unwrap).map(|row| (row[canonical].to_owned(), row[code].to_owned())).collect()
}

#[test]
fn every_word_of_the_other_side_has_its_outcome() {
    let stand = Setup::at(NOW).start();
    let words = words();
    let mut seen = 0;
    for (word, number, outcome) in [
        ("bad_format", "J509", Outcome::Answered),
        ("missing_field", "J509", Outcome::Answered),
        ("code_unmapped", "J509", Outcome::Answered),
        ("auth_failed", "J509", Outcome::Answered),
        ("sign_invalid", "J509", Outcome::Answered),
        ("forbidden", "J509", Outcome::Answered),
        ("not_found", "J509", Outcome::Answered),
        ("duplicate", "J512", Outcome::Answered),
        ("in_process", "J512", Outcome::Answered),
        ("rate_limited", "J511", Outcome::NotDelivered),
        ("peer_busy", "J511", Outcome::NotDelivered),
        ("peer_timeout", "J510", Outcome::Unknown),
        ("peer_error", "J510", Outcome::Unknown),
        ("gateway_error", "J510", Outcome::Unknown),
        // A code that no table has: nobody knows what it means.
        ("", "J510", Outcome::Unknown),
    ] {
        let code = if word.is_empty() { "-777" } else { &words[word] };
        let key = format!("K{code}");
        let body = withdrawal(&key, &format!("【模拟:错误 {code}】"));
        let answer = stand.ask(WITHDRAW, &body);
        seen += 1;
        assert_eq!(answer.number(), number, "{word} {}", answer.text());
        assert_eq!(stand.entry(&key).unwrap().outcome, Some(outcome), "{word}");
        assert_eq!(stand.forwarded(), seen, "{word}");
        let again = stand.ask(WITHDRAW, &body);
        match outcome {
            Outcome::Answered => {
                assert_eq!((again.header("x-jingyue-repeat"), &again.body), ("1", &answer.body), "{word}");
            }
            Outcome::NotDelivered => {
                assert!(text(&answer).contains("同一编号重新提交"), "{word}: {}", text(&answer));
                assert_eq!(answer.header("retry-after"), "10", "{word}");
                seen += 1;
            }
            Outcome::Unknown => {
                warns(&answer);
                assert_eq!(again.number(), "J604", "{word}");
            }
        }
        assert_eq!(stand.forwarded(), seen, "{word}");
    }
    assert_eq!(words.len(), 14, "every row of the table stands above");
}

#[test]
fn a_no_says_what_to_do() {
    let stand = Setup::at(NOW).start();
    for (code, advice) in [("-50", "联系网关运维"), ("-11", "用新编号重新提交"), ("-60", "也不要换新编号")]
    {
        let told = text(&stand.ask(WITHDRAW, &withdrawal(&format!("K{code}"), &format!("【模拟:错误 {code}】"))));
        assert!(told.starts_with("对方系统返回：") && told.contains(advice), "{told}");
    }
}

#[test]
fn an_empty_code_is_no_answer() {
    // What a city sent that had accepted the case: a number, a state, and no code.
    let sample = sample_text("02-pf-withdraw-rent/jingzhou.response.soap.xml");
    assert!(sample.contains("<FHDM>10</FHDM>"));
    let body = sample.replace("<FHDM>10</FHDM>", "<FHDM>　 </FHDM>");
    let whole = format!("HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let stand = towards(answering(Box::leak(whole.into_bytes().into_boxed_slice())), "");
    let answer = stand.ask(WITHDRAW, &withdrawal("K1", ""));
    assert_eq!(answer.number(), "J505", "{}", answer.text());
    warns(&answer);
    assert_eq!(stand.entry("K1").unwrap().outcome, Some(Outcome::Unknown));
}

#[test]
fn an_answer_that_is_no_use_never_asks_for_another_submission() {
    let stand = Setup::at(NOW).start();
    for (marker, number) in [
        ("【模拟:乱码】", "J505"),
        ("【模拟:缺字段】", "J507"),
        ("【模拟:未知代码】", "J507"),
        ("【模拟:500】", "J508"),
        ("【模拟:断开】", "J504"),
    ] {
        let answer = stand.ask(WITHDRAW, &withdrawal(&format!("K{marker}"), marker));
        assert_eq!(answer.number(), number, "{marker}");
        warns(&answer);
    }
    let large: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n";
    let large = Box::leak([large, &[b'x'; 3000]].concat().into_boxed_slice());
    let answer = towards(answering(large), "answer_bytes_max = 2048\n").ask(WITHDRAW, &withdrawal("K1", ""));
    assert_eq!(answer.number(), "J506");
    warns(&answer);
}

/// A clerk's system that makes a new message number for a repeat must not be told to take a new key.
#[test]
fn another_message_number_while_nobody_knows_is_told_to_ask() {
    let stand = Setup::at(NOW).start();
    let anew = |body: &[u8]| {
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("YY20261123093015000001"));
        text.replace("YY20261123093015000001", "YY20261123093015000002").into_bytes()
    };
    let body = withdrawal("K1", "【模拟:断开】");
    assert_eq!(stand.ask(WITHDRAW, &body).number(), "J504");
    let answer = stand.ask(WITHDRAW, &anew(&body));
    assert_eq!((answer.status, answer.number().as_str()), (409, "J605"));
    let told = text(&answer);
    assert!(told.contains("结果未知") && told.contains("先查询") && told.contains("也不要换新编号"), "{told}");
    assert_eq!(stand.forwarded(), 1);
    // With an answer there is nothing unknown, and still no advice to send the same thing under another key.
    let body = withdrawal("K2", "");
    assert_eq!(stand.ask(WITHDRAW, &body).status, 200);
    let answer = stand.ask(WITHDRAW, &anew(&body));
    assert_eq!((answer.status, answer.number().as_str()), (409, "J603"));
    assert!(text(&answer).contains("同一笔业务请查询先前的结果，不要重复提交"), "{}", text(&answer));
    assert_eq!(stand.forwarded(), 2);
}

#[test]
fn a_query_without_answer_may_be_asked_again() {
    let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = dead.local_addr().unwrap();
    std::thread::spawn(move || {
        // Reads a little and hangs up.
        for stream in dead.incoming() {
            use std::io::Read as _;
            let _ = stream.unwrap().read(&mut [0; 64]);
        }
    });
    let stand = Setup::at(NOW).start();
    let fund = format!("http://{}", stand.cities.address("jingzhou-fund"));
    let query = sample("01-pf-query/yueyang.request.json");
    stand.edit_config(&fund, &format!("http://{address}"));
    stand.app().reload().unwrap();
    for _ in 0..2 {
        let answer = stand.ask(ACCOUNT, &query);
        assert_eq!((answer.status, answer.number().as_str()), (504, "J513"), "{}", answer.text());
        let told = text(&answer);
        assert!(told.contains("J504") && told.contains("同一编号重新提交") && !told.contains("先查询"), "{told}");
    }
    assert_eq!(stand.metric(&["jingyue_requests_total", "GJ01", "timeout"]), "2");
    assert_eq!(stand.metric(&["jingyue_ledger_entries", "unknown", "money=\"false\""]), "1");
    stand.edit_config(&format!("http://{address}"), &fund);
    stand.app().reload().unwrap();
    let answer = stand.ask(ACCOUNT, &query);
    assert_eq!((answer.status, answer.header("x-jingyue-repeat")), (200, ""), "{}", answer.text());
    assert_eq!(stand.ask(ACCOUNT, &query).header("x-jingyue-repeat"), "1");
    assert_eq!(stand.metric(&["jingyue_ledger_entries", "unknown", "money=\"false\""]), "0");
    // Money is never asked again, and a repeat of it is no second failure of the other city.
    let lost = withdrawal("K1", "【模拟:断开】");
    assert_eq!(stand.ask(WITHDRAW, &lost).number(), "J504");
    assert_eq!(stand.ask(WITHDRAW, &lost).number(), "J604");
    assert_eq!(stand.metric(&["jingyue_requests_total", "GJ12", "timeout"]), "1");
    assert_eq!(stand.metric(&["jingyue_requests_total", "GJ12", "reject_business"]), "1");
}

/// Writes are writes: neither a repeat nor a look at an earlier entry is one.
#[test]
fn only_what_is_written_counts_as_written() {
    let stand = Setup::at(NOW).start();
    let body = withdrawal("K1", "");
    assert_eq!(stand.ask(WITHDRAW, &body).status, 200);
    for _ in 0..3 {
        assert_eq!(stand.ask(WITHDRAW, &body).header("x-jingyue-repeat"), "1");
    }
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "。")).number(), "J603");
    assert_eq!(stand.metric(&["jingyue_ledger_writes_total", "ok"]), "2");
    assert_eq!(stand.metric(&["jingyue_ledger_write_duration_seconds_count"]), "2");
}

/// What one person finds out, the next one hears; the alert ends with it.
#[test]
fn an_unknown_outcome_is_found_by_its_log_line_and_cleared() {
    let stand = Setup::at(NOW).start();
    let (done, not_done) = (withdrawal("KU1", "【模拟:断开】"), withdrawal("KU2", "【模拟:断开】"));
    for body in [&done, &not_done] {
        assert_eq!(stand.ask(WITHDRAW, body).number(), "J504");
    }
    assert_eq!(stand.ask(WITHDRAW, &done).number(), "J604");
    stand.clock.set(NOW + 100_000);
    let age = ["jingyue_ledger_oldest_unknown_age_seconds", "money=\"true\""];
    assert_eq!(stand.metric(&age), "100");

    let list = admin(&stand, "GET", "/v1/ledger/unknown", "");
    let list: serde_json::Value = serde_json::from_str(list.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    let entries = list["entries"].as_array().unwrap();
    assert_eq!((entries.len(), &list["more"]), (2, &false.into()));
    let one = &entries[0];
    assert_eq!((&one["key"], &one["money"], &one["fault"]), (&"GJ12/main/KU1".into(), &true.into(), &"J504".into()));
    assert_eq!(one["openedAt"], "2026-11-23T09:30:15+08:00");
    // Both lines lead to it: the one of the loss and the one of the repeat.
    let mark = format!("mark=\"{}\"", one["mark"].as_str().unwrap());
    let log = crate::support::logged();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains(&mark)).collect();
    assert!(lines.len() == 2 && lines[0].contains("J504") && lines[1].contains("J604"), "{lines:?}");
    assert!(!log.contains("GJ12/main/KU1"), "the key itself stays out of the log");

    let say = |entry: &serde_json::Value, verdict: &str, who: &str| {
        let said = serde_json::json!({ "entry": entry, "verdict": verdict, "who": who, "why": "电话核实" });
        admin(&stand, "POST", "/v1/ledger/resolve", &said.to_string())
    };
    let id = |index: usize| &entries[index]["entry"];
    assert!(say(id(0), "done", " ").starts_with("HTTP/1.1 422"), "nobody");
    assert!(say(id(0), "perhaps", "赵六").starts_with("HTTP/1.1 422"));
    assert!(say(id(0), "done", "赵六").starts_with("HTTP/1.1 200"));
    let again = say(id(0), "not_done", "钱七");
    assert!(again.starts_with("HTTP/1.1 422") && again.contains("不能改写"), "{again}");
    assert!(say(id(1), "not_done", "赵六").starts_with("HTTP/1.1 200"));

    assert_eq!(stand.ask(WITHDRAW, &done).number(), "J606");
    assert_eq!(stand.ask(WITHDRAW, &not_done).number(), "J607");
    assert_eq!(stand.forwarded(), 2);
    assert_eq!(stand.metric(&age), "0");
    assert_eq!(stand.metric(&["jingyue_ledger_entries", "resolved", "money=\"true\""]), "2");
    assert!(admin(&stand, "GET", "/v1/ledger/unknown", "").ends_with("{\"entries\":[],\"more\":false}"));
}

fn admin(stand: &crate::support::Stand, method: &str, path: &str, body: &str) -> String {
    let mut stream = std::net::TcpStream::connect(stand.app().admin_address()).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    std::io::Write::write_all(&mut stream, (head + body).as_bytes()).unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
    text
}
