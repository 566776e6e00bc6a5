//! Verifying an electronic licence: 100 KiB and 16 MiB, the chain seen before.
//!
//!     cargo bench --bench licence

#![allow(clippy::unwrap_used, reason = "a bench that cannot be set up must stop")]
#![allow(clippy::format_collect, reason = "some hundred bytes, once")]
#![allow(dead_code, reason = "the builder is shared with the tests")]

#[path = "../tests/licence/build.rs"]
mod build;

use build::AT;
use build::Draft;
use build::pack;
use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use jingyue::domain::licence::Decision;
use jingyue::domain::licence::Trust;
use jingyue::domain::licence::verify;
use std::hint::black_box;

/// A licence with a picture of that many bytes.
fn licence(bytes: usize) -> (Draft, Vec<u8>) {
    let mut draft = Draft::new();
    let document = &mut draft.members[0].1;
    let text = String::from_utf8(document.clone()).unwrap();
    *document = text.replace("</ofd:Document>", "<ofd:Cover>Res/picture.png</ofd:Cover></ofd:Document>").into_bytes();
    let mut state = 1_u32;
    let picture = (0..bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    draft.members.push(("Doc_0/Res/picture.png".to_owned(), picture.collect()));
    let file = pack(&draft.sealed());
    (draft, file)
}

fn verification(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("licence");
    for (name, bytes) in [("100 KiB", 100 << 10), ("16 MiB", 16 << 20)] {
        let (draft, file) = licence(bytes);
        let trust = Trust::of_files(&draft.offices.files(&[])).unwrap();
        assert_eq!(verify(&file, &trust, AT).decision, Decision::Accept);
        group.throughput(Throughput::Bytes(file.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| verify(black_box(&file), &trust, AT)));
    }
    group.finish();
}

criterion_group!(benches, verification);
criterion_main!(benches);
