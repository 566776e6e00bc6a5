//! SM2 beside RustCrypto `sm2`, in one run: `cargo bench --bench sm2`. Messages and texts of 32 bytes.
//!
//! `openssl speed sm2` gives the figures of OpenSSL for the same machine.

use criterion::Criterion;
use criterion::criterion_group;
use criterion::criterion_main;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::domain::sm::sm2::KnownKey;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::PublicKey;
use sm2::dsa::signature::Signer;
use sm2::dsa::signature::Verifier;
use sm2::pke::DecryptingKey;
use std::hint::black_box;

const MESSAGE: [u8; 32] = [7; 32];

fn theirs(key: &PrivateKey) -> sm2::dsa::SigningKey {
    let id = std::str::from_utf8(DEFAULT_ID).expect("digits");
    sm2::dsa::SigningKey::from_slice(id, key.to_bytes().as_slice()).expect("a key")
}

fn sign(criterion: &mut Criterion) {
    let key = PrivateKey::generate(&[3; 48]);
    let theirs = theirs(&key);
    let mut group = criterion.benchmark_group("sign");
    group.bench_function("ours", |bencher| {
        bencher.iter(|| key.sign(DEFAULT_ID, &[black_box(&MESSAGE)], &[1; 32]).unwrap());
    });
    group.bench_function("RustCrypto", |bencher| {
        bencher.iter(|| -> sm2::dsa::Signature { theirs.sign(black_box(&MESSAGE)) });
    });
}

fn verify(criterion: &mut Criterion) {
    let key = PrivateKey::generate(&[3; 48]);
    let signature = key.sign(DEFAULT_ID, &[&MESSAGE], &[1; 32]).unwrap();
    let public = key.public().to_bytes();
    let known = KnownKey::new(key.public());
    let theirs = *theirs(&key).verifying_key().as_affine();
    let their_signature = sm2::dsa::Signature::from_slice(&signature.to_bytes()).expect("a signature");
    let id = std::str::from_utf8(DEFAULT_ID).expect("digits");
    let mut group = criterion.benchmark_group("verify");
    group.bench_function("ours, key never seen", |bencher| {
        bencher.iter(|| {
            let key = PublicKey::from_bytes(black_box(&public)).expect("a key");
            key.verify(DEFAULT_ID, &[black_box(&MESSAGE)], &signature)
        });
    });
    group.bench_function("ours, known key", |bencher| {
        bencher.iter(|| known.verify(DEFAULT_ID, &[black_box(&MESSAGE)], &signature));
    });
    group.bench_function("RustCrypto", |bencher| {
        bencher.iter(|| {
            let key = sm2::dsa::VerifyingKey::from_affine(id, black_box(theirs)).expect("a key");
            key.verify(black_box(&MESSAGE), &their_signature)
        });
    });
    group.bench_function("table of a known key", |bencher| bencher.iter(|| KnownKey::new(black_box(key.public()))));
}

fn encryption(criterion: &mut Criterion) {
    let key = PrivateKey::generate(&[3; 48]);
    let secret = sm2::SecretKey::from_slice(key.to_bytes().as_slice()).expect("a key");
    let theirs = DecryptingKey::new(secret);
    let sealed = key.public().encrypt(&MESSAGE, &[5; 48]).expect("a text");
    let other = PrivateKey::generate(&[4; 48]);
    let mut group = criterion.benchmark_group("encryption");
    group.bench_function("ours, encrypt", |bencher| {
        bencher.iter(|| key.public().encrypt(black_box(&MESSAGE), &[5; 48]));
    });
    group.bench_function("ours, decrypt", |bencher| bencher.iter(|| key.decrypt(black_box(&sealed))));
    group.bench_function("RustCrypto, decrypt", |bencher| bencher.iter(|| theirs.decrypt_der(black_box(&sealed))));
    group.bench_function("ours, agree", |bencher| bencher.iter(|| key.agree(black_box(other.public()))));
}

criterion_group!(benches, sign, verify, encryption);
criterion_main!(benches);
