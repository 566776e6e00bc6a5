//! Paths that are forwarded as they are.

use crate::support::Setup;
use crate::support::Stand;
use crate::support::at;
use crate::support::sample;
use crate::support::signed;
use jingyue::edge::pretend::compare::same_json;

const NOW: i64 = at(9, 30, 16, 234);
const PATH: &str = "/gateway/api/gjj/account";

/// A relay to Yueyang's window below the path that it itself serves.
fn stand(callers: &str) -> Stand {
    let relay = format!("[[relay]]\npath = \"/gateway/api/gjj/\"\nsystem = \"yueyang-window\"\n{callers}\n[[limit]]");
    Setup::at(NOW).edit("[[limit]]", &relay).start()
}

/// A request that Yueyang's window takes, signed with the secret that it shares with the gateway.
fn headers(key: &str, body: &[u8]) -> Vec<(String, String)> {
    let mut headers = signed(key, "POST", PATH, NOW, "n1", body);
    headers.push(("content-type".into(), "application/json".into()));
    headers
}

#[test]
fn untouched_there_and_back() {
    let stand = stand("caller = [\"yy-kstb-01\"]");
    let body = sample("01-pf-query/yueyang.request.json");
    let mut client = stand.connect();
    let mut with = headers("yy-kstb-01", &body);
    with.push(("connection".into(), "x-mine".into()));
    with.push(("x-mine".into(), "stays here".into()));
    client.send("POST", PATH, &with, &body);
    let answer = client.receive();
    // The window knows another secret, so it says no in its own words: 200, and its own error shape.
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["code"], 4011, "{}", answer.text());
    assert!(answer.json().get("number").is_none(), "not the gateway's words");
    assert_eq!(stand.forwarded(), 1);
    assert_eq!(stand.cities.received()[0].bytes, body, "byte for byte");
    same_json(&stand.cities.received()[0].bytes, &body).unwrap();
    assert_eq!(answer.header("x-jingyue-sequence"), "", "nothing is recorded");
}

#[test]
fn only_for_those_who_are_named() {
    let stand = stand("caller = [\"yy-kstb-01\"]");
    let body = sample("01-pf-query/yueyang.request.json");
    let send = |headers: &[(String, String)]| {
        let mut client = stand.connect();
        client.send("POST", PATH, headers, &body);
        let answer = client.receive();
        (answer.status, answer.json()["number"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(send(&[]), (401, "J301".into()));
    assert_eq!(send(&headers("yy-query-01", &body)), (403, "J306".into()));
    let mut wrong = headers("yy-kstb-01", &body);
    wrong[3].1 = "00".repeat(32);
    assert_eq!(send(&wrong), (401, "J303".into()));
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn a_relay_is_counted_and_told_like_anything_else() {
    let relay =
        "[[relay]]\npath = \"/gateway/api/gjj/\"\nsystem = \"yueyang-window\"\ncaller = [\"yy-kstb-01\"]\n[[limit]]";
    let stand = Setup::at(NOW)
        .edit("[[limit]]", relay)
        .edit("per_second = 1000\nburst = 1000", "per_second = 1\nburst = 1")
        .start();
    let body = sample("01-pf-query/yueyang.request.json");
    let send = |path: &str, nonce: &str| {
        let mut headers = signed("yy-kstb-01", "POST", path, NOW, nonce, &body);
        headers.push(("content-type".into(), "application/json".into()));
        let mut client = stand.connect();
        client.send("POST", path, &headers, &body);
        client.receive()
    };
    // Nothing climbs out of the prefix.
    for path in ["/gateway/api/gjj/../kstb", "/gateway/api/gjj/%2e%2E/kstb"] {
        let answer = send(path, path);
        assert_eq!((answer.status, answer.header("x-jingyue-fault")), (404, "J106"), "{path}");
    }
    assert_eq!(stand.forwarded(), 0);
    let well = send(PATH, "a");
    assert_eq!((well.status, well.header("ratelimit")), (200, "\"window\";r=0;t=1"));
    assert_eq!(stand.forwarded(), 1);
    assert_eq!(stand.metric(&["jingyue_requests_total", "outcome=\"ok\""]), "1");
    let often = send(PATH, "b");
    assert_eq!((often.status, often.header("x-jingyue-fault")), (429, "J401"));
    assert_eq!((often.header("ratelimit"), often.header("retry-after")), ("\"window\";r=0;t=1", "1"));
}
