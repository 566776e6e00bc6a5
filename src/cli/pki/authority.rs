//! A certification authority in a directory: its key, its certificate, what it issued, its revocation list.
//!
//! | file | content |
//! | --- | --- |
//! | `ca.key` | the private key, PKCS#8 |
//! | `ca.pem` | the certificate, then those above it but the root's |
//! | `issued.csv` | every certificate: serial number, name, validity, revocation |
//! | `crl.pem`, `crl-number` | the newest list, and its number |
//!
//! Whoever has it open holds a lock on the directory, so that of two commands at once the second waits. A certificate is
//! noted down before it is written out: there is none that cannot be revoked, whenever the power goes.

use crate::cli::sm::NewFile;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::key_text;
use crate::cli::sm::private;
use crate::cli::sm::random;
use crate::cli::sm::sync_folder_of;
use crate::domain::key::Key;
use crate::domain::key::file;
use crate::domain::sm;
use crate::domain::x509;
use crate::domain::x509::Certificate;
use crate::domain::x509::Issue;
use crate::domain::x509::Kind;
use crate::domain::x509::ListIssue;
use crate::domain::x509::Revoked;
use crate::domain::x509::SM2_SM3_ALGORITHM;
use crate::edge::keys::SoftwareKey;
use crate::edge::trouble::in_words;
use serde::Deserialize;
use serde::Serialize;
use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

pub(super) const DAY_SECONDS: i64 = 86_400;

/// Certificates begin so much earlier than they are made, for those whose clocks are late.
pub(super) const EARLIER_SECONDS: i64 = 3_600;

/// One certificate in `issued.csv`. Times are RFC 3339; `revoked` and `reason` are empty while it is good.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Issued {
    pub(super) serial: String,
    pub(super) subject: String,
    pub(super) not_before: String,
    pub(super) not_after: String,
    pub(super) revoked: String,
    pub(super) reason: String,
}

impl Issued {
    /// One that is good.
    fn of(certificate: &Certificate) -> Self {
        Self {
            serial: sm::hex(certificate.serial()),
            subject: certificate.subject_text(),
            not_before: moment(certificate.not_before()),
            not_after: moment(certificate.not_after()),
            revoked: String::new(),
            reason: String::new(),
        }
    }
}

/// Who holds a certificate that is to be made.
pub(super) struct Holder<'a> {
    pub(super) kind: Kind,
    /// Its name, DER.
    pub(super) subject: &'a [u8],
    /// Its public point.
    pub(super) point: &'a [u8],
    pub(super) names: &'a [String],
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) list_point: Option<&'a str>,
}

/// An authority that is open; nobody else has it open.
pub(super) struct Authority {
    directory: PathBuf,
    /// The directory itself, locked until this is closed.
    _lock: File,
    key: Arc<dyn Key>,
    chain: Vec<Certificate>,
}

impl Authority {
    /// Opens the one in `directory`.
    pub(super) fn open(directory: &Path, password_file: Option<&Path>) -> Result<Self, Told> {
        let lock = File::open(directory).and_then(|lock| lock.lock().map(|()| lock));
        let lock = lock.map_err(|error| about(directory, &error))?;
        let chain = certificates(&directory.join("ca.pem"))?;
        let key = private(&directory.join("ca.key"), password_file)?;
        if chain[0].public() != Some(key.public()) {
            return Err(Told::fault(format_args!("{}：ca.key 与 ca.pem 不是一对", directory.display())));
        }
        Ok(Self { directory: directory.to_owned(), _lock: lock, key, chain })
    }

