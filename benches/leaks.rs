//! Whether time tells a secret: Welch's t of a fixed input against random ones (O. Reparaz and others, *Dude, is my
//! code constant time?*, DATE 2017). The controls leak on purpose and have to be found.
//!
//! Fails when |t| of a subject is above 10, or that of a control is not. A noisy machine makes t smaller, never larger:
//! both classes are taken in random order and suffer alike.

#![allow(clippy::cast_precision_loss, reason = "statistics")]

use jingyue::domain::sm;
use jingyue::domain::sm::sm3;
use jingyue::domain::sm::sm4;
use jingyue::domain::sm::sm4::Product;
use jingyue::domain::sm::sm4::Way;
use jingyue::domain::tlcp::RecordProbe;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

const SAMPLES: usize = 20_000;
const T_MAX: f64 = 10.0;

/// How often a subject runs within one sample: the clock is coarser than the subjects.
const REPEATS: usize = 8;

/// Thirty-two bytes of an input that can be had again.
fn noise(count: usize) -> [u8; 32] {
    sm3::digest_parts(&[b"leaks", &count.to_le_bytes()])
}

/// Welch's t of the times of `run` on `fixed` against random inputs, without the slowest tenth of all.
fn t_of(fixed: [u8; 32], mut run: impl FnMut(&[u8; 32])) -> f64 {
    let mut times = Vec::with_capacity(SAMPLES);
    for sample in 0..SAMPLES {
        let drawn = noise(sample);
        let random = drawn[31] & 1 == 1;
        // Both classes read and copy the same.
        let input = if random { noise(!sample) } else { noise(!sample).map(|_| 0) };
        let input: [u8; 32] = std::array::from_fn(|at| if random { input[at] } else { fixed[at] });
        let start = Instant::now();
        for _ in 0..REPEATS {
            run(black_box(&input));
        }
        times.push((random, start.elapsed().as_nanos() as f64));
    }
    let mut sorted: Vec<f64> = times.iter().map(|(_, time)| *time).collect();
    sorted.sort_by(f64::total_cmp);
    let limit = sorted[SAMPLES * 9 / 10];
    let moments = |class: bool| {
        let kept: Vec<f64> =
            times.iter().filter(|(of, time)| *of == class && *time <= limit).map(|(_, t)| *t).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    };
    let ((fixed_mean, fixed_error), (random_mean, random_error)) = (moments(false), moments(true));
    (fixed_mean - random_mean) / (fixed_error + random_error).sqrt()
}

fn first_half(input: &[u8; 32]) -> [u8; 16] {
    std::array::from_fn(|at| input[at])
}

/// The control: compares until the first difference.
#[inline(never)]
fn equal_with_a_leak(left: &[u8], right: &[u8]) -> bool {
    left.iter().zip(right).all(|(left, right)| black_box(left) == right)
}

fn subjects() -> Vec<(String, f64)> {
    let mut found = Vec::new();
    for way in Way::here() {
        found.push((
            format!("SM4 key schedule, {way:?}"),
            t_of([0; 32], |input| {
                black_box(sm4::Key::with_way(&first_half(input), way));
            }),
        ));
        let key = sm4::Key::with_way(&[1; 16], way).expect("a way that is here");
        found.push((
            format!("SM4 block, {way:?}"),
            t_of([0; 32], |input| {
                let mut data = *input;
                let _ = black_box(sm4::ecb_encrypt(&key, &mut data[..16]));
            }),
        ));
        found.push((
            format!("SM4 CTR, {way:?}"),
            t_of([0; 32], |input| {
                let mut data = *input;
                sm4::ctr(&key, &first_half(input), black_box(&mut data));
            }),
        ));
    }
    for product in Product::here() {
        let gcm = sm4::Gcm::with_ways(&[1; 16], Way::best(), product).expect("ways that are here");
        found.push((
            format!("GHASH, {product:?}"),
            t_of([0; 32], |input| {
                black_box(gcm.seal(&[1; 12], input, &mut []));
            }),
        ));
    }
    let key = sm4::Key::new(&[1; 16]);
    // Both classes are refused: one for the first byte of a padding of sixteen, the other for the last or any.
    let mut fixed = [16; 32];
    fixed[16] = 0;
    found.push((
        "CBC padding".to_owned(),
        t_of(fixed, |input| {
            let mut last = first_half(&std::array::from_fn(|at| input[(at + 16) % 32]));
            last[15] |= 16;
            last[0] &= 0xef;
            let mut sealed = last;
            let _ = sm4::cbc_encrypt(&key, &[0; 16], &mut sealed);
            let _ = black_box(sm4::cbc_open(&key, &[0; 16], &sealed));
        }),
    ));
    let probe = RecordProbe::new(&RECORD_KEY, &CODE_KEY);
    for (name, records) in pairs(&probe) {
        found.push((format!("TLCP record, {name}"), t_of_records(&records, |record| probe.opens(record))));
    }
    found
}

