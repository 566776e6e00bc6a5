//! An authority in a directory: what it issued is never lost, whoever else is at work there and whatever goes wrong.

use crate::support::jingyue;
use crate::support::jingyue_ok;
use std::fs;
use std::path::Path;

fn folder_with_root() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    jingyue_ok(folder.path(), "pki root --out root --name CN=样例根,O=样例,C=CN");
    folder
}

/// The lines of `issued.csv` behind the heading.
fn issued(at: &Path) -> Vec<String> {
    let text = fs::read_to_string(at.join("root/issued.csv")).unwrap_or_default();
    text.lines().skip(1).map(ToOwned::to_owned).collect()
}

fn told(at: &Path, line: &str) -> String {
    let output = jingyue(at, line);
    assert_eq!(output.status.code(), Some(1), "{line}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn commands_at_once_lose_no_certificate_and_no_number() {
    const COUNT: usize = 12;
    let folder = folder_with_root();
    let at = folder.path();
    std::thread::scope(|scope| {
        for number in 0..COUNT {
            scope.spawn(move || {
                jingyue_ok(at, &format!("pki issue --ca root --kind sign --name CN=c{number},C=CN --out c{number}"));
                jingyue_ok(at, "pki crl --ca root");
            });
        }
    });
    assert_eq!(issued(at).len(), COUNT);
    assert_eq!(fs::read_to_string(at.join("root/crl-number")).unwrap().trim(), COUNT.to_string());
    std::thread::scope(|scope| {
        for line in issued(at) {
            let serial = line.split(',').next().unwrap().to_owned();
            scope.spawn(move || jingyue_ok(at, &format!("pki revoke --ca root --serial {serial}")));
        }
    });
    jingyue_ok(at, "pki crl --ca root");
    for number in 0..COUNT {
        let refused = told(at, &format!("pki verify --trust root/ca.pem --crl root/crl.pem c{number}.pem"));
        assert!(refused.contains("CERT.REVOKED"), "{number}: {refused}");
    }
}

#[test]
fn what_has_no_place_is_not_issued() {
    let folder = folder_with_root();
    let at = folder.path();
    fs::write(at.join("a.pem"), "kept").unwrap();
    fs::write(at.join("b-encrypt.key"), "kept").unwrap();
    fs::write(at.join("c-encrypt.envelope"), "kept").unwrap();
    jingyue_ok(at, "sm generate --out own.key");
    fs::write(at.join("own.csr"), jingyue_ok(at, "pki request --key own.key --name CN=own,C=CN")).unwrap();
    let issue = "pki issue --ca root --kind";
    for line in [
        format!("{issue} sign --name CN=a,C=CN --out a"),
        format!("{issue} pair --name CN=b,C=CN --out b"),
        format!("{issue} pair --request own.csr --out c"),
        format!("{issue} sign --name CN=d,C=CN --out nowhere/d"),
        "pki authority --ca root --name CN=below,C=CN --out root".to_owned(),
    ] {
        told(at, &line);
        assert_eq!(issued(at), [""; 0], "{line}");
    }
    let mut left: Vec<_> = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.pem", "b-encrypt.key", "c-encrypt.envelope", "own.csr", "own.key", "root"]);
    assert_eq!(fs::read(at.join("a.pem")).unwrap(), b"kept");
    jingyue_ok(at, &format!("{issue} pair --request own.csr --out e"));
    assert_eq!(issued(at).len(), 2);
}

#[test]
fn a_certificate_is_revoked_by_its_file_though_the_records_lost_it() {
    let folder = folder_with_root();
    let at = folder.path();
    jingyue_ok(at, "pki issue --ca root --kind sign --name CN=lost,C=CN --out lost");
    jingyue_ok(at, "pki issue --ca root --kind sign --name CN=good,C=CN --out good");
    fs::remove_file(at.join("root/issued.csv")).unwrap();
    jingyue_ok(at, "pki revoke --ca root --certificate lost.pem --reason 1");
    assert!(told(at, "pki revoke --ca root --certificate lost.pem").contains("吊销"));
    jingyue_ok(at, "pki crl --ca root");
    let verify = "pki verify --trust root/ca.pem --crl root/crl.pem";
    assert!(told(at, &format!("{verify} lost.pem")).contains("CERT.REVOKED"));
    jingyue_ok(at, &format!("{verify} good.pem"));
    // Another authority of the same name, whose certificate this is not.
    jingyue_ok(at, "pki root --out other --name CN=样例根,O=样例,C=CN");
    assert!(told(at, "pki revoke --ca other --certificate good.pem").contains("不是本机构签发的"));
    let both = "pki revoke --ca root --certificate good.pem --serial 40";
    assert_eq!(jingyue(at, both).status.code(), Some(64));
    assert_eq!(jingyue(at, "pki revoke --ca root").status.code(), Some(64));
}

#[test]
fn authorities_stand_no_deeper_than_those_above_allow() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    jingyue_ok(at, "pki root --out root --name CN=root,C=CN --path-length 2");
    let below = |above: &str, name: &str| format!("pki authority --ca {above} --out {name} --name CN={name},C=CN");
    assert!(told(at, &format!("{} --path-length 2", below("root", "wide"))).contains("至多为 1"));
    jingyue_ok(at, &below("root", "one"));
    jingyue_ok(at, &below("one", "two"));
    assert!(told(at, &below("two", "three")).contains("path-length"));
    assert!(!at.join("three/ca.key").exists() && !at.join("two/issued.csv").exists());
    jingyue_ok(at, "pki issue --ca two --kind sign --name CN=leaf,C=CN --out leaf");
    jingyue_ok(at, "pki verify --trust root/ca.pem leaf.pem");
}
