//! The section `[listen.tls]`: which protocols the data listener speaks, and with which certificates.

use crate::edge::config::credentials::{Credentials, INTERNATIONAL_MISMATCH, Keys, SM_MISMATCH};
use crate::edge::config::files::Files;
use crate::edge::config::problem::{Kind, suggest};
use crate::edge::config::reader::Section;
use crate::edge::server::{Protocols, TlsSlot};
use crate::edge::tls::{ClientCertificate, Family, Versions, server_config};
use arc_swap::ArcSwap;
use std::sync::Arc;

const CLIENT_KEYS: Keys = Keys { trust: "client_ca_file", revocation: "client_crl_file" };
/// Words of `protocols`.
const WORDS: [&str; 3] = ["rfc8998", "tls13", "tls12"];

/// What is switched on.
struct Wanted {
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
    let has_sm = section.has("sm");
    let has_own = section.has("certificate_file") || section.has("key_file");
    let wanted = wanted(&mut section);
    let named = wanted.is_some();
    let wanted =
        wanted.unwrap_or_else(|| Wanted { sm: has_sm, versions: (has_own || !has_sm).then_some(Versions::Tls12And13) });
    let client = section.choice("client_certificate", &choices, ClientCertificate::Optional);
    if named && wanted.sm && !has_sm {
        section.missing("sm", "protocols 中有 rfc8998，请在 [listen.tls.sm] 中写明国密证书");
    }
    let sm = section.section("sm").map(|mut sm| {
        let config = family(&mut sm, files, client, Family::Sm, wanted.sm);
        sm.finish();
        config
    });
    let international = Family::International(wanted.versions.unwrap_or(Versions::Tls12And13));
    let international = family(&mut section, files, client, international, wanted.versions.is_some());
    section.finish();
    let protocols = Protocols { sm: sm.unwrap_or(Some(None))?, international: international? };
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
    Some(Wanted { sm: has("rfc8998"), versions })
}

/// The configuration of one family. `Some(None)`: in order, and switched off.
#[expect(clippy::option_option, reason = "outside: reported fault; inside: switched off")]
fn family(
    section: &mut Section<'_, '_>,
    files: &Files<'_>,
    client: ClientCertificate,
    family: Family,
    on: bool,
) -> Option<Option<Arc<rustls::ServerConfig>>> {
    let document = section.document();
    let asks = client != ClientCertificate::Off;
    if on && asks && !section.has(CLIENT_KEYS.trust) {
        section.missing(
            CLIENT_KEYS.trust,
            "索取客户端证书时，必须写明签发来文系统证书的机构；不索取则写 client_certificate = \"off\"",
        );
    }
    let trusts = !asks || section.has(CLIENT_KEYS.trust);
    let credentials = Credentials::take(section, files, CLIENT_KEYS, on);
    if !on {
        return Some(None);
    }
    let mismatch = if family == Family::Sm { SM_MISMATCH } else { INTERNATIONAL_MISMATCH };
    let made = server_config(family, &credentials.own()?, client, credentials.trust());
    let config = credentials.judge(document, made, mismatch)?;
    trusts.then(|| Some(Arc::new(config)))
}
