//! Translation alone: the plan against the usual tree way, on the same messages in the same run.
//!
//! Before the timings it prints three tables of its own: allocations and bytes held per message, and the ratio of
//! both ways in alternating rounds, which is the figure to quote.

#![allow(clippy::unwrap_used, reason = "a bench that cannot begin has nothing to measure")]

mod counting;
mod tree;

use criterion::Criterion;
use criterion::Throughput;
use jingyue::domain::mapping::Context;
use jingyue::domain::mapping::Files;
use jingyue::domain::mapping::Kept;
use jingyue::domain::mapping::Pair;
use jingyue::domain::mapping::Plan;
use jingyue::domain::mapping::Program;
use jingyue::domain::mapping::Workspace;
use jingyue::edge::library::Library;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::time::Instant;
use tree::Tree;

/// 2026-11-23 09:30:15 in Shanghai, the moment of the examples.
const NOW: i64 = 1_795_397_415_000;

/// Rounds of the alternating comparison, and messages a round.
const ROUNDS: usize = 21;
const MESSAGES: u32 = 1000;

/// One message that a plan translates.
struct Case {
    name: &'static str,
    pair: Arc<Pair>,
    cities: (&'static str, &'static str),
    answer: bool,
    input: Vec<u8>,
    kept: Option<Kept>,
}

/// A compiled directory with the messages that are measured on it.
struct Bench {
    program: Program,
    settings: BTreeMap<String, String>,
    cases: Vec<Case>,
}

impl Bench {
    fn new(files: &Files) -> Self {
        let settings = BTreeMap::from([("licence_code".to_owned(), "JZ-LIC-0001".to_owned())]);
        Self { program: Program::compile(files).unwrap(), settings, cases: Vec::new() }
    }

    fn plan(case: &Case) -> &Plan {
        if case.answer { &case.pair.answer } else { &case.pair.request }
    }

    fn context<'c>(&'c self, case: &'c Case) -> Context<'c> {
        Context {
            now: NOW,
            sequence: 1,
            message_id: "JY1795397415000000001",
            message: None,
            from: self.program.city(case.cities.0).unwrap(),
            to: self.program.city(case.cities.1).unwrap(),
            settings: &self.settings,
            case: None,
            kept: case.kept.as_ref(),
            licences: None,
            fault: None,
        }
    }

    /// Adds a request and its answer.
    fn add(
        &mut self,
        names: (&'static str, &'static str),
        cities: (&'static str, &'static str),
        (from, to, matter): (&str, &str, &str),
        (request, answer): (Vec<u8>, Vec<u8>),
    ) {
        let pair = Arc::clone(self.program.pair(from, to, matter, "main").unwrap());
        let of = |name, answer, input, kept| Case { name, pair: Arc::clone(&pair), cities, answer, input, kept };
        let request = of(names.0, false, request, None);
        let kept = self.translate(&request, &mut Workspace::default()).1;
        let answer = of(names.1, true, answer, Some(kept));
        self.translate(&answer, &mut Workspace::default());
        self.cases.extend([request, answer]);
    }

    fn translate(&self, case: &Case, workspace: &mut Workspace) -> (Vec<u8>, Kept) {
        let translated = Self::plan(case).translate(&case.input, &self.context(case), workspace);
        let translated = translated.unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        (translated.bytes, translated.kept)
    }
}

fn message(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("benches/gateway/messages").join(name)).unwrap()
}

/// `text` with the part from `start` up to `stop` repeated, joined by `between`, until it has a mebibyte.
fn repeated(text: &[u8], start: &str, stop: &str, between: &str) -> Vec<u8> {
    let text = std::str::from_utf8(text).unwrap();
    let first = text.find(start).unwrap();
    let last = text.find(stop).unwrap();
    let mut out = text[..last].to_owned();
    while out.len() < 1 << 20 {
        out.push_str(between);
        out.push_str(&text[first..last]);
    }
    out.push_str(&text[last..]);
    out.into_bytes()
}

fn harness() -> (Bench, Tree) {
    let files = Library::load(Path::new("benches/gateway/mappings")).unwrap().files;
    let mut bench = Bench::new(&files);
    let (request, answer) = (message("request.json"), message("answer.xml"));
    let (profiles, cities) = (("window", "soap", "430600000116"), ("near", "far"));
    bench.add(("2 KiB request", "2 KiB answer"), cities, profiles, (request.clone(), answer.clone()));
    let large_request = repeated(&request, r#"{"code":"CL001""#, r#"],"remark""#, ",");
    let large_answer = repeated(&answer, "<jz:mat>", "</jz:matList>", "");
    bench.add(("1 MiB request", "1 MiB answer"), cities, profiles, (large_request, large_answer));
    (bench, Tree::new(&files))
}

fn scenarios() -> Bench {
    let directory = Path::new("mappings");
    let mut bench = Bench::new(&Library::load(directory).unwrap().files);
    let example = |name: &str| std::fs::read(directory.join("examples").join(name)).unwrap();
    bench.add(
        ("02 request", "02 answer"),
        ("yueyang", "jingzhou"),
        ("yueyang-window", "jingzhou-window", "GJ12"),
        (
            example("02-pf-withdraw-rent/yueyang.request.json"),
            example("02-pf-withdraw-rent/jingzhou.response.soap.xml"),
        ),
    );
    bench.add(
        ("04 request", "04 answer"),
        ("jingzhou", "yueyang"),
        ("jingzhou-window", "yueyang-window", "SC014"),
        (example("04-bizlic-query/jingzhou.request.soap.xml"), example("04-bizlic-query/yueyang.response.json")),
    );
    bench
}

/// Both ways give the same before they are compared.
fn check(bench: &Bench, tree: &Tree) {
    let mut workspace = Workspace::default();
    let ours: Vec<_> = bench.cases.iter().map(|case| bench.translate(case, &mut workspace).0).collect();
    assert_eq!(ours[0], message("request.xml"));
    let answer = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).unwrap();
    assert_eq!(answer(&ours[1]), answer(&message("answer.json")));
    assert_eq!(tree.request(&bench.cases[0].input), ours[0]);
    assert_eq!(answer(&tree.answer(&bench.cases[1].input)), answer(&ours[1]));
    assert_eq!(tree.request(&bench.cases[2].input), ours[2]);
}

