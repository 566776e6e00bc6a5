//! Licences that the message of an exchange carries: fetched, verified, handed on in the other side's words; and that
//! nothing is forwarded where one of them is no use.

use crate::desk::Desk;
use crate::desk::get;
use crate::desk::post;
use crate::desk::well;
use crate::support::Answer;
use crate::support::Setup;
use crate::support::Stand;
use crate::support::WITHDRAW;
use crate::support::at;
use crate::support::logged;
use crate::support::root;
use crate::support::sample_text;
use jingyue::domain::licence::check_character;
use jingyue::edge::pretend::licence_sharing::ACCESS_TOKEN;
use std::path::Path;

/// What stands in the sample for the identifier of the marriage certificate.
const PLACE: &str = "1.2.156.3005.2.(composed)";
const NUMBER: &str = "YY-GJ12-20261123-000001";

pub(crate) fn identifier(kind: &str, authority: &str, serial: &str) -> String {
    let check = check_character(&[kind, authority, serial, "001"].concat()).unwrap();
    format!("1.2.156.3005.2.{kind}.{authority}.{serial}.001.{check}")
}

/// The marriage certificates of the sample licences: the applicant's and spouse's, and another province's.
pub(crate) fn marriage() -> String {
    identifier("111000000000131433001", "11430600MY0000012M", "J430602202000012")
}

/// A gateway with the sample licences at their source, at the time of the sample messages.
struct Carrying {
    desk: Desk,
    /// Replacements in the configuration.
    edits: Vec<(String, String)>,
    /// Sections for the platform.
    source: String,
}

impl Carrying {
    fn new() -> Self {
        let desk = Desk::new();
        let folder = desk.folder.path();
        for (to, from) in [("trust", "trust"), ("source", "licences")] {
            std::fs::remove_dir_all(folder.join(to)).unwrap();
            copy(&root().join("certs-sample/sm").join(from), &folder.join(to));
        }
        Self { desk, edits: Vec::new(), source: String::new() }
    }

    fn edit(mut self, from: &str, to: &str) -> Self {
        self.edits.push((from.to_owned(), to.to_owned()));
        self
    }

    /// With the pretend sharing platform of Hunan; without a folder where that is empty.
    fn platform(mut self, url: &str) -> Self {
        self.source = format!(
            "[licences.source]\nsystem = \"licence-sharing\"\naccess_id = \"jy-gateway\"\n\
             access_token_file = \"{at}/token\"\nkey = \"gateway-encrypt\"\n\
             [[key]]\nname = \"gateway-encrypt\"\nfile = \"sm/tls/gateway-encrypt.key\"\n\
             [[system]]\nname = \"licence-sharing\"\ncity = \"yueyang\"\nprofile = \"licence-sharing\"\n\
             url = \"http://{url}\"\ndeadline_ms = 700\nconnect_timeout_ms = 300\nbreaker_failures = 1000\n",
            at = self.desk.folder.path().display()
        );
        std::fs::write(self.desk.folder.path().join("token"), ACCESS_TOKEN).unwrap();
        std::fs::remove_file(self.desk.folder.path().join("source/hunan-marriage.ofd")).unwrap();
        self
    }

    fn start(&self) -> Stand {
        let policy = root().join("mappings/licence/policy.toml");
        let section =
            format!("[licences]\n{}policy_file = \"{}\"\n{}", self.desk.settings, policy.display(), self.source);
        let first = "secret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\nallow = [{ matters = [\"*\"]";
        let access = format!("licences = {{ {} }}\n{first}", self.desk.access);
        let mut setup =
            Setup::at(at(9, 30, 15, 0)).edit("[ledger]", &format!("{section}[ledger]")).edit(first, &access);
        for (from, to) in &self.edits {
            setup = setup.edit(from, to);
        }
        setup.start()
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
    }
}

fn message(identifier: &str) -> String {
    sample_text("02-pf-withdraw-rent/yueyang.request.json").replace(PLACE, identifier)
}

fn ask(stand: &Stand, message: &str) -> Answer {
    stand.ask(WITHDRAW, message.as_bytes())
}

