//! The section `[licences]` and the line `licences` of a caller: who may have licences verified and fetched.
//!
//! It deliberately grants nothing by default: without the section there are no licence calls at all, and a caller
//! without its line has none.

use crate::domain::masked::Masked;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Certificate;
use crate::edge::config::callers::MatterPattern;
use crate::edge::config::files::Files;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Placed, Section};
use crate::edge::config::{Names, size};
use crate::edge::keys::Half;
use crate::edge::licences::{PlatformSettings, Rates, Retention, Settings, Waits};
use std::num::NonZeroU32;
use std::time::Duration;

/// Bound on a body that carries the largest licence as multipart, in bytes.
const BODY_BYTES_MIN: usize = (20 << 20) + (64 << 10);

/// What a caller may do with licences.
#[derive(Clone, Debug)]
pub struct LicenceAccess {
    /// For which matters.
    pub matters: Vec<MatterPattern>,
    /// True: may ask for the verdict at another time than now.
    pub other_times: bool,
    /// True: may read the usage receipts (用证回流) of all callers.
    pub receipts: bool,
    /// True: may put trust lists, which their operator has signed.
    pub trust_lists: bool,
    /// How it uses the calls of a sharing platform.
    pub share: Option<Share>,
}

/// The facade `/CertShare/*` for one caller.
#[derive(Clone, Debug)]
pub struct Share {
    /// `accessToken` that goes with the caller's name as `accessId`; `None`: certificate or header signature only.
    pub token: Option<Masked<Vec<u8>>>,
    /// The matter that a call without one is for.
    pub matter: String,
    /// Answers are encrypted to this SM2 key.
    pub encrypt_to: Option<PublicKey>,
}

impl LicenceAccess {
    /// True when the matter is one of the caller's.
    pub fn may(&self, matter: &str) -> bool {
        self.matters.iter().any(|pattern| pattern.matches(matter))
    }
}

/// The section `[licences]`.
pub(super) fn check(
    mut section: Section<'_, '_>,
    files: &Files<'_>,
    body_bytes_max: usize,
    systems: &Names,
) -> Option<Settings> {
    let document = section.document();
    let trust = section.text_required("trust_directory");
    let policy = section.text("policy_file");
    let policy = match policy {
        None => Some(None),
        Some(name) => files.bytes(document, &name).and_then(|bytes| {
            let text = String::from_utf8(bytes.into_inner()).ok();
            if text.is_none() {
                let found = format!("策略文件 {} 不是 UTF-8 文本", name.value);
                document.error(&name.place, Kind::FileUnreadable, found, "UTF-8 的 TOML 文件", "");
            }
            text.map(|text| Some((name.value, text)))
        }),
    };
    let store = section.text("store_file").map_or_else(|| "/var/lib/jingyue/licences.db".to_owned(), |text| text.value);
    let key = section.text_required("digest_key_file").and_then(|name| files.secret(document, &name));
    let source = section.text("source_directory").map(|name| files.path(&name.value));
    let platform = section.section("source").map(|source| check_source(source, files, systems));
    let code_lasts = Duration::from_secs(section.number("code_seconds", 1..86_401, 600));
    let verifications_max = size(section.number("verifications_max", 1..257, 2));
    let mut wait = |key| Duration::from_secs(section.number(key, 1..61, 10));
    let waits = Waits { turn: wait("turn_seconds"), source: wait("source_seconds") };
    let mut days = |key| u32::try_from(section.number(key, 0..36_501, 0)).ok().filter(|days| *days > 0);
    let retention = Retention { reports_days: days("reports_days"), receipts_days: days("receipts_days") };
    let mut rate = |key, default| {
        let number = section.number(key, 1..1_000_001, default);
        u32::try_from(number).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
    };
    let rates = Rates {
        caller_per_minute: rate("caller_per_minute", 600),
        operator_per_minute: rate("operator_per_minute", 60),
        holder_per_day: rate("holder_per_day", 30),
    };
    if body_bytes_max < BODY_BYTES_MIN {
        document.warning(
            section.place(),
            Kind::Conflict,
            format!("[listen] body_bytes_max = {body_bytes_max}，收不下最大的证照文件（20 MiB）"),
            format!("至少 {BODY_BYTES_MIN}；以 JSON 的 base64 送文件还要再大三分之一"),
            "",
        );
    }
    section.finish();
    Some(Settings {
        trust_directory: files.path(&trust?.value),
        policy: policy?,
        store_file: files.path(&store),
        code_lasts,
        rates,
        digest_key: key?,
        verifications_max,
        waits,
        retention,
        source_directory: source,
        platform: match platform {
            None => None,
            Some(platform) => Some(platform?),
        },
    })
}

/// The section `[licences.source]`: a sharing platform among the systems.
fn check_source(mut section: Section<'_, '_>, files: &Files<'_>, systems: &Names) -> Option<PlatformSettings> {
    let document = section.document();
    let system = section.text_required("system").and_then(|name| systems.resolve(document, &name));
    let access_id = section.text_required("access_id");
    let token = section.text_required("access_token_file").and_then(|name| files.secret(document, &name));
    let key = section.text_required("key");
    let key = key.and_then(|name| files.keys.get()?.resolve(document, &name, Half::Encrypt));
    section.finish();
    Some(PlatformSettings { system: system?, access_id: access_id?.value, access_token: token?, key: key? })
}

/// The line `licences = { … }` of a caller.
pub(super) fn check_access(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<LicenceAccess> {
    let document = section.document();
    if !section.has("matters") {
        section.missing("matters", "例如 licences = { matters = [\"GJ*\"] }");
    }
    let texts = section.texts("matters");
    let matters: Vec<_> = texts.iter().map(|text| MatterPattern::check(document, text)).collect();
    let other_times = section.flag("other_times", false);
    let receipts = section.flag("receipts", false);
    let trust_lists = section.flag("trust_lists", false);
    let share = section.section("share").map(|share| check_share(share, files));
    section.finish();
    Some(LicenceAccess {
        matters: matters.into_iter().collect::<Option<_>>()?,
        other_times,
        receipts,
        trust_lists,
        share: match share {
            None => None,
            Some(share) => Some(share?),
        },
    })
}

fn check_share(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<Share> {
    let document = section.document();
    let matter = section.text_required("matter");
    if let Some(text) = &matter
        && !matches!(MatterPattern::check(document, text), Some(MatterPattern::Exactly(_)) | None)
    {
        let found = format!("matter = \"{}\"", text.value);
        document.error(&text.place, Kind::BadPattern, found, "一个事项编码", "");
    }
    let token = section.text("token_file").map(|name| files.secret(document, &name));
    let encrypt_to = section.text("encrypt_to_file").map(|name| {
        let bytes = files.bytes(document, &name)?;
        key_of(&name, bytes.reveal(), &section)
    });
    section.finish();
    let whole = |part: Option<Option<PublicKey>>| part.map_or(Some(None), |part| part.map(Some));
    Some(Share {
        token: token.map_or(Some(None), |token| token.map(Some))?,
        matter: matter?.value,
        encrypt_to: whole(encrypt_to)?,
    })
}

/// The SM2 key of a certificate file.
fn key_of(name: &Placed<String>, bytes: &[u8], section: &Section<'_, '_>) -> Option<PublicKey> {
    let key =
        Certificate::all(bytes).ok().and_then(|all| all.into_iter().next()).and_then(|first| first.public().copied());
    if key.is_none() {
        let found = format!("{} 中没有 SM2 公钥的证书", name.value);
        section.document().error(&name.place, Kind::BadCertificate, found, "对方的 SM2 加密证书，PEM", "");
    }
    key
}
