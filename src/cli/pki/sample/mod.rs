//! `jingyue pki sample`: everything of `certs-sample/` anew, for tests and a first try, never for production.
//!
//! Nothing is changed while all of it is there, belongs together and is good for thirty more days. The keys of the
//! authorities are thrown away at the end, so that nobody can issue further certificates of theirs.

use crate::cli::pki::authority::Authority;
use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::Holder;
use crate::cli::pki::authority::about;
use crate::cli::pki::authority::pem;
use crate::cli::pki::name;
use crate::cli::pki::now;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::private;
use crate::cli::sm::write_key;
use crate::cli::sm::write_new;
use crate::domain::key::Key;
use crate::domain::x509::Certificate;
use crate::domain::x509::Kind;
use crate::edge::keys::SoftwareKey;
use std::fs;
use std::path::Path;

mod international;
mod licences;
mod trust;

/// Days of validity from now on.
const DAYS: i64 = 3_650;

/// Days of validity that have passed already, since tests live in the weeks before the samples were made.
const DAYS_BEFORE: i64 = 365;

/// Each authority, what it is called, and the one above it.
const AUTHORITIES: &[(&str, &str, Option<&str>)] = &[
    ("root", "CN=Jingyue sample root,O=样例,C=CN", None),
    ("hunan", "CN=湖南样例机构,O=样例,C=CN", Some("root")),
    ("hubei", "CN=湖北样例机构,O=样例,C=CN", Some("root")),
];

/// Each party of TLCP and RFC 8998, which has a signing and an encryption certificate of the same name.
const PARTIES: &[(&str, &str, &str)] = &[
    ("gateway", "hunan", "CN=gateway.jingyue.example,O=样例,C=CN"),
    ("yueyang-system", "hunan", "CN=yueyang-system,O=样例,C=CN"),
    ("jingzhou-system", "hubei", "CN=jingzhou-system,O=样例,C=CN"),
];

const HALVES: &[(&str, Kind)] = &[("sign", Kind::TlsSign), ("encrypt", Kind::TlsEncryption)];

/// Who signs: seals, what they are made with, and trust lists. Offices have their code before their name, as real seals
/// do; codes and names are made up.
const SIGNERS: &[(&str, &str, &str)] = &[
    ("hunan-seal-maker", "hunan", "CN=湖南样例制章,O=样例,C=CN"),
    ("hubei-seal-maker", "hubei", "CN=湖北样例制章,O=样例,C=CN"),
    ("yueyang-office", "hunan", "CN=43060000009991,O=11430600MY0000012M岳阳样例局,C=CN"),
    ("jingzhou-office", "hubei", "CN=42100000009991,O=11421000MY0000012Y荆州样例局,C=CN"),
    ("list-operator", "hunan", "CN=信任列表样例运营者,O=样例,C=CN"),
];

/// Makes what does not fit.
pub(super) fn make(out: &Path) -> Result<(), Told> {
    fs::create_dir_all(out).map_err(|error| about(out, &error))?;
    let until = now() + 30 * DAY_SECONDS;
    if !international::fits(out, until) {
        international::make(out, until + (DAYS - 30) * DAY_SECONDS)?;
        tell!("已重新生成国际算法样例");
    }
    let folder = out.join("sm");
    if fits(&folder, until).is_none() {
        let beside = out.join(".sm-new");
        let _ = fs::remove_dir_all(&beside);
        let made = make_national(&beside);
        let moved = made.and_then(|()| {
            let _ = fs::remove_dir_all(&folder);
            fs::rename(&beside, &folder).map_err(|error| about(&folder, &error))
        });
        let _ = fs::remove_dir_all(&beside);
        moved?;
        tell!("已重新生成国密样例");
    } else if !trust::fits(&folder, until) {
        // The key of their operator is there, so that lists can be made without everything else.
        trust::make(&folder, now())?;
        tell!("已重新生成信任列表样例");
    }
    Ok(())
}

