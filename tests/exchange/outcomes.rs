//! What an answer means for money: only a plain no is a no, only a plain "not taken" may be sent again, and no sentence
//! tells a clerk to submit once more where the outcome is not known.

use crate::support::Answer;
use crate::support::Setup;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::root;
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
