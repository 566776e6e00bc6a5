//! A private key in a file, alone or with its certificate, as several commands take it.

use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::private;
use crate::domain::key::Key;
use crate::domain::x509::Certificate;
use clap::Args;
use std::path::PathBuf;
use std::sync::Arc;

/// A private key in a file.
#[derive(Args, Debug)]
pub(in crate::cli) struct KeyFile {
    /// SM2 私钥文件（PKCS#8 或 SEC1，可加密）
    #[arg(long)]
    key: PathBuf,
    /// 私钥口令文件
    #[arg(long)]
    password_file: Option<PathBuf>,
}

impl KeyFile {
    /// Opens it.
    pub(in crate::cli) fn open(&self) -> Result<Arc<dyn Key>, Told> {
        private(&self.key, self.password_file.as_deref())
    }
}

/// A private key in a file, and its certificate.
#[derive(Args, Debug)]
pub(in crate::cli) struct CertifiedKeyFile {
    #[command(flatten)]
    key: KeyFile,
    /// 与私钥相配的证书文件：本证书在前，上级在后
    #[arg(long)]
    certificate: PathBuf,
}

impl CertifiedKeyFile {
    /// Opens both, which must belong together; the certificate itself comes first.
    pub(in crate::cli) fn open(&self) -> Result<(Arc<dyn Key>, Vec<Certificate>), Told> {
        let certificates = certificates(&self.certificate)?;
        let key = self.key.open()?;
        if certificates[0].public() == Some(key.public()) {
            Ok((key, certificates))
        } else {
            Err(Told::fault(format_args!("{}：私钥与证书不是一对", self.certificate.display())))
        }
    }
}
