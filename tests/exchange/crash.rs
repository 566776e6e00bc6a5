//! A real process, killed in the middle: after the restart the entry is unknown and is never forwarded again.

use crate::support::Client;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::config;
use crate::support::mappings;
use crate::support::root;
use crate::support::signed;
use crate::support::until;
use crate::support::withdrawal;
use jingyue::domain::masked::Masked;
use jingyue::edge::clock::Clock;
use jingyue::edge::pretend::Cities;
use jingyue::edge::pretend::Options;
use std::io::BufRead;
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;

/// The gateway as a process of its own, killed when the test leaves it.
struct Gateway {
    child: Child,
    data: SocketAddr,
    admin: SocketAddr,
    /// What it logged until it was ready.
    told: String,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(config: &Path) -> Gateway {
    let mut child = Command::new(env!("CARGO_BIN_EXE_jingyue"))
        .args(["serve", "--config"])
        .arg(config)
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut log = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    let started = loop {
        let mut line = String::new();
        assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended:\n{told}");
        told += &line;
        if line.contains("gateway started") {
            break line;
        }
    };
    // Whoever writes to a pipe that nobody empties stops some day.
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
    let after = |key: &str| {
        let rest = started.split_once(key).unwrap_or_else(|| panic!("{key}: {started}")).1;
        let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:".contains(character)));
        rest[..end.unwrap_or(rest.len())].parse().unwrap_or_else(|error| panic!("{error}: {started}"))
    };
    Gateway { data: after("data=Some("), admin: after("admin="), child, told }
}

/// Asks for a withdrawal as Yueyang's window does, now.
fn ask(gateway: &Gateway, nonce: &str, body: &[u8]) -> Client {
    let mut client = Client::connect(gateway.data);
    let headers = signed("yy-kstb-01", "POST", WITHDRAW, Clock::System.now(), nonce, body);
    client.send("POST", WITHDRAW, &headers, body);
    client
}

fn metrics(gateway: &Gateway) -> String {
    let mut client = Client::connect(gateway.admin);
    client.send("GET", "/metrics", &[], b"");
    client.receive().text()
}

/// A configuration file with a ledger on disk, as the operator writes it.
fn site(folder: &Path) -> (Cities, std::path::PathBuf) {
    site_with(folder, mappings())
}

fn site_with(folder: &Path, mappings: &Path) -> (Cities, std::path::PathBuf) {
    let cities = Cities::start(Options {
        port_base: None,
        secret: Masked::new(b"test-secret-gateway-0001".to_vec()),
        licence_code: "JZ-LIC-0001".to_owned(),
        clock: Arc::new(|| at(9, 30, 18, 0)),
    })
    .unwrap();
    let text = config(&cities, false)
        .replace("kind = \"memory\"", "kind = \"sqlite\"\nfile = \"ledger.db\"")
        .replace("secret_file = \"", &format!("secret_file = \"{}/certs-sample/", root().display()));
    let text = text + &format!("[mappings]\ndirectory = \"{}\"\n", mappings.display());
    let file = folder.join("jingyue.toml");
    std::fs::write(&file, text).unwrap();
    (cities, file)
}

#[test]
fn killed_in_the_middle_of_an_exchange() {
    let folder = tempfile::tempdir().unwrap();
    let (cities, file) = site(folder.path());
    let slow = withdrawal("K-SLOW", "【模拟:慢 60000】");
    let quick = withdrawal("K-QUICK", "");

    let mut gateway = serve(&file);
    let answered = ask(&gateway, "1", &quick).receive();
    assert_eq!(answered.status, 200, "{}", answered.text());
    let mut waiting = ask(&gateway, "2", &slow);
    until("the slow request is with the city", || cities.received().len() == 2);
    // SIGKILL: nothing of the process runs any more after this.
    gateway.child.kill().unwrap();
    gateway.child.wait().unwrap();
    assert!(waiting.try_receive().is_err());

    let again = serve(&file);
    let answer = ask(&again, "3", &slow).receive();
    assert_eq!((answer.status, answer.number().as_str()), (504, "J604"));
    let stored = ask(&again, "4", &quick).receive();
    assert_eq!((stored.status, stored.header("x-jingyue-repeat")), (200, "1"));
    assert_eq!(stored.body, answered.body);
    let other = ask(&again, "5", &withdrawal("K-SLOW", "")).receive();
    assert_eq!(other.number(), "J603");
    assert_eq!(cities.received().len(), 2, "nothing was forwarded a second time");
    let metrics = metrics(&again);
    assert!(metrics.contains("jingyue_ledger_entries{money=\"true\",outcome=\"unknown\"} 1"), "{metrics}");
    assert!(metrics.contains("jingyue_ledger_entries{money=\"true\",outcome=\"answered\"} 1"), "{metrics}");
    // Numbers go on above the highest that was ever written: none is given twice.
    let third = ask(&again, "6", &withdrawal("K-NEW", "")).receive();
    assert!(third.header("x-jingyue-sequence").parse::<u64>().unwrap() > 2, "{:?}", third.headers);
}

#[test]
fn a_second_gateway_on_the_same_ledger_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_cities, file) = site(folder.path());
    let first = serve(&file);
    let second = Command::new(env!("CARGO_BIN_EXE_jingyue")).args(["serve", "--config"]).arg(&file).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("网关没有启动"));
    drop(first);
}

#[test]
fn the_word_to_stop_lets_the_exchange_in_hand_end() {
    let folder = tempfile::tempdir().unwrap();
    let (cities, file) = site(folder.path());
    let mut gateway = serve(&file);
    let mut waiting = ask(&gateway, "1", &withdrawal("K-SLOW", "【模拟:慢 400】"));
    until("the request is with the city", || cities.received().len() == 1);
    let terminated = Command::new("kill").arg(gateway.child.id().to_string()).status().unwrap();
    assert!(terminated.success());
    assert_eq!(waiting.receive().status, 200);
    assert_eq!(gateway.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_kept_proof_counts_only_for_the_set_and_the_program_that_made_it() {
    let folder = tempfile::tempdir().unwrap();
    let mappings = folder.path().join("mappings");
    crate::few::copy(&mappings);
    let (_cities, file) = site_with(folder.path(), &mappings);
    let proved_before = || {
        let told = serve(&file).told.clone();
        assert!(told.contains("mapping set proved"), "{told}");
        told.contains("mapping set proved before")
    };
    assert!(!proved_before());
    assert!(proved_before());
    // One letter in one file, changed and changed back.
    let table = mappings.join("codes/sex.csv");
    let text = std::fs::read_to_string(&table).unwrap();
    let changed = text.replacen("\n1,男,", "\n1,女,", 1);
    assert_ne!(changed, text);
    std::fs::write(&table, changed).unwrap();
    assert!(!proved_before());
    std::fs::write(&table, text).unwrap();
    assert!(!proved_before());
    assert!(proved_before());
    // Another version of the program may prove otherwise.
    let kept = folder.path().join("ledger.proof.json");
    let proof = std::fs::read_to_string(&kept).unwrap();
    std::fs::write(&kept, proof.replace(env!("CARGO_PKG_VERSION"), "0.0.9")).unwrap();
    assert!(!proved_before());
    // A set that cannot be proved is not served, whatever was kept.
    std::fs::remove_file(&table).unwrap();
    let refused = Command::new(env!("CARGO_BIN_EXE_jingyue")).args(["serve", "--config"]).arg(&file).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
}
