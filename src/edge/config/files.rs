//! The files that a configuration names: keys, certificates, secrets, settings.
//!
//! It deliberately reports a file's fault at the place that names it, and nothing of what the file holds.

use crate::domain::masked::Masked;
use crate::domain::x509::{Certificate, Crl};
use crate::edge::config::keys::Store;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Document, Placed};
use crate::edge::trouble::in_words;
use std::cell::{OnceCell, RefCell};
use std::io;
use std::path::{Path, PathBuf};

/// Secrets shorter than that are refused: HMAC-SM3 keys of less than 128 bits can be guessed.
pub(super) const SECRET_BYTES_MIN: usize = 16;

/// Reads the files, relative to the configuration's folder.
pub(super) struct Files<'f> {
    pub(super) directory: &'f Path,
    pub(super) read: &'f dyn Fn(&Path) -> io::Result<Vec<u8>>,
    /// The certificate files read so far, each with the second when the first of its certificates ends.
    pub(super) certificates: RefCell<Vec<(String, i64)>>,
    /// The files read so far that nobody else may read.
    pub(super) private: RefCell<Vec<String>>,
    /// The files of revocation lists read so far, each with the second for which the first of its lists promises another.
    pub(super) lists: RefCell<Vec<(String, i64)>>,
    /// The keys that `[[key]]` declares; they are read before the sections that name them.
    pub(super) keys: OnceCell<Store>,
}

impl Files<'_> {
    /// The path, seen from the configuration's folder.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The bytes of a file.
    pub(super) fn bytes(&self, document: &Document<'_>, name: &Placed<String>) -> Option<Masked<Vec<u8>>> {
        match (self.read)(&self.path(&name.value)) {
            Ok(bytes) => {
                note(&self.certificates, &name.value, ends_of_certificates(&bytes));
                note(&self.lists, &name.value, ends_of_lists(&bytes));
                Some(Masked::new(bytes))
            }
            Err(error) => {
                let hint = match error.kind() {
                    io::ErrorKind::NotFound => "没有这个文件；相对路径以配置文件所在目录为准".to_owned(),
                    io::ErrorKind::PermissionDenied => "没有读取权限，请检查文件属主与权限".to_owned(),
                    _ => in_words(&error),
                };
                let found = format!("读不出文件 {}", name.value);
                document.error(&name.place, Kind::FileUnreadable, found, "可读的文件", hint);
                None
            }
        }
    }

    /// The bytes of a file that nobody else may read: a key, a password, a secret.
    pub(super) fn private(&self, document: &Document<'_>, name: &Placed<String>) -> Option<Masked<Vec<u8>>> {
        let is_noted = self.private.borrow().contains(&name.value);
        if !is_noted {
            self.private.borrow_mut().push(name.value.clone());
        }
        self.bytes(document, name)
    }

    /// A secret: the file without the line end that editors leave.
    pub(super) fn secret(&self, document: &Document<'_>, name: &Placed<String>) -> Option<Masked<Vec<u8>>> {
        let mut bytes = self.private(document, name)?.into_inner();
        while bytes.last().is_some_and(|last| matches!(last, b'\n' | b'\r')) {
            bytes.pop();
        }
        if bytes.len() < SECRET_BYTES_MIN {
            document.error(
                &name.place,
                Kind::SecretTooShort,
                format!("密钥文件 {} 只有 {} 字节", name.value, bytes.len()),
                format!("至少 {SECRET_BYTES_MIN} 字节"),
                "请用随机数重新生成，例如 openssl rand -hex 32",
            );
            return None;
        }
        Some(Masked::new(bytes))
    }
}

/// Keeps when what a file holds ends, so that it can be told in time.
fn note(noted: &RefCell<Vec<(String, i64)>>, name: &str, ends: Option<i64>) {
    let mut noted = noted.borrow_mut();
    if let Some(ends) = ends
        && noted.iter().all(|(earlier, _)| earlier != name)
    {
        noted.push((name.to_owned(), ends));
    }
}

/// A file of something else has none.
fn ends_of_certificates(bytes: &[u8]) -> Option<i64> {
    Certificate::all(bytes).ok()?.iter().map(Certificate::not_after).min()
}

/// The same for revocation lists; one that promises no other has ended from the beginning.
fn ends_of_lists(bytes: &[u8]) -> Option<i64> {
    Crl::all(bytes).ok()?.iter().map(|list| list.next_update().unwrap_or(0)).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_noted_once_and_keys_are_not() {
        let document = Document::new("", "test.toml");
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("certs-sample");
        let files = Files {
            directory: &folder,
            read: &|path: &Path| std::fs::read(path),
            certificates: RefCell::default(),
            private: RefCell::default(),
            lists: RefCell::default(),
            keys: OnceCell::new(),
        };
        let list = "../tests/keys/tlcp/root.crl";
        for name in ["gateway.pem", "gateway.pem", "gateway.key", "ca.pem", list, list] {
            files.bytes(&document, &Placed { value: name.to_owned(), place: 0..0 }).unwrap();
        }
        let lists = files.lists.take();
        assert!(matches!(&lists[..], [(name, ends)] if name == list && *ends > 1_795_478_400), "{lists:?}");
        let noted = files.certificates.take();
        assert_eq!(noted.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["gateway.pem", "ca.pem"]);
        assert!(noted.iter().all(|(_, ends)| *ends > 1_795_478_400));
    }
}
