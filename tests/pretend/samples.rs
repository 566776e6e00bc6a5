//! The sample requests get the sample answers, byte for byte.

use crate::support::Answer;
use crate::support::at;
use crate::support::cities;
use crate::support::form_headers;
use crate::support::post;
use crate::support::sample;
use crate::support::samples;
use crate::support::signed;
use crate::support::xml_headers;
use jingyue::domain::masked::Masked;
use jingyue::domain::sm;
use jingyue::edge::pretend::Signer;
use jingyue::edge::pretend::compare::same_document;
use jingyue::edge::pretend::compare::same_json;

fn assert_bytes(answer: &Answer, expected: &[u8]) {
    assert_eq!(answer.status, 200);
    assert!(
        answer.body == expected,
        "{}\n--- expected\n{}",
        String::from_utf8_lossy(&answer.body),
        String::from_utf8_lossy(expected)
    );
}

#[test]
fn sample_signatures_are_ours() {
    let Some(folder) = samples() else { return };
    for (name, body) in [
        ("01-pf-query/yueyang.request", "01-pf-query/yueyang.request"),
        ("02-pf-withdraw-rent/yueyang.request", "02-pf-withdraw-rent/yueyang.request"),
        ("03-pf-transfer/yueyang.m1.request", "03-pf-transfer/yueyang.m1.request"),
        ("04-bizlic-query/yueyang.request", "04-bizlic-query/yueyang.request"),
        ("05-household-cert/yueyang.request", "05-household-cert/yueyang.request"),
    ] {
        let head = String::from_utf8(sample(&folder, &format!("{name}.headers.txt"))).unwrap();
        let body = sample(&folder, &format!("{body}.json"));
        let value =
            |header: &str| head.lines().find_map(|line| line.strip_prefix(header)?.strip_prefix(": ")).unwrap().trim();
        let path = head.split(' ').nth(1).unwrap();
        let signer = Signer::new(value("X-App-Key"), Masked::new(b"test-secret-yueyang".to_vec()));
        let timestamp = value("X-Timestamp").parse().unwrap();
        let headers = signer.headers("POST", path, timestamp, value("X-Nonce"), &body);
        for (header, made) in headers {
            assert_eq!(made, value(header), "{name} {header}");
        }
        assert!(sm::unhex(value("X-Sign")).is_some());
    }
}

#[tokio::test]
async fn account_query() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 234);
    let cities = cities(now);
    let form = sample(&folder, "01-pf-query/jingzhou.request.form");
    let answer = post(&cities, "jingzhou-fund", "/gjj/ws", &form_headers(), form.clone()).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "01-pf-query/jingzhou.response.gb18030.xml"));
    same_document(&answer.body, &sample(&folder, "01-pf-query/jingzhou.response.reading-copy.xml")).unwrap();

    let body = sample(&folder, "01-pf-query/yueyang.request.json");
    let answer = signed(&cities, "/gateway/api/gjj/account", now, "1", body.clone()).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "01-pf-query/yueyang.response.json"));
    same_json(&answer.body, &sample(&folder, "01-pf-query/yueyang.response.json")).unwrap();

    let received = cities.received();
    assert_eq!(received.len(), 2);
    assert_eq!((received[0].system, received[0].key.as_str()), ("jingzhou-fund", "43060261123000000001"));
    assert_eq!(received[0].bytes, form);
    assert_eq!((received[1].system, received[1].key.as_str()), ("yueyang-window", "YY20261123093015000001"));
    assert_eq!(received[1].bytes, body);
}

