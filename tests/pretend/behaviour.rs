//! What a message asks for, seen from the other end of the connection.

use crate::support::Answer;
use crate::support::at;
use crate::support::cities;
use crate::support::form_headers;
use crate::support::post;
use crate::support::sample;
use crate::support::samples;
use crate::support::signed;
use crate::support::xml_headers;
use encoding_rs::GB18030;
use jingyue::domain::masked::Masked;
use jingyue::edge::pretend::Cities;
use jingyue::edge::pretend::Options;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;

const SYSTEMS: [&str; 5] = ["jingzhou-window", "yueyang-window", "jingzhou-police", "jingzhou-fund", "fund-national"];

/// Sends the sample request of a system with `marker` at the end of its free text.
async fn send(cities: &Cities, folder: &Path, system: &str, marker: &str, now: i64) -> Result<Answer, hyper::Error> {
    let text = |name: &str, from: &str| {
        let text = String::from_utf8(sample(folder, name)).unwrap();
        assert!(text.contains(from), "{from}");
        text.replacen(from, &format!("{}{marker}{}", &from[..from.len() - 1], &from[from.len() - 1..]), 1).into_bytes()
    };
    match system {
        "jingzhou-window" => {
            let body = text("04-bizlic-query/jingzhou.request.soap.xml", "资格核验<");
            post(cities, system, "/kstb", &xml_headers(), body).await
        }
        "jingzhou-police" => {
            let body = text("05-household-cert/jingzhou.request.soap.xml", "的情况<");
            post(cities, system, "/police", &xml_headers(), body).await
        }
        "yueyang-window" => {
            let body = text("04-bizlic-query/yueyang.request.json", "资格核验\"");
            signed(cities, "/gateway/api/ent/licence", now, marker_nonce(marker), body).await
        }
        "jingzhou-fund" => {
            let percent: String =
                GB18030.encode(marker).0.iter().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
            let body = String::from_utf8(sample(folder, "01-pf-query/jingzhou.request.form")).unwrap();
            let body = body.replace("%3C%2FCXYT", &format!("{percent}%3C%2FCXYT")).into_bytes();
            post(cities, system, "/gjj/ws", &form_headers(), body).await
        }
        _ => {
            let body = sample(folder, "03-pf-transfer/m1-letter.request.gb18030.xml");
            let body = GB18030.decode(&body).0.replace("name=\"Remark\">", &format!("name=\"Remark\">{marker}"));
            post(cities, system, "/bdc/message", &[], GB18030.encode(&body).0.into_owned()).await
        }
    }
}

/// A nonce is visible text; the marker's length tells the markers of this file apart well enough.
fn marker_nonce(marker: &str) -> &'static str {
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"][marker.len() % 10]
}

#[tokio::test]
async fn closes_the_connection() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 0);
    for system in SYSTEMS {
        let cities = cities(now);
        assert!(send(&cities, &folder, system, "【模拟:断开】", now).await.is_err(), "{system}");
        assert_eq!(cities.received().len(), 1, "{system}: read, so counted");
        assert!(!cities.received()[0].key.is_empty());
        assert!(send(&cities, &folder, system, "【模拟:断开前】", now).await.is_err(), "{system}");
        assert_eq!(cities.received().len(), 1, "{system}: not read to its end");
        let again = send(&cities, &folder, system, "", now).await;
        assert_eq!(again.unwrap().status, 200, "{system}: the next connection is served");
    }
}

#[tokio::test]
async fn answers_something_else() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 0);
    for system in SYSTEMS {
        let cities = cities(now);
        let usual = send(&cities, &folder, system, "", now).await.unwrap();
        let garbage = send(&cities, &folder, system, "【模拟:乱码】", now).await.unwrap();
        assert_eq!(garbage.status, 200);
        assert_eq!(garbage.content_type, usual.content_type);
        assert!(String::from_utf8(garbage.body.clone()).is_err());
        let broken = send(&cities, &folder, system, "【模拟:500】", now).await.unwrap();
        assert_eq!(broken.status, 500);
        let missing = send(&cities, &folder, system, "【模拟:缺字段】", now).await.unwrap();
        assert!(missing.body.len() < usual.body.len() && !missing.body.is_empty(), "{system}");
        let unknown = send(&cities, &folder, system, "【模拟:未知代码】", now).await.unwrap();
        assert_ne!(unknown.body, usual.body, "{system}");
        let error = send(&cities, &folder, system, "【模拟:错误 -4444】", now).await.unwrap();
        let text = GB18030.decode(&error.body).0.into_owned();
        assert!(text.contains("-4444"), "{system}: {text}");
        let mistaken = send(&cities, &folder, system, "【模拟:拒绝了】", now).await.unwrap();
        let mistaken = [GB18030.decode(&mistaken.body).0, String::from_utf8_lossy(&mistaken.body)].concat();
        assert!(mistaken.contains("未知的模拟标记"), "{system}: {mistaken}");
    }
}

#[tokio::test]
async fn answers_late() {
    let Some(folder) = samples() else { return };
    let now = at(9, 30, 16, 0);
    let cities = cities(now);
    let begun = Instant::now();
    let answer = send(&cities, &folder, "jingzhou-fund", "【模拟:慢 120】", now).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(120));
    assert!(GB18030.decode(&answer.body).0.contains("<FHM>00000</FHM>"));
}

#[tokio::test]
async fn digits_ask_where_no_text_can() {
    let Some(folder) = samples() else { return };
    let cities = cities(at(9, 30, 16, 0));
    let query = String::from_utf8(sample(&folder, "03-pf-transfer/q-progress.request.gb18030.xml")).unwrap();
    let body = query.replace("4306002611230001", "4306002611239968").into_bytes();
    assert_eq!(post(&cities, "fund-national", "/bdc/message", &[], body).await.unwrap().status, 500);

    let right = String::from_utf8(sample(&folder, "02-pf-withdraw-rent/jingzhou.request.soap.xml")).unwrap();
    let body = right.replace("<TQJE>840000<", "<TQJE>839961<").into_bytes();
    let answer = post(&cities, "jingzhou-window", "/kstb", &xml_headers(), body).await.unwrap().text();
    assert!(answer.contains("<SLZTDM>2</SLZTDM>"), "{answer}");
    let body = right.replace("<TQJE>840000<", "<TQJE>839965<").into_bytes();
    let answer = post(&cities, "jingzhou-window", "/kstb", &xml_headers(), body).await.unwrap().text();
    assert!(answer.contains("<CODE>-80</CODE>"), "{answer}");
}

#[tokio::test]
async fn ports_follow_the_base_and_dropping_stops_the_listeners() {
    let running = cities(0);
    let addresses: Vec<_> = Cities::systems().map(|system| running.address(system)).collect();
    assert_eq!(Cities::systems().collect::<Vec<_>>(), [&SYSTEMS[..], &["licence-sharing"]].concat());
    assert!(addresses.iter().all(|address| address.ip().is_loopback() && address.port() != 0));
    let taken = |port_base| {
        Cities::start(Options {
            port_base: Some(port_base),
            secret: Masked::new(Vec::new()),
            licence_code: String::new(),
            clock: Arc::new(|| 0),
        })
    };
    assert!(taken(addresses[0].port()).is_err(), "a port that is taken");
    assert!(taken(u16::MAX).is_err(), "no room for six ports");
    drop(running);
    for address in addresses {
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}
