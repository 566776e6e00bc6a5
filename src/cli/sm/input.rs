//! What the commands read and write: keys, certificates, bytes; and how they end.

use crate::cli::AT_FAULT;
use crate::cli::OURS;
use crate::domain::asn::Reader;
use crate::domain::asn::tag;
use crate::domain::key::Key;
use crate::domain::key::KeyFault;
use crate::domain::key::file;
use crate::domain::key::file::Stirring;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Certificate;
use crate::domain::x509::Crl;
use crate::domain::x509::Level;
use crate::domain::x509::Revocation;
use crate::domain::x509::Trust;
use crate::edge::clock;
use crate::edge::keys;
use crate::edge::keys::SoftwareKey;
use crate::edge::trouble::in_words;
use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Largest file of revocation lists that is read, in bytes.
const LISTS_BYTES_MAX: usize = 64 << 20;

/// Why a command ends early: what is told, and the exit code.
#[derive(Debug)]
pub(in crate::cli) struct Told(String, u8);

impl Told {
    /// The input is at fault.
    pub(in crate::cli) fn fault(what: impl fmt::Display) -> Self {
        Self(what.to_string(), AT_FAULT)
    }

    /// The fault is ours.
    pub(in crate::cli) fn ours(what: impl fmt::Display) -> Self {
        Self(what.to_string(), OURS)
    }
}

impl From<KeyFault> for Told {
    fn from(fault: KeyFault) -> Self {
        if fault == KeyFault::Wrong { Self::fault(fault) } else { Self::ours(fault) }
    }
}

/// Tells why, and gives the exit code.
pub(in crate::cli) fn finish(done: Result<(), Told>) -> u8 {
    match done {
        Ok(()) => 0,
        Err(Told(what, code)) => {
            eprintln!("{what}");
            code
        }
    }
}

fn about(path: &Path) -> impl Fn(io::Error) -> Told {
    move |error| Told::fault(format_args!("{}：{}", path.display(), in_words(&error)))
}

/// The bytes of a file, or of standard input.
pub(in crate::cli) fn read(path: Option<&Path>, bytes_max: usize) -> Result<Vec<u8>, Told> {
    let mut bytes = Vec::new();
    let limit = bytes_max as u64 + 1;
    let name = path.unwrap_or(Path::new("-"));
    match path {
        Some(path) => File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
        None => io::stdin().lock().take(limit).read_to_end(&mut bytes),
    }
    .map_err(about(name))?;
    if bytes.len() > bytes_max {
        return Err(Told::fault(format_args!("{}：超过 {bytes_max} 字节", name.display())));
    }
    Ok(bytes)
}

/// The bytes of a file or of standard input, piece by piece.
pub(super) fn chunks(path: Option<&Path>, mut take: impl FnMut(&[u8])) -> Result<(), Told> {
    let name = path.unwrap_or(Path::new("-"));
    let mut source: Box<dyn Read> = match path {
        Some(path) => Box::new(File::open(path).map_err(about(name))?),
        None => Box::new(io::stdin().lock()),
    };
    let mut buffer = vec![0; 64 << 10];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => take(&buffer[..length]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(about(name)(error)),
        }
    }
}

/// Bytes to standard output. A reader who has seen enough is no fault.
pub(super) fn put_bytes(bytes: &[u8]) -> Result<(), Told> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Told::ours(format_args!("标准输出：{}", in_words(&error))))
        }
        _ => Ok(()),
    }
}

/// A private key from its file.
pub(in crate::cli) fn private(path: &Path, password_file: Option<&Path>) -> Result<Arc<dyn Key>, Told> {
    let opened = keys::open_file(path, password_file);
    opened.map_err(|fault| Told::fault(format_args!("{}：{fault}", path.display())))
}

/// A public key from a SubjectPublicKeyInfo, PEM or DER.
pub(super) fn public(path: &Path) -> Result<PublicKey, Told> {
    let bytes = read(Some(path), file::FILE_BYTES_MAX)?;
    let wrong = || Told::fault(format_args!("{}：不是 SM2 公钥（SubjectPublicKeyInfo，PEM 或 DER）", path.display()));
    let der = if bytes.first() == Some(&tag::SEQUENCE) {
        bytes
    } else {
        let (label, der) = der::pem::decode_vec(&bytes).map_err(|_| wrong())?;
        if label == "PUBLIC KEY" { der } else { return Err(wrong()) }
    };
    let mut parts = Reader::of_sequence(&der).map_err(|_| wrong())?;
    let algorithm = parts.raw().map_err(|_| wrong())?;
    let point = parts.bits().map_err(|_| wrong())?;
    if algorithm != file::public_algorithm() {
        return Err(wrong());
    }
    PublicKey::from_bytes(point).map_err(|_| wrong())
}

