//! Who is trusted: the certificates and revocation lists of a folder, and the trust lists that say what they are good
//! for.
//!
//! With signed lists, only what a list grants is trusted: its anchors, its makers of seals, its offices, each by the
//! word of one list, so that no province speaks for another. Without any, the self-signed certificates of the folder
//! are the anchors, and whoever has a certificate under them may sign.
//!
//! Signatures do not change with time, so a chain whose signatures were right is remembered by the digest of its
//! first certificate; validity and revocation are judged anew each time.

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::certificate::Key;
use crate::domain::licence::certificate::RevocationList;
use crate::domain::licence::chain::Search;
use crate::domain::licence::check::Code;
use crate::domain::licence::signature::office_code;
use crate::domain::licence::signer_keys::SignerKeys;
use crate::domain::licence::trust_list::Granted;
use crate::domain::licence::trust_list::Known;
use crate::domain::licence::trust_list::ListFault;
use crate::domain::licence::trust_list::Operator;
use crate::domain::licence::trust_list::TrustList;
use crate::domain::sm;
use crate::domain::sm::sm2::Signature;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;

/// Most signatures checked to find one chain.
const TRIES_MAX: usize = 32;
/// Most chains remembered, about 2 KiB each.
const REMEMBERED_MAX: usize = 4_096;
/// A list without a next update says nothing after that many seconds.
const LIST_SECONDS_MAX: i64 = 7 * 86_400;
/// What the file of a pinned operator is called, before the province (`-430000`) and the ending.
const OPERATOR: &str = "list-operator";

type Chain = Arc<Vec<Certificate>>;
type Remembered = HashMap<(Ground, [u8; sm::DIGEST_BYTES]), Chain>;

/// By whose word a signature is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Ground {
    /// The folder's own anchors: there are no lists.
    Folder,
    /// The list of that number.
    List(usize),
    /// There are lists, and none knows the signer or an anchor above him.
    Nowhere,
}

/// Anchors, other certificates, revocation lists and trust lists.
#[derive(Default)]
pub struct Trust {
    anchors: Vec<Certificate>,
    others: Vec<Certificate>,
    /// Each with the certificate whose signature it has.
    revocations: Vec<(Certificate, RevocationList)>,
    lists: Vec<TrustList>,
    remembered: Mutex<Remembered>,
    keys: SignerKeys,
}

impl fmt::Debug for Trust {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { anchors, others, revocations, lists, .. } = self;
        let (anchors, others, revocations, lists) = (anchors.len(), others.len(), revocations.len(), lists.len());
        write!(formatter, "Trust({anchors} anchors, {others} others, {revocations} revocation lists, {lists} lists)")
    }
}

/// A file of the trust folder that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFault {
    pub file: String,
    pub what: TrustWhat,
}

/// What is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustWhat {
    /// With a certificate, a revocation list or the folder, in Chinese.
    File(&'static str),
    /// With a trust list.
    List(ListFault),
}

impl fmt::Display for TrustFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}：", self.file)?;
        match &self.what {
            TrustWhat::File(what) => formatter.write_str(what),
            TrustWhat::List(fault) => fault.fmt(formatter),
        }
    }
}

impl Trust {
    /// From the files of a folder, remembering no list: see [`Trust::of_folder`].
    ///
    /// # Errors
    /// As there.
    pub fn of_files(files: &[(String, Vec<u8>)]) -> Result<Self, Vec<TrustFault>> {
        Self::of_folder(files, &Known::new())
    }

