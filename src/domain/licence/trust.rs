//! Who is trusted, and the way from a certificate to one that is.
//!
//! Signatures do not change with time, so a chain whose signatures were right is remembered by the digest of its
//! first certificate; validity and revocation are judged anew each time.

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::certificate::Key;
use crate::domain::licence::certificate::RevocationList;
use crate::domain::licence::certificate::usage;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Most certificates of a chain, the anchor included.
pub(super) const CHAIN_MAX: usize = 5;
/// Most signatures checked to find one chain.
const TRIES_MAX: usize = 32;
/// Most chains remembered, about 2 KiB each.
const REMEMBERED_MAX: usize = 4_096;
/// A list without a next update says nothing after that many seconds.
const LIST_SECONDS_MAX: i64 = 7 * 86_400;

type Chain = Arc<Vec<Certificate>>;
type Remembered = HashMap<[u8; sm::DIGEST_BYTES], Chain>;

/// Anchors, other certificates and revocation lists.
#[derive(Default)]
pub struct Trust {
    anchors: Vec<Certificate>,
    others: Vec<Certificate>,
    /// Each with the key of the certificate whose signature it has.
    lists: Vec<(Certificate, RevocationList)>,
    remembered: Mutex<Remembered>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (anchors, others, lists) = (self.anchors.len(), self.others.len(), self.lists.len());
        write!(formatter, "Trust({anchors} anchors, {others} others, {lists} lists)")
    }
}

/// A file of the trust folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFault {
    pub file: String,
    pub what: &'static str,
}

impl fmt::Display for TrustFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}：{}", self.file, self.what)
    }
}

impl Trust {
    /// From the files of a folder: self-signed `*.cer` are anchors, other `*.cer` stand between, `*.crl` are
    /// revocation lists; each in DER or PEM, one a file.
    ///
    /// # Errors
    /// All files that cannot be used. A list whose issuer is not there is one of them: it could hide a revocation.
    pub fn of_files(files: &[(String, Vec<u8>)]) -> Result<Self, Vec<TrustFault>> {
        let mut trust = Self::default();
        let mut faults = Vec::new();
        let mut fault = |file: &str, what| faults.push(TrustFault { file: file.to_owned(), what });
        let ends = |name: &str, ending: &str| name.to_ascii_lowercase().ends_with(ending);
        for (name, bytes) in files.iter().filter(|(name, _)| ends(name, ".cer")) {
            match Certificate::parse(&plain(bytes)) {
                Ok(certificate) if !matches!(certificate.key, Key::Sm2(_)) => fault(name, "公钥不是 SM2 公钥"),
                Ok(certificate) if certificate.is_self_issued() => {
                    if certificate.is_signed_by(&certificate) {
                        trust.anchors.push(certificate);
                    } else {
                        fault(name, "自签证书的签名不正确");
                    }
                }
                Ok(certificate) => trust.others.push(certificate),
                Err(_) => fault(name, "不是 DER 或 PEM 编码的证书"),
            }
        }
        for (name, bytes) in files.iter().filter(|(name, _)| ends(name, ".crl")) {
            let Ok(list) = RevocationList::parse(&plain(bytes)) else {
                fault(name, "不是可用的 SM2 吊销列表");
                continue;
            };
            match trust.anchors.iter().chain(&trust.others).find(|issuer| list.is_signed_by(issuer)) {
                Some(issuer) => trust.lists.push((issuer.clone(), list)),
                None => fault(name, "签名不正确，或签发者的证书不在本目录"),
            }
        }
        if trust.anchors.is_empty() {
            fault(".", "没有自签的根证书（*.cer）");
        }
        if faults.is_empty() { Ok(trust) } else { Err(faults) }
    }

    /// The way from `certificate` (first) to an anchor (last), every signature on it checked. `extra` are certificates
    /// that came with the file: they may stand between, and are trusted for nothing.
    pub(super) fn chain(&self, certificate: &Certificate, extra: &[Certificate]) -> Result<Chain, Code> {
        let name = sm::digest(certificate.der());
        // A thread that panicked while it held the lock left whole entries.
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = remembered().get(&name) {
            return Ok(Arc::clone(chain));
        }
        let mut search = Search { trust: self, extra, tries: TRIES_MAX, has_bad: false };
        let mut chain = vec![certificate];
        if !search.climb(&mut chain) {
            return Err(if search.has_bad { Code::CertSignatureInvalid } else { Code::CertNoTrustedPath });
        }
        let chain: Chain = Arc::new(chain.into_iter().cloned().collect());
        let mut remembered = remembered();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(name, Arc::clone(&chain));
        Ok(chain)
    }

