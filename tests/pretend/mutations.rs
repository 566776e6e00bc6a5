//! Whatever arrives, a pretend system answers something: damaged samples and noise, without a socket.

use crate::support::SECRET;
use crate::support::at;
use crate::support::sample;
use crate::support::samples;
use bytes::Bytes;
use http::HeaderMap;
use http::Method;
use jingyue::domain::masked::Masked;
use jingyue::edge::pretend::Signer;
use jingyue::edge::pretend::fund_national;
use jingyue::edge::pretend::jingzhou_fund;
use jingyue::edge::pretend::jingzhou_police;
use jingyue::edge::pretend::jingzhou_window;
use jingyue::edge::pretend::world::Request;
use jingyue::edge::pretend::world::Turn;
use jingyue::edge::pretend::world::World;
use jingyue::edge::pretend::yueyang_window;
use proptest::prelude::ProptestConfig;
use proptest::prelude::any;
use proptest::proptest;
use std::sync::Arc;

type Answering = fn(&Request, &World) -> Turn;

const SAMPLES: [(&str, &str, Answering); 10] = [
    ("01-pf-query/jingzhou.request.form", "/gjj/ws", jingzhou_fund::turn),
    ("02-pf-withdraw-rent/jingzhou.request.soap.xml", "/", jingzhou_window::turn),
    ("04-bizlic-query/jingzhou.request.soap.xml", "/", jingzhou_window::turn),
    ("05-household-cert/jingzhou.request.soap.xml", "/", jingzhou_police::turn),
    ("03-pf-transfer/m1-letter.request.gb18030.xml", "/bdc/message", fund_national::turn),
    ("03-pf-transfer/m4-money-notice.request.gb18030.xml", "/bdc/message", fund_national::turn),
    ("01-pf-query/yueyang.request.json", "/gateway/api/gjj/account", yueyang_window::turn),
    ("02-pf-withdraw-rent/yueyang.request.json", "/gateway/api/gjj/withdraw", yueyang_window::turn),
    ("03-pf-transfer/yueyang.m3.push.json", "/gateway/api/gjj/transfer", yueyang_window::turn),
    ("05-household-cert/yueyang.request.json", "/gateway/api/police/hukou-cert", yueyang_window::turn),
];

/// The request as it would arrive, signed so that the judging behind the signature is reached.
fn request(path: &str, body: Vec<u8>, now: i64) -> Request {
    let signer = Signer::new("jy-gateway", Masked::new(SECRET.to_vec()));
    let mut headers = HeaderMap::new();
    for (name, value) in signer.headers("POST", path, now, "1", &body) {
        headers.insert(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
    }
    if path == "/gjj/ws" {
        headers.insert("content-type", "application/x-www-form-urlencoded;charset=GBK".parse().unwrap());
    }
    Request { method: Method::POST, path: path.to_owned(), headers, body: Bytes::from(body) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn damaged_samples_and_noise(
        edits in proptest::collection::vec((any::<u16>(), any::<u8>(), 0..3u8), 0..4),
        noise in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let Some(folder) = samples() else { return Ok(()) };
        let now = at(9, 30, 16, 0);
        let world = World::new(Arc::new(move || now), Masked::new(SECRET.to_vec()), "JZ-LIC-0001".to_owned());
        for (name, path, turn) in SAMPLES {
            let mut body = sample(&folder, name);
            for (place, byte, kind) in &edits {
                let place = usize::from(*place) % body.len();
                match kind {
                    0 => body[place] = *byte,
                    1 => body.insert(place, *byte),
                    _ => { body.remove(place); }
                }
            }
            for body in [body, noise.clone()] {
                let turn = turn(&request(path, body, now), &world);
                assert!(!turn.reply.bytes.is_empty());
            }
        }
    }
}