    /// From the files of a folder: self-signed `*.cer` are anchors, other `*.cer` stand between, `*.crl` are revocation
    /// lists; each in DER or PEM, one a file. `*.json` with `*.sig` beside it are trust lists, signed by
    /// `list-operator.cer`, or `list-operator-430000.cer` for that province alone; with lists, only what they grant is
    /// an anchor. `known` is what is remembered of the lists seen before.
    ///
    /// # Errors
    /// All files that cannot be used. A list whose issuer is not there is one of them: it could hide a revocation.
    pub fn of_folder(files: &[(String, Vec<u8>)], known: &Known) -> Result<Self, Vec<TrustFault>> {
        let mut trust = Self::default();
        let mut faults = Vec::new();
        trust.read_lists(files, known, &mut faults);
        let has_lists = files.iter().any(|(name, _)| ends(name, ".json") || ends(name, ".sig"));
        let mut fault =
            |file: &str, what| faults.push(TrustFault { file: file.to_owned(), what: TrustWhat::File(what) });
        for (name, bytes) in files.iter().filter(|(name, _)| ends(name, ".cer") && operator_of(name).is_none()) {
            match Certificate::parse(&plain(bytes)) {
                Ok(certificate) if !matches!(certificate.key, Key::Sm2(_)) => fault(name, "公钥不是 SM2 公钥"),
                Ok(certificate) if certificate.is_self_issued() => {
                    if !certificate.is_signed_by(&certificate) {
                        fault(name, "自签证书的签名不正确");
                    } else if has_lists {
                        trust.others.push(certificate);
                    } else {
                        trust.anchors.push(certificate);
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
            let listed = trust.lists.iter().flat_map(|list| &list.anchors).map(|granted| &granted.certificate);
            let issuer = trust.anchors.iter().chain(&trust.others).chain(listed).find(|one| list.is_signed_by(one));
            match issuer.cloned() {
                Some(issuer) => trust.revocations.push((issuer, list)),
                None => fault(name, "签名不正确，或签发者的证书不在本目录"),
            }
        }
        if trust.anchors.is_empty() && !has_lists {
            fault(".", "没有自签的根证书（*.cer）");
        }
        if faults.is_empty() { Ok(trust) } else { Err(faults) }
    }

    fn read_lists(&mut self, files: &[(String, Vec<u8>)], known: &Known, faults: &mut Vec<TrustFault>) {
        let mut fault =
            |file: &str, what| faults.push(TrustFault { file: file.to_owned(), what: TrustWhat::List(what) });
        let mut pinned: Vec<(&str, Operator)> = Vec::new();
        for (name, bytes) in files {
            match operator_of(name).map(|province| (province, Operator::of_bytes(bytes))) {
                Some((province, Ok(operator))) => pinned.push((province, operator)),
                Some((_, Err(what))) => fault(name, what),
                None => {}
            }
        }
        let find = |stem: &str, ending: &str| {
            let is_it = |name: &str| ends(name, ending) && name.get(..name.len() - ending.len()) == Some(stem);
            files.iter().find(|(name, _)| is_it(name)).map(|(_, bytes)| bytes.as_slice())
        };
        for (name, _) in files.iter().filter(|(name, _)| ends(name, ".sig")) {
            if find(&name[..name.len() - 4], ".json").is_none() {
                fault(name, ListFault::Alone("有签名而没有同名的信任清单（.json）"));
            }
        }
        for (name, bytes) in files.iter().filter(|(name, _)| ends(name, ".json")) {
            let Some(signature) = find(&name[..name.len() - 5], ".sig") else {
                fault(name, ListFault::Alone("信任清单没有同名的签名文件（.sig）"));
                continue;
            };
            // Which province it is of is taken from the list itself only once its signature is right.
            let told = TrustList::told_province(bytes).unwrap_or_default();
            let own = pinned.iter().filter(|(province, _)| !province.is_empty() && *province == told);
            let mut operators: Vec<Operator> = own.map(|(_, operator)| operator.clone()).collect();
            if operators.is_empty() {
                let any = pinned.iter().filter(|(province, _)| province.is_empty());
                operators = any.map(|(_, operator)| operator.clone()).collect();
            }
            match TrustList::read(bytes, signature, &operators, known.get(&told), Some(&told)) {
                Ok(list) if self.lists.iter().any(|before| before.province() == list.province()) => {
                    fault(name, ListFault::Twice(list.province().to_owned()));
                }
                Ok(list) => self.lists.push(list),
                Err(all) => all.into_iter().for_each(|what| fault(name, what)),
            }
        }
    }

    /// SM3 over the files of the operators that are pinned in a folder: another value means that somebody has pinned
    /// another operator by hand.
    pub fn pins(files: &[(String, Vec<u8>)]) -> [u8; sm::DIGEST_BYTES] {
        let pinned = files.iter().filter(|(name, _)| operator_of(name).is_some());
        let parts: Vec<u8> =
            pinned.flat_map(|(name, bytes)| [sm::digest(name.as_bytes()), sm::digest(bytes)].concat()).collect();
        sm::digest(&parts)
    }

    /// The trust lists, in the order of the files.
    pub fn lists(&self) -> &[TrustList] {
        &self.lists
    }

    /// The revocation lists: names of the issuers and the times of issue, in seconds since 1970-01-01T00:00:00Z.
    pub fn revocation_lists(&self) -> impl Iterator<Item = (&str, i64)> {
        self.revocations.iter().map(|(issuer, list)| (issuer.common_name.as_str(), list.this_update))
    }

    /// The list of a ground.
    pub(super) fn list(&self, ground: Ground) -> Option<&TrustList> {
        match ground {
            Ground::List(index) => self.lists.get(index),
            Ground::Folder | Ground::Nowhere => None,
        }
    }

    /// By whose word the signer with this certificate is judged: a list that names his office, else one with an anchor
    /// above him.
    pub(super) fn ground(&self, signer: &Certificate, extra: &[Certificate]) -> Ground {
        if self.lists.is_empty() {
            return Ground::Folder;
        }
        let code = office_code(&signer.organization);
        let names = |list: &TrustList| list.offices_of(code, &signer.organization).next().is_some();
        let leads = |index: usize| self.chain(signer, extra, Ground::List(index)).is_ok();
        let all = || 0..self.lists.len();
        all()
            .find(|index| names(&self.lists[*index]) && leads(*index))
            .or_else(|| all().find(|index| leads(*index)))
            .or_else(|| all().find(|index| names(&self.lists[*index])))
            .map_or(Ground::Nowhere, Ground::List)
    }

    /// By whose word a time stamper is judged: a list that names the certificate.
    pub(super) fn stamper_ground(&self, stamper: &Certificate, time: i64) -> Ground {
        if self.lists.is_empty() {
            return Ground::Folder;
        }
        let names = |list: &TrustList| {
            list.time_stampers.iter().any(|one| one.certificate.der() == stamper.der() && one.span.holds(time))
        };
        self.lists.iter().position(names).map_or(Ground::Nowhere, Ground::List)
    }

    /// Whether `certificate` is an anchor of a ground.
    pub(super) fn is_anchor(&self, certificate: &Certificate, ground: Ground) -> bool {
        let is_it = |anchor: &Certificate| anchor.der() == certificate.der();
        match ground {
            Ground::Folder => self.anchors.iter().any(is_it),
            Ground::List(_) => self.grants(certificate, ground).next().is_some(),
            Ground::Nowhere => false,
        }
    }

    /// What a list says of an anchor.
    pub(super) fn grants<'a>(
        &'a self,
        anchor: &'a Certificate,
        ground: Ground,
    ) -> impl Iterator<Item = &'a Granted> + 'a {
        let anchors = self.list(ground).map_or(&[][..], |list| &list.anchors);
        anchors.iter().filter(|granted| granted.certificate.der() == anchor.der())
    }

    /// All certificates that may stand in a chain of a ground.
    pub(super) fn issuers(&self, ground: Ground) -> impl Iterator<Item = &Certificate> {
        let listed = self.list(ground).map_or(&[][..], |list| &list.anchors);
        self.anchors.iter().chain(listed.iter().map(|granted| &granted.certificate)).chain(&self.others)
    }

    /// The way from `certificate` (first) to an anchor (last), every signature on it checked. `extra` are certificates
    /// that came with the file: they may stand between, and are trusted for nothing.
    pub(super) fn chain(
        &self,
        certificate: &Certificate,
        extra: &[Certificate],
        ground: Ground,
    ) -> Result<Chain, Code> {
        let name = (ground, sm::digest(certificate.der()));
        // A thread that panicked while it held the lock left whole entries.
        let remembered = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = remembered().get(&name) {
            return Ok(Arc::clone(chain));
        }
        let mut search = Search { trust: self, ground, extra, tries: TRIES_MAX, has_bad: false };
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
        if let Some(key) = certificate.public() {
            self.keys.trust(key);
        }
        Ok(chain)
    }

    /// Whether `signature` is `signer`'s over parts that follow one another.
    pub(super) fn verify(&self, signer: &Certificate, parts: &[&[u8]], signature: &Signature) -> bool {
        signer.public().is_some_and(|key| self.keys.verify(key, parts, signature))
    }

    /// When `certificate` of `issuer` was revoked, as the newest list of its kind says.
    pub(super) fn revocation(&self, certificate: &Certificate, issuer: &Certificate, at: i64) -> Revocation {
        let is_authority = certificate.authority == Some(true);
        let lists = self.revocations.iter().filter(|(signer, list)| {
            let covers = if is_authority { list.covers.1 } else { list.covers.0 };
            covers && signer.subject == issuer.subject && signer.public() == issuer.public()
        });
        let lists: Vec<&RevocationList> = lists.map(|(_, list)| list).collect();
        // One that says "revoked" is believed however old it is.
        if let Some(time) = lists.iter().filter_map(|list| list.revoked(&certificate.serial)).min() {
            return Revocation::Revoked(time);
        }
        let fresh = self.freshness(issuer);
        let until = |list: &&RevocationList| {
            let told = list.next_update.unwrap_or(list.this_update.saturating_add(LIST_SECONDS_MAX));
            fresh.map_or(told, |seconds| told.min(list.this_update.saturating_add(seconds)))
        };
        match lists.iter().map(until).max() {
            None => Revocation::Unknown,
            Some(until) if until < at => Revocation::Stale,
            Some(_) => Revocation::Good,
        }
    }

    /// For how many seconds a revocation list of `issuer` is new enough, where a trust list says so.
    fn freshness(&self, issuer: &Certificate) -> Option<i64> {
        if self.lists.is_empty() {
            return None;
        }
        let name = sm::hex(&sm::digest(issuer.der()));
        self.lists.iter().filter_map(|list| list.freshness(&name)).min()
    }
}

fn ends(name: &str, ending: &str) -> bool {
    name.len() > ending.len() && name.to_ascii_lowercase().ends_with(ending)
}

/// The province of a pinned operator's file, empty for any province; none for other files.
fn operator_of(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".cer")?.strip_prefix(OPERATOR)?;
    if stem.is_empty() { Some("") } else { stem.strip_prefix('-') }
}

/// The DER of a file that may be PEM; what is neither is left to the reader to refuse.
pub(super) fn plain(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = bytes.strip_prefix(b"-----BEGIN ").and_then(|rest| std::str::from_utf8(rest).ok());
    let body = text.and_then(|text| text.split_once("-----")).and_then(|(_, rest)| rest.split_once("-----END "));
    let Some((body, _)) = body else { return Cow::Borrowed(bytes) };
    let body: String = body.split_ascii_whitespace().collect();
    STANDARD.decode(body).map_or(Cow::Borrowed(bytes), Cow::Owned)
}

/// What revocation lists say of a certificate.
pub(super) enum Revocation {
    Good,
    Revoked(i64),
    Stale,
    Unknown,
}
