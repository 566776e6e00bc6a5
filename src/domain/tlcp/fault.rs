//! Why a connection ends, and the alert that tells the peer.
//!
//! A fault names what was wrong, never the bytes: nothing of a key, a message or a certificate shows in it. The alert
//! says less than the fault where more would help an attacker: whatever is wrong with a protected record is
//! `bad_record_mac`.

use std::fmt;

/// An alert description: GB/T 38636-2020 clause 6.4.3, and RFC 5246, 6066, 7301 for the numbers it does not list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Alert(pub u8);

impl Alert {
    pub const CLOSE_NOTIFY: Self = Self(0);
    pub const UNEXPECTED_MESSAGE: Self = Self(10);
    pub const BAD_RECORD_MAC: Self = Self(20);
    pub const RECORD_OVERFLOW: Self = Self(22);
    pub const HANDSHAKE_FAILURE: Self = Self(40);
    pub const BAD_CERTIFICATE: Self = Self(42);
    pub const UNSUPPORTED_CERTIFICATE: Self = Self(43);
    pub const CERTIFICATE_REVOKED: Self = Self(44);
    pub const CERTIFICATE_EXPIRED: Self = Self(45);
    pub const CERTIFICATE_UNKNOWN: Self = Self(46);
    pub const ILLEGAL_PARAMETER: Self = Self(47);
    pub const UNKNOWN_CA: Self = Self(48);
    pub const DECODE_ERROR: Self = Self(50);
    pub const DECRYPT_ERROR: Self = Self(51);
    pub const PROTOCOL_VERSION: Self = Self(70);
    pub const INTERNAL_ERROR: Self = Self(80);
    pub const USER_CANCELED: Self = Self(90);
    pub const NO_RENEGOTIATION: Self = Self(100);
    pub const UNSUPPORTED_EXTENSION: Self = Self(110);
    pub const NO_APPLICATION_PROTOCOL: Self = Self(120);

    /// Its name in the standards.
    pub const fn name(self) -> Option<&'static str> {
        Some(match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            90 => "user_canceled",
            100 => "no_renegotiation",
            110 => "unsupported_extension",
            120 => "no_application_protocol",
            _ => return None,
        })
    }
}

impl fmt::Debug for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name().unwrap_or("alert"), self.0)
    }
}

/// What is wrong with a certificate, or with a pair of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// It cannot be read, or breaks a rule that every certificate must keep.
    Broken,
    /// A pair whose signing and encryption certificate name different subjects.
    DifferentSubjects,
    /// Outside its time of validity.
    Expired,
    /// Fewer certificates than the protocol needs: signing and encryption.
    Missing,
    /// The key of the certificate is no SM2 key, or not the key it stands beside.
    Key,
    /// Not issued to the name that was called.
    Name,
    /// Revoked, or nobody could say whether it is.
    Revoked,
    /// A signature in its chain is wrong or of another algorithm.
    Signature,
    /// No trusted issuer.
    UnknownIssuer,
    /// keyUsage or extended key usage forbid what it was used for.
    Usage,
}

impl CertificateFault {
    /// The alert for it.
    pub const fn alert(self) -> Alert {
        match self {
            Self::Broken | Self::DifferentSubjects | Self::Missing | Self::Name | Self::Signature => {
                Alert::BAD_CERTIFICATE
            }
            Self::Expired => Alert::CERTIFICATE_EXPIRED,
            Self::Key | Self::Usage => Alert::UNSUPPORTED_CERTIFICATE,
            Self::Revoked => Alert::CERTIFICATE_REVOKED,
            Self::UnknownIssuer => Alert::UNKNOWN_CA,
        }
    }
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Broken => "证书格式有误 (certificate cannot be read)",
            Self::DifferentSubjects => {
                "签名证书与加密证书的主体不同 (signing and encryption certificate differ in subject)"
            }
            Self::Expired => "证书不在有效期内 (certificate outside its validity)",
            Self::Missing => "缺少签名证书或加密证书 (signing or encryption certificate missing)",
            Self::Key => "证书公钥不是SM2公钥或与私钥不符 (not an SM2 key, or not the key that belongs to it)",
            Self::Name => "证书与所访问的名称不符 (certificate is for another name)",
            Self::Revoked => "证书已吊销或吊销状态未知 (certificate revoked, or its state unknown)",
            Self::Signature => "证书链签名有误 (wrong signature in the certificate chain)",
            Self::UnknownIssuer => "证书颁发者不受信任 (issuer not trusted)",
            Self::Usage => "证书密钥用途不符 (key usage does not allow this)",
        })
    }
}

