//! A licence within an exchange in the demo: the marriage certificate of a withdrawal, fetched from the pretend sharing
//! platform, verified, and handed on in the other side's words; and one that has been cancelled meanwhile.

use super::Callers;
use super::Demo;
use super::SCENES;
use super::licences::trust_files;
use super::shortened;
use super::source_of;
use crate::app::App;
use crate::edge::clock::Clock;
use crate::edge::library::Library;
use crate::edge::pretend::Cities;
use crate::edge::trouble::in_words;
use bytes::Bytes;
use std::fs;
use std::io;
use std::path::Path;
use std::path::PathBuf;

/// What stands in the sample for an identifier, and the sample licence that it is replaced with.
const PLACE: &str = "1.2.156.3005.2.(composed)";
const LICENCE: &str = "1.2.156.3005.2.111000000000131433001.11430600MY0000012M.J430602202000012.001.Z";
/// `head.status` of a sharing platform for a licence that was cancelled.
const CANCELLED: i64 = 21;

/// A folder for trust and store, gone with the demo.
struct Folder(PathBuf);

impl Folder {
    fn make() -> io::Result<Self> {
        let folder = std::env::temp_dir().join(format!("jingyue-demo-{}", std::process::id()));
        fs::create_dir(&folder)?;
        Ok(Self(folder))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is a folder of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Demo {
    /// Tells it; true where the good licence is handed on and the cancelled one stops the exchange.
    pub(super) fn carried(&self, cities: &Cities) -> Result<bool, Vec<String>> {
        tell!("━━ 办理中的证照：申请只带证照标识，网关从湖南共享平台取证、核验，以湖北的写法交给荆州");
        let failed = |error: io::Error| vec![format!("演示目录：{}", in_words(&error))];
        let folder = Folder::make().map_err(failed)?;
        let trust = folder.path().join("trust");
        fs::create_dir(&trust).map_err(failed)?;
        for (name, bytes) in trust_files()? {
            fs::write(trust.join(name), bytes).map_err(failed)?;
        }
        let app = App::start(source_of(self.with_licences(cities, folder.path())), Clock::System)?;
        let shown = carried_scenes(cities, &app);
        app.drain();
        shown
    }

    fn with_licences(&self, cities: &Cities, folder: &Path) -> String {
        let folder = folder.display();
        let own = Demo { once: true, port_base: None, brief: self.brief }.text(cities);
        let caller = "limit = \"window\"\nallow = [{ matters = [\"*\"]";
        let own = own.replace(caller, &format!("licences = {{ matters = [\"GJ12\"] }}\n{caller}"));
        format!(
            "{own}[[system]]\nname = \"licence-sharing\"\ncity = \"yueyang\"\nprofile = \"licence-sharing\"\n\
             url = \"http://{}\"\n\
             [[key]]\nname = \"gateway-encrypt\"\nfile = \"sm/tls/gateway-encrypt.key\"\n\
             [licences]\ntrust_directory = \"{folder}/trust\"\nstore_file = \"{folder}/licences.db\"\n\
             policy_file = \"policy.toml\"\ndigest_key_file = \"jy-gateway.secret\"\n\
             [licences.source]\nsystem = \"licence-sharing\"\naccess_id = \"jy-gateway\"\n\
             access_token_file = \"licence-token\"\nkey = \"gateway-encrypt\"\n",
            cities.address("licence-sharing")
        )
    }
}

fn carried_scenes(cities: &Cities, app: &App) -> Result<bool, Vec<String>> {
    let data = app.data_address().ok_or_else(|| vec!["业务入口没有启动".to_owned()])?;
    let library = Library::carried().map_err(|error| vec![error.to_string()])?;
    let scene = SCENES.iter().find(|scene| scene.matter == "GJ12").ok_or_else(|| vec!["没有这个演示".to_owned()])?;
    let input = library.examples.get(&format!("examples/{}", scene.input));
    let input = String::from_utf8(input.cloned().unwrap_or_default()).map_err(|_| vec!["样例不是 UTF-8".to_owned()])?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(tokio::runtime::LocalOptions::default());
    let runtime = runtime.map_err(|error| vec![error.to_string()])?;
    runtime.block_on(async {
        let callers = Callers::new(data)?;
        let mut right = true;
        for (number, status) in [("000041", 0), ("000042", CANCELLED)] {
            cities.set_licence_status(LICENCE, status);
            let before = cities.received().len();
            let message = input.replace(PLACE, LICENCE).replace("-20261123-000001", &format!("-20261123-{number}"));
            let (code, _, answer) = callers.call(scene, Bytes::from(message)).await.map_err(|found| vec![found])?;
            let received = cities.received();
            let sent = received[before..].iter().find(|message| message.system == scene.target);
            let told = sent.and_then(|message| part(&message.bytes));
            let is_right = told.is_some() == (status == 0) && code.is_success() == (status == 0);
            right &= is_right;
            let mark = if is_right { "✔" } else { "✘" };
            match told {
                Some(told) => tell!("   {mark} 结婚证可以采信，荆州收到 {told}"),
                None => tell!("   {mark} 结婚证已注销：{} 没有转发，答复 {}", code.as_u16(), shortened(&answer)),
            }
        }
        tell!("");
        Ok(right)
    })
}

/// What the message says of the licence.
fn part(message: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let start = text.find("<ZZXX>")?;
    let end = text[start..].find("</ZZXX>")?;
    Some(text[start..start + end + "</ZZXX>".len()].to_owned())
}
