//! What an operator installs: the unit stays hardened and fits the sample configuration, the sample certificates fit.

#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it should do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

fn text(relative: &str) -> String {
    std::fs::read_to_string(path(relative)).unwrap_or_else(|error| panic!("{relative}: {error}"))
}

#[track_caller]
fn passes(output: &Output) {
    let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
    assert!(output.status.success(), "{said}");
}

/// The values of a key of the unit, in order.
fn unit(key: &str) -> Vec<String> {
    let prefix = format!("{key}=");
    text("deploy/jingyue.service").lines().filter_map(|line| line.strip_prefix(&prefix)).map(str::to_owned).collect()
}

#[test]
fn the_unit_is_hardened() {
    // Exposure of at most 1.5 of 10; systemd-analyze is a part of systemd and cannot be had without it.
    let analyze = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
        .arg(path("deploy/jingyue.service"))
        .output();
    match analyze {
        Ok(output) => passes(&output),
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{error}"),
    }
    for (key, value) in [
        ("DynamicUser", "yes"),
        ("CapabilityBoundingSet", ""),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("MemoryDenyWriteExecute", "yes"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("Type", "exec"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
    ] {
        assert_eq!(unit(key), [value], "{key}");
    }
}

#[test]
fn the_unit_waits_longer_than_the_gateway_drains() {
    let configuration: toml::Table = text("deploy/jingyue.toml").parse().unwrap();
    let drain_ms = configuration["listen"]["drain_ms"].as_integer().unwrap();
    let stop_seconds: i64 = unit("TimeoutStopSec").concat().parse().unwrap();
    assert!(stop_seconds * 1_000 >= drain_ms + 5_000, "TimeoutStopSec {stop_seconds} s, drain_ms {drain_ms}");
}

#[test]
fn the_unit_hands_over_every_secret_of_the_sample() {
    let configuration = text("deploy/jingyue.toml");
    let named = configuration.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let secrets: Vec<&str> = named
        .filter_map(|line| line.strip_prefix("key_file").or_else(|| line.strip_prefix("secret_file")))
        .filter_map(|rest| rest.split('"').nth(1)?.rsplit('/').next())
        .collect();
    assert!(secrets.len() >= 3, "{secrets:?}");
    let credentials = unit("LoadCredential");
    for secret in secrets {
        let wanted = format!("{secret}:/etc/jingyue/secrets/{secret}");
        assert!(credentials.contains(&wanted), "no LoadCredential={wanted}");
    }
}

/// Every file below `folder`, by its path from there.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            found.extend(contents(&entry.path()).into_iter().map(|(below, bytes)| (format!("{name}/{below}"), bytes)));
        } else if !name.starts_with('.') {
            found.insert(name, std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn sample_certificates_fit_and_are_made_anew_only_when_they_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let before = contents(&path("certs-sample"));
    for (name, bytes) in &before {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }
    let make = || {
        let mut command = Command::new("bash");
        command.arg(folder.path().join("make.sh")).env("JINGYUE", env!("CARGO_BIN_EXE_jingyue"));
        passes(&command.output().expect("bash runs"));
    };
    make();
    assert!(contents(folder.path()) == before, "certs-sample does not fit: run certs-sample/make.sh and commit");
    assert_eq!(before["yy-kstb-01.secret"], b"test-secret-yueyang");
    assert_eq!(before["jy-gateway.secret"], b"test-secret-gateway-0001");

    let copy = |from: &str, to: &str| std::fs::copy(folder.path().join(from), folder.path().join(to)).unwrap();
    copy("gateway.key", "yueyang-system.key");
    make();
    let after = contents(folder.path());
    assert_ne!(before["ca.pem"], after["ca.pem"]);
    assert_ne!(after["gateway.key"], after["yueyang-system.key"]);
    assert_eq!(before["sm/ca/root.pem"], after["sm/ca/root.pem"], "what fits is left alone");
    copy("sm/tls/gateway-sign.key", "sm/tls/gateway-encrypt.key");
    make();
    let last = contents(folder.path());
    assert_ne!(last["sm/ca/root.pem"], after["sm/ca/root.pem"]);
    assert_eq!(before.keys().collect::<Vec<_>>(), last.keys().collect::<Vec<_>>());
}
