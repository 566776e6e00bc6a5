//! A key inside a device, behind a stand-in library that exports the functions of GM/T 0018 over OpenSSL's own SM2.
#![allow(unsafe_code, reason = "the test asks the stand-in, a C library, how it was used")]

use crate::support::jingyue;
use crate::support::jingyue_ok;
use crate::support::openssl_ok;
use jingyue::domain::envelope::cipher;
use jingyue::domain::envelope::cipher::Form;
use jingyue::domain::key;
use jingyue::domain::key::Key;
use jingyue::domain::key::KeyFault;
use jingyue::domain::key::file;
use jingyue::domain::sm::sm2::DEFAULT_ID;
use jingyue::edge::keys::DecryptCall;
use jingyue::edge::keys::Device;
use jingyue::edge::keys::DeviceSettings;
use jingyue::edge::keys::Half;
use jingyue::edge::keys::SdfFault;
use std::ffi::c_int;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use zeroize::Zeroizing;

/// Builds the stand-in with one order of arguments of its decryption.
fn build(folder: &Path, name: &str, order: u8) -> PathBuf {
    let library = folder.join(name);
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pki/sdf/stand_in.c");
    let output = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", &format!("-DDECRYPT={order}"), "-o"])
        .arg(&library)
        .arg(source)
        .arg("-l:libcrypto.so.3")
        .output()
        .expect("a C compiler runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    library
}

fn settings(decrypt: DecryptCall, sessions_max: usize) -> DeviceSettings {
    DeviceSettings { decrypt, sessions_max, ..DeviceSettings::default() }
}

fn password() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(b"device-password".to_vec())
}

/// Asks the stand-in, which is loaded already.
fn ask(library: &Path, name: &str) -> c_int {
    // SAFETY: it is the same library that the device holds open; the function takes nothing and gives an int.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let call: libloading::Symbol<'_, unsafe extern "C" fn() -> c_int> = library.get(name).unwrap();
        call()
    }
}

fn fail_next(library: &Path, count: c_int) {
    // SAFETY: as above; the function takes an int.
    unsafe {
        let library = libloading::Library::new(library).unwrap();
        let call: libloading::Symbol<'_, unsafe extern "C" fn(c_int)> = library.get("stand_in_fail").unwrap();
        call(count);
    }
}

/// One test, because the key of the stand-in comes from the environment of the process.
#[test]
fn a_device_signs_and_opens() {
    let folder = tempfile::tempdir().unwrap();
    openssl_ok(folder.path(), "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out key.pem");
    let key_file = folder.path().join("key.pem");
    // SAFETY: nothing else in this process reads or writes the environment while this test runs.
    unsafe { std::env::set_var("STAND_IN_KEY", &key_file) };
    let software = file::read(&std::fs::read(&key_file).unwrap(), None).unwrap();
    let sealed = software.public().encrypt(&[7; 300], &[1; 48]).unwrap();
    for (name, order, call) in [
        ("a.so", 0, DecryptCall::Index),
        ("b.so", 1, DecryptCall::IndexAlgorithm),
        ("c.so", 2, DecryptCall::AlgorithmIndex),
    ] {
        let library = build(folder.path(), name, order);
        let device = Device::open(&library, &settings(call, 2)).unwrap();
        let opening = device.key(1, Half::Encrypt, Some(password())).unwrap();
        assert_eq!(opening.public(), software.public());
        assert_eq!(opening.decrypt(&sealed).unwrap().as_slice(), [7; 300], "{name}");
        let bare = Form::named("c1c3c2").unwrap();
        let bytes = bare.of_der(&sealed).unwrap();
        assert_eq!(cipher::open(&opening, bare, &bytes).unwrap().as_slice(), [7; 300]);
        let mut changed = sealed.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert_eq!(opening.decrypt(&changed).unwrap_err(), KeyFault::Wrong);
        assert_eq!(opening.decrypt(&sealed[1..]).unwrap_err(), KeyFault::Wrong);
        assert_eq!(opening.sign_digest(&[1; 32]).unwrap_err(), KeyFault::Unsupported);
        assert_eq!(opening.agree(software.public()).unwrap_err(), KeyFault::Unsupported);
    }
    signs(&folder.path().join("a.so"));
    faults(folder.path());
    commands(folder.path());
}

