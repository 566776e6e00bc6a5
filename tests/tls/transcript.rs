//! A connection recorded between our client and OpenSSL 4 (`tests/vectors/rfc8998-openssl4.txt`), read again piece by
//! piece: what the other implementation sealed, signed and finished must be right for ours.
//!
//! Only the algorithms behind rustls are used, so the key schedule is written down here once more, after RFC 8446,
//! section 7.1.

use jingyue::domain::sm;
use jingyue::edge::tls::{SM2SIG_SM3, sm_provider};
use rustls::Tls13CipherSuite;
use rustls::crypto::cipher::{AeadKey, InboundOpaqueMessage, Iv, MessageDecrypter};
use rustls::{ContentType, ProtocolVersion};
use std::collections::HashMap;

fn recorded() -> HashMap<&'static str, Vec<u8>> {
    let text = include_str!("../vectors/rfc8998-openssl4.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let bytes = |digits: &str| {
        let pair = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        (0..digits.len()).step_by(2).map(pair).collect()
    };
    lines.map(|line| line.split_once(' ').map(|(name, digits)| (name, bytes(digits))).unwrap()).collect()
}

/// HKDF-Expand-Label with an empty context, for at most one digest.
fn expand(secret: &[u8], label: &str, length: u8) -> Vec<u8> {
    let label = format!("tls13 {label}");
    let mut info = vec![0, length, u8::try_from(label.len()).unwrap()];
    info.extend_from_slice(label.as_bytes());
    info.push(0);
    let block = sm::hmac(secret, &[&info, &[1]]);
    block[..usize::from(length)].to_vec()
}

/// Opens the records under one secret.
struct Opener {
    decrypter: Box<dyn MessageDecrypter>,
    sequence: u64,
}

impl Opener {
    fn new(suite: &Tls13CipherSuite, secret: &[u8]) -> Self {
        let mut key = [0; 32];
        key[..16].copy_from_slice(&expand(secret, "key", 16));
        let iv = Iv::copy(&expand(secret, "iv", 12));
        Self { decrypter: suite.aead_alg.decrypter(AeadKey::from(key), iv), sequence: 0 }
    }

    /// Type and contents.
    fn open(&mut self, record: &[u8]) -> (ContentType, Vec<u8>) {
        let mut payload = record[5..].to_vec();
        let message = InboundOpaqueMessage::new(ContentType::ApplicationData, ProtocolVersion::TLSv1_2, &mut payload);
        let opened = self.decrypter.decrypt(message, self.sequence).unwrap();
        self.sequence += 1;
        (opened.typ, opened.payload.to_vec())
    }
}

/// Records of a stream of bytes, headers included.
fn records(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let length = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        let (record, rest) = bytes.split_at(length);
        records.push(record);
        bytes = rest;
    }
    records
}

const HANDSHAKE: u8 = 22;
const APPLICATION_DATA: u8 = 23;

#[test]
fn what_openssl_sent_is_right() {
    let recorded = recorded();
    let suite = sm_provider().cipher_suites[0].tls13().unwrap();
    let (client, server) = (records(&recorded["client"]), records(&recorded["server"]));
    let plain = |record: &[u8]| record[5..].to_vec();
    let mut transcript: Vec<u8> = plain(client[0]);
    assert_eq!((client[0][0], server[0][0]), (HANDSHAKE, HANDSHAKE));
    transcript.extend(plain(server[0]));

    // The server's flight under its handshake secret: type, three bytes of length, body.
    let mut sealed = server[1..].iter().filter(|record| record[0] == APPLICATION_DATA);
    let secret = &recorded["SERVER_HANDSHAKE_TRAFFIC_SECRET"];
    let mut opener = Opener::new(suite, secret);
    let mut flight = Vec::new();
    let mut seen = Vec::new();
    while !seen.contains(&20) {
        let (kind, contents) = opener.open(sealed.next().unwrap());
        assert_eq!(kind, ContentType::Handshake);
        flight.extend(contents);
        while flight.len() >= 4 {
            let length =
                4 + usize::from(flight[1]) * 0x1_0000 + usize::from(flight[2]) * 0x100 + usize::from(flight[3]);
            if flight.len() < length {
                break;
            }
            let message: Vec<u8> = flight.drain(..length).collect();
            match message[0] {
                15 => check_signature(&message[4..], &transcript, &seen_certificate(&transcript)),
                20 => {
                    let key = expand(secret, "finished", 32);
                    assert_eq!(message[4..], sm::hmac(&key, &[&sm::digest(&transcript)]));
                }
                _ => {}
            }
            seen.push(message[0]);
            transcript.extend(message);
        }
    }
    // EncryptedExtensions, Certificate, CertificateVerify, Finished.
    assert_eq!(seen, [8, 11, 15, 20]);

    // Tickets and the answer follow under the application secret; our own question under ours.
    let mut opener = Opener::new(suite, &recorded["SERVER_TRAFFIC_SECRET_0"]);
    let answers: Vec<_> = sealed.map(|record| opener.open(record)).collect();
    assert!(answers.iter().any(|(kind, text)| *kind == ContentType::ApplicationData && text == "国密".as_bytes()));
    let mut own = client[1..].iter().filter(|record| record[0] == APPLICATION_DATA);
    let mut opener = Opener::new(suite, &recorded["CLIENT_HANDSHAKE_TRAFFIC_SECRET"]);
    assert_eq!(opener.open(own.next().unwrap()).1[0], 20);
    let mut opener = Opener::new(suite, &recorded["CLIENT_TRAFFIC_SECRET_0"]);
    assert_eq!(opener.open(own.next().unwrap()), (ContentType::ApplicationData, b"ask?".to_vec()));
}

/// The public key of the last message of the transcript, a Certificate: behind the name of the curve of SM2 stands
/// the bit string.
fn seen_certificate(transcript: &[u8]) -> Vec<u8> {
    let marker = [0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d, 0x03, 0x42, 0x00];
    let at = transcript.windows(marker.len()).position(|window| window == marker).unwrap() + marker.len();
    transcript[at..at + 65].to_vec()
}

/// CertificateVerify: scheme, length, signature, over what RFC 8446, section 4.4.3 puts before the transcript's hash.
fn check_signature(body: &[u8], transcript: &[u8], public_key: &[u8]) {
    assert_eq!(body[..2], u16::from(SM2SIG_SM3).to_be_bytes());
    let mut message = vec![0x20; 64];
    message.extend_from_slice(b"TLS 1.3, server CertificateVerify\0");
    message.extend_from_slice(&sm::digest(transcript));
    let algorithms = sm_provider().signature_verification_algorithms;
    let (_, algorithms) = algorithms.mapping.iter().find(|(scheme, _)| *scheme == SM2SIG_SM3).unwrap();
    algorithms[0].verify_signature(public_key, &message, &body[4..]).unwrap();
    message[64] ^= 1;
    algorithms[0].verify_signature(public_key, &message, &body[4..]).unwrap_err();
}