#[tokio::test]
async fn rent_withdrawal() {
    let Some(folder) = samples() else { return };
    let cities_jingzhou = cities(at(9, 30, 18, 0));
    let body = sample(&folder, "02-pf-withdraw-rent/jingzhou.request.soap.xml");
    let path = "/kstb/services";
    let answer = post(&cities_jingzhou, "jingzhou-window", path, &xml_headers(), body.clone()).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "02-pf-withdraw-rent/jingzhou.response.soap.xml"));
    let marked = String::from_utf8(body).unwrap().replace("</BZ>", "【模拟:拒绝】</BZ>").into_bytes();
    let answer = post(&cities_jingzhou, "jingzhou-window", path, &xml_headers(), marked).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "02-pf-withdraw-rent/jingzhou.response.refused.soap.xml"));

    let now = at(9, 30, 16, 234);
    let cities_yueyang = cities(now);
    let body = sample(&folder, "02-pf-withdraw-rent/yueyang.request.json");
    let path = "/gateway/api/gjj/withdraw";
    let answer = signed(&cities_yueyang, path, now, "1", body.clone()).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "02-pf-withdraw-rent/yueyang.response.json"));
    let marked = String::from_utf8(body).unwrap().replace("季付]]>", "季付]]>【模拟:拒绝】").into_bytes();
    let answer = signed(&cities_yueyang, path, now, "2", marked).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "02-pf-withdraw-rent/yueyang.response.refused.json"));

    let keys = |cities: &jingyue::edge::pretend::Cities| {
        cities.received().into_iter().map(|received| received.key).collect::<Vec<_>>()
    };
    assert_eq!(keys(&cities_jingzhou), ["YY-GJ12-20261123-000001"; 2]);
    assert_eq!(keys(&cities_yueyang), ["YY20261123093015000001"; 2]);
}

#[tokio::test]
async fn transfer() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 16, 0));
    // The question stands third: the letter must be on its way, the information not yet there.
    for step in ["m1-letter", "m2-accept", "q-progress", "m3-information", "m5-closing"] {
        let name = |what: &str| format!("03-pf-transfer/{step}.{what}.gb18030.xml");
        let body = sample(&folder, &name("request"));
        let answer = post(&cities, "fund-national", "/bdc/message", &[], body).await.unwrap();
        assert_bytes(&answer, &sample(&folder, &name("response")));
    }
    for step in ["m3-refused", "m4-money-notice"] {
        let body = sample(&folder, &format!("03-pf-transfer/{step}.request.gb18030.xml"));
        let answer = post(&cities, "fund-national", "/bdc/message", &[], body).await.unwrap();
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.contains("<field name=\"RtnCode\">00000</field>"), "{text}");
    }
    // The same letter in another message is a duplicate; in the same message sent again it is not.
    let first = sample(&folder, "03-pf-transfer/m1-letter.request.gb18030.xml");
    let again = replaced(&first, "43060261123000000101", "43060261123000000107");
    let answer = post(&cities, "fund-national", "/bdc/message", &[], again).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "03-pf-transfer/m1-duplicate.response.gb18030.xml"));
    let answer = post(&cities, "fund-national", "/bdc/message", &[], first).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "03-pf-transfer/m1-letter.response.gb18030.xml"));
    let keys: Vec<String> = cities.received().into_iter().map(|received| received.key).collect();
    assert_eq!(keys.iter().filter(|key| *key == "43060261123000000101").count(), 2);
}

#[tokio::test]
async fn transfer_progress_follows_the_messages() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 16, 0));
    let send = async |step: &str| {
        let body = sample(&folder, &format!("03-pf-transfer/{step}.request.gb18030.xml"));
        let body = replaced(&body, "4306002611230001", "4306002611230777");
        let answer = post(&cities, "fund-national", "/bdc/message", &[], body).await.unwrap();
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    assert!(send("q-progress").await.contains("30001"), "a letter that nobody sent");
    for (step, progress) in [("m1-letter", "02"), ("m3-information", "08"), ("m3-refused", "13"), ("m5-closing", "00")]
    {
        send(step).await;
        let answer = send("q-progress").await;
        assert!(answer.contains(&format!("<field name=\"AppPrStatus\">{progress}</field>")), "{step}: {answer}");
    }
}

