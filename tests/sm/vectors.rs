//! Files of `tests/vectors`.

use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use serde_json::Value;

/// What hexadecimal text of either case stands for.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
    assert!(text.len().is_multiple_of(2));
    text.as_bytes().as_chunks::<2>().0.iter().map(|[high, low]| digit(*high) * 16 + digit(*low)).collect()
}

/// The values of Botan's files, one list for each case: a case ends with `Out`.
fn botan(text: &str) -> Vec<Vec<(String, Vec<u8>)>> {
    let mut cases = vec![vec![]];
    for (name, value) in text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')) {
        let name = name.trim().to_owned();
        let ends = name == "Out";
        cases.last_mut().unwrap().push((name, bytes(value.trim())));
        if ends {
            cases.push(vec![]);
        }
    }
    cases.pop();
    cases
}

fn field<'case>(case: &'case [(String, Vec<u8>)], name: &str) -> &'case [u8] {
    &case.iter().find(|(known, _)| known == name).unwrap().1
}

#[test]
fn sm3_of_botan() {
    let cases = botan(include_str!("../vectors/sm3.vec"));
    assert!(cases.len() > 60, "{}", cases.len());
    for case in &cases {
        assert_eq!(sm3::digest_parts(&[field(case, "In")]), field(case, "Out"));
    }
    let messages: Vec<&[u8]> = cases.iter().map(|case| field(case, "In")).collect();
    let mut digests = vec![[0; 32]; messages.len()];
    sm3::digest_many(&messages, &mut digests);
    for (case, digest) in cases.iter().zip(digests) {
        assert_eq!(digest, field(case, "Out"));
    }
}

#[test]
fn sm4_of_botan() {
    let cases = botan(include_str!("../vectors/sm4.vec"));
    assert!(cases.len() > 20, "{}", cases.len());
    for case in cases {
        let key = sm4::Key::new(field(&case, "Key").try_into().unwrap());
        let mut data = field(&case, "In").to_vec();
        sm4::ecb_encrypt(&key, &mut data).unwrap();
        assert_eq!(data, field(&case, "Out"));
        sm4::ecb_decrypt(&key, &mut data).unwrap();
        assert_eq!(data, field(&case, "In"));
    }
}

/// What a case of Wycheproof's AEAD files gives.
struct Aead {
    id: Value,
    key: [u8; 16],
    nonce: Vec<u8>,
    additional: Vec<u8>,
    plain: Vec<u8>,
    sealed: Vec<u8>,
    tag: Vec<u8>,
    tag_bytes: usize,
    valid: bool,
}

fn wycheproof(text: &str) -> Vec<Aead> {
    let file: Value = serde_json::from_str(text).unwrap();
    let mut cases = Vec::new();
    for group in file["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let field = |name: &str| bytes(test[name].as_str().unwrap());
            cases.push(Aead {
                id: test["tcId"].clone(),
                key: field("key").try_into().unwrap(),
                nonce: field("iv"),
                additional: field("aad"),
                plain: field("msg"),
                sealed: field("ct"),
                tag: field("tag"),
                tag_bytes: usize::try_from(group["tagSize"].as_u64().unwrap()).unwrap() / 8,
                valid: test["result"] == "valid",
            });
        }
    }
    assert_eq!(cases.len() as u64, file["numberOfTests"].as_u64().unwrap());
    cases
}

#[test]
fn gcm_of_wycheproof() {
    for case in wycheproof(include_str!("../vectors/sm4_gcm_test.json")) {
        let gcm = sm4::Gcm::new(&case.key);
        let mut data = case.sealed.clone();
        let opened = <&[u8; 16]>::try_from(case.tag.as_slice())
            .is_ok_and(|tag| gcm.open(&case.nonce, &case.additional, &mut data, tag).is_ok());
        assert_eq!(opened, case.valid, "tcId {}", case.id);
        assert_eq!(data, if opened { &case.plain } else { &case.sealed }.as_slice(), "tcId {}", case.id);
        if case.valid {
            assert_eq!(gcm.seal(&case.nonce, &case.additional, &mut data), *case.tag, "tcId {}", case.id);
            assert_eq!(data, case.sealed, "tcId {}", case.id);
        }
    }
}

#[test]
fn ccm_of_wycheproof() {
    for case in wycheproof(include_str!("../vectors/sm4_ccm_test.json")) {
        let Ok(ccm) = sm4::Ccm::new(&case.key, case.tag_bytes) else {
            assert!(!case.valid, "tcId {}", case.id);
            continue;
        };
        let mut data = case.sealed.clone();
        let opened = ccm.open(&case.nonce, &case.additional, &mut data, &case.tag).is_ok();
        assert_eq!(opened, case.valid, "tcId {}", case.id);
        if opened {
            assert_eq!(data, case.plain, "tcId {}", case.id);
            let tag = ccm.seal(&case.nonce, &case.additional, &mut data).unwrap();
            assert_eq!(tag[..case.tag_bytes], case.tag, "tcId {}", case.id);
            assert_eq!(data, case.sealed, "tcId {}", case.id);
        } else {
            assert!(data.iter().all(|byte| *byte == 0), "tcId {}", case.id);
        }
    }
}