impl std::error::Error for CertificateFault {}

/// Why a connection failed. After one nothing more is read or written but the alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlcpFault {
    /// The peer ended it with this alert.
    Alerted(Alert),
    /// The peer's certificates do not pass.
    Certificate(CertificateFault),
    /// A message that does not follow its own grammar.
    Decode,
    /// An extension in the answer that was not asked for.
    Extension,
    /// The Finished message does not fit what was exchanged.
    Finished,
    /// Too many records or messages that bring nothing.
    Flood,
    /// A value that the grammar allows and the protocol does not.
    Illegal,
    /// Our own key cannot sign, or there is no randomness.
    Internal,
    /// So many records under one key that it must not be used further; a new connection will do.
    KeyWorn,
    /// A handshake message longer than the limit of its kind.
    MessageSize,
    /// A client without a certificate where one is required.
    NoCertificate,
    /// No application protocol in common (ALPN).
    NoProtocol,
    /// No cipher suite in common.
    NoSuite,
    /// A protected record that does not pass: cipher text, padding or authentication code.
    RecordMac,
    /// A record longer than the limit.
    RecordSize,
    /// Another handshake was asked for again and again.
    Renegotiation,
    /// The signature that should prove the peer's key is wrong.
    Signature,
    /// The peer left without close_notify: what came may have been cut short.
    Truncated,
    /// A message, record or end at a moment when it must not come.
    Unexpected,
    /// Another protocol version.
    Version,
}

impl TlcpFault {
    /// The alert that goes to the peer, if any does.
    pub const fn alert(self) -> Option<Alert> {
        Some(match self {
            Self::Alerted(_) | Self::Truncated => return None,
            Self::Certificate(fault) => fault.alert(),
            Self::Decode | Self::MessageSize => Alert::DECODE_ERROR,
            Self::Extension => Alert::UNSUPPORTED_EXTENSION,
            Self::Finished | Self::Signature => Alert::DECRYPT_ERROR,
            Self::Flood | Self::Unexpected => Alert::UNEXPECTED_MESSAGE,
            Self::Illegal => Alert::ILLEGAL_PARAMETER,
            Self::Internal => Alert::INTERNAL_ERROR,
            Self::KeyWorn => Alert::CLOSE_NOTIFY,
            Self::NoCertificate | Self::NoSuite => Alert::HANDSHAKE_FAILURE,
            Self::NoProtocol => Alert::NO_APPLICATION_PROTOCOL,
            Self::RecordMac => Alert::BAD_RECORD_MAC,
            Self::RecordSize => Alert::RECORD_OVERFLOW,
            Self::Renegotiation => Alert::NO_RENEGOTIATION,
            Self::Version => Alert::PROTOCOL_VERSION,
        })
    }
}

impl fmt::Display for TlcpFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Alerted(alert) => return write!(formatter, "对端以告警结束连接 (peer sent alert {alert})"),
            Self::Certificate(fault) => return write!(formatter, "对端证书未通过验证: {fault}"),
            Self::Decode => "对端报文格式有误 (message cannot be read)",
            Self::Extension => "对端应答了未请求的扩展 (extension that was not asked for)",
            Self::Finished => "握手完成报文校验不符 (Finished does not match)",
            Self::Flood => "对端反复发送空报文 (too many messages without content)",
            Self::Illegal => "对端报文取值不允许 (value that is not allowed)",
            Self::Internal => "本端密钥或随机源不可用 (own key or randomness not available)",
            Self::KeyWorn => "会话密钥已达用量上限,请重新连接 (key used up; connect again)",
            Self::MessageSize => "握手报文超长 (handshake message too long)",
            Self::NoCertificate => "对端未出示证书 (no client certificate)",
            Self::NoProtocol => "没有共同的应用层协议 (no application protocol in common)",
            Self::NoSuite => "没有共同的密码套件 (no cipher suite in common)",
            Self::RecordMac => "记录校验不符 (record does not pass its check)",
            Self::RecordSize => "记录超长 (record too long)",
            Self::Renegotiation => "不支持重协商 (renegotiation refused)",
            Self::Signature => "对端签名有误 (wrong signature)",
            Self::Truncated => "对端未发送关闭通知即断开 (peer left without close_notify)",
            Self::Unexpected => "对端报文次序有误 (message out of turn)",
            Self::Version => "协议版本不符 (other protocol version)",
        })
    }
}

impl std::error::Error for TlcpFault {}

impl From<CertificateFault> for TlcpFault {
    fn from(fault: CertificateFault) -> Self {
        Self::Certificate(fault)
    }
}