    /// When `certificate` of `issuer` was revoked, as the newest list of its kind says.
    fn revocation(&self, certificate: &Certificate, issuer: &Certificate, at: i64) -> Revocation {
        let is_authority = certificate.authority == Some(true);
        let lists = self.lists.iter().filter(|(signer, list)| {
            let covers = if is_authority { list.covers.1 } else { list.covers.0 };
            covers && signer.subject == issuer.subject && signer.public() == issuer.public()
        });
        let lists: Vec<&RevocationList> = lists.map(|(_, list)| list).collect();
        // One that says "revoked" is believed however old it is.
        if let Some(time) = lists.iter().filter_map(|list| list.revoked(&certificate.serial)).min() {
            return Revocation::Revoked(time);
        }
        match lists.iter().map(|list| list.next_update.unwrap_or(list.this_update + LIST_SECONDS_MAX)).max() {
            None => Revocation::Unknown,
            Some(until) if until < at => Revocation::Stale,
            Some(_) => Revocation::Good,
        }
    }
}

/// The DER of a file that may be PEM; what is neither is left to the reader to refuse.
fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = bytes.strip_prefix(b"-----BEGIN ").and_then(|rest| std::str::from_utf8(rest).ok());
    let body = text.and_then(|text| text.split_once("-----")).and_then(|(_, rest)| rest.split_once("-----END "));
    let Some((body, _)) = body else { return Cow::Borrowed(bytes) };
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

enum Revocation {
    Good,
    Revoked(i64),
    Stale,
    Unknown,
}

struct Search<'a> {
    trust: &'a Trust,
    extra: &'a [Certificate],
    tries: usize,
    /// A certificate of the trust folder has the key that is named and did not sign.
    has_bad: bool,
}

impl<'a> Search<'a> {
    /// Lengthens `chain` up to an anchor, if there is a way.
    fn climb(&mut self, chain: &mut Vec<&'a Certificate>) -> bool {
        let Some(last) = chain.last().copied() else { return false };
        if self.trust.anchors.iter().any(|anchor| anchor.der() == last.der()) {
            return true;
        }
        if chain.len() >= CHAIN_MAX {
            return false;
        }
        let known = self.trust.anchors.iter().chain(&self.trust.others).map(|issuer| (issuer, true));
        let candidates = known.chain(self.extra.iter().map(|issuer| (issuer, false)));
        let mut candidates: Vec<(&Certificate, bool)> =
            candidates.filter(|(issuer, _)| last.may_be_from(issuer)).collect();
        candidates.sort_by_key(|(issuer, _)| issuer.authority != Some(true));
        for (issuer, is_known) in candidates {
            if self.tries == 0 || chain.iter().any(|before| before.der() == issuer.der()) {
                continue;
            }
            self.tries -= 1;
            if !last.is_signed_by(issuer) {
                self.has_bad |= is_known && last.key_agrees(issuer) == Some(true);
                continue;
            }
            chain.push(issuer);
            if self.climb(chain) {
                return true;
            }
            chain.pop();
        }
        false
    }
}

/// When a signature was made, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// Seconds since 1970-01-01T00:00:00Z; none when nobody says.
    pub(super) signed: Option<i64>,
    pub(super) at: i64,
    /// Whether somebody else than the signer says when it was signed.
    pub(super) is_proved: bool,
}