/// That the answer holds a fault's number and words, and that nothing was forwarded and nothing is in the ledger.
#[track_caller]
fn stopped(stand: &Stand, answer: &Answer, status: u16, words: &[&str]) {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    for word in words {
        assert!(text.contains(word), "{word} in {text}");
    }
    for personal in ["刘样本", "王样本", "J430602-2020-00012", "430602199003079989"] {
        assert!(!text.contains(personal), "{personal} in {text}");
    }
    assert_eq!(stand.forwarded(), 0);
    assert!(stand.entry(NUMBER).is_none());
}

fn receipts(stand: &Stand) -> String {
    stand.metric(&["jingyue_licence_receipts_backlog"])
}

#[test]
fn a_good_licence_is_handed_on_in_the_other_sides_words() {
    let carrying = Carrying::new();
    let stand = carrying.start();
    let answer = ask(&stand, &message(&marriage()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = stand.cities.received();
    let sent = String::from_utf8(received[0].bytes.to_vec()).unwrap();
    let told = "<ZZXX><certificate_type_code>111000000000131433001</certificate_type_code>\
        <certificate_name>结婚证</certificate_name>\
        <certificate_number>J430602-2020-00012</certificate_number>\
        <certificate_holder_name>刘样本,王样本</certificate_holder_name>\
        <certificate_issued_date>20200520</certificate_issued_date></ZZXX>";
    assert!(sent.contains(told), "{sent}");
    // Only what the policy releases.
    assert!(!sent.contains("certificate_holder_code") && !sent.contains("kz_registration_date"));
    assert_eq!(receipts(&stand), "1");
    assert_eq!(stand.metric(&["jingyue_licence_calls_total", "\"exchange\"", "\"OK\""]), "1");
    let page = well(&get(&stand, "/v1/licences/receipts?since=0"));
    let receipt = &page["receipts"][0];
    let told = ["call", "decision", "matter", "caseNo", "window", "ground", "ZZLXDM"].map(|name| &receipt[name]);
    let case = "YJ20261123430602000001U";
    assert_eq!(told, ["exchange", "ACCEPT", "GJ12", case, "YY-KS-03", "consent", "111000000000131433001"], "{page}");
    assert_eq!(page["chain"]["intact"], true);
    // The same again is the ledger's answer: neither fetched nor sent.
    let again = ask(&stand, &message(&marriage()));
    assert_eq!((again.status, again.text()), (200, answer.text()));
    assert_eq!((stand.forwarded(), receipts(&stand).as_str()), (1, "1"));
    let metrics = stand.app().metrics();
    for personal in ["刘样本", "J430602-2020-00012", "J430602202000012"] {
        assert!(!logged().contains(personal) && !metrics.contains(personal), "{personal}");
    }
}

#[test]
fn the_other_direction_speaks_hunan() {
    let carrying = Carrying::new().edit(
        "secret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\nallow = [{ matters = [\"SC014\"",
        "secret_file = \"yy-kstb-01.secret\"\nlimit = \"window\"\nlicences = { matters = [\"GJ12\"] }\n\
         allow = [{ matters = [\"SC014\"",
    );
    let stand = carrying.start();
    let hubei = identifier("111000000000131433001", "11421000MY0000012Y", "J421002202000012");
    let text = sample_text("02-pf-withdraw-rent/jingzhou.request.soap.xml").replace(PLACE, &hubei);
    let text = text
        .replace("<FSDW_DM>430600", "<FSDW_DM>421000")
        .replace("<JSDW_DM>421000", "<JSDW_DM>430600")
        .replace("430602199003079989", "421002198808209981");
    let answer = stand.ask_soap("/kstb/ws", text.as_bytes());
    let received = stand.cities.received();
    let sent = received.first().map(|one| String::from_utf8(one.bytes.to_vec()).unwrap());
    let sent = sent.unwrap_or_else(|| panic!("{}", answer.text()));
    let sent: serde_json::Value = serde_json::from_str(&sent).unwrap();
    let told = &sent["data"]["materials"][1]["certInfo"];
    let expected = serde_json::json!({
        "ZZLXDM": "111000000000131433001", "ZZMC": "结婚证", "ZZBH": "J421002-2020-00012",
        "CZZT": "陈样本,李样本", "ZZBFRQ": "2020-05-20",
    });
    assert_eq!(told, &expected, "{sent}");
}

#[test]
fn licences_that_are_no_use_are_told_at_once_and_nothing_leaves() {
    let carrying = Carrying::new();
    let stand = carrying.start();
    let unknown = identifier("111000000000131433001", "11430600MY0000012M", "J430602202099999");
    stopped(&stand, &ask(&stand, &message(&unknown)), 422, &["没有找到", "data.materials[1].certIdentifier"]);
    // Another person's: the applicant and the spouse of the message are not its holders.
    let other = message(&marriage())
        .replace("430602199003079989", "430681201602299989")
        .replace("421002199105129998", "421023198506309970");
    stopped(&stand, &ask(&stand, &other), 422, &["不予采信", "LIC.HOLDER_MISMATCH"]);
    // A licence of another type than the material says.
    let card = message(&marriage()).replace("\"code\": \"marriage\"", "\"code\": \"house_cert\"");
    stopped(&stand, &ask(&stand, &card), 422, &["POLICY.TYPE_NOT_ACCEPTED"]);
    // Two of them, both told.
    let item = |identifier: &str| {
        format!(
            ",\n   {{ \"name\": \"结婚证\", \"code\": \"marriage\", \"format\": \"licence\", \"source\": \"certificate\", \
             \"certIdentifier\": \"{identifier}\", \"content\": null }}\n  ]"
        )
    };
    let two = other.replace("\n  ]", &item(&unknown));
    let answer = ask(&stand, &two);
    stopped(&stand, &answer, 422, &["2 处", "materials[1]", "materials[2]", "没有找到", "LIC.HOLDER_MISMATCH"]);
    // Each was used or asked for, and left a receipt.
    assert_eq!(receipts(&stand), "5");
    let many: String = (0..16).map(|number| item(&format!("{unknown}{number}")).replace("\n  ]", "")).collect();
    let many = message(&marriage()).replace("\n  ]", &format!("{many}\n  ]"));
    stopped(&stand, &ask(&stand, &many), 413, &["证照件数", "16"]);
    // The message's own faults come first, and its licences stay untouched.
    let wrong = message(&marriage()).replace("\"withdrawReason\": \"07\"", "\"withdrawReason\": \"77\"");
    stopped(&stand, &ask(&stand, &wrong), 422, &["77"]);
    assert_eq!(receipts(&stand), "5");
}

#[test]
fn a_revoked_licence_is_told_with_its_reason() {
    // The licences of the other tests, and their time: the signer of this one was revoked before.
    let mut desk = Desk::new();
    let source = desk.folder.path().join("source");
    std::fs::remove_dir_all(&source).unwrap();
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("revoked.ofd"), crate::desk::sample("a16-signer-revoked.ofd")).unwrap();
    let policy = std::fs::read_to_string(root().join("mappings/licence/policy.toml")).unwrap();
    let types = "types = [\"11100000000013127D001\", \"111000000000131433001\"]";
    std::fs::write(desk.folder.path().join("policy.toml"), policy.replace(types, "types = []")).unwrap();
    let named = format!("policy_file = \"{}\"\n", desk.folder.path().join("policy.toml").display());
    desk.settings.push_str(&named);
    let stand = desk.start();
    let message = message(crate::desk::IDENTIFIER).replace("\"code\": \"marriage\"", "\"code\": \"other\"");
    let answer = ask(&stand, &message);
    stopped(&stand, &answer, 422, &["不予采信", "CERT.REVOKED"]);
    assert_eq!(receipts(&stand), "1");
}

#[test]
fn a_file_that_was_changed_is_not_handed_on_and_may_be_asked_for_again() {
    let carrying = Carrying::new();
    let stand = carrying.start();
    let path = carrying.desk.folder.path().join("source/hunan-marriage.ofd");
    let good = std::fs::read(&path).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(&path, bad).unwrap();
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 503, &["没有取到", "来源给出的内容不能用", "同一编号"]);
    std::fs::write(&path, good).unwrap();
    assert_eq!(ask(&stand, &message(&marriage())).status, 200);
    assert_eq!((stand.forwarded(), receipts(&stand).as_str()), (1, "2"));
}