/// `Some` if every file is there, belongs together and is good until then.
fn fits(folder: &Path, until: i64) -> Option<()> {
    let mut issuers = Vec::new();
    for (authority, ..) in AUTHORITIES {
        let certificate = certificates(&folder.join(format!("ca/{authority}.pem"))).ok()?.swap_remove(0);
        if certificate.not_after() < until || !folder.join(format!("crl/{authority}.crl")).is_file() {
            return None;
        }
        issuers.push((*authority, certificate));
    }
    let fits_pair = |file: &str, authority: &str| -> Option<()> {
        let key = private(&folder.join(format!("{file}.key")), None).ok()?;
        let certificate = certificates(&folder.join(format!("{file}.pem"))).ok()?.swap_remove(0);
        let (_, issuer) = issuers.iter().find(|(name, _)| *name == authority)?;
        let signed = certificate.signed().ok()?.verify(issuer.public()?).is_ok();
        (signed && certificate.public() == Some(key.public()) && certificate.not_after() >= until).then_some(())
    };
    for (party, authority, _) in PARTIES {
        for (half, _) in HALVES {
            fits_pair(&format!("tls/{party}-{half}"), authority)?;
        }
    }
    for (signer, authority, _) in SIGNERS {
        fits_pair(&format!("signers/{signer}"), authority)?;
    }
    licences::are_there(folder).then_some(())
}

fn make_national(folder: &Path) -> Result<(), Told> {
    for part in ["ca", "crl", "tls", "signers"] {
        let part = folder.join(part);
        fs::create_dir_all(&part).map_err(|error| about(&part, &error))?;
    }
    let now = now();
    // The authorities live in a folder that goes again, keys and all.
    let desk = folder.join("desk");
    let mut authorities: Vec<(&str, Authority)> = Vec::new();
    for (authority, text, above) in AUTHORITIES {
        let parent = authorities.iter().find(|(name, _)| Some(*name) == *above).map(|(_, parent)| parent);
        let path_length = Some(u8::from(parent.is_none()));
        let days = if parent.is_none() { DAYS + 1 } else { DAYS };
        let validity = (now - DAYS_BEFORE * DAY_SECONDS, now + days * DAY_SECONDS);
        let made = Authority::make(&desk.join(authority), parent, &name(text)?, path_length, validity, None)?;
        let certificate = pem(std::iter::once(made.certificate()));
        write_new(&folder.join(format!("ca/{authority}.pem")), certificate.as_bytes(), false)?;
        authorities.push((authority, made));
    }
    let of = |wanted: &str| {
        let found = authorities.iter().find(|(name, _)| *name == wanted);
        found.map(|(_, authority)| authority).ok_or_else(|| Told::ours("样例机构不存在"))
    };
    for (party, authority, text) in PARTIES {
        for (half, kind) in HALVES {
            let names = if *party == "gateway" { vec!["localhost".to_owned(), "127.0.0.1".to_owned()] } else { vec![] };
            issue(of(authority)?, *kind, &name(text)?, &names, &folder.join(format!("tls/{party}-{half}")), now)?;
        }
    }
    for (signer, authority, text) in SIGNERS {
        issue(of(authority)?, Kind::Signer, &name(text)?, &[], &folder.join(format!("signers/{signer}")), now)?;
    }
    for (name, authority) in &authorities {
        let made = now - DAYS_BEFORE * DAY_SECONDS;
        let der = authority.list(made, (DAYS_BEFORE + DAYS) * DAY_SECONDS)?;
        write_new(&folder.join(format!("crl/{name}.crl")), &der, false)?;
    }
    trust::make(folder, now)?;
    licences::make(folder, now, (now - DAYS_BEFORE * DAY_SECONDS, now + (DAYS - 1) * DAY_SECONDS))?;
    fs::remove_dir_all(&desk).map_err(|error| about(&desk, &error))
}

fn issue(
    authority: &Authority,
    kind: Kind,
    subject: &[u8],
    names: &[String],
    file: &Path,
    now: i64,
) -> Result<Certificate, Told> {
    let key = SoftwareKey::generate()?;
    let point = key.public().to_bytes();
    let (not_before, not_after) = (now - DAYS_BEFORE * DAY_SECONDS, now + (DAYS - 1) * DAY_SECONDS);
    let holder = Holder { kind, subject, point: &point, names, not_before, not_after, list_point: None };
    let certificate = authority.issue(&holder)?;
    let above = authority.chain_below_root();
    write_key(&file.with_extension("key"), &key, None)?;
    let text = pem(std::iter::once(&certificate).chain(&above));
    write_new(&file.with_extension("pem"), text.as_bytes(), false)?;
    Ok(certificate)
}