const RECORD_KEY: [u8; 16] = [7; 16];
const CODE_KEY: [u8; 32] = [9; 32];
/// Content, code and padding of the records of TLCP that are tried: 320 bytes, so that every padding fits.
const TEXT_BYTES: usize = 320;
const RECORD_BYTES: usize = 16 + TEXT_BYTES;

/// A record of `TEXT_BYTES` with that many bytes of padding (and one more), changed by `change` before it is encrypted.
fn record(probe: &RecordProbe, padding: u8, change: impl Fn(&mut [u8])) -> [u8; RECORD_BYTES] {
    let content = vec![b'x'; TEXT_BYTES - 33 - usize::from(padding)];
    let code = probe.code(&CODE_KEY, &content);
    let mut text = [&content[..], &code, &vec![padding; usize::from(padding) + 1]].concat();
    change(&mut text);
    probe.record(&text).ok().and_then(|record| record.try_into().ok()).expect("a whole number of blocks")
}

/// Two kinds of wrong records, of one length: what is wrong with them must not be told by the time of the refusal.
fn pairs(probe: &RecordProbe) -> [(&'static str, [[u8; RECORD_BYTES]; 2]); 3] {
    let wrong_code = |padding| record(probe, padding, |text| text[TEXT_BYTES - 34 - usize::from(padding)] ^= 1);
    let last = TEXT_BYTES - 1;
    [
        ("code or padding, long", [wrong_code(255), record(probe, 255, |text| text[last - 255] ^= 1)]),
        ("code or padding, short", [wrong_code(0), record(probe, 0, |text| text[last] = 200)]),
        ("code after long or short padding", [wrong_code(255), wrong_code(0)]),
    ]
}

/// t of opening one or the other of two records.
fn t_of_records(records: &[[u8; RECORD_BYTES]; 2], opens: impl Fn(&mut [u8]) -> bool) -> f64 {
    let mut buffer = [0; RECORD_BYTES];
    t_of([0; 32], |input| {
        // A random input has a bit in its first seven bytes but once in 2^56.
        let which = usize::from(input[..7].iter().fold(0, |bits, byte| bits | byte) != 0);
        buffer.copy_from_slice(black_box(&records[which]));
        assert!(!black_box(opens(&mut buffer)), "both kinds are refused");
    })
}

/// The control: opens a record as the standard's text reads, padding first, then the code over what is left of it.
fn opens_with_a_leak(key: &sm4::Key, record: &mut [u8]) -> bool {
    let Some((iv, text)) = record.split_first_chunk_mut::<16>() else { return false };
    if sm4::cbc_decrypt(key, iv, text).is_err() {
        return false;
    }
    let padding = text[TEXT_BYTES - 1];
    let Some(length) = (TEXT_BYTES - 33).checked_sub(usize::from(padding)) else { return false };
    if text[length + 32..].iter().any(|byte| *byte != padding) {
        return false;
    }
    let header = [&[0; 8][..], &[23, 1, 1], &u16::try_from(length).unwrap_or(0).to_be_bytes()].concat();
    sm::hmac(&CODE_KEY, &[&header, &text[..length]]) == text[length..length + 32]
}

fn controls() -> Vec<(String, f64)> {
    let secret = [0; 32];
    let table: Vec<u8> = (0..1 << 22).map(|at: u32| at.to_le_bytes()[0]).collect();
    let (probe, key) = (RecordProbe::new(&RECORD_KEY, &CODE_KEY), sm4::Key::new(&RECORD_KEY));
    let planted = pairs(&probe).map(|(name, records)| {
        (format!("planted: TLCP record, {name}"), t_of_records(&records, |record| opens_with_a_leak(&key, record)))
    });
    let mut found = vec![
        (
            "planted: comparison that stops early".to_owned(),
            t_of([0; 32], |input| {
                black_box(equal_with_a_leak(black_box(&secret), input));
            }),
        ),
        (
            "planted: look-up in a large table".to_owned(),
            t_of([0; 32], |input| {
                let place = usize::from(input[0]) << 14 | usize::from(input[1]) << 6;
                black_box(table[place]);
                let weight = input.iter().map(|byte| byte.count_ones()).sum::<u32>();
                black_box((0..weight).fold(0u32, |sum, at| black_box(sum ^ at)));
            }),
        ),
    ];
    found.extend(planted);
    found
}

fn main() -> ExitCode {
    let mut right = true;
    for (name, t) in controls() {
        right &= t.abs() > T_MAX;
        println!("{name}: t = {t:.1}{}", if t.abs() > T_MAX { "" } else { "  NOT FOUND" });
    }
    for (name, t) in subjects() {
        right &= t.abs() <= T_MAX;
        println!("{name}: t = {t:.1}{}", if t.abs() > T_MAX { "  LEAKS" } else { "" });
    }
    if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