fn tell_memory(benches: &[&Bench]) {
    println!("message              input bytes  output bytes  allocations  peak bytes (first time)  peak / input");
    for bench in benches {
        for case in &bench.cases {
            let mut workspace = Workspace::default();
            let (_, first, _) = counting::count(|| bench.translate(case, &mut workspace));
            let (calls, _, (bytes, _)) = counting::count(|| bench.translate(case, &mut workspace));
            #[allow(clippy::cast_precision_loss, reason = "a ratio for people")]
            let ratio = first as f64 / case.input.len() as f64;
            println!(
                "{:20} {:11}  {:12}  {calls:11}  {first:23}  {ratio:12.2}",
                case.name,
                case.input.len(),
                bytes.len()
            );
        }
    }
}

fn tell_ratio(bench: &Bench, tree: &Tree) {
    println!("alternating rounds: microseconds a message, ours and the tree way (medians), ratio (median, range)");
    let mut workspace = Workspace::default();
    for (number, case) in bench.cases.iter().enumerate() {
        let messages = if case.input.len() > 10_000 { 2 } else { MESSAGES };
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let ours = timed(messages, || bench.translate(black_box(case), &mut workspace).0.len());
            let input = black_box(&case.input);
            let theirs =
                timed(messages, || if number % 2 == 0 { tree.request(input).len() } else { tree.answer(input).len() });
            rounds.push((ours, theirs, theirs / ours));
        }
        let sorted = |of: fn(&(f64, f64, f64)) -> f64| {
            let mut values: Vec<f64> = rounds.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            (values[values.len() / 2], values[0], values[values.len() - 1])
        };
        let (ours, theirs, ratio) = (sorted(|round| round.0), sorted(|round| round.1), sorted(|round| round.2));
        println!(
            "{:20} {:10.2} {:10.2}   {:5.1} ({:.1} to {:.1})",
            case.name, ours.0, theirs.0, ratio.0, ratio.1, ratio.2
        );
    }
}

/// Microseconds of one call.
fn timed(times: u32, mut work: impl FnMut() -> usize) -> f64 {
    let began = Instant::now();
    for _ in 0..times {
        black_box(work());
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn translations(criterion: &mut Criterion, group: &str, bench: &Bench) {
    let mut group = criterion.benchmark_group(group);
    let mut workspace = Workspace::default();
    for case in &bench.cases {
        group.throughput(Throughput::Bytes(case.input.len() as u64));
        group.bench_function(case.name, |b| b.iter(|| bench.translate(black_box(case), &mut workspace).0.len()));
    }
}

fn others(criterion: &mut Criterion, harness: &Bench, tree: &Tree, scenarios: &Bench) {
    let mut group = criterion.benchmark_group("tree");
    for (case, is_request) in harness.cases.iter().zip([true, false]) {
        group.throughput(Throughput::Bytes(case.input.len() as u64));
        group.bench_function(case.name, |b| {
            b.iter(|| {
                let input = black_box(&case.input);
                if is_request { tree.request(input).len() } else { tree.answer(input).len() }
            });
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("identify");
    let mut workspace = Workspace::default();
    for (program, case) in
        [(harness, &harness.cases[0]), (scenarios, &scenarios.cases[0]), (scenarios, &scenarios.cases[2])]
    {
        let system = program.program.system(&case.pair.from).unwrap();
        let path = &case.pair.from_service.path;
        group.throughput(Throughput::Bytes(case.input.len() as u64));
        group.bench_function(case.name, |b| {
            b.iter(|| {
                program
                    .program
                    .arrive(system, path, &|_| None, black_box(&case.input), &mut workspace)
                    .unwrap()
                    .key
                    .len()
            });
        });
    }
    group.finish();
    let files = Library::load(Path::new("mappings")).unwrap().files;
    criterion.bench_function("compile all mappings", |b| b.iter(|| Program::compile(black_box(&files)).unwrap()));
}

fn main() {
    let (harness, tree) = harness();
    let scenarios = scenarios();
    check(&harness, &tree);
    // Nothing but the chosen case runs under a profiler.
    if !std::env::args().any(|argument| argument == "--profile-time") {
        tell_memory(&[&harness, &scenarios]);
        tell_ratio(&harness, &tree);
    }
    let mut criterion = Criterion::default().measurement_time(Duration::from_secs(3)).configure_from_args();
    translations(&mut criterion, "harness", &harness);
    translations(&mut criterion, "scenario", &scenarios);
    others(&mut criterion, &harness, &tree, &scenarios);
    criterion.final_summary();
}
