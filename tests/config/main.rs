//! Configurations and what is said about them. Each file of `valid/` and `invalid/` begins with the expected report,
//! one comment line `#> …` per problem. `UPDATE_EXPECTED=1` writes the reports anew; read the difference before you
//! commit it.

#![allow(clippy::unwrap_used, reason = "a test")]

use jingyue::edge::config::{Config, LedgerChoice, Level, Problem};
use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Whatever folder a configuration names, its keys are those of the tests.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let inner = ["sm", "tlcp"].into_iter().find(|inner| path.parent().is_some_and(|folder| folder.ends_with(inner)));
    let folder = Path::new("tests/keys").join(inner.unwrap_or_default());
    std::fs::read(root().join(folder).join(path.file_name().unwrap_or_default()))
}

fn parse(text: &str, name: &str) -> Result<(Config, Vec<Problem>), Vec<Problem>> {
    Config::parse(text, name, Path::new("/etc/jingyue"), &read)
}

fn report(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut report, problem| {
        writeln!(report, "#> {problem}").unwrap();
        report
    })
}

fn split(text: &str) -> (&str, &str) {
    let end = text.split_inclusive('\n').take_while(|line| line.starts_with("#> ")).map(str::len).sum();
    text.split_at(end)
}

/// Writes the report anew. Its own lines move the places, so this is done until nothing moves.
fn update(path: &Path, name: &str) {
    for _ in 0..5 {
        let text = std::fs::read_to_string(path).unwrap();
        let problems = parse(&text, name).map_or_else(|problems| problems, |(_, warnings)| warnings);
        let body = split(&text).1;
        std::fs::write(path, report(&problems) + body).unwrap();
    }
}

fn check_folder(folder: &str, accepted: bool) {
    let mut paths: Vec<_> = std::fs::read_dir(root().join("tests/config").join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no configuration in {folder}");
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        if std::env::var_os("UPDATE_EXPECTED").is_some() {
            update(&path, name);
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let outcome = parse(&text, name);
        assert_eq!(outcome.is_ok(), accepted, "{name}: {outcome:?}");
        let problems = outcome.map_or_else(|problems| problems, |(_, warnings)| warnings);
        assert_eq!(report(&problems), split(&text).0, "{name}");
    }
}

#[test]
fn accepted_ones_say_only_their_warnings() {
    check_folder("valid", true);
}

#[test]
fn refused_ones_say_all_that_is_wrong() {
    check_folder("invalid", false);
}

#[test]
fn the_sample_has_no_problem_and_shows_the_defaults() {
    let text = std::fs::read_to_string(root().join("deploy/jingyue.toml")).unwrap();
    let (config, warnings) = parse(&text, "jingyue.toml").unwrap();
    assert_eq!(warnings, []);
    assert_eq!(config.callers.len(), 2);
    assert!(config.callers[0].may("SC014", "jingzhou") && !config.callers[1].may("SC015", "yueyang"));
    assert_eq!(config.systems[1].upstream.port, 18082);
    assert!(config.systems[1].upstream.tls.is_some() && config.systems[1].sign.is_some());
    assert_eq!(config.mappings_directory, Path::new("/etc/jingyue/../mappings"));

    // The same without every line that the sample marks as a default must come to the same.
    let (plain, _) = parse("[[system]]\nname='a'\ncity='b'\nprofile='c'\nurl='http://d'\n", "plain.toml").unwrap();
    let (shown, assumed) = (&config.systems[0], &plain.systems[0]);
    assert_eq!(shown.upstream.connect_timeout, assumed.upstream.connect_timeout);
    assert_eq!(shown.upstream.idle_timeout, assumed.upstream.idle_timeout);
    assert_eq!(shown.upstream.connections_max, assumed.upstream.connections_max);
    assert_eq!(shown.upstream.answer_bytes_max, assumed.upstream.answer_bytes_max);
    assert_eq!((shown.deadline, shown.breaker), (assumed.deadline, assumed.breaker));
    assert_eq!(
        config.ledger,
        LedgerChoice::Sqlite { file: "/var/lib/jingyue/ledger.db".into(), group_max: 256, queue_max: 4_096 }
    );
    assert_eq!((&config.ledger, config.identify, &config.log), (&plain.ledger, plain.identify, &plain.log));
    let (shown, assumed) = (&config.listen, &plain.listen);
    assert_eq!((shown.data, shown.admin), (assumed.data, assumed.admin));
    assert_eq!(shown.server.header_timeout, assumed.server.header_timeout);
    assert_eq!(shown.server.body_timeout, assumed.server.body_timeout);
    assert_eq!(shown.server.idle_timeout, assumed.server.idle_timeout);
    assert_eq!(shown.server.drain, Duration::from_secs(20));
    assert_eq!(shown.server.body_bytes_max, assumed.server.body_bytes_max);
}

#[test]
fn secrets_never_show() {
    let text = std::fs::read_to_string(root().join("deploy/jingyue.toml")).unwrap();
    let (config, _) = parse(&text, "jingyue.toml").unwrap();
    let shown = format!("{config:?}");
    for secret in ["test-secret", "JZ-LIC-0001"] {
        assert!(!shown.contains(secret), "{secret} is shown");
    }
}

#[test]
fn no_text_makes_it_panic() {
    let sample = std::fs::read_to_string(root().join("deploy/jingyue.toml")).unwrap();
    // Cut anywhere, it must come to a configuration or to problems with a place inside the text.
    for (end, _) in sample.char_indices().step_by(37) {
        let Err(problems) = parse(&sample[..end], "cut.toml") else { continue };
        assert!(!problems.is_empty());
        let lines = sample[..end].lines().count() + 1;
        assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)), "{problems:?}");
    }
}

#[test]
fn a_missing_file_is_a_problem_too() {
    let problems = Config::load(Path::new("/nowhere/jingyue.toml")).unwrap_err();
    assert_eq!((problems.len(), problems[0].level), (1, Level::Error));
}