impl Certificate {
    /// Judges this certificate and its chain, as of the time of the signature. Returns whether something in it has
    /// ended since, so that the time of the signature would have to be proved.
    pub(super) fn judge(&self, trust: &Trust, extra: &[Self], when: When, checks: &mut Checks) -> bool {
        match self.key {
            Key::Sm2(_) => checks.pass(Code::CertBadPublicKey),
            Key::Bad => checks.fail(Code::CertBadPublicKey, ""),
            Key::Other => checks.fail(Code::CertWeakAlg, "公钥"),
        }
        checks.hold(Code::CertWeakAlg, self.is_sm2_signed && !matches!(self.key, Key::Other));
        checks.hold(Code::CertKeyUsage, self.key_usage.is_some_and(|bits| bits & usage::SIGN != 0));
        let chain = match trust.chain(self, extra) {
            Ok(chain) => {
                checks.pass(Code::CertNoTrustedPath);
                checks.pass(Code::CertSignatureInvalid);
                chain
            }
            Err(code) => {
                checks.fail(code, format!("签发者 {}", self.issuer_name));
                Arc::new(vec![self.clone()])
            }
        };
        let has_anchor = !checks.told(Code::CertNoTrustedPath) && !checks.told(Code::CertSignatureInvalid);
        judge_authorities(&chain, checks);
        let mut lapsed = false;
        for (index, certificate) in chain.iter().enumerate() {
            if certificate.has_unknown_critical {
                checks.fail(Code::CertUnknownCriticalExt, &certificate.common_name);
            }
            lapsed |= certificate.judge_validity(when, checks);
            let issuer = chain.get(index + 1);
            if let Some(issuer) = issuer {
                lapsed |= certificate.judge_revocation(trust, issuer, when, checks);
            }
        }
        let rest: &[Code] = if has_anchor {
            &[
                Code::CertUnknownCriticalExt,
                Code::CertNotYetValid,
                Code::CertExpiredAtSigning,
                Code::CertExpiredNow,
                Code::CertRevoked,
                Code::CertRevocationUnknown,
                Code::CertRevocationStale,
            ]
        } else {
            checks.skip(Code::CertRevoked, "没有可信的证书链");
            &[Code::CertUnknownCriticalExt, Code::CertNotYetValid, Code::CertExpiredAtSigning, Code::CertExpiredNow]
        };
        checks.pass_rest(rest);
        lapsed
    }

    fn judge_validity(&self, when: When, checks: &mut Checks) -> bool {
        // Without a time of signing, the time of the check stands for it.
        let signed = when.signed.unwrap_or(when.at);
        if signed < self.not_before {
            checks.fail(Code::CertNotYetValid, &self.common_name);
        }
        if signed > self.not_after {
            checks.fail(Code::CertExpiredAtSigning, &self.common_name);
        }
        let lapsed = when.at > self.not_after;
        if lapsed {
            checks.fail(Code::CertExpiredNow, &self.common_name);
        }
        lapsed
    }

    fn judge_revocation(&self, trust: &Trust, issuer: &Self, when: When, checks: &mut Checks) -> bool {
        match trust.revocation(self, issuer, when.at) {
            Revocation::Good => {}
            Revocation::Unknown => checks.fail(Code::CertRevocationUnknown, &self.common_name),
            Revocation::Stale => checks.fail(Code::CertRevocationStale, &self.common_name),
            Revocation::Revoked(time) if time > when.at => {}
            Revocation::Revoked(time) if when.signed.is_some_and(|signed| signed < time) => {
                // The thief of a key writes any time he likes.
                if !when.is_proved {
                    checks.fail_as(Code::CertRevoked, Level::Review, "吊销晚于自称的签名时间");
                    return true;
                }
            }
            Revocation::Revoked(_) => checks.fail(Code::CertRevoked, &self.common_name),
        }
        false
    }
}

/// Whether the issuers of a chain may issue.
fn judge_authorities(chain: &[Certificate], checks: &mut Checks) {
    let mut below = 0_u32;
    for (index, issuer) in chain.iter().enumerate().skip(1) {
        let is_anchor = index + 1 == chain.len();
        // An anchor is trusted for what it is; an old one has no extensions.
        if issuer.authority != Some(true) && !(is_anchor && issuer.authority.is_none()) {
            checks.fail(Code::CertIssuerNotCa, &issuer.common_name);
        }
        if issuer.key_usage.is_some_and(|bits| bits & usage::CERTIFICATE_SIGN == 0) {
            checks.fail(Code::CertKeyUsage, format!("{} 不可签发证书", issuer.common_name));
        }
        if issuer.path_length.is_some_and(|length| below > length) {
            checks.fail(Code::CertPathlen, &issuer.common_name);
        }
        if !issuer.is_self_issued() {
            below += 1;
        }
    }
    checks.pass_rest(&[Code::CertIssuerNotCa, Code::CertPathlen]);
}
