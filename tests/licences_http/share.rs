//! The calls of a sharing platform.

use crate::build::Wanted;
use crate::build::certify;
use crate::desk::Desk;
use crate::desk::HOLDER;
use crate::desk::IDENTIFIER;
use crate::desk::KIND;
use crate::desk::nothing_personal;
use crate::desk::sample;
use crate::support::Client;
use crate::support::Stand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jingyue::domain::licence::Answer;
use jingyue::domain::sm::sm2::Order;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::edge::keys::SoftwareKey;
use serde_json::Value;
use serde_json::json;

const TOKEN: &str = "composed-token-0001";

fn desk() -> Desk {
    open(Desk::new())
}

/// Opens the calls to the first caller, with a token.
pub(crate) fn open(mut desk: Desk) -> Desk {
    let token = desk.folder.path().join("token.secret");
    std::fs::write(&token, TOKEN).unwrap();
    desk.access = format!("{}, share = {{ matter = \"SC014\", token_file = \"{}\" }}", desk.access, token.display());
    desk.settings += "holder_per_day = 1000\n";
    desk
}

/// Calls with the token alone, as a system does that knows only the platform.
pub(crate) fn call(stand: &Stand, name: &str, data: &Value) -> Value {
    with_token(stand, name, TOKEN, data)
}

fn with_token(stand: &Stand, name: &str, token: &str, data: &Value) -> Value {
    let mut data = data.clone();
    data["useCause"] = json!("提取公积金用");
    let body = json!({ "head": { "accessId": "yy-kstb-01", "accessToken": token }, "data": data }).to_string();
    let mut client = Client::connect(stand.address());
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    let path = format!("/CertShare/{name}");
    client.send("POST", &path, &headers, body.as_bytes());
    let answer = client.receive();
    crate::openapi::check("POST", &path, answer.status, &answer.body);
    assert_eq!(answer.status, 200);
    answer.json()
}

pub(crate) fn status(told: &Value) -> u64 {
    assert!(!told["head"]["message"].as_str().unwrap().is_empty());
    told["head"]["status"].as_u64().unwrap()
}

#[test]
fn every_call_in_the_words_of_the_platform() {
    let desk = desk();
    let stand = desk.start();
    let told = call(&stand, "queryCertInfo", &json!({ "certIdentifier": IDENTIFIER }));
    assert_eq!((status(&told), &told["data"]["certData"]["certIdentifier"]), (0, &json!(IDENTIFIER)));
    let holder = json!({
        "holderCode": HOLDER, "holderTypeCode": "001", "certTypeCode": KIND, "certNo": "LAB430600000001",
    });
    let told = call(&stand, "queryCertInfoByHolderCode", &holder);
    assert_eq!((status(&told), &told["data"]["certData"]["certTypeCode"]), (0, &json!(KIND)));
    let given = json!({ "certTypeCode": KIND, "certData": { "certNo": "LAB430600000001", "holderCode": HOLDER } });
    assert_eq!(call(&stand, "verifyCertInfo", &given)["data"]["result"], 0);
    let wrong = json!({ "certTypeCode": KIND, "certData": { "certNo": "LAB430600000001", "holder": "别的公司" } });
    assert_eq!(call(&stand, "verifyCertInfo", &wrong)["data"]["result"], 7);
    let remarks = call(&stand, "getCertRemarkInfo", &json!({ "certTypeCode": KIND }));
    assert!(remarks["data"]["fields"].as_array().unwrap().iter().any(|field| field["name"] == "certName"));
    for (name, result) in [("v01-ses-v4.ofd", 0), ("a09-rogue-ca.ofd", 4), ("a10-stolen-seal.ofd", 7)] {
        let content = STANDARD.encode(sample(name));
        let file = json!({ "certTypeCode": KIND, "contentType": "base64", "content": content });
        let told = call(&stand, "verifyFile", &file);
        assert_eq!((status(&told), &told["data"]["result"]), (0, &json!(result)), "{name}: {told}");
    }
    let one = call(&stand, "downloadUrl", &json!({ "certIdentifier": IDENTIFIER }));
    let ask = json!({ "certIdentifier": IDENTIFIER, "downloadId": one["data"]["downloadId"] });
    let file = call(&stand, "downloadFile", &ask);
    assert_eq!(STANDARD.decode(file["data"]["content"].as_str().unwrap()).unwrap(), sample("v01-ses-v4.ofd"));
    assert_eq!(status(&call(&stand, "downloadFile", &ask)), 100, "only once");
    nothing_personal(&stand, &desk);
}

