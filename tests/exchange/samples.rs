//! The scenarios of the samples through the whole gateway: what the pretend city received is the sample's target
//! request, what the caller gets is the sample's answer.

use crate::support::ACCOUNT;
use crate::support::Answer;
use crate::support::Client;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::sample;
use crate::support::sample_text;
use jingyue::edge::pretend::compare::same_document;
use jingyue::edge::pretend::compare::same_document_in;
use jingyue::edge::pretend::compare::same_json;
use std::sync::atomic::Ordering;

/// When all answers of the samples were given to Yueyang.
const ANSWERED: i64 = at(9, 30, 16, 234);

/// A gateway at `request`, a city at `city`, and the gateway's clock moved on to `answer` while the city works.
fn stand(request: i64, city: i64, answer: i64) -> Stand {
    let stand = Setup::at(request).start();
    stand.city_now.store(city, Ordering::Release);
    stand.answer_at.store(answer, Ordering::Release);
    stand
}

#[track_caller]
fn assert_json(answer: &Answer, name: &str) {
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    same_json(&answer.body, &sample(name)).unwrap();
    assert_eq!(answer.header("content-type"), "application/json;charset=UTF-8");
}

/// The only request that a city received.
#[track_caller]
fn received(stand: &Stand, system: &str) -> Vec<u8> {
    let received = stand.cities.received();
    assert_eq!(received.len(), 1, "{received:?}");
    assert_eq!(received[0].system, system);
    received[0].bytes.to_vec()
}

/// The sample's own header fields, its signature included.
fn sample_headers(name: &str) -> Vec<(String, String)> {
    let text = sample_text(name);
    let fields = text.lines().skip(1).filter_map(|line| line.split_once(": "));
    fields
        .filter(|(name, _)| !name.eq_ignore_ascii_case("host"))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect()
}

#[test]
fn account_query_as_the_sample_signed_it() {
    let stand = stand(at(9, 30, 15, 0), at(9, 30, 16, 0), ANSWERED);
    let body = sample("01-pf-query/yueyang.request.json");
    let mut client = stand.connect();
    client.send("POST", ACCOUNT, &sample_headers("01-pf-query/yueyang.request.headers.txt"), &body);
    assert_json(&client.receive(), "01-pf-query/yueyang.response.json");

    let form_received = received(&stand, "jingzhou-fund");
    let expected = sample("01-pf-query/jingzhou.request.form");
    let (got, expected) = (parameters(&form_received), parameters(&expected));
    assert_eq!(got.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["jydm", "jgdm", "xml"]);
    assert_eq!(got[..2], expected[..2]);
    same_document_in(&got[2].1, Some("gb18030"), &expected[2].1, Some("gb18030")).unwrap();
}

/// Name and value of each parameter of a form, percent signs undone; without the gateway's own reader.
fn parameters(form: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = std::str::from_utf8(form).unwrap();
    let undo = |value: &str| {
        let mut bytes = value.bytes();
        let mut out = Vec::new();
        while let Some(byte) = bytes.next() {
            out.push(match byte {
                b'%' => {
                    let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                b'+' => b' ',
                byte => byte,
            });
        }
        out
    };
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.into(), undo(value))).collect()
}

#[test]
fn withdrawal_accepted() {
    let stand = stand(at(9, 30, 15, 0), at(9, 30, 18, 0), ANSWERED);
    let body = sample("02-pf-withdraw-rent/yueyang.request.json");
    let mut client = stand.connect();
    client.send("POST", WITHDRAW, &sample_headers("02-pf-withdraw-rent/yueyang.request.headers.txt"), &body);
    let answer = client.receive();
    assert_json(&answer, "02-pf-withdraw-rent/yueyang.response.json");
    assert_eq!(answer.header("x-jingyue-sequence"), "1");
    let got = received(&stand, "jingzhou-window");
    same_document(&got, &sample("02-pf-withdraw-rent/jingzhou.request.soap.xml")).unwrap();
    let entry = stand.entry("YY-GJ12-20261123-000001").unwrap();
    assert!(entry.money && entry.fault == 0 && entry.target == "jingzhou-window");
}

