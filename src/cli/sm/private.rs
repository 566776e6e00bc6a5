//! Where a private key is: in a file, or in a device.

use crate::cli::sm::Told;
use crate::cli::sm::private;
use crate::domain::key::Key;
use crate::edge::keys;
use crate::edge::keys::DecryptCall;
use crate::edge::keys::Device;
use crate::edge::keys::DeviceSettings;
use crate::edge::keys::Half;
use crate::edge::trouble::in_words;
use clap::Args;
use clap::ValueEnum;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a private key is.
#[derive(Args, Debug)]
pub(super) struct PrivateArguments {
    /// SM2 私钥文件（PKCS#8 或 SEC1，PEM 或 DER，可加密）
    #[arg(long, required_unless_present = "device", conflicts_with = "device")]
    key: Option<PathBuf>,
    /// 私钥口令文件；密码设备则为私钥访问口令
    #[arg(long)]
    password_file: Option<PathBuf>,
    /// 密码设备的 SDF 接口库（GM/T 0018），代替私钥文件
    #[arg(long, requires = "index")]
    device: Option<PathBuf>,
    /// 密码设备中的密钥索引
    #[arg(long)]
    index: Option<u32>,
    /// 设备解密函数的参数次序，见设备手册
    #[arg(long, value_enum, default_value = "index")]
    decrypt_call: Order,
}

/// The order of arguments of `SDF_InternalDecrypt_ECC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Order {
    /// 会话、算法、索引
    AlgorithmIndex,
    /// 会话、索引
    Index,
    /// 会话、索引、算法
    IndexAlgorithm,
}

impl PrivateArguments {
    /// Opens it; of a device the half that is asked for.
    pub(super) fn open(&self, half: Half) -> Result<Arc<dyn Key>, Told> {
        match (&self.key, &self.device, self.index) {
            (_, Some(library), Some(index)) => {
                let call = match self.decrypt_call {
                    Order::AlgorithmIndex => DecryptCall::AlgorithmIndex,
                    Order::Index => DecryptCall::Index,
                    Order::IndexAlgorithm => DecryptCall::IndexAlgorithm,
                };
                let password = self.password_file.as_ref().map(|path| {
                    keys::password(path)
                        .map_err(|error| Told::fault(format_args!("{}：{}", path.display(), in_words(&error))))
                });
                let settings = DeviceSettings { decrypt: call, sessions_max: 1, ..DeviceSettings::default() };
                let device = Device::open(library, &settings).map_err(Told::fault)?;
                Ok(Arc::new(device.key(index, half, password.transpose()?).map_err(Told::fault)?))
            }
            (Some(path), ..) => private(path, self.password_file.as_deref()),
            _ => Err(Told::fault("须给出 --key，或 --device 与 --index")),
        }
    }
}
