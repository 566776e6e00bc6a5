//! The header family of the national data exchange: who is let in by it, and how the gateway shows itself by it.

use crate::support::Answer;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::at;
use crate::support::sample;
use crate::support::withdrawal;
use jingyue::domain::headers::Digest;
use jingyue::domain::headers::Fields;
use jingyue::edge::pretend::compare::same_json;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::sync::mpsc;

const NOW: i64 = at(9, 45, 1, 0);
const PATH: &str = "/httpproxy";
const SERVICE: &str = "s_JYTB_SC014";
const REQUESTER: &str = "jz-exchange-01";
const SECRET: &[u8] = b"test-secret-yueyang";

const BEFORE: &str = "[[caller]]\nname = \"jz-kstb-01\"";

/// A gateway with a caller of the exchange beside the others.
fn stand(more: &str) -> Stand {
    let caller = format!(
        "[[caller]]\nname = \"jz-exchange-01\"\ncity = \"jingzhou\"\nprofile = \"exchange-national\"\nsignature = \"exchange\"\n\
         app_key = \"{REQUESTER}\"\nsecret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\n{more}\
         allow = [{{ matters = [\"SC014\"], to = [\"yueyang\"] }}]\n{BEFORE}"
    );
    Setup::at(NOW).edit(BEFORE, &caller).start()
}

/// The four fields, signed.
fn fields(prefix: &str, digest: Digest, service: &str, time: i64) -> Vec<(String, String)> {
    let names = Fields::new(prefix, digest).unwrap();
    let time = time.to_string();
    let sign = names.sign(SECRET, service, REQUESTER, &time);
    vec![
        (names.requester, REQUESTER.to_owned()),
        (names.service, service.to_owned()),
        (names.time, time),
        (names.sign, sign),
        ("content-type".into(), "application/json".into()),
    ]
}

fn national(service: &str, time: i64) -> Vec<(String, String)> {
    fields("gjgxjhpt", Digest::Sha256, service, time)
}

fn send(stand: &Stand, headers: &[(String, String)]) -> Answer {
    let body = sample("08-exchange-query/exchange.request.json");
    let mut client = stand.connect();
    client.send("POST", PATH, headers, &body);
    client.receive()
}

/// The number of the fault in the shape of the exchange, or nothing.
fn number(answer: &Answer) -> String {
    answer.json()["number"].as_str().unwrap_or_default().to_owned()
}

/// The same fields with one changed; an empty text leaves it out.
fn with(name: &str, value: &str) -> Vec<(String, String)> {
    let mut headers = national(SERVICE, NOW);
    headers.retain(|(known, _)| known != name || !value.is_empty());
    for (known, text) in &mut headers {
        if known == name {
            value.clone_into(text);
        }
    }
    headers
}

#[test]
fn a_query_through_the_exchange_is_answered_in_its_own_form() {
    let stand = stand("");
    let answer = send(&stand, &national(SERVICE, NOW));
    assert_eq!((answer.status, answer.json()["code"].as_str()), (200, Some("0")), "{}", answer.text());
    same_json(&answer.body, &sample("08-exchange-query/exchange.response.json")).unwrap();
    assert_eq!(stand.forwarded(), 1);
    // The request has no number of its own: another one, later, is another request and asked anew.
    assert_eq!(send(&stand, &national(SERVICE, NOW + 1)).header("x-jingyue-repeat"), "");
    assert_eq!(stand.forwarded(), 2);
}

#[test]
fn a_signature_is_taken_once() {
    let stand = stand("");
    let headers = national(SERVICE, NOW);
    assert_eq!(number(&send(&stand, &headers)), "");
    assert_eq!(number(&send(&stand, &headers)), "J305");
    assert_eq!(stand.forwarded(), 1);
}

