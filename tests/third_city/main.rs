//! A third city by files alone: 咸宁, laid over the mappings of the two cities, with a dialect of its own.
//!
//! Its system is made up. What is proved is that a city is files: no line of the program knows of it, and no message
//! of another city changes. `mappings/` beside this file holds what a third city adds; of code tables it holds the
//! whole table with one column more.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

use jingyue::domain::mapping::{Certificate, Context, Files, Grade, Kept, Pair, Plan, Program, Translated, Workspace};
use jingyue::edge::library::Library;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const CITY: &str = "xianning";
const WINDOW: &str = "xianning-window";
/// 2026-11-23T09:30:16+08:00, as in the examples.
const NOW: i64 = 1_795_397_416_000;

/// A matter between 咸宁 and one of the other cities, with that city's own example messages.
struct Scene {
    matter: &'static str,
    city: &'static str,
    profile: &'static str,
    request: &'static str,
    answer: &'static str,
}

const SCENES: [Scene; 6] = [
    Scene {
        matter: "GJ12",
        city: "yueyang",
        profile: "yueyang-window",
        request: "02-pf-withdraw-rent/yueyang.request.json",
        answer: "02-pf-withdraw-rent/yueyang.response.json",
    },
    Scene {
        matter: "GJ12",
        city: "jingzhou",
        profile: "jingzhou-window",
        request: "02-pf-withdraw-rent/jingzhou.request.soap.xml",
        answer: "02-pf-withdraw-rent/jingzhou.response.soap.xml",
    },
    Scene {
        matter: "SC014",
        city: "yueyang",
        profile: "yueyang-window",
        request: "04-bizlic-query/yueyang.request.json",
        answer: "04-bizlic-query/yueyang.response.json",
    },
    Scene {
        matter: "SC014",
        city: "jingzhou",
        profile: "jingzhou-window",
        request: "04-bizlic-query/jingzhou.request.soap.xml",
        answer: "04-bizlic-query/jingzhou.response.soap.xml",
    },
    Scene {
        matter: "GA007",
        city: "yueyang",
        profile: "yueyang-window",
        request: "05-household-cert/yueyang.request.json",
        answer: "05-household-cert/yueyang.response.json",
    },
    Scene {
        matter: "GA007",
        city: "jingzhou",
        profile: "jingzhou-police",
        request: "05-household-cert/jingzhou.request.soap.xml",
        answer: "05-household-cert/jingzhou.response.soap.xml",
    },
];

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn two_cities() -> &'static Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| Library::load(&path("mappings")).unwrap())
}

fn added() -> Files {
    Library::load(&path("tests/third_city/mappings")).unwrap().files
}

fn three_cities() -> Files {
    let mut files = two_cities().files.clone();
    files.0.extend(added().0);
    files
}

fn program() -> &'static Program {
    static PROGRAM: OnceLock<Program> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        Program::compile(&three_cities()).unwrap_or_else(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            panic!("{}", faults.join("\n"))
        })
    })
}

fn pair(from: &str, to: &str, matter: &str) -> &'static Pair {
    program().pair(from, to, matter, "main").unwrap_or_else(|| panic!("{matter}: {from} to {to} is not served"))
}

/// Translates a message of an exchange that `from` began.
fn translate(plan: &Plan, input: &[u8], from: &str, to: &str, kept: Option<&Kept>) -> Translated {
    let settings = BTreeMap::from([("licence_code".to_owned(), "JZ-LIC-0001".to_owned())]);
    let context = Context {
        now: NOW,
        sequence: 1,
        message_id: "JY00000000000000000000",
        message: None,
        from: program().city(from).unwrap(),
        to: program().city(to).unwrap(),
        settings: &settings,
        case: None,
        kept,
        licences: None,
        fault: None,
    };
    plan.translate(input, &context, &mut Workspace::default())
        .unwrap_or_else(|fault| panic!("{from} to {to}: {fault:?}\n{}", String::from_utf8_lossy(input)))
}

/// The bytes that 咸宁 should get, or, with `UPDATE_EXPECTED`, those that it does get: read them before they stay.
#[track_caller]
fn expect(name: &str, got: &[u8]) {
    let file = path("tests/third_city/expected").join(name);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&file, [got, b"\n"].concat()).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!(String::from_utf8_lossy(got), expected.trim_end_matches('\n'), "{name}");
}

