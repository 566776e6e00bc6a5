//! The section `[listen.tls]`: which protocols the data listener speaks, and with which certificates.

use crate::domain::tlcp;
use crate::edge::config::credentials::{Credentials, INTERNATIONAL_MISMATCH, Keys, SM_MISMATCH, has_encryption};
use crate::edge::config::files::Files;
use crate::edge::config::problem::{Kind, suggest};
use crate::edge::config::reader::Section;
use crate::edge::server::{Protocols, TlsSlot};
use crate::edge::tls::{ClientCertificate, Family, Fault, Versions, server_config, tlcp_server_config};
use arc_swap::ArcSwap;
use std::sync::Arc;

const INTERNATIONAL_KEYS: Keys = Keys { trust: "client_ca_file", revocation: "client_crl_file", national: false };
const SM_KEYS: Keys = Keys { national: true, ..INTERNATIONAL_KEYS };
/// Words of `protocols`.
const WORDS: [&str; 4] = ["tlcp", "rfc8998", "tls13", "tls12"];

/// What is switched on.
struct Wanted {
    tlcp: bool,
    sm: bool,
    versions: Option<Versions>,
}

/// The listener's protocols, and whether client certificates are asked for.
pub(super) fn check(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<(TlsSlot, bool)> {
    let choices = [
        ("required", ClientCertificate::Required),
        ("optional", ClientCertificate::Optional),
        ("off", ClientCertificate::Off),
    ];
    let document = section.document();
    let has_sm = section.has("sm");
    let has_own = section.has("certificate_file") || section.has("key_file");
    let named = wanted(&mut section);
    let client = section.choice("client_certificate", &choices, ClientCertificate::Optional);
    let prefer_tlcp = section.flag("prefer_tlcp", false);
    let sm = section.section("sm");
    let has_pair = sm.as_ref().is_some_and(has_encryption);
    let wanted = named.unwrap_or_else(|| Wanted {
        tlcp: has_pair,
        sm: has_sm,
        versions: (has_own || !has_sm).then_some(Versions::Tls12And13),
    });
    if (wanted.sm || wanted.tlcp) && !has_sm {
        section.missing("sm", "protocols 中有国密协议，请在 [listen.tls.sm] 中写明国密证书");
    }
    if prefer_tlcp && !wanted.tlcp {
        let place = section.place_of("prefer_tlcp");
        document.error(&place, Kind::Conflict, "prefer_tlcp = true 而没有开通 TLCP", "开通 TLCP 时才用", "");
    }
    let national = sm.map_or(Some(National::default()), |sm| national(sm, files, client, &wanted));
    let international = international(&mut section, files, client, wanted.versions);
    section.finish();
    let National { sm, tlcp, may_wait } = national?;
    let protocols = Protocols { tlcp, sm, international: international?, prefer_tlcp, may_wait };
    Some((Arc::new(ArcSwap::from_pointee(protocols)), client != ClientCertificate::Off))
}

/// The words of `protocols`; `None` where the key is not there: all that have a certificate.
fn wanted(section: &mut Section<'_, '_>) -> Option<Wanted> {
    let words = section.texts("protocols");
    if !section.has("protocols") {
        return None;
    }
    let document = section.document();
    for word in words.iter().filter(|word| !WORDS.contains(&word.value.as_str())) {
        let found = format!("protocols 中的“{}”", word.value);
        let expected = format!("其中之一：{}", WORDS.join("、"));
        document.error(&word.place, Kind::NotAChoice, found, expected, suggest(&word.value, WORDS));
    }
    if words.is_empty() {
        let place = section.place_of("protocols");
        document.error(&place, Kind::Conflict, "protocols 是空的", "至少一个协议", "不用 TLS 则去掉 [listen.tls]");
    }
    let has = |wanted: &str| words.iter().any(|word| word.value == wanted);
    let versions = match (has("tls12"), has("tls13")) {
        (true, true) => Some(Versions::Tls12And13),
        (true, false) => Some(Versions::Tls12),
        (false, true) => Some(Versions::Tls13),
        (false, false) => None,
    };
    Some(Wanted { tlcp: has("tlcp"), sm: has("rfc8998"), versions })
}

/// Reports issuers that must be named; true when there is nothing to report.
fn trusts(section: &Section<'_, '_>, client: ClientCertificate, on: bool) -> bool {
    let there = !on || client == ClientCertificate::Off || section.has(SM_KEYS.trust);
    if !there {
        section.missing(
            SM_KEYS.trust,
            "索取客户端证书时，必须写明签发来文系统证书的机构；不索取则写 client_certificate = \"off\"",
        );
    }
    there
}

/// International TLS. `Some(None)`: in order, and switched off.
#[expect(clippy::option_option, reason = "outside: reported fault; inside: switched off")]
fn international(
    section: &mut Section<'_, '_>,
    files: &Files<'_>,
    client: ClientCertificate,
    versions: Option<Versions>,
) -> Option<Option<Arc<rustls::ServerConfig>>> {
    let trusts = trusts(section, client, versions.is_some());
    let credentials = Credentials::take(section, files, INTERNATIONAL_KEYS, versions.is_some());
    let Some(versions) = versions else { return Some(None) };
    let made = server_config(Family::International(versions), &credentials.own()?, client, credentials.trust());
    let config = credentials.judge(section.document(), made, INTERNATIONAL_MISMATCH)?;
    trusts.then(|| Some(Arc::new(config)))
}

/// The national protocols.
#[derive(Default)]
struct National {
    sm: Option<Arc<rustls::ServerConfig>>,
    tlcp: Option<Arc<tlcp::ServerConfig>>,
    /// Whether their keys may wait for a device.
    may_wait: bool,
}

/// RFC 8998 and TLCP, which share the signing certificate.
fn national(
    mut section: Section<'_, '_>,
    files: &Files<'_>,
    client: ClientCertificate,
    wanted: &Wanted,
) -> Option<National> {
    let document = section.document();
    let on = wanted.sm || wanted.tlcp;
    let trusts = trusts(&section, client, on);
    let credentials = Credentials::take(&mut section, files, SM_KEYS, on);
    let pair = credentials.pair();
    if wanted.tlcp && !has_encryption(&section) {
        section.missing("encryption_certificate_file", "TLCP 用双证书，请写明加密证书与私钥");
    }
    section.finish();
    if !on {
        return Some(National::default());
    }
    let own = credentials.own()?;
    let sm = wanted.sm.then(|| server_config(Family::Sm, &own, client, credentials.trust())).transpose();
    let tlcp = match (&pair, wanted.tlcp) {
        (Some(pair), true) => tlcp_server_config(pair, client, credentials.trust()).map(Some),
        _ => Ok(None),
    };
    let made = match (sm, tlcp) {
        (Ok(sm), Ok(tlcp)) => Ok((sm, tlcp)),
        (sm, tlcp) => Err(once_each(sm.err().into_iter().chain(tlcp.err()).flatten())),
    };
    let (sm, tlcp) = credentials.judge(document, made, SM_MISMATCH)?;
    let complete = trusts && (pair.is_some() || !wanted.tlcp);
    let may_wait = credentials.may_wait();
    complete.then(|| National { sm: sm.map(Arc::new), tlcp: tlcp.map(Arc::new), may_wait })
}

/// What both protocols find is told once.
fn once_each(faults: impl Iterator<Item = Fault>) -> Vec<Fault> {
    let mut all = Vec::new();
    for fault in faults {
        if !all.contains(&fault) {
            all.push(fault);
        }
    }
    all
}
