//! `jingyue pki issue`: certificates for new keys or for those of a request, and the files they go to.

use crate::cli::pki::Usage;
use crate::cli::pki::authority::Authority;
use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::EARLIER_SECONDS;
use crate::cli::pki::authority::Holder;
use crate::cli::pki::authority::pem;
use crate::cli::pki::enveloped;
use crate::cli::pki::now;
use crate::cli::pki::show;
use crate::cli::sm::NewFile;
use crate::cli::sm::Told;
use crate::cli::sm::key_text;
use crate::cli::sm::read;
use crate::domain::asn::tag;
use crate::domain::key::Key;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509;
use crate::domain::x509::Certificate;
use crate::domain::x509::CertificateFault;
use crate::domain::x509::Kind;
use crate::edge::keys::SoftwareKey;
use std::path::Path;
use std::path::PathBuf;

/// A certificate, or two, to be issued.
pub(super) struct Job<'a> {
    pub(super) authority: &'a Authority,
    pub(super) out: &'a Path,
    pub(super) host: &'a [String],
    pub(super) days: u16,
    pub(super) list_point: Option<&'a str>,
    pub(super) password_file: Option<&'a Path>,
}

impl Job<'_> {
    /// With new keys, which are written beside.
    pub(super) fn with_keys(&self, usage: Usage, subject: &[u8]) -> Result<(), Told> {
        let files = self.files(usage, |_| Some("key"))?;
        let mut made = Vec::new();
        for (kind, files) in files {
            let key = SoftwareKey::generate()?;
            let text = key_text(&key, self.password_file)?;
            made.push((self.issue(kind, subject, &key.public().to_bytes())?, files, text));
        }
        for (certificate, files, text) in made {
            files.fill(text.as_bytes(), &certificate, self.authority)?;
        }
        Ok(())
    }

    /// For the key of a request.
    pub(super) fn requested(&self, usage: Usage, request: &Path) -> Result<(), Told> {
        let (subject, public) = read_request(request)?;
        // The second pair is made here, and goes to the holder of the first.
        let is_made_here = |kind| usage == Usage::Pair && kind == Kind::TlsEncryption;
        let mut made = Vec::new();
        for (kind, files) in self.files(usage, |kind| is_made_here(kind).then_some("envelope"))? {
            let pair = is_made_here(kind).then(SoftwareKey::generate).transpose()?;
            let envelope = pair.as_ref().map(|pair| enveloped::seal(&public, pair)).transpose()?.unwrap_or_default();
            let point = pair.as_ref().map_or(&public, |pair| pair.public()).to_bytes();
            made.push((self.issue(kind, &subject, &point)?, files, envelope));
        }
        for (certificate, files, envelope) in made {
            files.fill(&envelope, &certificate, self.authority)?;
        }
        Ok(())
    }

    /// The empty files of all certificates, and beside each that which carries its key. They are made before anything is
    /// issued: what has no place to go to is not issued.
    fn files(&self, usage: Usage, beside: impl Fn(Kind) -> Option<&'static str>) -> Result<Vec<(Kind, Files)>, Told> {
        let mut all = Vec::new();
        for (suffix, kind) in usage.kinds() {
            let file = |extension| NewFile::make(&self.file(suffix, extension), extension == "key");
            all.push((*kind, Files { beside: beside(*kind).map(file).transpose()?, certificate: file("pem")? }));
        }
        Ok(all)
    }

    fn issue(&self, kind: Kind, subject: &[u8], point: &[u8]) -> Result<Certificate, Told> {
        let not_before = now() - EARLIER_SECONDS;
        let not_after = now() + i64::from(self.days) * DAY_SECONDS;
        let list_point = self.list_point;
        let holder = Holder { kind, subject, point, names: self.host, not_before, not_after, list_point };
        self.authority.issue(&holder)
    }

    fn file(&self, suffix: &str, extension: &str) -> PathBuf {
        let mut name = self.out.as_os_str().to_owned();
        name.push(format!("{suffix}.{extension}"));
        name.into()
    }
}

/// Where a certificate goes to, and what comes with it.
struct Files {
    beside: Option<NewFile>,
    certificate: NewFile,
}

impl Files {
    /// The certificate, and those of its issuers but a root, which the other side has.
    fn fill(self, beside: &[u8], certificate: &Certificate, authority: &Authority) -> Result<(), Told> {
        if let Some(file) = self.beside {
            file.fill(beside)?;
        }
        let above = authority.chain_below_root();
        self.certificate.fill(pem(std::iter::once(certificate).chain(&above)).as_bytes())?;
        show(certificate);
        Ok(())
    }
}

/// Name and key that a request (PEM or DER) asks a certificate for.
fn read_request(path: &Path) -> Result<(Vec<u8>, PublicKey), Told> {
    let bytes = read(Some(path), x509::CERTIFICATE_BYTES_MAX)?;
    let der = if bytes.first() == Some(&tag::SEQUENCE) {
        bytes
    } else {
        let (_, der) = der::pem::decode_vec(&bytes)
            .map_err(|_| Told::fault(format_args!("{}：不是证书请求（PEM 或 DER）", path.display())))?;
        der
    };
    Certificate::requested(&der).map_err(|fault| {
        let why = match fault {
            CertificateFault::SignatureInvalid => {
                "签名不正确：请求被改动过，或签名时的用户标识不是 1234567812345678（OpenSSL 要写 -sigopt distid:1234567812345678）"
            }
            CertificateFault::Malformed => "不是证书请求，或编码有误",
            CertificateFault::WeakAlgorithm => "公钥不是 SM2，或签名不是 SM2-SM3",
            _ => return Told::fault(format_args!("{}：请求无效：{fault}", path.display())),
        };
        Told::fault(format_args!("{}：请求无效：{why}", path.display()))
    })
}