/// The same device at the command line.
fn commands(folder: &Path) {
    std::fs::write(folder.join("password"), "device-password\n").unwrap();
    std::fs::write(folder.join("message"), "message").unwrap();
    let device = "--device b.so --index 1 --decrypt-call index-algorithm --password-file password";
    let in_folder = device.replace("b.so", &folder.join("b.so").display().to_string());
    std::fs::write(folder.join("sig"), jingyue_ok(folder, &format!("sm sign {in_folder} message"))).unwrap();
    std::fs::write(folder.join("public.pem"), jingyue_ok(folder, &format!("sm public {in_folder}"))).unwrap();
    jingyue_ok(folder, "sm verify --key public.pem --signature sig message");
    std::fs::write(folder.join("enc"), jingyue_ok(folder, "sm encrypt --key public.pem message")).unwrap();
    assert_eq!(jingyue_ok(folder, &format!("sm decrypt {in_folder} enc")), b"message");
    assert_eq!(
        jingyue(folder, &format!("sm sign {} message", in_folder.replace("--index 1", "--index 9"))).status.code(),
        Some(1)
    );
    assert_eq!(jingyue(folder, "sm sign --device b.so message").status.code(), Some(64));
}

fn signs(library: &Path) {
    // SAFETY: as above. It stays loaded, so that its counts outlive the device.
    let _held = unsafe { libloading::Library::new(library).unwrap() };
    let device = Device::open(library, &settings(DecryptCall::Index, 2)).unwrap();
    let signing = device.key(1, Half::Sign, Some(password())).unwrap();
    let verify = || {
        let signature = key::sign(&signing, DEFAULT_ID, &[b"message"]).unwrap();
        signing.public().verify(DEFAULT_ID, &[b"message"], &signature).unwrap();
    };
    verify();
    // Eight threads share two sessions.
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..5).for_each(|_| verify()));
        }
    });
    assert!(ask(library, "stand_in_sessions") <= 2);
    let opened = ask(library, "stand_in_opened");
    // One failure of the line is repaired with a new session; two are told.
    fail_next(library, 1);
    verify();
    assert!(ask(library, "stand_in_opened") > opened);
    fail_next(library, 2);
    let fault = signing.sign_digest(&[1; 32]).unwrap_err();
    assert_eq!(fault, KeyFault::Unavailable(0x0100_0003));
    verify();
    assert!(!format!("{signing:?} {device:?}").contains("password"));
    drop((signing, device));
    assert_eq!((ask(library, "stand_in_sessions"), ask(library, "stand_in_devices")), (0, 0));
}

fn faults(folder: &Path) {
    let library = folder.join("a.so");
    let device = Device::open(&library, &settings(DecryptCall::Index, 1)).unwrap();
    let number = |fault: SdfFault| match fault {
        SdfFault::Device(number) => number,
        other => panic!("{other}"),
    };
    assert_eq!(number(device.key(2, Half::Sign, None).unwrap_err()), 0x0100_0008);
    let wrong = Some(Zeroizing::new(b"wrong".to_vec()));
    let fault = device.key(1, Half::Sign, wrong).unwrap_err();
    assert!(fault.to_string().contains("私钥访问口令"), "{fault}");
    assert_eq!(number(fault), 0x0100_0007);
    let unclaimed = device.key(1, Half::Sign, None).unwrap();
    assert_eq!(unclaimed.sign_digest(&[1; 32]).unwrap_err(), KeyFault::Unavailable(0x0100_0007));
    for (name, text) in [("absent.so", ""), ("text.so", "not a library")] {
        let path = folder.join(name);
        if !text.is_empty() {
            std::fs::write(&path, text).unwrap();
        }
        assert!(matches!(Device::open(&path, &settings(DecryptCall::Index, 1)), Err(SdfFault::Library(_))), "{name}");
    }
}
