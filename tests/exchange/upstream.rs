//! The other side down, slow, or talking nonsense: each with its number, and a breaker that spares it.

use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::withdrawal;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::net::TcpStream;

const NOW: i64 = at(9, 30, 15, 0);

/// A system that reads a request and answers with these bytes, over and over; gives its address.
pub(crate) fn answering(answer: &'static [u8]) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            read_request(&mut stream);
            let _ = stream.write_all(answer);
        }
    });
    address
}

fn read_request(stream: &mut TcpStream) {
    let mut seen = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let length = stream.read(&mut piece).unwrap();
        seen.extend_from_slice(&piece[..length]);
        if length == 0 || memchr::memmem::find(&seen, b"</soapenv:Envelope>").is_some() {
            return;
        }
    }
}

/// A gateway whose withdrawals go to `address`.
pub(crate) fn towards(address: std::net::SocketAddr, more: &str) -> Stand {
    let stand = Setup::at(NOW).start();
    let city = format!("url = \"http://{}\"\ndeadline_ms = 15000", stand.cities.address("jingzhou-window"));
    stand.edit_config(&city, &format!("url = \"http://{address}\"\n{more}deadline_ms = 15000"));
    stand.app().reload().unwrap();
    stand
}

fn number(stand: &Stand, key: &str) -> String {
    stand.ask(WITHDRAW, &withdrawal(key, "")).number()
}

#[test]
fn not_http_at_all() {
    let stand = towards(answering(b"\x00\x01\x02 what is this\r\n\r\n"), "");
    assert_eq!(number(&stand, "K1"), "J505");
    assert_eq!(number(&stand, "K1"), "J604");
}

#[test]
fn an_answer_without_end() {
    let stand = towards(answering(b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\nshort"), "");
    assert_eq!(number(&stand, "K1"), "J504");
}

#[test]
fn an_answer_that_is_too_large() {
    let answer: &'static [u8] =
        Box::leak([b"HTTP/1.1 200 OK\r\ncontent-length: 3000\r\n\r\n".to_vec(), vec![b'x'; 3000]].concat().into());
    let stand = towards(answering(answer), "answer_bytes_max = 2048\n");
    assert_eq!(number(&stand, "K1"), "J506");
    assert_eq!(number(&stand, "K1"), "J604");
}

#[test]
fn a_document_of_another_kind() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 13\r\n\r\n<html></html>",
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let stand = towards(answering(answer), "");
        let found = number(&stand, "K1");
        assert!(["J505", "J507"].contains(&found.as_str()), "{found} {}", String::from_utf8_lossy(answer));
    }
}

#[test]
fn the_log_says_why_an_answer_is_no_use() {
    for (answer, reason) in [
        (
            &b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00"[..],
            "answer_unreadable: answer has a content encoding",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 7\r\n\r\n<a>\xc1\xf5<a",
            "answer_unreadable: wrong_charset",
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 18\r\n\r\n<!DOCTYPE a []><a/",
            "answer_unreadable: doctype_refused",
        ),
    ] {
        let stand = towards(answering(answer), "");
        assert_eq!(number(&stand, "K1"), "J505");
        assert!(crate::support::logged().contains(reason), "{reason}");
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let stand =
        towards(answering(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"), "");
    assert_eq!(number(&stand, "K1"), "J508");
}

#[test]
fn slower_than_the_deadline() {
    let stand = Setup::at(NOW).edit("deadline_ms = 15000", "connect_timeout_ms = 100\ndeadline_ms = 200").start();
    let body = withdrawal("K1", "【模拟:慢 60000】");
    let answer = stand.ask(WITHDRAW, &body);
    assert_eq!((answer.status, answer.number().as_str(), &answer.json()["code"]), (504, "J503", &5040.into()));
    assert_eq!(stand.ask(WITHDRAW, &body).number(), "J604");
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn a_breaker_spares_a_city_that_is_down_and_finds_it_again() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stand =
        Setup::at(NOW).edit("breaker_failures = 1000", "breaker_failures = 3\nbreaker_open_seconds = 10").start();
    let city = format!("http://{}", stand.cities.address("jingzhou-window"));
    stand.edit_config(&city, &format!("http://{dead}"));
    stand.app().reload().unwrap();
    for _ in 0..3 {
        assert_eq!(number(&stand, "K1"), "J501");
    }
    let answer = stand.ask(WITHDRAW, &withdrawal("K1", ""));
    assert_eq!((answer.status, answer.number().as_str(), &answer.json()["code"]), (503, "J502", &5030.into()));
    assert_eq!(answer.header("retry-after"), "10");
    assert_eq!(stand.metric(&["jingyue_upstream_circuit_open", "jingzhou-window"]), "1");
    // A reload neither closes it nor hides it.
    stand.app().reload().unwrap();
    assert_eq!(number(&stand, "K1"), "J502");
    assert_eq!(stand.metric(&["jingyue_upstream_circuit_open", "jingzhou-window"]), "1");
    stand.clock.set(NOW + 4_000);
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K2", "")).header("retry-after"), "6");
    // The probe.
    stand.clock.set(NOW + 10_000);
    assert_eq!(number(&stand, "K1"), "J501");
    assert_eq!(number(&stand, "K1"), "J502");
    // Other systems are not concerned.
    assert_eq!(
        stand.ask(crate::support::ACCOUNT, &crate::support::sample("01-pf-query/yueyang.request.json")).status,
        200
    );
    stand.clock.set(NOW + 30_000);
    let resurrected = TcpListener::bind(dead).unwrap();
    let city = stand.cities.address("jingzhou-window");
    std::thread::spawn(move || {
        let (mut from, _) = resurrected.accept().unwrap();
        let mut to = TcpStream::connect(city).unwrap();
        let (mut back_from, mut back_to) = (to.try_clone().unwrap(), from.try_clone().unwrap());
        std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
        let _ = std::io::copy(&mut from, &mut to);
    });
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "")).status, 200, "the probe finds it well");
    assert_eq!(stand.metric(&["jingyue_upstream_circuit_open", "jingzhou-window"]), "0");
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K2", "")).status, 200);
    let log = crate::support::logged();
    assert!(log.contains("circuit breaker opened upstream=\"jingzhou-window\" failures=3 open_seconds=10"), "{log}");
}

#[test]
fn a_reload_to_another_place_begins_with_a_closed_breaker_and_says_so() {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let stand = Setup::at(NOW).edit("breaker_failures = 1000", "breaker_failures = 1").start();
    let city = format!("http://{}", stand.cities.address("jingzhou-window"));
    stand.edit_config(&city, &format!("http://{dead}"));
    stand.app().reload().unwrap();
    assert_eq!(number(&stand, "K1"), "J501");
    assert_eq!(number(&stand, "K1"), "J502");
    assert_eq!(stand.metric(&["jingyue_upstream_circuit_open", "jingzhou-window"]), "1");
    stand.edit_config(&format!("http://{dead}"), &city);
    stand.app().reload().unwrap();
    assert_eq!(stand.metric(&["jingyue_upstream_circuit_open", "jingzhou-window"]), "0");
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K1", "")).status, 200);
}
