//! Why handshakes fail: the reason as a label, the cause as far as a log line should hold it, and how often it is told.

use crate::domain::tlcp::{CertificateFault, TlcpFault};
use crate::edge::metrics::labels::HandshakeReason;
use rustls::{CertificateError, Error};
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Characters of a cause in a log line: certificates of strangers may hold long texts.
const CAUSE_CHARACTERS_MAX: usize = 300;
/// A reason is told once in that time, with the number of those that were kept back.
const TOLD_EVERY: Duration = Duration::from_secs(1);

impl HandshakeReason {
    /// The reason in what a handshake failed with.
    pub fn of(error: &io::Error) -> Self {
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<Error>()) {
            return Self::of_tls(error);
        }
        match inner.and_then(|inner| inner.downcast_ref::<TlcpFault>()) {
            Some(fault) => Self::of_tlcp(*fault),
            // What the listener says of a hello that offers nothing it speaks.
            None if error.kind() == io::ErrorKind::Unsupported => Self::NothingInCommon,
            None => Self::Network,
        }
    }

    fn of_tls(error: &Error) -> Self {
        match error {
            Error::InvalidCertificate(fault) => match fault {
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::CertificateExpired,
                CertificateError::Revoked
                | CertificateError::UnknownRevocationStatus
                | CertificateError::ExpiredRevocationList
                | CertificateError::ExpiredRevocationListContext { .. } => Self::CertificateRevoked,
                CertificateError::UnknownIssuer | CertificateError::BadSignature => Self::CertificateUntrusted,
                _ => Self::CertificateUnfit,
            },
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::PeerIncompatible(_) | Error::NoApplicationProtocol => Self::NothingInCommon,
            Error::AlertReceived(_) => Self::PeerAlert,
            // Only a key of ours that does not sign is told so.
            Error::General(_) | Error::FailedToGetRandomBytes => Self::OwnKey,
            _ => Self::Misbehaved,
        }
    }

    const fn of_tlcp(fault: TlcpFault) -> Self {
        match fault {
            TlcpFault::Alerted(_) => Self::PeerAlert,
            TlcpFault::Certificate(CertificateFault::Expired) => Self::CertificateExpired,
            TlcpFault::Certificate(CertificateFault::Revoked) => Self::CertificateRevoked,
            TlcpFault::Certificate(CertificateFault::UnknownIssuer | CertificateFault::Signature) => {
                Self::CertificateUntrusted
            }
            TlcpFault::Certificate(_) => Self::CertificateUnfit,
            TlcpFault::Internal => Self::OwnKey,
            TlcpFault::NoCertificate => Self::NoCertificate,
            TlcpFault::NoProtocol | TlcpFault::NoSuite | TlcpFault::Version => Self::NothingInCommon,
            TlcpFault::Truncated => Self::Network,
            _ => Self::Misbehaved,
        }
    }
}

/// What a handshake failed with, as long as a log line should be.
pub fn brief(cause: &dyn fmt::Display) -> String {
    cause.to_string().chars().take(CAUSE_CHARACTERS_MAX).collect()
}

/// When each reason was told last, and how many were kept back since.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<[(Option<Duration>, u64); HandshakeReason::ALL.len()]>);

impl Told {
    /// The number kept back since the last time, where it is time to tell of `reason` again. `now` never steps back.
    pub(super) fn is_due(&self, reason: HandshakeReason, now: Duration) -> Option<u64> {
        // Whole between any two statements.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, kept_back) = told.get_mut(reason as usize)?;
        if last.is_some_and(|last| now.saturating_sub(last) < TOLD_EVERY) {
            *kept_back += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(kept_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tlcp::Alert;
    use rustls::{AlertDescription, PeerIncompatible};

    #[test]
    fn a_reason_is_told_once_a_second_and_the_others_are_counted() {
        let told = Told::default();
        let at = |millis| told.is_due(HandshakeReason::PeerAlert, Duration::from_millis(millis));
        assert_eq!([at(5), at(6), at(900), at(1_004)], [Some(0), None, None, None]);
        assert_eq!(told.is_due(HandshakeReason::Network, Duration::from_millis(900)), Some(0));
        assert_eq!([at(1_005), at(1_006), at(9_000)], [Some(3), None, Some(1)]);
    }

    #[test]
    fn every_protocol_has_the_same_reasons() {
        use HandshakeReason as Reason;
        let tls = |error: Error| Reason::of(&io::Error::new(io::ErrorKind::InvalidData, error));
        let tlcp = |fault: TlcpFault| Reason::of(&io::Error::new(io::ErrorKind::InvalidData, fault));
        let certificate = |fault: CertificateFault| tlcp(fault.into());
        for (reason, tls, tlcp) in [
            (
                Reason::CertificateExpired,
                tls(CertificateError::NotValidYet.into()),
                certificate(CertificateFault::Expired),
            ),
            (
                Reason::CertificateRevoked,
                tls(CertificateError::UnknownRevocationStatus.into()),
                certificate(CertificateFault::Revoked),
            ),
            (
                Reason::CertificateUntrusted,
                tls(CertificateError::UnknownIssuer.into()),
                certificate(CertificateFault::UnknownIssuer),
            ),
            (
                Reason::CertificateUnfit,
                tls(CertificateError::InvalidPurpose.into()),
                certificate(CertificateFault::Usage),
            ),
            (Reason::NoCertificate, tls(Error::NoCertificatesPresented), tlcp(TlcpFault::NoCertificate)),
            (Reason::NothingInCommon, tls(PeerIncompatible::NoCipherSuitesInCommon.into()), tlcp(TlcpFault::NoSuite)),
            (
                Reason::PeerAlert,
                tls(Error::AlertReceived(AlertDescription::UnknownCA)),
                tlcp(TlcpFault::Alerted(Alert::UNKNOWN_CA)),
            ),
            (Reason::OwnKey, tls(Error::General("the SM2 key cannot sign".into())), tlcp(TlcpFault::Internal)),
            (Reason::Misbehaved, tls(Error::DecryptError), tlcp(TlcpFault::RecordMac)),
        ] {
            assert_eq!((tls, tlcp), (reason, reason));
        }
        assert_eq!(Reason::of(&io::ErrorKind::UnexpectedEof.into()), Reason::Network);
        assert_eq!(Reason::of(&io::Error::new(io::ErrorKind::Unsupported, "switched off")), Reason::NothingInCommon);
        assert_eq!(brief(&"x".repeat(1_000)).len(), CAUSE_CHARACTERS_MAX);
    }
}
