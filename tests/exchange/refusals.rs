//! What is wrong with a request is told by its number in the caller's own dialect, and nothing leaves the house.

use crate::support::ACCOUNT;
use crate::support::Answer;
use crate::support::Client;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::sample;
use crate::support::sample_text;
use crate::support::signed;
use crate::support::withdrawal;
use encoding_rs::GB18030;

const NOW: i64 = at(9, 30, 15, 0);

fn stand() -> Stand {
    Setup::at(NOW).start()
}

/// The sample withdrawal with these replacements.
fn changed(edits: &[(&str, &str)]) -> Vec<u8> {
    let mut text = String::from_utf8(withdrawal("K1", "")).unwrap();
    for (from, to) in edits {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    text.into_bytes()
}

/// Status, number and return code of a refusal.
fn told(answer: &Answer) -> (u16, String, i64) {
    (answer.status, answer.number(), answer.json()["code"].as_i64().unwrap())
}

fn expect(status: u16, number: &str, code: i64) -> (u16, String, i64) {
    (status, number.to_owned(), code)
}

/// Number, place and sentence of each field fault.
fn fields(answer: &Answer) -> Vec<(String, String, String)> {
    let json = answer.json();
    let text = |fault: &serde_json::Value, name: &str| fault[name].as_str().unwrap().to_owned();
    let faults = json["faults"].as_array().unwrap();
    faults.iter().map(|fault| (text(fault, "number"), text(fault, "field"), text(fault, "msg"))).collect()
}

#[test]
fn the_form_of_a_json_request() {
    let stand = stand();
    let whole = withdrawal("K1", "");
    let (gbk, _, _) = GB18030.encode(std::str::from_utf8(&whole).unwrap());
    let deep =
        changed(&[("\"remark\": \"", &format!("\"extra\": {}{}, \"remark\": \"", "[".repeat(500), "]".repeat(500)))]);
    let large = changed(&[("\"remark\": \"", &format!("\"extra\": \"{}\", \"remark\": \"", "x".repeat(120_000)))]);
    let no_key = changed(&[
        ("\"caseNo\": \"YJ20261123430602000001U\",", ""),
        ("\"idempotencyKey\": \"K1\",", ""),
        ("\"msgId\": \"YY20261123093015000001\",", ""),
    ]);
    for (what, body, expected) in [
        ("nothing", b"".to_vec(), expect(400, "J101", 4001)),
        ("no JSON", b"head=1&data=2".to_vec(), expect(400, "J101", 4001)),
        ("half of it", whole[..whole.len() / 2].to_vec(), expect(400, "J101", 4001)),
        ("all but the last brace", whole[..whole.len() - 1].to_vec(), expect(400, "J101", 4001)),
        ("something behind it", [&whole[..], b"}"].concat(), expect(400, "J101", 4001)),
        ("a list", [b"[", &whole[..], b"]"].concat(), expect(400, "J101", 4001)),
        ("another charset", gbk.into_owned(), expect(400, "J102", 4001)),
        ("500 lists in one another", deep, expect(413, "J103", 4001)),
        ("more than the limit", large, expect(413, "J103", 4001)),
        ("no number at all", no_key, expect(400, "J110", 4002)),
        ("an unknown matter", changed(&[("\"GJ12\"", "\"GJ99\"")]), expect(404, "J220", 4040)),
        ("another path's matter", changed(&[("\"GJ12\"", "\"GJ01\"")]), expect(404, "J220", 4040)),
        ("an unknown service", changed(&[("GJJ_WITHDRAW_APPLY", "GJJ_WITHDRAW")]), expect(404, "J220", 4040)),
        (
            "a city that nobody serves",
            changed(&[("\"handleRegion\": \"421000\"", "\"handleRegion\": \"110100\"")]),
            expect(404, "J221", 4040),
        ),
    ] {
        assert_eq!(told(&stand.ask(WITHDRAW, &body)), expected, "{what}");
    }
    let unknown = stand.ask("/gateway/api/nothing", &whole);
    assert_eq!(told(&unknown), expect(404, "J106", 4040));
    assert_eq!(told(&stand.ask("/kstb/ws", &whole)), expect(404, "J106", 4040), "another dialect's path");
    assert_eq!(stand.forwarded(), 0);
    // None of this used the number up.
    assert_eq!(stand.ask(WITHDRAW, &whole).status, 200);
}

#[test]
fn method_and_content_type() {
    let stand = stand();
    let body = withdrawal("K1", "");
    let send = |method: &str, content_type: &str| {
        let mut headers = signed("yy-kstb-01", method, WITHDRAW, NOW, &format!("{method}{content_type}"), &body);
        headers.push(("content-type".into(), content_type.into()));
        let mut client = stand.connect();
        client.send(method, WITHDRAW, &headers, &body);
        client.receive()
    };
    let get = send("GET", "application/json");
    assert_eq!(told(&get), expect(405, "J107", 4001));
    assert_eq!(get.header("allow"), "POST", "RFC 9110, 15.5.6");
    assert_eq!(told(&send("PUT", "application/json")), expect(405, "J107", 4001));
    assert_eq!(told(&send("POST", "text/plain")), expect(415, "J105", 4001));
    assert_eq!(told(&send("POST", "text/xml;charset=UTF-8")), expect(415, "J105", 4001));
    assert_eq!(stand.forwarded(), 0);
    assert_eq!(send("POST", "Application/JSON ; charset=utf-8").status, 200);
}

#[test]
fn codes_name_table_value_and_both_sides() {
    let stand = stand();
    let answer = stand.ask(WITHDRAW, &changed(&[("\"withdrawReason\": \"07\"", "\"withdrawReason\": \"77\"")]));
    assert_eq!(told(&answer), expect(422, "J200", 4221));
    let faults = fields(&answer);
    assert_eq!(faults.len(), 1, "{faults:?}");
    let (number, place, text) = &faults[0];
    assert_eq!((number.as_str(), place.as_str()), ("J202", "data.withdrawReason"));
    for part in ["pf-withdraw-reason", "“77”", "yueyang-window", "jingzhou-window", "提取"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(stand.metric(&["jingyue_codetable_misses_total", "pf-withdraw-reason", "yueyang_to_jingzhou"]), "1");
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn all_field_faults_at_once() {
    let stand = stand();
    let answer = stand.ask(
        WITHDRAW,
        &changed(&[
            ("\"applyTime\": \"2026-11-23 09:30:15\"", "\"applyTime\": \"2026-11-23 9:30\""),
            (
                "\"certType\": \"10\",\n    \"certNo\": \"421002199105129998\"",
                "\"certType\": \"88\",\n    \"certNo\": \"421002199105129998\"",
            ),
            ("\"8400.00\"", "\"8400.005\""),
            ("\"gjjAccountNo\": \"421000650012\"", "\"gjjAccountNo\": \"\""),
            ("\"closeAccount\": false", "\"closeAccount\": \"perhaps\""),
            ("a68234bc", "a68234bd"),
            ("\"mobile\": \"13900000001\",", ""),
        ]),
    );
    assert_eq!((answer.status, answer.number().as_str()), (422, "J200"));
    let mut found: Vec<(String, String)> =
        fields(&answer).into_iter().map(|(number, place, _)| (number, place)).collect();
    found.sort();
    let expected = [
        ("J201", "data.applicant.mobile"),
        ("J201", "data.gjjAccountNo"),
        ("J202", "data.applicant.spouse.certType"),
        ("J203", "data.applyTime"),
        ("J203", "data.closeAccount"),
        ("J203", "data.withdrawAmount"),
        ("J208", "data.materials[0].digestSm3"),
    ];
    assert_eq!(found, expected.map(|(number, place)| (number.to_owned(), place.to_owned())));
    assert!(answer.json()["msg"].as_str().unwrap().contains("7 处需要更正"), "{}", answer.text());
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn a_missing_field() {
    let stand = stand();
    for missing in ["\"certNo\": \"430602199003079989\",", "\"withdrawAmount\": \"8400.00\","] {
        let answer = stand.ask(WITHDRAW, &changed(&[(missing, "")]));
        assert_eq!(told(&answer), expect(422, "J200", 4002), "{missing}");
        assert_eq!(fields(&answer)[0].0, "J201");
    }
    let null = stand.ask(WITHDRAW, &changed(&[("\"certNo\": \"430602199003079989\"", "\"certNo\": null")]));
    assert_eq!(told(&null), expect(422, "J200", 4002));
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn a_member_that_stands_twice() {
    let stand = stand();
    let answer = stand.ask(
        WITHDRAW,
        &changed(&[(
            "\"withdrawAmount\": \"8400.00\"",
            "\"withdrawAmount\": \"1.00\", \"withdrawAmount\": \"8400.00\"",
        )]),
    );
    assert!(["J101", "J200"].contains(&answer.number().as_str()), "{}", answer.text());
    assert!(answer.json()["msg"].as_str().unwrap().contains("两次"), "{}", answer.text());
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn who_asks() {
    let stand = stand();
    let body = withdrawal("K1", "");
    let send = |headers: &[(String, String)]| {
        let mut client = stand.connect();
        client.send("POST", WITHDRAW, headers, &body);
        client.receive()
    };
    let right = |nonce: &str| signed("yy-kstb-01", "POST", WITHDRAW, NOW, nonce, &body);
    let without =
        |name: &str| right("w").into_iter().filter(|(known, _)| known != name).collect::<Vec<(String, String)>>();
    for name in ["x-app-key", "x-timestamp", "x-nonce", "x-sign"] {
        let answer = send(&without(name));
        assert_eq!(told(&answer), expect(401, "J301", 4010), "{name}");
        assert!(answer.json()["msg"].as_str().unwrap().contains(name));
    }
    assert_eq!(told(&send(&signed("nobody", "POST", WITHDRAW, NOW, "n", &body))), expect(401, "J302", 4010));
    let mut wrong = right("a");
    wrong[3].1 = "0".repeat(64);
    assert_eq!(told(&send(&wrong)), expect(401, "J303", 4011));
    wrong[3].1 = "no hex".into();
    assert_eq!(told(&send(&wrong)), expect(401, "J303", 4011));
    // The signature of another path, time, nonce, body, method.
    for other in [
        signed("yy-kstb-01", "POST", ACCOUNT, NOW, "b", &body),
        signed("yy-kstb-01", "POST", WITHDRAW, NOW, "b", b"{}"),
        signed("yy-kstb-01", "PUT", WITHDRAW, NOW, "b", &body),
    ] {
        assert_eq!(send(&other).number(), "J303");
    }
    for (place, value) in [(1, (NOW + 1).to_string()), (2, "c".to_owned())] {
        let mut other = right("b");
        other[place].1 = value;
        assert_eq!(send(&other).number(), "J303");
    }
    for time in [NOW - 300_001, NOW + 300_001, 0, i64::MAX, -NOW] {
        let answer = send(&signed("yy-kstb-01", "POST", WITHDRAW, time, "d", &body));
        assert_eq!(told(&answer), expect(401, "J304", 4011), "{time}");
    }
    assert_eq!(send(&signed("yy-kstb-01", "POST", WITHDRAW, NOW, &"n".repeat(129), &body)).number(), "J103");
    let not_permitted = send(&signed("yy-query-01", "POST", WITHDRAW, NOW, "e", &body));
    assert_eq!(told(&not_permitted), expect(403, "J306", 4030));
    assert_eq!(stand.forwarded(), 0);

    // A nonce that came with a wrong signature is still the caller's to use; at the window's edges it is taken.
    assert_eq!(send(&right("a")).status, 200);
    assert_eq!(told(&send(&right("a"))), expect(401, "J305", 4011));
    for time in [NOW - 300_000, NOW + 300_000] {
        let repeat = send(&signed("yy-kstb-01", "POST", WITHDRAW, time, &format!("f{time}"), &body));
        assert_eq!(repeat.header("x-jingyue-repeat"), "1");
    }
    assert_eq!(stand.forwarded(), 1);
    assert_eq!(stand.metric(&["jingyue_auth_failures_total", "replay"]), "1");
}

#[test]
fn who_asks_over_tls() {
    let stand = Setup { tls: true, ..Setup::at(NOW) }.start();
    let body = sample("04-bizlic-query/jingzhou.request.soap.xml");
    let send = |certificate: Option<&str>| {
        let mut client = Client::connect_tls(stand.address(), certificate);
        client.send("POST", "/kstb/ws", &[("content-type".into(), "text/xml".into())], &body);
        client.receive()
    };
    // A certificate of the right authority that is nobody's, and none.
    assert_eq!(send(Some("yueyang-system")).refusal().0, "-50");
    let none = send(None);
    assert_eq!((none.status, none.refusal().0.as_str()), (200, "-50"));
    assert_eq!(stand.forwarded(), 0);
    // Somebody's certificate does not open another dialect's path.
    let mut client = Client::connect_tls(stand.address(), Some("jingzhou-system"));
    client.send("POST", WITHDRAW, &[], &withdrawal("K1", ""));
    let other = client.receive();
    assert_eq!(other.refusal().0, "-40", "{}", other.text());
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn soap_requests() {
    let stand = stand();
    let whole = sample_text("04-bizlic-query/jingzhou.request.soap.xml");
    let change = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replace(from, to).into_bytes()
    };
    let (gbk, _, _) = GB18030.encode(&whole);
    let deep = format!("{}{}<BBH>", "<X>".repeat(500), "</X>".repeat(500));
    for (what, body, code, part) in [
        ("nothing", Vec::new(), "-10", "XML"),
        ("half of it", whole.split("<JLS>").next().unwrap().into(), "-10", "XML"),
        ("an element that is not closed", change("</PACKAGE>", ""), "-10", "XML"),
        (
            "a document type",
            change("<soapenv:Envelope", "<!DOCTYPE a [<!ENTITY b \"c\">]><soapenv:Envelope"),
            "-10",
            "DOCTYPE",
        ),
        ("a document type inside", change("<PACKAGE>", "<!DOCTYPE a []><PACKAGE>"), "-10", "DOCTYPE"),
        ("another charset", gbk.into_owned(), "-10", "utf-8"),
        ("500 elements in one another", change("<BBH>", &deep), "-10", "上限"),
        ("an unknown service", change("KSTB_YYZZCX", "KSTB_XXXX"), "-40", "KSTB_XXXX"),
        ("an unknown matter", change("SC014", "SC999"), "-40", "SC999"),
        ("another city", change("<JSDW_DM>430600<", "<JSDW_DM>110100<"), "-40", "110100"),
        ("no number at all", change("<YWXTBH>JZ20261123000045</YWXTBH>", ""), "-11", "YWXTBH"),
        ("an element that stands twice", change("<CXYT>", "<SQBH>1</SQBH><CXYT>"), "-10", "两次"),
        ("a wrong company number", change("91430600MA0000007J", "91430600MA0000007K"), "-10", "TYSHXYDM"),
    ] {
        let answer = stand.ask_soap("/kstb/ws", &body);
        let (found, text) = answer.refusal();
        assert_eq!((answer.status, found.as_str()), (200, code), "{what}: {text}");
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "{what}: {text}");
    }
    // The field stands in the attributes of a RECORD, and the number of the message is told back.
    let answer = stand.ask_soap("/kstb/ws", &change("91430600MA0000007J", "91430600MA0000007K")).text();
    assert!(answer.contains("<YWXTBH>JZ20261123000045</YWXTBH>"), "{answer}");
    assert!(
        answer.contains("field=\"PACKAGE/DATA/RECORD[1]/TYSHXYDM\"") || answer.contains("RECORD[1]/TYSHXYDM\""),
        "{answer}"
    );
    assert!(answer.contains("<ns2:KSTB_CXResponse"), "{answer}");
    let lent = stand.ask_soap("/gateway/api/gjj/account", whole.as_bytes());
    assert_eq!(lent.refusal().0, "-40");
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn form_requests() {
    let more = "[[caller]]\nname = \"jz-fund-01\"\ncity = \"jingzhou\"\nprofile = \"jingzhou-fund\"\n\
                app_key = \"jz-fund-01\"\nsecret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\n\
                allow = [{ matters = [\"GJ*\"], to = [\"yueyang\"] }]\n[[caller]]\nname = \"jz-kstb-01\"";
    let stand = Setup::at(NOW).edit("[[caller]]\nname = \"jz-kstb-01\"", more).start();
    let whole = String::from_utf8(sample("01-pf-query/jingzhou.request.form")).unwrap();
    let send = |body: &str| {
        let mut headers = stand.sign("jz-fund-01", "/gjj/ws", body.as_bytes());
        headers.push(("content-type".into(), "application/x-www-form-urlencoded;charset=GBK".into()));
        let mut client = stand.connect();
        client.send("POST", "/gjj/ws", &headers, body.as_bytes());
        let answer = client.receive();
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/xml;charset=GBK"));
        GB18030.decode(&answer.body).0.into_owned()
    };
    // The sample asks from Yueyang; towards Yueyang only the centre differs.
    let whole = whole.replace("421000000000000", "430600000000000");
    let change = |from: &str, to: &str| {
        assert!(whole.contains(from), "{from}");
        whole.replace(from, to)
    };
    for (what, body, code) in [
        ("nothing", String::new(), "30001"),
        ("a broken percent sign", change("%3CROOT", "%3ROOT"), "10001"),
        ("half a character", change("%C1%F5%993%C36", "%C1"), "10001"),
        ("no document", change("&xml=", "&xlm="), "10002"),
        ("an unknown service", change("jydm=GJJ1001", "jydm=GJJ9999"), "30001"),
        ("an unknown code", change("ZJLX%3E01", "ZJLX%3E77"), "10021"),
        ("another city", change("jgdm=430600000000000", "jgdm=110100000000000"), "30001"),
    ] {
        let answer = send(&body);
        assert!(answer.contains(&format!("<FHM>{code}</FHM>")), "{what}: {answer}");
    }
    let answer = send(&change("ZJLX%3E01", "ZJLX%3E77"));
    assert!(answer.contains("<ZDM>") && answer.contains("ZJLX</ZDM>") && answer.contains("id-doc"), "{answer}");
    assert_eq!(stand.forwarded(), 0);
}

#[test]
fn too_often_and_too_many_a_day() {
    let stand =
        Setup::at(NOW).edit("per_second = 1000\nburst = 1000", "per_second = 1\nburst = 2\nper_day = 4").start();
    let body = withdrawal("K1", "");
    let first = stand.ask(WITHDRAW, &body);
    assert_eq!(first.status, 200);
    assert_eq!(first.header("ratelimit-policy"), "\"window\";q=2;w=2, \"window-day\";q=4;w=86400");
    assert_eq!(first.header("ratelimit"), "\"window\";r=1;t=1, \"window-day\";r=3;t=52185");
    assert_eq!(stand.ask(WITHDRAW, &body).status, 200);
    let refused = stand.ask(WITHDRAW, &body);
    assert_eq!(told(&refused), expect(429, "J401", 4290));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"window\";r=0;t=1");
    // Another application has its own, and a SOAP caller gets the same status in its own shape.
    for _ in 0..2 {
        assert_eq!(stand.ask_soap("/kstb/ws", &sample("04-bizlic-query/jingzhou.request.soap.xml")).status, 200);
    }
    let soap = stand.ask_soap("/kstb/ws", b"");
    assert_eq!((soap.status, soap.header("retry-after"), soap.refusal().0.as_str()), (429, "1", "-70"));

    for second in 1..=2 {
        stand.clock.set(NOW + second * 1000);
        assert_eq!(stand.ask(WITHDRAW, &body).status, 200);
    }
    stand.clock.set(NOW + 60_000);
    let spent = stand.ask(WITHDRAW, &body);
    assert_eq!(told(&spent), expect(429, "J402", 4290));
    assert_eq!(spent.header("retry-after"), "52125", "seconds to midnight in Beijing");
    assert_eq!(spent.header("ratelimit"), "\"window-day\";r=0;t=52125");
    assert_eq!(stand.metric(&["jingyue_ratelimit_decisions_total", "yy-kstb-01", "day"]), "1");
    stand.clock.set(at(24, 0, 0, 0));
    assert_eq!(stand.ask(WITHDRAW, &body).status, 200, "a new day");
}

#[test]
fn more_at_once_than_the_house_holds() {
    let stand = Setup::at(NOW).edit("workers = 1", "workers = 1\nexchanges_max = 1").start();
    let body = withdrawal("K1", "【模拟:慢 500】");
    let mut slow = stand.connect();
    slow.send("POST", WITHDRAW, &stand.with_type("yy-kstb-01", WITHDRAW, &body), &body);
    stand.until_forwarded(1);
    let answer = stand.ask(WITHDRAW, &withdrawal("K2", ""));
    assert_eq!(told(&answer), expect(503, "J403", 5030));
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(slow.receive().status, 200);
    assert_eq!(stand.ask(WITHDRAW, &withdrawal("K2", "")).status, 200);
}

#[test]
fn what_nobody_declared_does_not_leave_the_house() {
    let stand = stand();
    let body = changed(&[("\"windowNo\"", "\"password\": \"geheim-4711\", \"windowNo\"")]);
    assert_eq!(stand.ask(WITHDRAW, &body).status, 200);
    let received = stand.cities.received();
    assert!(memchr::memmem::find(&received[0].bytes, b"geheim-4711").is_none());
    assert_eq!(stand.metric(&["jingyue_fields_dropped_total", "yueyang-window"]), "1");
}

#[test]
fn an_unknown_path_without_a_name_is_told_plainly() {
    let stand = stand();
    let mut client = stand.connect();
    client.send("GET", "/favicon.ico", &[], b"");
    let answer = client.receive();
    assert_eq!((answer.status, answer.json()["number"].as_str()), (401, Some("J301")));
    assert_eq!(stand.forwarded(), 0);
}