#[test]
fn a_licence_whose_seal_ended_needs_a_person() {
    let carrying = Carrying::new();
    // The signed lists would be past their time too, and nothing could be judged at all.
    for list in ["420000.json", "420000.sig", "430000.json", "430000.sig"] {
        std::fs::remove_file(carrying.desk.folder.path().join("trust").join(list)).unwrap();
    }
    let stand = carrying.start();
    // No proof of existence: the file was never seen before its certificate ended.
    stand.clock.set(at(9, 30, 15, 0) + 20 * 365 * 86_400_000);
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 422, &["人工核实"]);
}

#[test]
fn a_source_that_is_slow_ends_at_the_deadline() {
    let carrying = Carrying::new().edit("deadline_ms = 15000", "deadline_ms = 300");
    let stand = carrying.start();
    let path = carrying.desk.folder.path().join("source/hunan-marriage.ofd");
    // Nobody writes into it, so that reading waits.
    std::fs::remove_file(&path).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 503, &["没有取到", "来源没有及时答复"]);
    assert_eq!(receipts(&stand), "1");
    // Lets the reader go.
    std::fs::write(&path, "").unwrap();
}

#[test]
fn without_an_agreement_a_good_licence_is_not_handed_on() {
    let carrying = Carrying::new();
    let stand = carrying.start();
    let folder = tempfile::tempdir().unwrap();
    crate::few::copy(folder.path());
    let path = folder.path().join("licence/equivalence.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("status = \"ENACTED\"", "status = \"REPEALED\"", 1)).unwrap();
    *stand.mappings.lock().unwrap() = folder.path().to_owned();
    stand.app().reload().unwrap();
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 422, &["可以采信", "证照类型", "hubei", "没有互认的对应"]);
}

