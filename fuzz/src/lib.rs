//! The fuzz targets by name: each is a body in the library, with what it needs around it.
//!
//! `tests/fuzz` runs the same bodies over the kept corpus and over damaged copies of it, without a fuzzer.

#![allow(clippy::unwrap_used, reason = "the samples of the repository are there and right")]

#[path = "../../tests/tlcp/support.rs"]
#[allow(dead_code, reason = "shared with tests/tlcp")]
mod support;

use jingyue::domain::envelope;
use jingyue::domain::format;
use jingyue::domain::key::file;
use jingyue::domain::licence;
use jingyue::domain::licence::Trust;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::tlcp::{ClientConfig, ServerConfig, probe_client, probe_record, probe_server};
use std::sync::{Arc, LazyLock};
use support::{NOW, known_client_config, mutual_config, name, tests_folder};

/// A body: whatever the bytes are, it comes back.
pub type Body = fn(&[u8]);

/// Every target and its body. A folder of the same name under `fuzz/corpus` holds its corpus.
pub const TARGETS: &[(&str, Body)] = &[
    ("certificate", envelope::damage::certificate),
    ("ciphertext", ciphertext),
    ("delimited", format::damage::delimited),
    ("envelope", envelope::damage::enveloped),
    ("fixed", format::damage::fixed),
    ("form", format::damage::form),
    ("json", format::damage::json),
    ("key", key_file),
    ("licence", licence_file),
    ("list", envelope::damage::list),
    ("message", envelope::damage::message),
    ("record", probe_record),
    ("request", envelope::damage::request),
    ("signature", envelope::damage::signature),
    ("tlcp_client", tlcp_client),
    ("tlcp_server", tlcp_server),
    ("xml", format::damage::xml),
    ("zip", licence::fuzz_container),
];

/// Runs the body of that name.
///
/// # Panics
/// When there is none, or the body finds what must not be.
pub fn run(target: &str, bytes: &[u8]) {
    let (_, body) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    body(bytes);
}

/// An SM2 ciphertext, read in each form, and opened with the key that those of the corpus are for.
fn ciphertext(bytes: &[u8]) {
    static KEY: LazyLock<PrivateKey> = LazyLock::new(|| {
        file::read(&std::fs::read(tests_folder().join("keys/sm/gateway.key")).unwrap(), None).unwrap()
    });
    envelope::damage::ciphertext(bytes);
    envelope::damage::ciphertext_for(&KEY, bytes);
}

/// A key file, without a password and with that of the corpus.
fn key_file(bytes: &[u8]) {
    static PASSWORD: LazyLock<Vec<u8>> =
        LazyLock::new(|| std::fs::read(tests_folder().join("keys/sm/key.password")).unwrap().trim_ascii_end().to_vec());
    envelope::damage::key(bytes);
    envelope::damage::key_with(&PASSWORD, bytes);
}

/// An electronic licence under the trust of the samples.
fn licence_file(bytes: &[u8]) {
    static TRUST: LazyLock<Trust> = LazyLock::new(|| {
        let folder = tests_folder().join("licence/samples/pki");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())
        });
        Trust::of_files(&files.collect::<Vec<_>>()).unwrap()
    });
    licence::fuzz(bytes, &TRUST);
}

/// What a client may send to a server that asks for its certificates.
fn tlcp_server(bytes: &[u8]) {
    static CONFIG: LazyLock<Arc<ServerConfig>> = LazyLock::new(|| Arc::new(mutual_config()));
    probe_server(&CONFIG, NOW, bytes);
}

/// What a server may send to a client with certificates.
fn tlcp_client(bytes: &[u8]) {
    static CONFIG: LazyLock<Arc<ClientConfig>> = LazyLock::new(|| Arc::new(known_client_config()));
    probe_client(&CONFIG, name("localhost"), NOW, bytes);
}
