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
use std::sync::Mutex;

/// The gateway as a process of its own, killed when the test leaves it.
struct Gateway {
    child: Child,
    data: SocketAddr,
    admin: SocketAddr,
    /// What it logged until it was ready.
    told: String,
    /// What it logged since.
    later: Arc<Mutex<String>>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn serve(config: &Path) -> Gateway {
    serve_within("", config)
}

/// `limits` are words of the shell that starts it.
fn serve_within(limits: &str, config: &Path) -> Gateway {
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{limits} exec \"$0\" serve --config \"$1\""))
        .arg(env!("CARGO_BIN_EXE_jingyue"))
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
    let later = Arc::new(Mutex::new(String::new()));
    let heard = Arc::clone(&later);
    std::thread::spawn(move || {
        let mut line = String::new();
        while log.read_line(&mut line).is_ok_and(|length| length > 0) {
            heard.lock().unwrap().push_str(&line);
            line.clear();
        }
    });
    let after = |key: &str| {
        let rest = started.split_once(key).unwrap_or_else(|| panic!("{key}: {started}")).1;
        let end = rest.find(|character: char| !(character.is_ascii_digit() || ".:".contains(character)));
        rest[..end.unwrap_or(rest.len())].parse().unwrap_or_else(|error| panic!("{error}: {started}"))
    };
    Gateway { data: after("data=Some("), admin: after("admin="), child, told, later }
}

/// Asks for a withdrawal as Yueyang's window does, now.
fn ask(gateway: &Gateway, nonce: &str, body: &[u8]) -> Client {
    let mut client = Client::connect(gateway.data);
    let headers = signed("yy-kstb-01", "POST", WITHDRAW, Clock::System.now(), nonce, body);
    client.send("POST", WITHDRAW, &headers, body);
    client
}

fn metrics(gateway: &Gateway) -> String {
    admin(gateway, "/metrics")
}

fn admin(gateway: &Gateway, path: &str) -> String {
    let mut client = Client::connect(gateway.admin);
    client.send("GET", path, &[], b"");
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
    assert_eq!(other.number(), "J605");
    assert_eq!(cities.received().len(), 2, "nothing was forwarded a second time");
    let metrics = metrics(&again);
    assert!(metrics.contains("jingyue_ledger_entries{money=\"true\",outcome=\"unknown\"} 1"), "{metrics}");
    assert!(metrics.contains("jingyue_ledger_entries{money=\"true\",outcome=\"answered\"} 1"), "{metrics}");
    // A person finds out what came of it: with the gateway up, and then with the gateway down.
    let address = again.admin.to_string();
    let ledger = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_jingyue"));
        let output =
            command.arg("ledger").args(words).args(["--admin", &address, "--config"]).arg(&file).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (code, list) = ledger(&["unknown"]);
    assert!(code == Some(0) && list.contains("资金  GJ12/main/K-SLOW"), "{list}");
    let entry = list.split_whitespace().next().unwrap().to_owned();
    let resolve = ["resolve", &entry, "not_done", "--who", "赵六", "--why", "电话核实"];
    assert_eq!(ledger(&resolve).0, Some(0));
    assert!(matches!(ledger(&resolve), (Some(1), told) if told.contains("不能改写")));
    assert_eq!(ask(&again, "7", &slow).receive().number(), "J607");
    // Numbers go on above the highest that was ever written: none is given twice.
    let third = ask(&again, "6", &withdrawal("K-NEW", "")).receive();
    assert!(third.header("x-jingyue-sequence").parse::<u64>().unwrap() > 2, "{:?}", third.headers);
    assert_eq!(ask(&again, "8", &withdrawal("K-CUT", "【模拟:断开】")).receive().number(), "J504");
    drop(again);
    let (code, list) = ledger(&["unknown"]);
    assert!(code == Some(0) && list.contains("K-CUT") && !list.contains("K-SLOW"), "{list}");
    let entry = list.split_whitespace().next().unwrap().to_owned();
    assert_eq!(ledger(&["resolve", &entry, "done", "--who", "赵六", "--why", "查询号 Q-7"]).0, Some(0));
    assert_eq!(ledger(&["unknown"]), (Some(0), "没有结果未知的记录\n".to_owned()));
    let last = serve(&file);
    assert_eq!(ask(&last, "9", &withdrawal("K-CUT", "【模拟:断开】")).receive().number(), "J606");
}

#[test]
fn a_ledger_that_cannot_be_written_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (_cities, file) = site(folder.path());
    // Once to make the file and to prove the mappings, then with files that may not grow.
    drop(serve(&file));
    let gateway = serve_within("trap '' XFSZ; ulimit -f 512;", &file);
    let refused = (0..2_000).find(|number| {
        let body = withdrawal(&format!("K{number}"), "");
        ask(&gateway, &format!("n{number}"), &body).receive().text().contains("J601")
    });
    assert!(refused.is_some(), "the ledger met its limit");
    let ready = admin(&gateway, "/readyz");
    let reason =
        ready.split_once("台账写入失败（").and_then(|(_, rest)| rest.split_once('）')).map(|(reason, _)| reason);
    let reason = reason.unwrap_or_else(|| panic!("{ready}"));
    assert!(reason.contains("disk"), "in SQLite's words: {reason}");
    until("the reason is logged", || {
        let log = gateway.later.lock().unwrap();
        log.lines().any(|line| line.contains("ledger write failed") && line.contains(reason))
    });
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
