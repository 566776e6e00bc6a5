//! What the record step costs: one opening and one closing, durable, with 1 and 32 exchanges in flight.
//!
//! After criterion's times it prints exchanges a second, the processor time of all threads for one exchange
//! (which waiting for the disk does not count into), and the mean size of a group.

#![allow(clippy::cast_precision_loss, reason = "figures for people to read")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use jingyue::domain::masked::Masked;
use jingyue::edge::ledger::memory::Memory;
use jingyue::edge::ledger::sqlite::{Settings, Sqlite};
use jingyue::edge::ledger::{ClosingEntry, Ledger, Opening, OpeningEntry, Outcome, StoredAnswer};
use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const IN_FLIGHT: [u64; 2] = [1, 32];

/// Exchanges of the run that is timed for the printed line, for each in flight.
const EXCHANGES_EACH: u64 = 1_000;

thread_local! {
    /// Every key is new, over all runs.
    static NUMBER: Cell<u64> = const { Cell::new(0) };
}

fn opening() -> OpeningEntry {
    let number = NUMBER.get() + 1;
    NUMBER.set(number);
    OpeningEntry {
        caller: "yy-kstb-01".into(),
        key: format!("430600{:012x}{number:08}", number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16),
        request_digest: [1; 32],
        outbound_digest: [2; 32],
        matter: "GJ07".into(),
        step: "main".into(),
        target: "jingzhou-window".into(),
        repeatable: false,
        money: false,
        mapping_version: "5a".repeat(32).into(),
        sequence: number,
        opened_at: 1_700_000_000_000,
    }
}

fn closing() -> ClosingEntry {
    let body = Masked::new(vec![b'x'; 800].into());
    ClosingEntry {
        outcome: Outcome::Answered,
        fault: 0,
        reply_digest: Some([3; 32]),
        answer: StoredAnswer { status: 200, content_type: "application/json;charset=UTF-8".into(), body },
        closed_at: 1_700_000_000_100,
    }
}

async fn exchanges(ledger: &dyn Ledger, count: u64) {
    for _ in 0..count {
        let Ok(Opening::New(opened)) = ledger.open(opening()).await else { panic!("not new") };
        ledger.close(opened, closing()).await.expect("the ledger takes it");
    }
}

/// Time for at least `count` exchanges, as if it were exactly `count`.
fn run(runtime: &Runtime, ledger: &dyn Ledger, in_flight: u64, count: u64) -> Duration {
    let each = count.div_ceil(in_flight);
    let began = Instant::now();
    runtime.block_on(join_all((0..in_flight).map(|_| exchanges(ledger, each))));
    let took = began.elapsed();
    took.mul_f64(count as f64 / (each * in_flight) as f64)
}

/// Processor time of all living threads of this process.
fn processor_time() -> Duration {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let line = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanoseconds.sum())
}

fn report(name: &str, runtime: &Runtime, ledger: &dyn Ledger, in_flight: u64) {
    let count = EXCHANGES_EACH * in_flight;
    let (stats, processor) = (ledger.stats(), processor_time());
    let took = run(runtime, ledger, in_flight, count);
    let (stats_now, processor) = (ledger.stats(), processor_time().saturating_sub(processor));
    let each = |time: Duration| time.as_secs_f64() * 1e6 / count as f64;
    let commits = stats_now.commits - stats.commits;
    let group = if commits == 0 { 0.0 } else { (stats_now.commands - stats.commands) as f64 / commits as f64 };
    println!(
        "{name}, {in_flight} in flight: {:.0} exchanges/s, {:.1} us processor time each, {group:.1} commands a commit",
        1e6 / each(took),
        each(processor),
    );
}

fn ledgers(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("an event loop as the gateway has it");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a place to write");
    let settings = Settings { file: directory.path().join("ledger.db"), group_max: 256, queue_max: 4096 };
    let sqlite = Sqlite::open(&settings, 0).expect("a new ledger");
    let memory = Memory::new();
    let both: [(&str, &dyn Ledger); 2] = [("sqlite", &sqlite), ("memory", &memory)];
    for (name, ledger) in both {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1)).sample_size(10);
        group.warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
        for in_flight in IN_FLIGHT {
            group.bench_function(BenchmarkId::new("in flight", in_flight), |bencher| {
                bencher.iter_custom(|count| run(&runtime, ledger, in_flight, count));
            });
        }
        group.finish();
        for in_flight in IN_FLIGHT {
            report(name, &runtime, ledger, in_flight);
        }
    }
}

criterion_group!(benches, ledgers);
criterion_main!(benches);
