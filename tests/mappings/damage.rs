//! Damaged messages at every plan of the program: never a panic, always a translation or a fault, and what is
//! translated can be read again.

use crate::support::Example;
use crate::support::context;
use crate::support::kept;
use crate::support::program;
use jingyue::domain::fault::Fault;
use jingyue::domain::mapping::City;
use jingyue::domain::mapping::Context;
use jingyue::domain::mapping::Pair;
use jingyue::domain::mapping::Plan;
use jingyue::domain::mapping::Program;
use jingyue::domain::mapping::Workspace;
use jingyue::edge::clock;
use jingyue::edge::pretend::compare::same_document;
use jingyue::edge::pretend::compare::same_json;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

/// Cases for each plan.
const CASES: usize = 150;

/// Splitmix64: small, and the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % (end.max(1) as u64)).unwrap()
    }

    fn span(&mut self, bytes: &[u8], longest: usize) -> std::ops::Range<usize> {
        let start = self.below(bytes.len());
        start..(start + 1 + self.below(longest)).min(bytes.len())
    }
}

/// One damage, or a few.
fn damaged(sample: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..=chance.below(4) / 2 {
        if bytes.is_empty() {
            break;
        }
        match chance.below(10).saturating_sub(1) {
            0 => digit(&mut bytes, chance),
            1 => {
                let place = chance.below(bytes.len());
                bytes[place] ^= 1 << chance.below(8);
            }
            2 => bytes.truncate(chance.below(bytes.len())),
            3 => {
                let span = chance.span(&bytes, 60);
                let piece = bytes[span.clone()].to_vec();
                bytes.splice(span.end..span.end, piece);
            }
            4 => drop(bytes.drain(chance.span(&bytes, 40))),
            5 => swap_lines(&mut bytes, chance),
            6 => {
                // What lengths, numbers, dates and codes are most easily wrong about.
                const PIECES: [&str; 14] = [
                    "",
                    "null",
                    "\"\"",
                    "0",
                    "-1",
                    "99999999999999999999999",
                    "1e999",
                    "9999-99-99",
                    "00000000",
                    "\u{20c26}",
                    "&#0;",
                    "]]>",
                    "<![CDATA[",
                    "\\ud800",
                ];
                let span = chance.span(&bytes, 12);
                let piece = PIECES[chance.below(PIECES.len())];
                bytes.splice(span, piece.bytes());
            }
            7 => {
                // A value of another place: what stands between two quotation marks or tags.
                let from = chance.span(&bytes, 30);
                let piece = bytes[from].to_vec();
                let to = chance.span(&bytes, 30);
                bytes.splice(to, piece);
            }
            _ => {
                let place = chance.below(bytes.len());
                bytes[place] = u8::try_from(chance.below(256)).unwrap();
            }
        }
    }
    bytes
}

/// A digit becomes another: the form stays, the value does not.
fn digit(bytes: &mut [u8], chance: &mut Chance) {
    let digits: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place].is_ascii_digit()).collect();
    if let Some(place) = digits.get(chance.below(digits.len())) {
        bytes[*place] = b'0' + u8::try_from(chance.below(10)).unwrap();
    }
}

/// Two lines change places: members of an object, elements of a record.
fn swap_lines(bytes: &mut Vec<u8>, chance: &mut Chance) {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (chance.below(lines.len()), chance.below(lines.len()));
    lines.swap(one, other);
    *bytes = lines.concat();
}

/// The sample messages of a profile for a matter and step; where nobody wrote one, those of another step, which has
/// the same receipt.
fn samples(profile: &str, pair: &Pair, request: bool) -> Vec<Vec<u8>> {
    let all = Example::all();
    let of_step = |step: Option<&str>| -> Vec<Vec<u8>> {
        let fits = |example: &&Example| {
            *example.matter == *pair.matter.code
                && step.is_none_or(|step| example.step == step)
                && example.is_request() == request
        };
        let sides = |example: &'_ Example| {
            [(example.from.clone(), example.input.clone()), (example.to.clone(), example.output.clone())]
        };
        let files = all.iter().filter(fits).flat_map(sides).filter(|(owner, _)| owner == profile);
        files.map(|(_, file)| Example::file(&file)).collect()
    };
    Some(of_step(Some(&pair.step))).filter(|found| !found.is_empty()).unwrap_or_else(|| of_step(None))
}

/// The same for a profile without a sample of the matter: those of others, translated for it.
fn translated_samples(program: &Program, profile: &str, pair: &Pair, request: bool) -> Vec<Vec<u8>> {
    let fits = |example: &Example| *example.matter == *pair.matter.code && example.is_request() == request;
    let mut found = Vec::new();
    for example in Example::all().iter().filter(|example| fits(example)) {
        for (owner, file) in [(&example.from, &example.input), (&example.to, &example.output)] {
            let (asking, asked) = if request { (owner.as_str(), profile) } else { (profile, owner.as_str()) };
            let Some(pair) = program.pair(asking, asked, &pair.matter.code, &pair.step) else { continue };
            let trial = Trial { program, pair, request, settings: BTreeMap::new() };
            found.extend(trial.translate(&Example::file(file), &mut Workspace::default()));
        }
    }
    found
}