#[tokio::test]
async fn transfer_in_the_dialect_of_the_window() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 234);
    let cities = cities(now);
    let path = "/gateway/api/gjj/transfer";
    let envelope = |message: &str, data: &str| {
        format!(r#"{{"code":200,"msg":"success","msgId":"{message}","timestamp":1795397416234,"data":{data}}}"#)
    };
    let letter = sample(&folder, "03-pf-transfer/yueyang.m1.request.json");
    let answer = signed(&cities, path, now, "1", letter.clone()).await.unwrap();
    let expected = r#"{"caseNo":"YJ20261123430602000002S","letterNo":"4306002611230001","status":"submitted",
        "platformSeqNo":"BDC20261123000042"}"#;
    same_json(&answer.body, envelope("YY20261123093015000001", expected).as_bytes()).unwrap();
    let again = replaced(&letter, "YY20261123093015000001", "YY20261123093015000002");
    assert!(signed(&cities, path, now, "2", again).await.unwrap().text().contains("\"code\": 4090,"));

    let receipt = r#"{"caseNo":"YJ20261123430602000002S","letterNo":"4306002611230001"}"#;
    let push = sample(&folder, "03-pf-transfer/yueyang.m3.push.json");
    let answer = signed(&cities, "/gateway/api/gjj/transfer/information", now, "3", push).await.unwrap();
    same_json(&answer.body, envelope("YY20261123093015000001", receipt).as_bytes()).unwrap();

    let head =
        |code: &str| format!(r#""head":{{"version":"1.0","serviceCode":"{code}","msgId":"M","areaCode":"430600"}}"#);
    let close = format!(
        r#"{{{},"data":{{"matterCode":"GJ14","caseNo":"YJ20261123430602000002S","letterNo":"4306002611230001",
        "applicantName":"刘𬱖","certType":"10","certNo":"430602199003079989","status":"completed",
        "transferAmount":"45321.54","principalAmount":"45100.00","interestAmount":"221.54"}}}}"#,
        head("GJJ_TRANSFER_CLOSE")
    );
    let progress = format!(
        r#"{{{},"data":{{"matterCode":"GJ14","letterNo":"4306002611230001","outCenterNo":"430600000000000"}}}}"#,
        head("GJJ_TRANSFER_PROGRESS")
    );
    let ask = async |nonce| {
        let path = "/gateway/api/gjj/transfer/progress";
        signed(&cities, path, now, nonce, progress.clone().into_bytes()).await.unwrap().text()
    };
    assert!(ask("4").await.contains("\"status\": \"accepted\""));
    let path = "/gateway/api/gjj/transfer/close";
    let answer = signed(&cities, path, now, "5", close.into_bytes()).await.unwrap();
    same_json(&answer.body, envelope("M", receipt).as_bytes()).unwrap();
    assert!(ask("6").await.contains("\"status\": \"completed\""));
}

#[tokio::test]
async fn business_licence() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 234);
    let cities_yueyang = cities(now);
    let body = sample(&folder, "04-bizlic-query/yueyang.request.json");
    let answer = signed(&cities_yueyang, "/gateway/api/ent/licence", now, "1", body).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "04-bizlic-query/yueyang.response.json"));

    let cities_jingzhou = cities(at(9, 45, 2, 0));
    let body = sample(&folder, "04-bizlic-query/jingzhou.request.soap.xml");
    let answer = post(&cities_jingzhou, "jingzhou-window", "/kstb", &xml_headers(), body).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "04-bizlic-query/jingzhou.response.soap.xml"));
    assert_eq!(cities_jingzhou.received()[0].key, "JZ20261123000045");
}

#[tokio::test]
async fn household_certificate() {
    let Some(folder) = samples() else { return };
    let cities_jingzhou = cities(at(15, 30, 12, 0));
    let body = sample(&folder, "05-household-cert/jingzhou.request.soap.xml");
    let send = async |body: String| {
        post(&cities_jingzhou, "jingzhou-police", "/police", &xml_headers(), body.into_bytes()).await.unwrap()
    };
    let body = String::from_utf8(body).unwrap();
    let answer = send(body.clone()).await;
    assert_bytes(&answer, &sample(&folder, "05-household-cert/jingzhou.response.soap.xml"));
    let answer = send(body.replace("的情况<", "的情况【模拟:拒绝】<")).await;
    assert_bytes(&answer, &sample(&folder, "05-household-cert/jingzhou.response.refused.soap.xml"));
    let error = sample(&folder, "05-household-cert/jingzhou.response.error.soap.xml");
    assert_bytes(&send(body.replace("JZ-LIC-0001", "JZ-LIC-0002")).await, &error);
    assert_bytes(&send(body.replace("<BZ/>", "<BZ>【模拟:错误 -50】</BZ>")).await, &error);

    let now = at(9, 30, 16, 234);
    let cities_yueyang = cities(now);
    let body = sample(&folder, "05-household-cert/yueyang.request.json");
    let answer = signed(&cities_yueyang, "/gateway/api/police/hukou-cert", now, "1", body).await.unwrap();
    assert_bytes(&answer, &sample(&folder, "05-household-cert/yueyang.response.json"));
}

/// Replaces one ASCII text by another in bytes of any charset.
fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let place = memchr::memmem::find(bytes, from.as_bytes()).expect("the sample holds it");
    [&bytes[..place], to.as_bytes(), &bytes[place + from.len()..]].concat()
}
