//! A gateway with licence calls, its folders made anew for each test.

use crate::build::Draft;
use crate::build::OFFICE;
use crate::build::Offices;
use crate::build::pack;
use crate::support::Answer;
use crate::support::Client;
use crate::support::Setup;
use crate::support::Stand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use serde_json::json;
use std::path::Path;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use tempfile::TempDir;

/// 2024-06-01T00:00:00+08:00, when the samples are good.
pub(crate) const NOW: i64 = 1_717_171_200_000;
pub(crate) const MATTER: &str = "SC014";
pub(crate) const CASE: &str = "2024-430600-000123";
/// The licence of `v01-ses-v4.ofd`.
pub(crate) const IDENTIFIER: &str = "1.2.156.3005.2.11100000MB0143028R001.11430600LAB0000011.LAB430600000001.001.H";
pub(crate) const KIND: &str = "11100000MB0143028R001";
pub(crate) const HOLDER: &str = "91430600LAB000002U";
/// What may stand in no log, metric, report or receipt: holder, numbers, operator, cause.
pub(crate) const NEVER_KEPT: [&str; 6] =
    [HOLDER, "岳阳测试有限公司", "LAB430600000001", "LAB421000000001", "操作员甲", "提取公积金用"];

pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples().join(name)).unwrap()
}

pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/licence/samples")
}

/// Folders and settings.
pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    /// Lines of `[licences]`.
    pub(crate) settings: String,
    /// Members of the first caller's line.
    pub(crate) access: String,
    /// The same of a second caller, `yy-query-01`.
    pub(crate) second: Option<String>,
}

impl Desk {
    /// The trust of the samples, and two licences at their source.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, from) in [("trust", samples().join("pki"))] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            for entry in std::fs::read_dir(from).unwrap() {
                let path = entry.unwrap().path();
                std::fs::copy(&path, folder.path().join(name).join(path.file_name().unwrap())).unwrap();
            }
        }
        std::fs::create_dir(folder.path().join("source")).unwrap();
        for name in ["v01-ses-v4.ofd", "v18-hubei-licence.ofd", "a01-page-changed.ofd"] {
            std::fs::write(folder.path().join("source").join(name), sample(name)).unwrap();
        }
        std::fs::write(folder.path().join("digest.secret"), "composed-digest-key-0001").unwrap();
        let at = folder.path().display().to_string();
        let settings = format!(
            "trust_directory = \"{at}/trust\"\nstore_file = \"{at}/licences.db\"\n\
             digest_key_file = \"{at}/digest.secret\"\nsource_directory = \"{at}/source\"\n"
        );
        let access = "matters = [\"SC*\", \"GJ*\"], other_times = true, receipts = true, trust_lists = true".to_owned();
        Self { folder, settings, access, second: None }
    }

    /// Trust in offices of the test's own, and licences of theirs at the source: serial number, and what the metadata
    /// says besides or instead.
    pub(crate) fn of_offices(offices: &Offices, licences: &[Licence<'_>]) -> Self {
        let desk = Self::new();
        for (folder, files) in [("trust", offices.files(&[])), ("source", drawn(offices, licences))] {
            let folder = desk.folder.path().join(folder);
            std::fs::remove_dir_all(&folder).unwrap();
            std::fs::create_dir(&folder).unwrap();
            for (name, bytes) in files {
                std::fs::write(folder.join(name), bytes).unwrap();
            }
        }
        desk
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("licences.db")
    }

    pub(crate) fn start(&self) -> Stand {
        let first = "secret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\nallow = [{ matters = [\"*\"]";
        let second = "allow = [{ matters = [\"GJ01\"], to = [\"jingzhou\"] }]";
        let access = |access: &String| format!("{second}\nlicences = {{ {access} }}");
        Setup::at(NOW)
            .edit("[ledger]", &format!("[licences]\n{}[ledger]", self.settings))
            .edit(first, &format!("licences = {{ {} }}\n{first}", self.access))
            .edit(second, &self.second.as_ref().map_or_else(|| second.to_owned(), access))
            .edit("body_bytes_max = 100000", "body_bytes_max = 31000000")
            .start()
    }
}

/// Serial number, and members of the metadata.
pub(crate) type Licence<'a> = (&'a str, &'a [(&'static str, &'a str)]);

