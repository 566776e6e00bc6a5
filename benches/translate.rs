//! Translation alone: the plan against the usual tree way, on the same messages in the same run.

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use jingyue::domain::mapping::Context;
use jingyue::domain::mapping::Program;
use jingyue::domain::mapping::Workspace;
use jingyue::edge::library::Library;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;

fn translate(criterion: &mut Criterion) {
    let library = Library::load(Path::new("benches/gateway/mappings")).unwrap();
    let program = Program::compile(&library.files).unwrap();
    let (near, far) = (program.city("near").unwrap(), program.city("far").unwrap());
    let pair = program.pair("window", "soap", "430600000116", "main").unwrap();
    let settings = BTreeMap::new();
    let context = Context {
        now: 1_795_397_415_000,
        sequence: 1,
        message_id: "",
        message: None,
        from: near,
        to: far,
        settings: &settings,
        case: None,
        kept: None,
        fault: None,
    };
    let mut workspace = Workspace::default();
    let request = std::fs::read("/work/shared/perf/harness/data/app.json").unwrap();
    let answer = std::fs::read("/work/shared/perf/harness/data/resp.xml").unwrap();
    let mut group = criterion.benchmark_group("harness");
    group.throughput(Throughput::Bytes(request.len() as u64));
    group.bench_function("request", |b| {
        b.iter(|| pair.request.translate(black_box(&request), &context, &mut workspace).unwrap().bytes.len())
    });
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("answer", |b| {
        b.iter(|| pair.answer.translate(black_box(&answer), &context, &mut workspace).unwrap().bytes.len())
    });
    let system = program.system("window").unwrap();
    group.bench_function("identify", |b| {
        b.iter(|| program.arrive(system, "/", black_box(&request), &mut workspace).unwrap().key.len())
    });
}

criterion_group!(benches, translate);
criterion_main!(benches);
