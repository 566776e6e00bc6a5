//! Whether the time of signing, decrypting and agreeing shows the private key: `cargo bench --bench leaks_sm2`.
//!
//! In the manner of dudect (Reparaz, Balasch and Verbauwhede 2016): the same operation with one extreme key and with
//! random keys, in random order, and Welch's t over the times below a percentile, for several percentiles. |t| above
//! [`LIMIT`] means that the times differ. A comparison that stops at the first difference is measured as a control: if
//! that does not show, the run says nothing and fails.
//!
//! Not part of the tests: it needs a quiet machine.

#![allow(clippy::cast_precision_loss, reason = "times are far below 2^53 ns")]

use jingyue::domain::sm::kdf;
use jingyue::domain::sm::sm2::PrivateKey;
use jingyue::domain::sm::sm2::PublicKey;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

/// dudect takes 10 for certain.
const LIMIT: f64 = 10.0;

const TIMES: usize = 60_000;

fn bytes<const N: usize>(label: &[u8], number: usize) -> [u8; N] {
    let mut bytes = [0; N];
    kdf::fill(&[label, &number.to_be_bytes()], &mut bytes);
    bytes
}

/// Welch's t of two lists of times.
fn welch(times: [&[f64]; 2]) -> f64 {
    let [(mean_a, square_a), (mean_b, square_b)] = times.map(|times| {
        let count = times.len() as f64;
        let mean = times.iter().sum::<f64>() / count;
        let variance = times.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        (mean, variance / count)
    });
    (mean_a - mean_b) / (square_a + square_b).sqrt()
}

/// The greatest |t| over the percentiles, of an operation on an input of class 0 or 1.
fn measure<T>(name: &str, inputs: [&dyn Fn(usize) -> T; 2], operation: impl Fn(&T, usize)) -> f64 {
    let mut times: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    for number in 0..TIMES {
        let class = usize::from(bytes::<1>(name.as_bytes(), number)[0] & 1);
        let input = inputs[class](number);
        let start = Instant::now();
        operation(black_box(&input), number);
        let time = start.elapsed().as_nanos() as f64;
        // The first ones warm up caches and tables.
        if number > TIMES / 20 {
            times[class].push(time);
        }
    }
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    let mut worst = 0.0_f64;
    for percent in [50, 75, 90, 95, 100] {
        let limit = all[(all.len() * percent / 100).min(all.len() - 1)];
        let below =
            times.each_ref().map(|times| times.iter().copied().filter(|time| *time <= limit).collect::<Vec<_>>());
        worst = worst.max(welch([&below[0], &below[1]]).abs());
    }
    println!("{name:<10} median {:>9.0} ns   |t| at most {worst:.2}", all[all.len() / 2]);
    worst
}

fn main() -> ExitCode {
    // Few bits, so that nearly every digit is zero; the same work as with any other key, or it shows.
    let extreme = PrivateKey::from_bytes(&{
        let mut number = [0; 32];
        number[31] = 3;
        number
    })
    .expect("in range");
    let random: Vec<PrivateKey> = (0..256).map(|number| PrivateKey::generate(&bytes(b"key", number))).collect();
    let pick = |number: usize| usize::from(bytes::<1>(b"pick", number)[0]);
    let others: Vec<PublicKey> =
        (0..256).map(|number| *PrivateKey::generate(&bytes(b"other", number)).public()).collect();
    let keys: [&dyn Fn(usize) -> PrivateKey; 2] = [&|_| extreme.clone(), &|number| random[pick(number)].clone()];

    let sign = measure("sign", keys, |key, number| {
        black_box(key.sign_digest(&bytes(b"digest", number % 512), &[1; 32]));
    });
    let agree = measure("agree", keys, |key, number| {
        black_box(key.agree(&others[number % 256])).expect("a point");
    });
    let sealed = |key: &PrivateKey, number: usize| {
        let sealed = key.public().encrypt(b"0123456789abcdef", &bytes(b"nonce", number)).expect("a text");
        (key.clone(), sealed)
    };
    let of_extreme: Vec<_> = (0..256).map(|number| sealed(&extreme, number)).collect();
    let of_random: Vec<_> = (0..256).map(|number| sealed(&random[number], number)).collect();
    let texts: [&dyn Fn(usize) -> (PrivateKey, Vec<u8>); 2] =
        [&|number| of_extreme[pick(number)].clone(), &|number| of_random[pick(number)].clone()];
    let decrypt = measure("decrypt", texts, |(key, sealed), _| {
        black_box(key.decrypt(sealed)).expect("a text");
    });

    // The control: compares byte by byte with a secret and stops at the first difference.
    let secret = bytes::<2048>(b"secret", 0);
    let guesses: [&dyn Fn(usize) -> Vec<u8>; 2] =
        [&|_| secret.to_vec(), &|number| bytes::<2048>(b"guess", number).to_vec()];
    let control = measure("control", guesses, |guess, _| {
        black_box(guess.iter().zip(&secret).take_while(|(one, other)| black_box(one) == black_box(other)).count());
    });

    if control < LIMIT {
        println!("the control does not show: this run says nothing");
        return ExitCode::FAILURE;
    }
    if [sign, agree, decrypt].iter().any(|t| *t > LIMIT) {
        println!("a private key shows in the time");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