#[test]
fn a_caller_without_leave_uses_no_licence_and_without_a_desk_nothing_changes() {
    let mut carrying = Carrying::new();
    carrying.desk.access = "matters = [\"SC*\"]".to_owned();
    let stand = carrying.start();
    stopped(&stand, &ask(&stand, &message(&marriage())), 403, &["权限"]);
    // A message without licences needs no leave.
    let without = message("").replace("\"format\": \"licence\"", "\"format\": \"pdf\"");
    let without = without.replace("\"source\": \"certificate\"", "\"source\": \"upload\"");
    let without = without.replace("\"content\": null", "\"content\": \"JVBERi0xLjQK\"");
    assert_eq!(ask(&stand, &without).status, 200, "{}", ask(&stand, &without).text());
    drop(stand);
    let plain = Setup::at(at(9, 30, 15, 0)).start();
    let answer = ask(&plain, &message(&marriage()));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent = String::from_utf8(plain.cities.received()[0].bytes.to_vec()).unwrap();
    assert!(sent.contains(&format!("<ZZBS>{}</ZZBS><CLNR/>", marriage())) && !sent.contains("ZZXX"), "{sent}");
}

#[test]
fn the_sharing_platform_gives_the_licence_and_its_word() {
    let carrying = Carrying::new().platform("{licence-sharing}");
    let stand = carrying.start();
    let calls =
        |stand: &Stand| stand.cities.received().iter().filter(|received| received.system == "licence-sharing").count();
    let ask = |number: &str| {
        let message = message(&marriage()).replace(NUMBER, number);
        stand.ask(WITHDRAW, message.as_bytes())
    };
    let answer = ask("YY-GJ12-20261123-000101");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let received = stand.cities.received();
    let sent = String::from_utf8(received.last().unwrap().bytes.to_vec()).unwrap();
    assert!(sent.contains("<certificate_holder_name>刘样本,王样本</certificate_holder_name>"), "{sent}");
    assert_eq!(calls(&stand), 2, "asked and fetched once each");
    // What the platform says of its state counts, though the file is as good as ever.
    for (status, code) in [(21, "LIC.STATE_CANCELLED"), (22, "LIC.STATE_EXPIRED"), (23, "LIC.STATE_SUSPENDED")] {
        stand.cities.set_licence_status(&marriage(), status);
        let answer = ask(&format!("YY-GJ12-20261123-0002{status}"));
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains(code), "{code} in {}", answer.text());
    }
    stand.cities.set_licence_status(&marriage(), 0);
    // The word stands in for a proof of the time at which an ended certificate signed.
    let unknown = identifier("111000000000131433001", "11430600MY0000012M", "J430602202099999");
    let answer = stand.ask(WITHDRAW, message(&unknown).as_bytes());
    assert!(answer.text().contains("没有找到"), "{}", answer.text());
    assert_eq!(stand.cities.received().iter().filter(|one| one.system == "jingzhou-window").count(), 1);
    for personal in ["刘样本", "J430602202000012", ACCESS_TOKEN] {
        assert!(!logged().contains(personal), "{personal}");
    }
}

