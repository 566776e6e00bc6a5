//! `jingyue sm speed`: how fast this machine computes, as `openssl speed` tells it: one thread, real operations.

use crate::cli::check::Format;
use crate::domain::sm;
use crate::domain::sm::sm2::DEFAULT_ID;
use crate::domain::sm::sm2::KnownKey;
use crate::domain::sm::sm2::PrivateKey;
use crate::domain::sm::sm4;
use crate::edge::clock::Clock;
use std::hint::black_box;
use std::time::Duration;

/// Size of the data that the symmetric algorithms are measured with, in bytes.
const CHUNK_BYTES: usize = 16 << 10;

/// One line of the report: the key in JSON, what it is, its unit, and one operation.
struct Line<'a> {
    key: &'static str,
    meaning: &'static str,
    /// Bytes of one operation; 0: operations are counted.
    bytes: usize,
    once: Box<dyn FnMut() + 'a>,
}

/// Measures for about `seconds` each, and tells.
pub(super) fn run(seconds: u32, format: Format) {
    let length = Duration::from_secs(seconds.into());
    let mut report = serde_json::Map::new();
    measure(&mut |mut line| {
        let rate = per_second(length, &mut *line.once);
        match (format, line.bytes) {
            (Format::Json, 0) => {
                report.insert(line.key.into(), rate.round().into());
            }
            (Format::Json, bytes) => {
                report.insert(line.key.into(), megabytes(rate, bytes).into());
            }
            (Format::Text, 0) => tell!("{:<24}{:>12.0} 次/秒", line.meaning, rate),
            (Format::Text, bytes) => tell!("{:<24}{:>12.1} MB/秒", line.meaning, megabytes(rate, bytes)),
        }
    });
    if format == Format::Json {
        tell!("{:#}", serde_json::Value::from(report));
    }
}

/// Makes the lines ready, and hands over one after the other.
fn measure(take: &mut dyn FnMut(Line<'_>)) {
    // Keys and data that nobody uses for anything else.
    let key = PrivateKey::generate(&[0x5a; 48]);
    let (public, known) = (*key.public(), KnownKey::new(key.public()));
    let digest = sm::digest(b"jingyue sm speed");
    let Ok(signature) = key.sign(DEFAULT_ID, &[&digest], &[1; 32]) else { return };
    let ciphertext = public.encrypt(&digest, &[2; 48]).unwrap_or_default();
    let (block_key, gcm) = (sm4::Key::new(&[3; 16]), sm4::Gcm::new(&[3; 16]));
    let data = vec![7; CHUNK_BYTES];
    let (mut counted, mut opened, mut sealed) = (data.clone(), data.clone(), data.clone());
    let mut noise = [0_u8; 32];
    let lines = [
        Line {
            key: "sm2_sign",
            meaning: "SM2 签名",
            bytes: 0,
            once: Box::new(|| {
                noise[0] = noise[0].wrapping_add(1);
                let _ = black_box(key.sign(DEFAULT_ID, &[black_box(&digest)], &noise));
            }),
        },
        Line {
            key: "sm2_verify",
            meaning: "SM2 验签，初次见到的公钥",
            bytes: 0,
            once: Box::new(|| {
                let _ = black_box(public.verify(DEFAULT_ID, &[black_box(&digest)], &signature));
            }),
        },
        Line {
            key: "sm2_verify_known_key",
            meaning: "SM2 验签，常见公钥",
            bytes: 0,
            once: Box::new(|| {
                let _ = black_box(known.verify(DEFAULT_ID, &[black_box(&digest)], &signature));
            }),
        },
        Line {
            key: "sm2_decrypt",
            meaning: "SM2 解密，32 字节",
            bytes: 0,
            once: Box::new(|| {
                let _ = black_box(key.decrypt(black_box(&ciphertext)));
            }),
        },
        Line {
            key: "sm3_16k",
            meaning: "SM3，16 KiB",
            bytes: CHUNK_BYTES,
            once: Box::new(|| {
                black_box(sm::digest(black_box(&data)));
            }),
        },
        Line {
            key: "sm4_ctr_16k",
            meaning: "SM4-CTR，16 KiB",
            bytes: CHUNK_BYTES,
            once: Box::new(|| sm4::ctr(&block_key, &[9; 16], black_box(&mut counted))),
        },
        Line {
            key: "sm4_cbc_decrypt_16k",
            meaning: "SM4-CBC 解密，16 KiB",
            bytes: CHUNK_BYTES,
            once: Box::new(|| {
                let _ = sm4::cbc_decrypt(&block_key, &[9; 16], black_box(&mut opened));
            }),
        },
        Line {
            key: "sm4_gcm_16k",
            meaning: "SM4-GCM 加密，16 KiB",
            bytes: CHUNK_BYTES,
            once: Box::new(|| {
                black_box(gcm.seal(&[9; 12], &[], black_box(&mut sealed)));
            }),
        },
    ];
    lines.into_iter().for_each(take);
}

/// 10⁶ bytes a second, one decimal.
#[allow(clippy::cast_precision_loss, reason = "a few thousand bytes are exact")]
fn megabytes(rate: f64, bytes: usize) -> f64 {
    (rate * bytes as f64 / 1e5).round() / 10.0
}

/// Operations a second: the best of five pieces, since whatever else the machine does only makes it slower.
#[allow(clippy::cast_precision_loss, reason = "counts of some seconds are exact")]
fn per_second(length: Duration, once: &mut dyn FnMut()) -> f64 {
    let piece = length / 5;
    let mut best: f64 = 0.0;
    once();
    for _ in 0..5 {
        let (start, mut count) = (Clock::System.monotonic(), 0_u64);
        let took = loop {
            for _ in 0..8 {
                once();
            }
            count += 8;
            let took = Clock::System.monotonic().saturating_sub(start);
            if took >= piece {
                break took;
            }
        };
        best = best.max(count as f64 / took.as_secs_f64());
    }
    best
}