#[test]
fn refusals_have_the_numbers_of_the_platform() {
    let desk = desk();
    let stand = desk.start();
    let right = json!({ "certIdentifier": IDENTIFIER });
    assert_eq!(status(&with_token(&stand, "queryCertInfo", "wrong", &right)), 11);
    for (name, data, expected) in [
        ("queryCertInfo", json!({ "certIdentifier": "1.2.3" }), 10),
        ("queryCertInfo", json!({}), 12),
        ("queryCertInfo", json!({ "certIdentifier": IDENTIFIER, "matter": "PJ001" }), 100),
        ("queryCertInfoByHolderCode", json!({ "certTypeCode": KIND, "holderTypeCode": "001" }), 110),
        ("queryCertInfoByHolderCode", json!({ "holderCode": "a", "certTypeCode": KIND, "holderTypeCode": "222" }), 103),
        ("verifyFile", json!({ "contentType": "hex", "content": "00" }), 102),
        ("verifyFile", json!({ "contentType": "base64", "content": "%" }), 12),
        ("getCertRemarkInfo", json!({ "certTypeCode": "1" }), 13),
        ("nothing", json!({}), 99),
    ] {
        assert_eq!(status(&call(&stand, name, &data)), expected, "{name} {data}");
    }
}

#[test]
fn answers_are_encrypted_to_the_key_of_the_caller() {
    let mut desk = desk();
    let partner =
        certify(&Wanted { number: 30, organization: "", common_name: "测试平台", ..Wanted::default() }, 30, None);
    let pem =
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(&partner.certificate));
    let file = desk.folder.path().join("partner.pem");
    std::fs::write(&file, pem).unwrap();
    desk.access = desk.access.replace("token_file", &format!("encrypt_to_file = \"{}\", token_file", file.display()));
    let stand = desk.start();
    let key = PrivateKey::from_bytes(&partner.key).unwrap();
    let sealed = |name: &str, data: &Value| {
        let told = call(&stand, name, data);
        assert_eq!(status(&told), 0, "{told}");
        let text = told["data"].as_str().unwrap().to_owned();
        assert!(text.starts_with("04") && text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        text
    };
    let opened = |text: &str| -> Value {
        let bytes: Vec<u8> =
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
        serde_json::from_slice(&key.decrypt_raw(&bytes, Order::C1C3C2).unwrap()).unwrap()
    };
    let ask = json!({ "certIdentifier": IDENTIFIER });
    let (first, second) = (sealed("queryCertInfo", &ask), sealed("queryCertInfo", &ask));
    assert_ne!(first, second, "a nonce of its own each");
    assert_eq!(opened(&first)["certData"]["certIdentifier"], IDENTIFIER);
    let given = json!({ "certTypeCode": KIND, "certData": { "certNo": "LAB430600000001" } });
    assert_eq!(opened(&sealed("verifyCertInfo", &given))["result"], 0);
    let content = STANDARD.encode(sample("v01-ses-v4.ofd"));
    let told = opened(&sealed("verifyFile", &json!({ "contentType": "base64", "content": content })));
    assert_eq!((&told["result"], &told["decision"]), (&json!(0), &json!("ACCEPT")));
    // The reader for the answers of other platforms reads ours.
    let envelope = json!({ "head": { "status": 0, "message": "" }, "data": first });
    let read = Answer::open(&SoftwareKey::new(key.clone()), envelope.to_string().as_bytes());
    assert_eq!(read.unwrap().get("ZZBS"), Some(IDENTIFIER));
    // A refusal has nothing to hide, and stays readable.
    assert_eq!(status(&call(&stand, "queryCertInfo", &json!({ "certIdentifier": "1.2.3" }))), 10);
    nothing_personal(&stand, &desk);
}