#[test]
fn the_platform_serves_the_calls_of_the_desk_too() {
    let mut carrying = Carrying::new().platform("{licence-sharing}");
    let token = carrying.desk.folder.path().join("share.secret");
    std::fs::write(&token, "composed-token-0001").unwrap();
    let share = format!(", share = {{ matter = \"GJ12\", token_file = \"{}\" }}", token.display());
    carrying.desk.access += &share;
    let stand = carrying.start();
    let call = |name: &str, more: serde_json::Value| {
        let mut body = crate::desk::with(&more);
        body["matter"] = "GJ12".into();
        post(&stand, &format!("/v1/licences/{name}"), &body)
    };
    // By the content of the code on the licence; the address in it is not asked.
    let qr = format!("https://composed.example/c?id={}", marriage());
    let told = well(&call("query", serde_json::json!({ "qrCode": qr })));
    let one = &told["licences"][0];
    assert_eq!((&one["ZZBS"], &one["decision"]), (&marriage().into(), &"ACCEPT".into()), "{told}");
    // It is the caller's own province's.
    assert_eq!(one["equivalentType"], serde_json::Value::Null);
    let hubei = identifier("111000000000131433001", "11421000MY0000012Y", "J421002202000012");
    let told = well(&call("query", serde_json::json!({ "ZZBS": hubei })));
    assert_eq!(told["licences"][0]["equivalentType"], "111000000000131433001");
    for wrong in ["https://composed.example/", "x"] {
        let refused = call("query", serde_json::json!({ "qrCode": wrong }));
        assert!(refused.status == 400 && refused.text().contains("QR.NO_IDENTIFIER"), "{}", refused.text());
    }
    // Its word is asked for where the caller wants it.
    let file = std::fs::read(root().join("certs-sample/sm/licences/hunan-marriage.ofd")).unwrap();
    let file = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, file);
    let asked = serde_json::json!({ "file": file, "live": "required" });
    let told = well(&call("verify", asked.clone()));
    assert_eq!((&told["decision"], &told["evidence"]["live"]["result"]), (&"ACCEPT".into(), &"live-confirmed".into()));
    stand.cities.set_licence_status(&marriage(), 21);
    let told = well(&call("verify", asked.clone()));
    assert_eq!((&told["decision"], &told["reason"][0]), (&"REJECT".into(), &"LIC.STATE_CANCELLED".into()), "{told}");
    stand.cities.set_licence_status(&marriage(), 0);
    // Once the certificates of a file that was never seen have ended, only its word can stand in for a proof.
    stand.clock.set(at(9, 30, 15, 0) + 11 * 365 * 86_400_000);
    let card = std::fs::read(root().join("certs-sample/sm/licences/hunan-idcard.ofd")).unwrap();
    let card = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, card);
    let told = well(&call("verify", serde_json::json!({ "file": card })));
    assert_eq!(told["evidence"]["live"]["result"], "live-confirmed", "{}", told["reason"]);
    assert!(!told["reason"].as_array().unwrap().contains(&"SIG.NO_POE".into()), "{}", told["reason"]);
    // The facade of a sharing platform reads codes too.
    let data = serde_json::json!({ "qrcode": qr, "useCause": "提取公积金用" });
    let body = serde_json::json!({
        "head": { "accessId": "yy-kstb-01", "accessToken": "composed-token-0001" }, "data": data,
    });
    let mut client = crate::support::Client::connect(stand.address());
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    client.send("POST", "/CertShare/queryCertInfoByQRcode", &headers, body.to_string().as_bytes());
    let told = client.receive().json();
    assert_ne!(told["head"]["status"], 12, "{told}");
}

#[test]
fn a_platform_that_is_down_or_slow_is_told_and_nothing_leaves() {
    // Nobody accepts there, so that a connection is made and never answered.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let carrying = Carrying::new().platform(&silent.local_addr().unwrap().to_string());
    let stand = carrying.start();
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 503, &["没有取到", "同一编号"]);
    drop(silent);
    let answer = ask(&stand, &message(&marriage()));
    stopped(&stand, &answer, 503, &["没有取到"]);
    assert_eq!(receipts(&stand), "2");
}
