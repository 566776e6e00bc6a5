//! SM3 and SM4 against RustCrypto, in one run: the ratio is what counts. Then, if there is one, `openssl speed`.

use aes_gcm::aead::AeadInOut;
use cbc::cipher::BlockModeDecrypt;
use cbc::cipher::KeyIvInit;
use cbc::cipher::block_padding::NoPadding;
use criterion::BenchmarkId;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use ctr::cipher::StreamCipher;
use jingyue::domain::sm::mac::MacKey;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use rustcrypto_hmac::KeyInit;
use rustcrypto_hmac::Mac;
use rustcrypto_sm3::Digest;
use rustcrypto_sm3::Sm3;
use rustcrypto_sm4::Sm4;
use std::hint::black_box;
use std::time::Duration;

const KEY: [u8; 16] = [0x42; 16];
const MESSAGE_BYTES: usize = 16 * 1024;

type PeerGcm = aes_gcm::AesGcm<Sm4, aes_gcm::aead::consts::U12>;

fn hashes(criterion: &mut Criterion) {
    let message = vec![7; MESSAGE_BYTES];
    let mut group = criterion.benchmark_group("sm3");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    for length in [64, 1024, MESSAGE_BYTES] {
        let message = &message[..length];
        group.throughput(Throughput::Bytes(length as u64));
        group.bench_function(BenchmarkId::new("ours", length), |bencher| {
            bencher.iter(|| sm3::digest_parts(&[black_box(message)]));
        });
        group.bench_function(BenchmarkId::new("rustcrypto", length), |bencher| {
            bencher.iter(|| Sm3::digest(black_box(message)));
        });
    }
    group.throughput(Throughput::Bytes(MESSAGE_BYTES as u64));
    let messages = [&message[..1024]; 16];
    let mut digests = [[0; 32]; 16];
    for way in sm3::Way::here() {
        group.bench_function(BenchmarkId::new("sixteen of 1024", format!("{way:?}")), |bencher| {
            bencher.iter(|| sm3::digest_many_with(way, black_box(&messages), &mut digests));
        });
    }
    group.throughput(Throughput::Bytes(1024));
    let mac = MacKey::new(&KEY);
    group.bench_function("HMAC of 1024/ours", |bencher| bencher.iter(|| mac.tag(&[black_box(&message[..1024])])));
    let peer = rustcrypto_hmac::Hmac::<Sm3>::new_from_slice(&KEY).expect("HMAC takes a key of any length");
    group.bench_function("HMAC of 1024/rustcrypto", |bencher| {
        bencher.iter(|| {
            let mut mac = peer.clone();
            mac.update(black_box(&message[..1024]));
            mac.finalize()
        });
    });
    group.finish();
}

fn ciphers(criterion: &mut Criterion) {
    let mut data = vec![7; MESSAGE_BYTES];
    let mut group = criterion.benchmark_group("sm4");
    group.sample_size(20).warm_up_time(Duration::from_millis(200)).measurement_time(Duration::from_millis(800));
    group.throughput(Throughput::Bytes(MESSAGE_BYTES as u64));
    for way in sm4::Way::here() {
        let key = sm4::Key::with_way(&KEY, way).expect("a way that is here");
        group.bench_function(BenchmarkId::new("CTR", format!("{way:?}")), |bencher| {
            bencher.iter(|| sm4::ctr(&key, &[1; 16], black_box(&mut data)));
        });
        group.bench_function(BenchmarkId::new("CBC back", format!("{way:?}")), |bencher| {
            bencher.iter(|| sm4::cbc_decrypt(&key, &[1; 16], black_box(&mut data)));
        });
    }
    let key = sm4::Key::new(&KEY);
    group.bench_function("CBC/ours", |bencher| {
        bencher.iter(|| sm4::cbc_encrypt(&key, &[1; 16], black_box(&mut data)));
    });
    let gcm = sm4::Gcm::new(&KEY);
    group.bench_function("GCM/ours", |bencher| bencher.iter(|| gcm.seal(&[1; 12], &[], black_box(&mut data))));
    group.bench_function("CTR/rustcrypto", |bencher| {
        let mut peer = ctr::Ctr128BE::<Sm4>::new(&KEY.into(), &[1; 16].into());
        bencher.iter(|| peer.apply_keystream(black_box(&mut data)));
    });
    group.bench_function("CBC back/rustcrypto", |bencher| {
        bencher.iter(|| {
            let peer = cbc::Decryptor::<Sm4>::new(&KEY.into(), &[1; 16].into());
            peer.decrypt_padded::<NoPadding>(black_box(&mut data)).map(<[u8]>::len)
        });
    });
    group.bench_function("GCM/rustcrypto", |bencher| {
        let peer = <PeerGcm as KeyInit>::new(&KEY.into());
        bencher.iter(|| peer.encrypt_inout_detached(&[1; 12].into(), &[], black_box(data.as_mut_slice()).into()));
    });
    group.throughput(Throughput::Bytes(64));
    group.bench_function("GCM of 64/ours", |bencher| {
        bencher.iter(|| gcm.seal(&[1; 12], &[], black_box(&mut data[..64])));
    });
    group.bench_function("GCM key/ours", |bencher| bencher.iter(|| sm4::Gcm::new(black_box(&KEY))));
    group.finish();
}

/// OpenSSL times itself; SM4-GCM came with version 3.1 and is left out before.
fn openssl(_: &mut Criterion) {
    for name in ["sm3", "sm4-ctr", "sm4-cbc", "sm4-gcm"] {
        let arguments = ["speed", "-seconds", "1", "-bytes", "16384", "-evp", name];
        let Ok(output) = std::process::Command::new("openssl").args(arguments).output() else { return };
        let text = String::from_utf8_lossy(&output.stdout);
        println!("openssl {name}: {}", text.lines().last().unwrap_or("not offered"));
    }
}

criterion_group!(benches, hashes, ciphers, openssl);
criterion_main!(benches);
