//! Verifying an electronic licence: 100 KiB and 16 MiB, the chain seen before.
//!
//!     cargo bench --bench licence

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up must stop")]
#![allow(clippy::format_collect, reason = "some hundred bytes, once")]
#![allow(dead_code, reason = "the builder is shared with the tests")]

#[path = "../tests/licence/build.rs"]
mod build;

use build::AT;
use build::large;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use jingyue::domain::licence::Decision;
use jingyue::domain::licence::Trust;
use jingyue::domain::licence::verify;
use std::hint::black_box;

fn verification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("licence");
    for (name, bytes) in [("100 KiB", 100 << 10), ("16 MiB", 16 << 20)] {
        let (draft, file) = large(bytes);
        let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
        assert_eq!(verify(&file, &trust, AT).decision, Decision::Accept);
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| verify(black_box(&file), &trust, AT)));
    }
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