#[test]
fn withdrawal_refused_by_the_other_city_is_an_answer() {
    let stand = stand(at(9, 30, 15, 0), at(9, 30, 18, 0), ANSWERED);
    let body = crate::support::withdrawal("YY-GJ12-20261123-000001", "【模拟:拒绝】");
    assert_json(&stand.ask(WITHDRAW, &body), "02-pf-withdraw-rent/yueyang.response.refused.json");
    let marked = sample_text("02-pf-withdraw-rent/jingzhou.request.soap.xml").replace("</BZ>", "【模拟:拒绝】</BZ>");
    same_document(&received(&stand, "jingzhou-window"), marked.as_bytes()).unwrap();
}

/// Jingzhou asks Yueyang; `ask` sends the request.
fn licence(stand: &Stand, ask: impl FnOnce(&[u8]) -> Answer) {
    stand.city_now.store(ANSWERED, Ordering::Release);
    stand.answer_at.store(at(9, 45, 2, 0), Ordering::Release);
    let answer = ask(&sample("04-bizlic-query/jingzhou.request.soap.xml"));
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/xml;charset=UTF-8");
    same_document(&answer.body, &sample("04-bizlic-query/jingzhou.response.soap.xml")).unwrap();
    same_json(&received(stand, "yueyang-window"), &sample("04-bizlic-query/yueyang.request.json")).unwrap();
}

#[test]
fn licence_query_by_client_certificate() {
    // The gateway signs to Yueyang with its own clock, which must be near Yueyang's.
    let stand = Setup { tls: true, ..Setup::at(ANSWERED) }.start();
    licence(&stand, |body| {
        let mut client = Client::connect_tls(stand.address(), Some("jingzhou-system"));
        client.send("POST", "/kstb/ws", &[("content-type".into(), "text/xml;charset=UTF-8".into())], body);
        client.receive()
    });
}

#[test]
fn licence_query_by_header_signature() {
    let stand = Setup::at(ANSWERED).start();
    licence(&stand, |body| stand.ask_soap("/kstb/ws", body));
}

/// The household certificate: `marker` after the text of what is to be certified.
fn household(stand: &Stand, marker: &str) -> Answer {
    let body = sample_text("05-household-cert/yueyang.request.json").replace("的情况\"", &format!("的情况{marker}\""));
    stand.ask("/gateway/api/police/hukou-cert", body.as_bytes())
}

#[test]
fn household_certificate_granted() {
    let stand = stand(at(10, 2, 45, 0), at(15, 30, 12, 0), ANSWERED);
    assert_json(&household(&stand, ""), "05-household-cert/yueyang.response.json");
    let got = received(&stand, "jingzhou-police");
    same_document(&got, &sample("05-household-cert/jingzhou.request.soap.xml")).unwrap();
}

#[test]
fn household_certificate_refused() {
    let stand = stand(at(10, 2, 45, 0), at(15, 30, 12, 0), ANSWERED);
    assert_json(&household(&stand, "【模拟:拒绝】"), "05-household-cert/yueyang.response.refused.json");
}

#[test]
fn household_certificate_without_a_licence() {
    // A city that refuses does not look at its clock, so the gateway's stands at the sample's answer throughout.
    let stand = Setup::at(ANSWERED).edit("JZ-LIC-0001", "JZ-LIC-0002").start();
    let answer = household(&stand, "");
    assert_eq!(answer.status, 422);
    same_json(&answer.body, &sample("05-household-cert/yueyang.response.error.json")).unwrap();
    assert_eq!(answer.number(), "J509");
    // They read it and said no: that is an answer, and a repeat gets it.
    let again = household(&stand, "");
    assert_eq!((again.status, again.header("x-jingyue-repeat")), (422, "1"));
    assert_eq!(again.body, answer.body);
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn the_letter_of_a_transfer() {
    let stand = stand(at(9, 30, 15, 0), at(9, 30, 16, 0), ANSWERED);
    let body = sample("03-pf-transfer/yueyang.m1.request.json");
    let answer = stand.ask("/gateway/api/gjj/transfer", &body);
    assert_json(&answer, "03-pf-transfer/yueyang.m1.response.json");
    // The sample is number 101 of its day, this is the gateway's first.
    let expected = replaced(&sample("03-pf-transfer/m1-letter.request.gb18030.xml"), b"000000101", b"000000001");
    let got = received(&stand, "fund-national");
    same_document_in(&got, Some("gb18030"), &expected, Some("gb18030")).unwrap();
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let place = memchr::memmem::find(bytes, from).expect("the sample holds it");
    [&bytes[..place], to, &bytes[place + from.len()..]].concat()
}