    /// Makes a new one in `directory`, under `parent` or on its own.
    pub(super) fn make(
        directory: &Path,
        parent: Option<&Self>,
        name: &[u8],
        path_length: Option<u8>,
        validity: (i64, i64),
        password_file: Option<&Path>,
    ) -> Result<Self, Told> {
        let path_length = parent.map_or(Ok(path_length), |parent| parent.path_length_below(path_length))?;
        fs::create_dir_all(directory).map_err(|error| about(directory, &error))?;
        // It does not wait: the parent may be the one that is waited for.
        let lock = File::open(directory).map_err(|error| about(directory, &error))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => {
                Told::fault(format_args!("{}：另一个命令正在使用这个目录", directory.display()))
            }
            TryLockError::Error(error) => about(directory, &error),
        })?;
        let key_file = NewFile::make(&directory.join("ca.key"), true)?;
        let certificate_file = NewFile::make(&directory.join("ca.pem"), false)?;
        let key = SoftwareKey::generate()?;
        let key_text = key_text(&key, password_file)?;
        let kind = Kind::Authority { path_length };
        let point = key.public().to_bytes();
        let (not_before, not_after) = validity;
        let holder = Holder { kind, subject: name, point: &point, names: &[], not_before, not_after, list_point: None };
        let certificate = match parent {
            Some(parent) => parent.issue(&holder)?,
            None => issue(&key, name, &holder)?,
        };
        // The root is everybody's already; sending it along helps nobody.
        let above = parent.map(Self::chain_below_root).unwrap_or_default();
        key_file.fill(key_text.as_bytes())?;
        certificate_file.fill(pem(std::iter::once(&certificate).chain(&above)).as_bytes())?;
        let chain = std::iter::once(certificate).chain(above).collect();
        Ok(Self { directory: directory.to_owned(), _lock: lock, key: Arc::new(key), chain })
    }

    /// Its own certificate.
    pub(super) fn certificate(&self) -> &Certificate {
        &self.chain[0]
    }

    /// The path length of an authority below this one; `wanted`, or all that is left.
    fn path_length_below(&self, wanted: Option<u8>) -> Result<Option<u8>, Told> {
        let above = self.chain.iter().zip(0_u8..);
        let left = above.filter_map(|(one, between)| Some(one.path_length()?.saturating_sub(between))).min();
        let Some(left) = left else { return Ok(wanted) };
        let below = left.checked_sub(1).ok_or_else(|| Told::fault("上级证书（path-length）不允许再建立下级机构"))?;
        match wanted {
            Some(wanted) if wanted > below => {
                Err(Told::fault(format_args!("--path-length 至多为 {below}：上级证书只允许这么多级")))
            }
            _ => Ok(wanted.or(Some(below))),
        }
    }

    /// Its own certificate and those above it, without a root.
    pub(super) fn chain_below_root(&self) -> Vec<Certificate> {
        self.chain.iter().filter(|one| one.issuer() != one.subject()).cloned().collect()
    }

    /// Issues a certificate and notes it down. The files it goes to are made before and filled after.
    pub(super) fn issue(&self, holder: &Holder<'_>) -> Result<Certificate, Told> {
        if holder.not_after > self.certificate().not_after() {
            return Err(Told::fault("有效期超过了签发机构自己的证书，请减少 --days"));
        }
        let certificate = issue(&*self.key, self.certificate().subject(), holder)?;
        let mut issued = self.issued()?;
        issued.push(Issued::of(&certificate));
        self.note(&issued)?;
        Ok(certificate)
    }

    /// Revokes the certificate with that serial number; the next list says so.
    pub(super) fn revoke(&self, serial: &str, reason: u8, now: i64) -> Result<(), Told> {
        let wanted = serial.to_ascii_lowercase();
        let issued = self.issued()?;
        let found = issued.iter().position(|one| one.serial == wanted);
        let at = found.ok_or_else(|| Told::fault(format_args!("没有签发过序列号为 {wanted} 的证书")))?;
        self.end(issued, at, reason, now)
    }

    /// Revokes a certificate that is at hand, also one that the records have lost: its signature says whose it is.
    pub(super) fn revoke_certificate(&self, certificate: &Certificate, reason: u8, now: i64) -> Result<(), Told> {
        let own = self.certificate();
        let signed = own.public().is_some_and(|public| certificate.signed().is_ok_and(|it| it.verify(public).is_ok()));
        if certificate.issuer() != own.subject() || !signed {
            return Err(Told::fault("这张证书不是本机构签发的"));
        }
        let mut issued = self.issued()?;
        let one = Issued::of(certificate);
        let found = issued.iter().position(|other| other.serial == one.serial);
        let at = found.unwrap_or(issued.len());
        if found.is_none() {
            issued.push(one);
        }
        self.end(issued, at, reason, now)
    }

    fn end(&self, mut issued: Vec<Issued>, at: usize, reason: u8, now: i64) -> Result<(), Told> {
        let Some(one) = issued.get_mut(at) else { return Ok(()) };
        if !one.revoked.is_empty() {
            return Err(Told::fault(format_args!("该证书已于 {} 吊销", one.revoked)));
        }
        one.revoked = moment(now);
        one.reason = reason.to_string();
        self.note(&issued)
    }

    /// Makes the next list, good for `seconds`.
    pub(super) fn list(&self, now: i64, seconds: i64) -> Result<Vec<u8>, Told> {
        let path = self.directory.join("crl-number");
        let number = match fs::read_to_string(&path) {
            Ok(text) => text.trim().parse::<u32>().map_err(|_| Told::fault("crl-number 不是数字"))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(about(&path, &error)),
        };
        let number = number.checked_add(1).ok_or_else(|| Told::fault("crl-number 已到最大值"))?;
        let mut revoked = Vec::new();
        for one in self.issued()?.iter().filter(|one| !one.revoked.is_empty()) {
            let since = one.revoked.parse::<jiff::Timestamp>().map_err(|_| Told::fault("issued.csv 中的时间看不懂"))?;
            let serial = unhex(&one.serial).ok_or_else(|| Told::fault("issued.csv 中的序列号看不懂"))?;
            let reason = one.reason.parse().unwrap_or(0);
            revoked.push((serial, Revoked { since: since.as_second(), reason }));
        }
        let point = self.key.public().to_bytes();
        let list = ListIssue {
            algorithm: SM2_SM3_ALGORITHM,
            issuer: self.certificate().subject(),
            issuer_point: &point,
            number,
            this_update: now,
            next_update: now + seconds,
            revoked: &revoked,
        };
        let der = x509::sign(&*self.key, &list.to_be_signed())?;
        let pem = file::pem("X509 CRL", &der);
        // The number first: one that was never used does no harm, one that was used twice does.
        replace(&path, format!("{number}\n").as_bytes())?;
        replace(&self.directory.join("crl.pem"), pem.as_bytes())?;
        Ok(der)
    }

    fn issued(&self) -> Result<Vec<Issued>, Told> {
        let path = self.directory.join("issued.csv");
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(|error| about(&path, &error))?,
        };
        let read = csv::Reader::from_reader(file).deserialize().collect::<Result<_, _>>();
        read.map_err(|error| Told::fault(format_args!("{}：{error}", path.display())))
    }

    fn note(&self, issued: &[Issued]) -> Result<(), Told> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let written = issued.iter().try_for_each(|one| writer.serialize(one));
        let bytes = written
            .map_err(|error| error.to_string())
            .and_then(|()| writer.into_inner().map_err(|error| error.to_string()));
        replace(&self.directory.join("issued.csv"), &bytes.map_err(Told::ours)?)
    }
}