#[track_caller]
fn same(what: &str, left: &[u8], right: &[u8]) {
    assert_eq!(String::from_utf8_lossy(left), String::from_utf8_lossy(right), "{what}");
}

#[test]
fn three_matters_go_to_both_cities_and_back() {
    for Scene { matter, city, profile, request, answer } in &SCENES {
        let sample = |name: &str| &two_cities().examples[&format!("examples/{name}")][..];
        let (inward, outward) = (pair(profile, WINDOW, matter), pair(WINDOW, profile, matter));
        // The other city asks 咸宁.
        let asked = translate(&inward.request, sample(request), city, CITY, None);
        expect(&format!("{matter}-{city}-request.json"), &asked.bytes);
        // 咸宁 asks the other city the same, and nothing is lost on the way.
        let asking = translate(&outward.request, &asked.bytes, CITY, city, None);
        let again = translate(&inward.request, &asking.bytes, city, CITY, None);
        same(&format!("{matter} request by {city}"), &again.bytes, &asked.bytes);
        // The other city answers, and so does 咸宁.
        let answered = translate(&outward.answer, sample(answer), CITY, city, Some(&asking.kept));
        expect(&format!("{matter}-{city}-answer.json"), &answered.bytes);
        let answering = translate(&inward.answer, &answered.bytes, city, CITY, Some(&asked.kept));
        let again = translate(&outward.answer, &answering.bytes, CITY, city, Some(&asking.kept));
        same(&format!("{matter} answer by {city}"), &again.bytes, &answered.bytes);
    }
}

#[test]
fn every_translation_of_the_third_city_is_proved() {
    let Certificate { lines, .. } = program().certificate(&three_cities(), &mut |_, _| {});
    let own: Vec<_> = lines.iter().filter(|line| line.from == WINDOW || line.to == WINDOW).collect();
    // Three matters, two other cities, two callers, request and answer; one of them also through the national exchange,
    // which is one profile for both cities.
    assert_eq!(own.len(), 3 * 2 * 2 * 2 + 2 * 2);
    for line in &lines {
        let what = format!("{} {} to {} {:?}", line.matter, line.from, line.to, line.kind);
        assert_ne!(line.proof.grade(), Grade::Red, "{what}: {:?}", line.proof.faults);
    }
    for line in own {
        assert!(line.proof.generated > 0, "{} {} to {}", line.matter, line.from, line.to);
    }
}

#[test]
fn a_request_finds_its_city_among_three() {
    let request = std::fs::read_to_string(path("tests/third_city/expected/GJ12-yueyang-request.json")).unwrap();
    let program = program();
    let (own, system) = (program.city(CITY).unwrap(), program.system(WINDOW).unwrap());
    for (area, wanted) in [("421000", Some("jingzhou")), ("430600", Some("yueyang")), ("421100", None)] {
        let request = request.replace(r#""toArea":"421000""#, &format!(r#""toArea":"{area}""#));
        let arrival = program
            .arrive(system, "/api/fund/withdraw", &|_| None, request.as_bytes(), &mut Workspace::default())
            .unwrap();
        assert_eq!(arrival.key, "YY-GJ12-20261123-000001");
        let found = program.route(own, system, &arrival).map(|(city, _)| city.name.as_str());
        assert_eq!(found.ok(), wanted, "{area}");
    }
}

#[test]
fn only_files_are_added() {
    let known = &two_cities().files;
    let mut tables = BTreeSet::new();
    for (name, text) in &added().0 {
        let Some(before) = known.text(name) else {
            assert!(name.contains(CITY), "{name} is new and not named after its city");
            continue;
        };
        assert!(name.starts_with("codes/"), "{name} belongs to the others");
        let less: Vec<Vec<String>> = rows(text).into_iter().map(|row| row[..row.len() - 1].to_vec()).collect();
        assert_eq!(less, rows(before), "{name} has more than one column more: take it from mappings/ again");
        assert_eq!(rows(text)[0].last().unwrap(), CITY);
        tables.insert(name.clone());
    }
    assert!(!tables.is_empty());
    let mut folders = vec![path("src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap().path();
            if entry.is_dir() {
                folders.push(entry);
            } else {
                let text = String::from_utf8_lossy(&std::fs::read(&entry).unwrap()).to_lowercase();
                let knows = [CITY, "咸宁", "421200"].iter().any(|word| text.contains(word));
                assert!(!knows, "{} knows of the third city", entry.display());
            }
        }
    }
}

fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}
