//! The sections `[[caller]]` and `[[relay]]`: who may call, how it is known, and what it may do.
//!
//! It deliberately grants nothing by default: what no line allows is refused.

use crate::domain::headers::Signature;
use crate::edge::config::files::Files;
use crate::edge::config::licences::{LicenceAccess, check_access};
use crate::edge::config::problem::{Kind, suggest};
use crate::edge::config::reader::{Document, Placed, Section};
use crate::edge::config::signatures::check_family;
use crate::edge::config::{Names, identifier, undeclared};
use std::collections::HashMap;

/// A system that calls.
#[derive(Clone, Debug)]
pub struct Caller {
    pub name: String,
    pub city: String,
    pub profile: String,
    /// Its key, and the secret and family of its header signature; `None`: known by certificate only.
    pub signature: Option<Signature>,
    /// SHA-256 of the DER forms of its client certificates.
    pub certificates_sha256: Vec<[u8; 32]>,
    /// Index into the limits.
    pub limit: usize,
    pub allow: Vec<Allow>,
    /// What it may do with licences; `None`: nothing.
    pub licences: Option<LicenceAccess>,
}

/// Leave to call some matters in some cities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    pub matters: Vec<MatterPattern>,
    pub to: Vec<String>,
}

/// One matter, or all whose code begins alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatterPattern {
    Exactly(String),
    /// `GJ*`; `*` alone is all.
    Beginning(String),
}

/// A path that is forwarded as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Beginning of the path, with a slash at both ends.
    pub path: String,
    /// Index into the systems.
    pub system: usize,
    /// Indices into the callers that may use it; empty: anyone, which `open = true` stated.
    pub callers: Vec<usize>,
}

impl Caller {
    /// True when some line allows `matter` towards `city`.
    pub fn may(&self, matter: &str, city: &str) -> bool {
        self.allow
            .iter()
            .any(|allow| allow.to.iter().any(|to| to == city) && allow.matters.iter().any(|m| m.matches(matter)))
    }
}

impl MatterPattern {
    /// True when the code is meant.
    pub fn matches(&self, code: &str) -> bool {
        match self {
            Self::Exactly(exactly) => code == exactly,
            Self::Beginning(beginning) => code.starts_with(beginning.as_str()),
        }
    }

    /// Reads `text`, or reports it.
    pub(super) fn check(document: &Document<'_>, text: &Placed<String>) -> Option<Self> {
        let pattern = Self::parse(&text.value);
        if pattern.is_none() {
            let found = format!("事项“{}”", text.value);
            let expected = "事项编码，或以 * 结尾的开头部分，如 SC014、GJ*、*";
            document.error(&text.place, Kind::BadPattern, found, expected, "");
        }
        pattern
    }

    fn parse(text: &str) -> Option<Self> {
        let (code, open) = text.strip_suffix('*').map_or((text, false), |beginning| (beginning, true));
        let well = code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        match (well, open) {
            (true, true) => Some(Self::Beginning(code.to_owned())),
            (true, false) if !code.is_empty() => Some(Self::Exactly(code.to_owned())),
            _ => None,
        }
    }
}

/// What the callers before this one declared, and what they may refer to.
pub(super) struct Seen<'n> {
    names: Names,
    app_keys: HashMap<String, String>,
    certificates: HashMap<[u8; 32], String>,
    limits: &'n Names,
    cities: &'n [&'n str],
    asks_for_certificates: bool,
}