/// The certificates in a file, at least one.
pub(in crate::cli) fn certificates(path: &Path) -> Result<Vec<Certificate>, Told> {
    let all = Certificate::all(&read(Some(path), 4 << 20)?);
    all.map_err(|fault| Told::fault(format_args!("{}：{fault}", path.display())))
}

/// Trust in the authorities of some files. Where revocation lists are given, these must say that nothing is revoked.
pub(in crate::cli) fn trusted(anchors: &[PathBuf], lists: &[PathBuf]) -> Result<Trust, Told> {
    let mut trusted = Vec::new();
    for path in anchors {
        trusted.extend(certificates(path)?);
    }
    let mut read_lists = Vec::new();
    for path in lists {
        let read = Crl::all(&read(Some(path), LISTS_BYTES_MAX)?);
        read_lists.extend(read.map_err(|_| Told::fault(format_args!("{}：不是吊销列表", path.display())))?);
    }
    let level = if lists.is_empty() { Level::Off } else { Level::Required };
    Trust::new(trusted, read_lists, Revocation { level, age_max: None }).map_err(Told::fault)
}

/// Random bytes.
pub(in crate::cli) fn random<const N: usize>() -> Result<[u8; N], Told> {
    let mut bytes = [0; N];
    clock::random(&mut bytes).map_err(|error| Told::ours(format_args!("操作系统没有给出随机数：{error}")))?;
    Ok(bytes)
}

/// A file that was not there yet: made empty, so that nobody else takes its name, and filled once what goes in is known.
/// One that is not filled in the end is gone again.
#[derive(Debug)]
pub(in crate::cli) struct NewFile {
    path: PathBuf,
    /// Taken when it is full.
    empty: Option<File>,
}

impl NewFile {
    /// Makes it; a private one is for its owner's eyes only.
    pub(in crate::cli) fn make(path: &Path, private: bool) -> Result<Self, Told> {
        let mode = if private { 0o600 } else { 0o644 };
        let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        Ok(Self { path: path.to_owned(), empty: Some(made.map_err(about(path))?) })
    }

    /// Fills it, so that a loss of power does not empty it.
    pub(in crate::cli) fn fill(mut self, bytes: &[u8]) -> Result<(), Told> {
        let Some(mut file) = self.empty.take() else { return Ok(()) };
        let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| sync_folder_of(&self.path));
        written.map_err(|error| {
            // Half a file is worse than none.
            self.empty = Some(file);
            about(&self.path)(error)
        })
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.empty.is_some() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes names that were given or changed in the folder of `path` outlast a loss of power.
pub(in crate::cli) fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// Writes a file that is not there yet; a private one is for its owner's eyes only.
pub(in crate::cli) fn write_new(path: &Path, bytes: &[u8], private: bool) -> Result<(), Told> {
    NewFile::make(path, private)?.fill(bytes)
}

/// Writes a private key, encrypted where a password is given.
pub(in crate::cli) fn write_key(path: &Path, key: &SoftwareKey, password_file: Option<&Path>) -> Result<(), Told> {
    let file = NewFile::make(path, true)?;
    file.fill(key_text(key, password_file)?.as_bytes())
}

/// What a private key's file says, encrypted where a password is given.
pub(in crate::cli) fn key_text(key: &SoftwareKey, password_file: Option<&Path>) -> Result<Zeroizing<String>, Told> {
    Ok(match password_file {
        None => file::pem("PRIVATE KEY", &file::write(key.reveal())),
        Some(password_file) => {
            let password = keys::password(password_file).map_err(about(password_file))?;
            let (salt, vector) = (random()?, random()?);
            // SHA-256 rather than SM3 here: OpenSSL before 3.2 knows no number for HMAC-SM3.
            let stirring = Stirring::Sha256;
            let der = file::write_encrypted(key.reveal(), &password, &salt, &vector, stirring, file::ROUNDS);
            file::pem("ENCRYPTED PRIVATE KEY", &Zeroizing::new(der))
        }
    })
}