fn issue(key: &dyn Key, issuer: &[u8], holder: &Holder<'_>) -> Result<Certificate, Told> {
    let (serial, issuer_point) = (serial()?, key.public().to_bytes());
    let issue = Issue {
        kind: holder.kind,
        algorithm: SM2_SM3_ALGORITHM,
        issuer,
        issuer_point: &issuer_point,
        subject: holder.subject,
        point: holder.point,
        point_algorithm: &file::public_algorithm(),
        serial: &serial,
        not_before: holder.not_before,
        not_after: holder.not_after,
        names: holder.names,
        list_point: holder.list_point,
    };
    let der = x509::sign(key, &issue.to_be_signed())?;
    Certificate::from_der(&der).map_err(Told::ours)
}

/// Sixteen random bytes, the first from 0x40 to 0x7f, so that all serial numbers are equally long.
pub(super) fn serial() -> Result<[u8; 16], Told> {
    let mut serial = random::<16>()?;
    serial[0] = serial[0] & 0x3f | 0x40;
    Ok(serial)
}

/// Certificates one after the other, PEM.
pub(super) fn pem<'a>(certificates: impl Iterator<Item = &'a Certificate>) -> String {
    certificates.map(|one| file::pem("CERTIFICATE", one.der()).to_string()).collect()
}

/// RFC 3339, UTC.
pub(super) fn moment(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |moment| moment.to_string())
}

/// Writes a file anew: beside it first, so that it is never half there, whenever the power goes.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Told> {
    let beside = path.with_extension("new");
    let filled = File::create(&beside).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    let written = filled.and_then(|()| fs::rename(&beside, path)).and_then(|()| sync_folder_of(path));
    written.map_err(|error| about(path, &error))
}

pub(super) fn about(path: &Path, error: &std::io::Error) -> Told {
    Told::fault(format_args!("{}：{}", path.display(), in_words(error)))
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
