//! What a refusal says: its own number whatever the dialect, and what is really wrong.

use crate::support::Answer;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::sample_text;
use crate::support::signed;
use crate::support::withdrawal;

const NOW: i64 = at(9, 30, 15, 0);

/// A withdrawal with these header fields instead of the usual ones; the signature is right.
fn send(stand: &Stand, more: &[(&str, &str)], time: &str, body: &[u8]) -> Answer {
    let nonce = format!("{more:?}{time}{}", body.len());
    let nonce: String = nonce.chars().filter(char::is_ascii_alphanumeric).take(100).collect();
    let mut headers = signed("yy-kstb-01", "POST", WITHDRAW, time.parse().unwrap_or(0), &nonce, body);
    time.clone_into(&mut headers[1].1);
    if time.parse::<i64>().is_err() {
        let digest = jingyue::domain::sm::digest(body);
        let secret = b"test-secret-yueyang";
        headers[3].1 = jingyue::domain::sm::hex(&jingyue::domain::sm::header_signature(
            secret, "POST", WITHDRAW, time, &nonce, &digest,
        ));
    }
    headers.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &headers, body);
    client.receive()
}

#[test]
fn every_dialect_tells_the_number() {
    let stand = Setup::at(NOW).start();
    let whole = sample_text("04-bizlic-query/jingzhou.request.soap.xml");
    for (body, number) in [
        (whole.split("<JLS>").next().unwrap().to_owned(), "J101"),
        (whole.replace("<PACKAGE>", "<!DOCTYPE a []><PACKAGE>"), "J104"),
        (whole.replace("SC014", "SC999"), "J220"),
        (whole.replace("91430600MA0000007J", "91430600MA0000007K"), "J200"),
    ] {
        let answer = stand.ask_soap("/kstb/ws", body.as_bytes());
        let (_, text) = answer.refusal();
        assert!(text.starts_with(&format!("{number} ")), "{text}");
        assert_eq!(answer.header("x-jingyue-fault"), number);
        if number == "J200" {
            assert!(answer.text().contains("msg=\"J211 "), "{}", answer.text());
        }
    }
    let json = stand.ask(WITHDRAW, b"{");
    assert_eq!((json.number().as_str(), json.header("x-jingyue-fault")), ("J101", "J101"));
    assert!(!json.json()["msg"].as_str().unwrap().contains("J101"), "it has a place of its own there");
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "")).header("x-jingyue-fault"), "");
}

#[test]
fn a_time_in_seconds_is_no_matter_of_clocks() {
    let stand = Setup::at(NOW).start();
    let body = withdrawal("K1", "");
    for (time, part) in
        [((NOW / 1000).to_string(), "毫秒"), ("abc".to_owned(), "毫秒"), ((NOW - 400_000).to_string(), "校准时钟")]
    {
        let answer = send(&stand, &[("content-type", "application/json")], &time, &body);
        let text = answer.json()["msg"].as_str().unwrap().to_owned();
        assert_eq!(answer.number(), "J304", "{time}");
        assert!(text.contains(part) && text.contains("校准") == (part == "校准时钟"), "{time}: {text}");
    }
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn how_a_body_is_sent() {
    let stand = Setup::at(NOW).start();
    let body = withdrawal("K1", "");
    let now = NOW.to_string();
    for (more, part) in [
        (vec![("content-type", "application/json"), ("content-encoding", "gzip")], "压缩"),
        (vec![("content-type", "application/json;charset=GBK")], "字符集"),
        (vec![("content-type", "application/json; charset=\"gb18030\"")], "utf-8"),
        (vec![("content-type", "text/plain;charset=UTF-8")], "内容类型不对"),
    ] {
        let answer = send(&stand, &more, &now, &body);
        assert_eq!((answer.status, answer.number().as_str()), (415, "J105"), "{more:?}");
        let text = answer.json()["msg"].as_str().unwrap().to_lowercase();
        assert!(text.contains(part), "{more:?}: {text}");
    }
    assert_eq!(stand.forwarded(), 0);
    for kind in ["application/json;charset=utf8", "application/json;charset=\"UTF-8\""] {
        assert_eq!(send(&stand, &[("content-type", kind), ("content-encoding", "identity")], &now, &body).status, 200);
    }
}

#[test]
fn what_is_not_served_where_it_was_sent() {
    let stand = Setup::at(NOW).start();
    let whole = String::from_utf8(withdrawal("K1", "")).unwrap();
    for (from, to, part) in [
        ("\"GJ12\"", "\"GJ99\"", "没有事项“GJ99”"),
        ("\"GJ12\"", "\"GJ01\"", "不在这个地址"),
        ("GJJ_WITHDRAW_APPLY", "GJJ_WITHDRAW", "没有服务编号“GJJ_WITHDRAW”"),
    ] {
        let answer = stand.ask(WITHDRAW, whole.replace(from, to).as_bytes());
        assert_eq!(answer.number(), "J220");
        let json = answer.json();
        assert!(json["msg"].as_str().unwrap().contains(part), "{part}: {json}");
        assert_eq!(json["msgId"], "YY20261123093015000001", "{part}: told back");
    }
}

#[test]
fn an_element_of_another_namespace_is_told_as_that() {
    let stand = Setup::at(NOW).start();
    let whole = sample_text("04-bizlic-query/jingzhou.request.soap.xml");
    let right = "http://service.kstb.jingzhou.example/";
    assert!(whole.contains(right));
    let answer = stand.ask_soap("/kstb/ws", whole.replace(right, "http://elsewhere.example/").as_bytes());
    let (_, text) = answer.refusal();
    assert!(text.contains("命名空间") && text.contains(right), "{text}");
    assert!(!text.contains("必填"), "it is there: {text}");
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn what_is_wrong_with_a_material_is_told_there() {
    let stand = Setup::at(NOW).start();
    let whole = String::from_utf8(withdrawal("K1", "")).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&whole).unwrap();
    let materials = json["data"]["materials"].as_array_mut().unwrap();
    let content = materials.iter_mut().find_map(|material| material.get_mut("content").filter(|text| text.is_string()));
    *content.unwrap() = "no base64!".into();
    let answer = stand.ask(WITHDRAW, json.to_string().as_bytes());
    let fault = &answer.json()["faults"][0];
    assert!(fault["field"].as_str().unwrap().ends_with("].content"), "{fault}");
    let nonce = "n".repeat(129);
    let mut headers = signed("yy-kstb-01", "POST", WITHDRAW, NOW, &nonce, whole.as_bytes());
    headers.push(("content-type".into(), "application/json".into()));
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &headers, whole.as_bytes());
    let told = client.receive().json()["msg"].as_str().unwrap().to_owned();
    assert!(told.contains("随机数") && !told.contains("拆分"), "{told}");
    // An empty nonce is none.
    let mut headers = signed("yy-kstb-01", "POST", WITHDRAW, NOW, "", whole.as_bytes());
    headers.push(("content-type".into(), "application/json".into()));
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &headers, whole.as_bytes());
    assert_eq!(client.receive().number(), "J301");
}