#[test]
fn what_is_wrong_is_told_and_nothing_leaves() {
    let stand = stand("");
    for (what, headers, expected) in [
        ("no field of the family", with("gjgxjhpt_rid", ""), "J301"),
        ("no service", with("gjgxjhpt_sid", ""), "J301"),
        ("no time", with("gjgxjhpt_rtime", ""), "J301"),
        ("no signature", with("gjgxjhpt_sign", ""), "J301"),
        ("a requester nobody knows", with("gjgxjhpt_rid", "somebody"), "J302"),
        ("a window's application as requester", with("gjgxjhpt_rid", "yy-kstb-01"), "J301"),
        ("another service than was signed", with("gjgxjhpt_sid", "s_JYTB_JY001"), "J303"),
        ("another time than was signed", with("gjgxjhpt_rtime", &(NOW + 1).to_string()), "J303"),
        ("no Base64", with("gjgxjhpt_sign", "***"), "J303"),
        ("another digest than agreed", fields("gjgxjhpt", Digest::Sm3, SERVICE, NOW), "J303"),
        ("an old request", national(SERVICE, NOW - 300_001), "J304"),
        ("a service that nobody has", national("s_JYTB_XX999", NOW), "J220"),
        ("a matter that it may not ask", national("s_JYTB_JY001", NOW), "J220"),
    ] {
        assert_eq!(number(&send(&stand, &headers)), expected, "{what}");
    }
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn a_provinces_prefix_and_the_sm3_form() {
    let stand = stand("header_prefix = \"HBZW\"\nheader_digest = \"sm3\"\n");
    // The service is read from the field that the profile names, so a province with a prefix of its own has a profile
    // of its own; here both are sent.
    let mut headers = fields("hbzw", Digest::Sm3, SERVICE, NOW);
    headers.push(("gjgxjhpt_sid".into(), SERVICE.into()));
    assert_eq!(number(&send(&stand, &headers)), "");
    assert_eq!(number(&send(&stand, &national(SERVICE, NOW))), "J301", "the national prefix is nobody's here");
}

#[test]
fn an_applications_key_does_not_open_the_other_family() {
    let stand = stand("");
    let body = sample("08-exchange-query/exchange.request.json");
    let mut client = stand.connect();
    client.send("POST", PATH, &stand.with_type(REQUESTER, PATH, &body), &body);
    assert_eq!(number(&client.receive()), "J301");
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn the_gateway_signs_so_to_systems_that_ask_for_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (seen, got) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut request, mut piece) = (Vec::new(), [0; 4096]);
        while memchr::memmem::find(&request, b"</soapenv:Envelope>").is_none() {
            let length = stream.read(&mut piece).unwrap();
            request.extend_from_slice(&piece[..length]);
        }
        seen.send(String::from_utf8(request).unwrap()).unwrap();
        let _ = stream.write_all(b"HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n");
    });
    let stand = Setup::at(NOW).start();
    let city = format!("url = \"http://{}\"\n", stand.cities.address("jingzhou-window"));
    stand.edit_config(&city, &format!("url = \"http://{address}\"\n"));
    let settings = "breaker_failures = 1000\nsettings = { licence_code = \"JZ-LIC-0001\" }\n";
    let sign = "[system.sign]\nsignature = \"exchange\"\nheader_digest = \"sm3\"\napp_key = \"jy-gateway\"\nsecret_file = \"jy-gateway.secret\"\n";
    let system = format!("url = \"http://{address}\"\ndeadline_ms = 15000\n{settings}");
    stand.edit_config(&system, &format!("{system}{sign}"));
    stand.app().reload().unwrap();
    assert_eq!(stand.ask(crate::support::WITHDRAW, &withdrawal("K1", "")).number(), "J508");
    let request = got.recv().unwrap();
    let field = |name: &str| {
        let line = request.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name}: {request}")).to_owned()
    };
    let time = NOW.to_string();
    assert_eq!(
        [field("gjgxjhpt_rid"), field("gjgxjhpt_sid"), field("gjgxjhpt_rtime")],
        ["jy-gateway".to_owned(), "KSTB_GJJTQ".to_owned(), time.clone()]
    );
    let names = Fields::new("gjgxjhpt", Digest::Sm3).unwrap();
    let secret = b"test-secret-gateway-0001";
    assert!(names.verify(secret, "KSTB_GJJTQ", "jy-gateway", &time, &field("gjgxjhpt_sign")));
    assert!(!request.contains("x-app-key"));
}