fn readable(bytes: &[u8]) -> Result<(), String> {
    match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
        None => Ok(()),
        Some(b'{' | b'[') => same_json(bytes, bytes),
        Some(b'<') => same_document(bytes, bytes),
        _ => {
            let pairs = jingyue::edge::pretend::text::form(bytes)?;
            pairs.iter().filter(|(name, _)| name == b"xml").try_for_each(|(_, value)| same_document(value, value))
        }
    }
}

struct Trial<'p> {
    program: &'p Program,
    pair: &'p Pair,
    request: bool,
    settings: BTreeMap<String, String>,
}

impl Trial<'_> {
    fn plan(&self) -> &Plan {
        if self.request { &self.pair.request } else { &self.pair.answer }
    }

    fn translate(&self, input: &[u8], workspace: &mut Workspace) -> Result<Vec<u8>, Fault> {
        let cities = &self.program.catalogue().cities;
        let runs = |city: &City, profile: &str| city.profiles.iter().any(|own| own == profile);
        let mut pairs = cities.iter().flat_map(|from| cities.iter().map(move |to| (from, to)));
        let (from, to) = pairs
            .find(|(from, to)| from.name != to.name && runs(from, &self.pair.from) && runs(to, &self.pair.to))
            .unwrap();
        let kept = kept(self.pair, |_| None);
        let context = Context { kept: Some(&kept), ..context(from, to, &self.settings) };
        self.plan().translate(input, &context, workspace).map(|translated| translated.bytes)
    }
}

#[test]
fn damaged_messages_at_every_plan() {
    let seed = std::env::var("JINGYUE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| {
        let mut bytes = [0; 8];
        clock::random(&mut bytes).unwrap();
        u64::from_le_bytes(bytes)
    });
    println!("JINGYUE_SEED={seed}");
    let program = program();
    let mut chance = Chance(seed);
    let (mut plans, mut cases, mut well) = (0, 0, 0);
    for pair in program.pairs() {
        for request in [true, false] {
            let trial = |pair| Trial { program, pair, request, settings: BTreeMap::new() };
            let back = program.pair(&pair.to, &pair.from, &pair.matter.code, &pair.step).map(|pair| trial(pair));
            let trial = trial(pair);
            let reads = if request { &pair.from } else { &pair.to };
            let mut samples = samples(reads, pair, request);
            if samples.is_empty() {
                samples = translated_samples(program, reads, pair, request);
            }
            assert!(!samples.is_empty(), "{} {}: a plan without a sample", pair.matter.code, pair.step);
            plans += 1;
            let mut workspace = Workspace::default();
            for case in 0..CASES {
                let sample = &samples[case % samples.len()];
                // The first of each sample is whole.
                let input = if case < samples.len() { sample.clone() } else { damaged(sample, &mut chance) };
                let told = || {
                    format!(
                        "JINGYUE_SEED={seed}: {} {} {} → {} {}, case {case}:\n{}",
                        pair.matter.code,
                        pair.step,
                        pair.from,
                        pair.to,
                        if request { "request" } else { "answer" },
                        String::from_utf8_lossy(&input)
                    )
                };
                let result = catch_unwind(AssertUnwindSafe(|| trial.translate(&input, &mut workspace)));
                let result = result.unwrap_or_else(|_| panic!("a panic with {}", told()));
                cases += 1;
                if case < samples.len() {
                    let refused = |fault: &Fault| fault.refusal().is_some();
                    assert!(result.as_ref().err().is_none_or(refused), "{result:?}\n{}", told());
                }
                if let Ok(output) = result {
                    well += 1;
                    if let Err(reason) = readable(&output) {
                        panic!("{reason}\n{}\n{}", String::from_utf8_lossy(&output), told());
                    }
                    // The gateway's own reader of that dialect takes what the gateway wrote.
                    if let Some(Err(fault)) = back.as_ref().map(|back| back.translate(&output, &mut workspace)) {
                        let form = fault.refusal().is_none() && !matches!(&fault, Fault::Fields { .. });
                        assert!(!form, "{fault:?}\n{}\n{}", String::from_utf8_lossy(&output), told());
                    }
                    // A workspace that a refused message left behind changes nothing.
                    assert_eq!(trial.translate(&input, &mut Workspace::default()).as_ref(), Ok(&output), "{}", told());
                }
            }
        }
    }
    println!("{plans} plans, {cases} cases, {well} translated");
    assert!(cases >= 3_000 && well > cases / 20, "{plans} plans, {cases} cases, {well} translated");
}
