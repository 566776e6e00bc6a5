//! Botan's files. Their cases on other curves or with other digests are left out, which the counts show.

use crate::vectors::bytes;
use jingyue::domain::sm::sm2::Order;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::PublicKey;
use jingyue::domain::sm::sm2::Signature;
use std::collections::HashMap;

/// The cases of a file: what was set when the value `last` came.
fn cases(text: &str, last: &str) -> Vec<HashMap<String, String>> {
    let mut known: HashMap<String, String> = HashMap::new();
    let mut cases = Vec::new();
    for (name, value) in text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')) {
        let name = name.trim().to_owned();
        let ends = name == last;
        known.insert(name, value.trim().trim_start_matches("0x").to_owned());
        if ends {
            cases.push(known.clone());
        }
    }
    cases
}

fn private(text: &str) -> PrivateKey {
    PrivateKey::from_bytes(&bytes(text).try_into().unwrap()).unwrap()
}

#[test]
fn signatures_of_botan() {
    let cases = cases(include_str!("../../vectors/sm2_sig.vec"), "Signature");
    assert_eq!(cases.len(), 7);
    let ours = |case: &&HashMap<String, String>| case["P"].starts_with("FFFFFFFEFFFFFFFF") && case["Hash"] == "SM3";
    let mut count = 0;
    for case in cases.iter().filter(ours) {
        let key = private(&case["x"]);
        let signature = Signature::from_bytes(&bytes(&case["Signature"]).try_into().unwrap()).unwrap();
        let (id, message) = (case["Ident"].as_bytes(), bytes(&case["Msg"]));
        assert!(key.public().verify(id, &[&message], &signature).is_ok());
        assert!(key.public().verify(b"", &[&message], &signature).is_err());
        count += 1;
    }
    assert_eq!(count, 1);
}

/// The key of `sm2_invalid.vec` is on our curve; what must be refused is.
#[test]
fn ciphertexts_of_botan_that_are_wrong() {
    let cases = cases(include_str!("../../vectors/sm2_invalid.vec"), "Ctext");
    assert_eq!(cases.len(), 20);
    let key = private(&cases[0]["Key"]);
    for case in &cases {
        let ciphertext = bytes(&case["Ctext"]);
        assert!(key.decrypt(&ciphertext).is_err(), "{}", case["Ctext"]);
        assert!(key.decrypt_raw(&ciphertext, Order::C1C3C2).is_err());
    }
}

/// Nothing of `sm2_enc.vec` is on our curve: its points must be refused.
#[test]
fn points_of_another_curve() {
    let cases = cases(include_str!("../../vectors/sm2_enc.vec"), "Ciphertext");
    assert!(cases.len() > 3);
    let key = super::key(1);
    for case in cases {
        assert!(case["P"].starts_with("8542D69E"));
        assert!(key.decrypt(&bytes(&case["Ciphertext"])).is_err());
        let point = [&[4], bytes(&case["xG"]).as_slice(), bytes(&case["yG"]).as_slice()].concat();
        assert!(PublicKey::from_bytes(&point).is_err());
    }
}