/// The files of such licences.
fn drawn(offices: &Offices, licences: &[Licence<'_>]) -> Vec<(String, Vec<u8>)> {
    let file = |(serial, more): &Licence<'_>| {
        let mut draft = Draft { offices: offices.clone(), ..Draft::new() };
        draft.set("ZZBS", &identifier(serial));
        let holder = [("ZZBH", *serial), ("CZZT", "岳阳测试有限公司"), ("CZZTDM", HOLDER), ("CZZTDMLXDM", "001")];
        for (name, value) in holder.iter().chain(*more) {
            draft.metadata.retain(|(known, _)| known != name);
            draft.metadata.push((name, (*value).to_owned()));
        }
        (format!("{serial}.ofd"), pack(&draft.sealed()))
    };
    licences.iter().map(file).collect()
}

/// The identifier of a licence of the offices.
pub(crate) fn identifier(serial: &str) -> String {
    let check = jingyue::domain::licence::check_character(&format!("{KIND}{OFFICE}{serial}001")).unwrap();
    format!("1.2.156.3005.2.{KIND}.{OFFICE}.{serial}.001.{check}")
}

/// The members that every use has.
pub(crate) fn common() -> Value {
    json!({
        "requestId": "R-1", "matter": MATTER, "caseNo": CASE, "window": "YY-01", "operator": "操作员甲",
        "ground": "consent", "useCause": "提取公积金用",
    })
}

/// The same with more members.
pub(crate) fn with(more: &Value) -> Value {
    let mut whole = common();
    for (name, value) in more.as_object().unwrap() {
        whole[name] = value.clone();
    }
    whole
}

pub(crate) fn with_file(name: &str, more: &Value) -> Value {
    let mut whole = with(more);
    whole["file"] = json!(STANDARD.encode(sample(name)));
    whole
}

/// Header fields of a call, signed now with a nonce of its own.
pub(crate) fn signed(stand: &Stand, key: &str, method: &str, path: &str, body: &[u8]) -> Vec<(String, String)> {
    static NONCE: AtomicU64 = AtomicU64::new(0);
    let nonce = format!("desk-{}", NONCE.fetch_add(1, Ordering::Relaxed));
    crate::support::signed(key, method, path, stand.clock.now(), &nonce, body)
}

/// A signed call with a body of its own type; the answer is as the document of the calls has it.
#[track_caller]
pub(crate) fn send(stand: &Stand, key: &str, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    let mut headers = signed(stand, key, method, path, body);
    headers.push(("content-type".to_owned(), kind.to_owned()));
    let mut client = Client::connect(stand.address());
    client.send(method, path, &headers, body);
    let answer = client.receive();
    crate::openapi::check(method, path, answer.status, &answer.body);
    answer
}

#[track_caller]
pub(crate) fn post(stand: &Stand, path: &str, body: &Value) -> Answer {
    send(stand, "yy-kstb-01", "POST", path, "application/json", body.to_string().as_bytes())
}

#[track_caller]
pub(crate) fn get(stand: &Stand, path: &str) -> Answer {
    send(stand, "yy-kstb-01", "GET", path, "application/json", b"")
}

/// Status and code of a refusal, whose shape is checked.
#[track_caller]
pub(crate) fn refused(answer: &Answer) -> (u16, String) {
    let json = answer.json();
    let members: Vec<&str> = json.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["code", "textZh", "actionZh", "faults", "requestId"], "{json}");
    assert!(!json["textZh"].as_str().unwrap().is_empty() && !json["actionZh"].as_str().unwrap().is_empty());
    for text in NEVER_KEPT {
        assert!(!answer.text().contains(text), "{text} in {json}");
    }
    (answer.status, json["code"].as_str().unwrap().to_owned())
}

/// Fields of the faults of a refusal.
pub(crate) fn faulty(answer: &Answer) -> Vec<String> {
    let faults = answer.json()["faults"].clone();
    faults.as_array().unwrap().iter().map(|fault| fault["field"].as_str().unwrap().to_owned()).collect()
}

#[track_caller]
pub(crate) fn well(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// That nothing personal is in the log, the metrics and the store's files.
#[track_caller]
pub(crate) fn nothing_personal(stand: &Stand, desk: &Desk) {
    let mut places =
        vec![("log", crate::support::logged().into_bytes()), ("metrics", stand.app().metrics().into_bytes())];
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            places.push(("file", std::fs::read(path).unwrap()));
        }
    }
    for (place, bytes) in &places {
        for text in NEVER_KEPT {
            assert!(memchr::memmem::find(bytes, text.as_bytes()).is_none(), "{text} in a {place}");
        }
    }
    assert!(places.len() >= 3);
}