impl<'n> Seen<'n> {
    pub(super) fn new(limits: &'n Names, cities: &'n [&'n str], asks_for_certificates: bool) -> Self {
        let (app_keys, certificates) = (HashMap::new(), HashMap::new());
        Self { names: Names::new("caller"), app_keys, certificates, limits, cities, asks_for_certificates }
    }

    pub(super) fn into_names(self) -> Names {
        self.names
    }
}

pub(super) fn check(mut section: Section<'_, '_>, files: &Files<'_>, seen: &mut Seen<'_>) -> Option<Caller> {
    let document = section.document();
    let name = seen.names.declare(&mut section);
    let city = identifier(&mut section, "city");
    let profile = identifier(&mut section, "profile");
    let owner = name.clone().unwrap_or_else(|| "另一来文系统".to_owned());
    let signature = check_signature(&mut section, files, seen, &owner);
    let fingerprints = section.texts("certificate_sha256");
    let certificates_sha256: Vec<_> = fingerprints
        .iter()
        .map(|text| {
            let fingerprint = check_fingerprint(document, text)?;
            if let Some(other) = seen.certificates.insert(fingerprint, owner.clone()) {
                let found = format!("这张证书已经登记给 {other}");
                document.error(&text.place, Kind::Duplicate, found, "只属于一个来文系统的证书", "");
            }
            Some(fingerprint)
        })
        .collect();
    let has_signature = section.has("app_key") || section.has("secret_file");
    if fingerprints.is_empty() && !has_signature {
        document.error(
            section.place(),
            Kind::NoCredential,
            format!("来文系统 {owner} 没有任何身份凭据"),
            "app_key 与 secret_file，或 certificate_sha256",
            "",
        );
    } else if !has_signature && !seen.asks_for_certificates {
        document.error(
            &section.place_of("certificate_sha256"),
            Kind::NoCredential,
            format!("来文系统 {owner} 只有证书，但监听端不索取客户端证书"),
            "[listen.tls] 中 client_certificate 为 required 或 optional",
            "",
        );
    }
    let limit = section.text_required("limit").and_then(|limit| seen.limits.resolve(document, &limit));
    if !section.has("allow") {
        section.missing(
            "allow",
            "没有授权的来文系统什么也不能办；例如 allow = [{ matters = [\"*\"], to = [\"jingzhou\"] }]",
        );
    }
    let allow: Vec<_> = section.sections("allow").into_iter().map(|allow| check_allow(allow, seen.cities)).collect();
    let licences = section.section("licences").map(|licences| check_access(licences, files));
    section.finish();
    Some(Caller {
        name: name?,
        city: city?.value,
        profile: profile?.value,
        signature: signature?,
        certificates_sha256: certificates_sha256.into_iter().collect::<Option<_>>()?,
        limit: limit?,
        allow: allow.into_iter().collect::<Option<_>>()?,
        licences: match licences {
            None => None,
            Some(licences) => Some(licences?),
        },
    })
}

/// `Some(None)` where no signature is configured.
#[expect(clippy::option_option, reason = "outside: reported fault; inside: the caller has no signature")]
fn check_signature(
    section: &mut Section<'_, '_>,
    files: &Files<'_>,
    seen: &mut Seen<'_>,
    owner: &str,
) -> Option<Option<Signature>> {
    let document = section.document();
    let app_key = section.text("app_key");
    let secret_file = section.text("secret_file");
    match (section.has("app_key"), section.has("secret_file")) {
        (false, false) => return Some(None),
        (true, false) => section.missing("secret_file", "app_key 与 secret_file 要成对写"),
        (false, true) => section.missing("app_key", "app_key 与 secret_file 要成对写"),
        (true, true) => {}
    }
    if let Some(key) = &app_key {
        if key.value.is_empty() || key.value.len() > 128 || !key.value.bytes().all(|byte| byte.is_ascii_graphic()) {
            let found = format!("app_key = \"{}\"", key.value);
            document.error(&key.place, Kind::BadName, found, "1 到 128 个可见的 ASCII 字符", "");
        }
        if let Some(other) = seen.app_keys.insert(key.value.clone(), owner.to_owned()) {
            let found = format!("app_key {} 已经登记给 {other}", key.value);
            document.error(&key.place, Kind::Duplicate, found, "不重复的应用标识", "");
        }
    }
    let secret = secret_file.and_then(|name| files.secret(document, &name));
    let family = check_family(section);
    Some(Some(Signature::new(app_key?.value, secret?, family?)))
}

fn check_fingerprint(document: &Document<'_>, text: &Placed<String>) -> Option<[u8; 32]> {
    // Tools print fingerprints with colons and in either case.
    let digits: Vec<u8> = text.value.bytes().filter(|byte| *byte != b':').collect();
    let mut fingerprint = [0; 32];
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut well = digits.len() == 64;
    for (byte, pair) in fingerprint.iter_mut().zip(digits.chunks(2)) {
        match (pair.first().copied().and_then(value), pair.get(1).copied().and_then(value)) {
            (Some(high), Some(low)) => *byte = high << 4 | low,
            _ => well = false,
        }
    }
    if well {
        return Some(fingerprint);
    }
    document.error(
        &text.place,
        Kind::BadFingerprint,
        format!("certificate_sha256 中有 {} 个字符的“{}”", text.value.chars().count(), text.value),
        "64 位十六进制数（证书 DER 的 SHA-256）",
        "可用 openssl x509 -in 证书 -noout -fingerprint -sha256 得到",
    );
    None
}

fn check_allow(mut section: Section<'_, '_>, cities: &[&str]) -> Option<Allow> {
    let document = section.document();
    for key in ["matters", "to"] {
        if !section.has(key) {
            section.missing(key, "");
        }
    }
    let matters: Vec<_> = section.texts("matters").iter().map(|text| MatterPattern::check(document, text)).collect();
    let to: Vec<_> = section
        .texts("to")
        .into_iter()
        .map(|city| {
            if cities.contains(&city.value.as_str()) {
                return Some(city.value);
            }
            undeclared(document, &city, "[[system]] 的 city", &suggest(&city.value, cities.iter().copied()));
            None
        })
        .collect();
    section.finish();
    Some(Allow { matters: matters.into_iter().collect::<Option<_>>()?, to: to.into_iter().collect::<Option<_>>()? })
}

pub(super) fn check_relay(mut section: Section<'_, '_>, systems: &Names, callers: &Names) -> Option<Relay> {
    let document = section.document();
    let path = section.text_required("path");
    if let Some(path) = &path {
        let well = path.value.starts_with('/')
            && path.value.ends_with('/')
            && path.value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'?' && byte != b'#');
        if !well {
            let found = format!("path = \"{}\"", path.value);
            document.error(&path.place, Kind::BadPattern, found, "以 / 开头并以 / 结尾的路径前缀", "");
        }
    }
    let system = section.text_required("system").and_then(|system| systems.resolve(document, &system));
    let named = section.texts("caller");
    let resolved: Vec<_> = named.iter().map(|caller| callers.resolve(document, caller)).collect();
    let open = section.flag("open", false);
    if named.is_empty() != open {
        document.error(
            section.place(),
            Kind::Conflict,
            if open {
                "[[relay]] 同时写了 caller 和 open = true"
            } else {
                "[[relay]] 没有写明谁可以使用"
            },
            "写 caller，或（仅限本机调试）写 open = true，二者取一",
            "",
        );
    }
    section.finish();
    Some(Relay { path: path?.value, system: system?, callers: resolved.into_iter().collect::<Option<_>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_what_they_say() {
        let pattern = |text| MatterPattern::parse(text).unwrap();
        assert!(pattern("*").matches("SC014"));
        assert!(pattern("GJ*").matches("GJ01") && !pattern("GJ*").matches("SC014"));
        assert!(pattern("SC014").matches("SC014") && !pattern("SC014").matches("SC0140"));
        for bad in ["", "S*C", "事项", "a b", "**"] {
            assert_eq!(MatterPattern::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_what_a_line_allows_is_allowed() {
        let allow = Allow { matters: vec![MatterPattern::Beginning("GJ".into())], to: vec!["jingzhou".into()] };
        let caller = Caller {
            name: "a".into(),
            city: "yueyang".into(),
            profile: "p".into(),
            signature: None,
            certificates_sha256: Vec::new(),
            limit: 0,
            allow: vec![allow],
            licences: None,
        };
        assert!(caller.may("GJ01", "jingzhou"));
        assert!(!caller.may("GJ01", "yueyang") && !caller.may("SC01", "jingzhou"));
    }
}
