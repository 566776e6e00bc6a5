//! The fixed lists of label values, and how a fault finds its place in them.

use crate::domain::fault::{Fault, FieldFault, FieldFaultKind};
use std::fmt;

/// The value of a label that stands for "not known (yet)", as for an unknown matter.
pub const UNKNOWN: &str = "_unknown";

macro_rules! label {
    ($(#[$meta:meta])* $type:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $type { $($(#[$variant_meta])* $variant,)* }

        impl $type {
            /// All values, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The value as the label shows it.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.word())
            }
        }
    };
}

label! {
    /// What came of an exchange, as the objectives count it.
    OutcomeLabel {
        Ok = "ok",
        /// The caller or the other city's officers said no; the gateway did its work. A repeat that the gateway
        /// keeps back is one too: the first request was counted for what it was.
        RejectBusiness = "reject_business",
        /// A right message could not be translated: a gap in mapping or code tables.
        TranslateError = "translate_error",
        /// The other city's system failed or answered what nobody can use.
        UpstreamError = "upstream_error",
        Timeout = "timeout",
        RateLimited = "rate_limited",
        AuthError = "auth_error",
        /// Ours: ledger, overload, drain, a defect.
        InternalError = "internal_error",
    }
}

label! {
    /// A step of the exchange.
    Stage {
        Identify = "identify",
        Admit = "admit",
        /// The licences that a message carries, where its matter asks for them.
        Licences = "licences",
        Translate = "translate",
        RecordOpen = "record_open",
        Forward = "forward",
        TranslateBack = "translate_back",
        RecordClose = "record_close",
        Answer = "answer",
    }
}

label! {
    /// Why a field was refused.
    TranslateFailure {
        MissingField = "missing_field",
        UnmappedCode = "unmapped_code",
        BadEncoding = "bad_encoding",
        Schema = "schema",
        TooLarge = "too_large",
    }
}

label! {
    /// Why a caller was turned away.
    AuthFailure {
        CredentialsMissing = "credentials_missing",
        UnknownCaller = "unknown_caller",
        WrongSignature = "wrong_signature",
        ClockOutside = "clock_outside",
        NonceReplayed = "nonce_replayed",
        NotPermitted = "not_permitted",
    }
}

label! {
    /// What a rate limit decided, in the words of the configuration.
    RateDecision {
        Allowed = "allowed",
        PerSecond = "per_second",
        PerDay = "per_day",
        BytesPerSecond = "bytes_per_second",
    }
}

label! {
    /// How a request to another system ended.
    UpstreamCode {
        Informational = "1xx",
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
        /// Surely nothing arrived.
        NotDelivered = "not_delivered",
        /// Sent, and no whole answer came.
        Unknown = "unknown",
    }
}

impl UpstreamCode {
    /// The class of an HTTP status; a number outside 100 to 599 is no answer that can be trusted.
    pub const fn of_status(status: u16) -> Self {
        match status / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirection,
            4 => Self::ClientError,
            5 => Self::ServerError,
            _ => Self::Unknown,
        }
    }
}

label! {
    /// What a connection speaks, at the data listener.
    ProtocolLabel {
        Tlcp = "tlcp",
        Rfc8998 = "rfc8998",
        Tls13 = "tls13",
        Tls12 = "tls12",
        /// It ended before that was agreed.
        Unknown = "_unknown",
    }
}

label! {
    /// How a handshake ended.
    HandshakeOutcome {
        /// With a connection, after a whole handshake.
        Full = "full",
        /// With a connection, a session being resumed.
        Resumed = "resumed",
        /// The peer refused us or was refused, or sent what cannot be.
        Failed = "failed",
        TimedOut = "timeout",
    }
}

label! {
    /// Why a handshake failed.
    HandshakeReason {
        /// The peer's certificate or one above it is outside its validity.
        CertificateExpired = "certificate_expired",
        /// It is revoked, or no revocation list that is not over speaks of it.
        CertificateRevoked = "certificate_revoked",
        /// It is not for this use or this name, or cannot be read.
        CertificateUnfit = "certificate_unfit",
        /// No trusted issuer stands above it.
        CertificateUntrusted = "certificate_untrusted",
        /// What the peer sent is not the protocol, or does not pass its checks.
        Misbehaved = "misbehaved",
        /// The connection broke.
        Network = "network",
        /// A certificate is required, and the peer showed none.
        NoCertificate = "no_certificate",
        /// No protocol, suite or version that both speak.
        NothingInCommon = "nothing_in_common",
        /// Our own key did not sign, as when its device does not answer.
        OwnKey = "own_key",
        /// The peer refused us by an alert.
        PeerAlert = "peer_alert",
        Timeout = "timeout",
    }
}

label! {
    /// What is asked of a cryptographic device.
    DeviceOperation {
        Decrypt = "decrypt",
        /// Look a key up and ask for its use.
        Find = "find",
        Sign = "sign",
    }
}

label! {
    /// How a call to a cryptographic device ended.
    DeviceOutcome {
        Ok = "ok",
        /// With an error number of the device.
        Error = "error",
        TimedOut = "timeout",
        /// Not made, because the device rests after failures.
        Refused = "refused",
    }
}

label! {
    /// State of an entry in the ledger.
    LedgerState {
        Open = "open",
        NotDelivered = "not_delivered",
        Answered = "answered",
        Unknown = "unknown",
        /// It was unknown, and somebody has found out what came of it.
        Resolved = "resolved",
    }
}

impl OutcomeLabel {
    /// The outcome of an exchange that ended with `fault`. Every fault is named, so a new one must be placed here.
    pub fn of(fault: &Fault) -> Self {
        match fault {
            Fault::Fields { faults, .. } | Fault::AnswerWrong { faults, .. } if faults.iter().any(is_mapping_gap) => {
                Self::TranslateError
            }
            Fault::Fields { .. }
            | Fault::Malformed { .. }
            | Fault::WrongCharset { .. }
            | Fault::LimitExceeded { .. }
            | Fault::DoctypeRefused { .. }
            | Fault::WrongContentType { .. }
            | Fault::UnknownPath
            | Fault::WrongMethod { .. }
            | Fault::BodyTimeout
            | Fault::BodyIncomplete
            | Fault::KeyMissing { .. }
            | Fault::UnknownMatter { .. }
            | Fault::NotServed { .. }
            | Fault::Refused(_)
            | Fault::AlreadyThere(_)
            | Fault::StillInProgress
            | Fault::KeyReused
            | Fault::OutcomeUnknown
            | Fault::KeyUnsettled
            | Fault::ResolvedDone
            | Fault::ResolvedNotDone
            | Fault::LicencesRefused { .. } => Self::RejectBusiness,
            Fault::PeerUnsure(refusal) if refusal.canonical == "peer_timeout" => Self::Timeout,
            Fault::AnswerWrong { .. }
            | Fault::NotDelivered { .. }
            | Fault::BreakerOpen { .. }
            | Fault::AnswerUnreadable { .. }
            | Fault::AnswerTooLarge { .. }
            | Fault::AnswerStatus { .. }
            | Fault::PeerUnsure(_)
            | Fault::NotTaken(_)
            | Fault::LicencesUnavailable { .. } => Self::UpstreamError,
            Fault::DeadlinePassed | Fault::ConnectionLost => Self::Timeout,
            Fault::AskAgain { cause } => Self::of(cause),
            Fault::CredentialsMissing { .. }
            | Fault::UnknownCaller
            | Fault::WrongSignature
            | Fault::ClockOutside { .. }
            | Fault::NonceReplayed
            | Fault::NotPermitted { .. }
            | Fault::LicenceUseNotPermitted { .. } => Self::AuthError,
            Fault::RateLimited { .. } | Fault::DailyCountReached { .. } => Self::RateLimited,
            Fault::Overloaded | Fault::LedgerUnavailable | Fault::Internal { .. } | Fault::Draining => {
                Self::InternalError
            }
        }
    }
}

/// True where the message was right and the mapping, a table or the calendar could not carry it.
/// The caller cannot mend these, so they count against the objective; all other field faults are the sender's.
fn is_mapping_gap(fault: &FieldFault) -> bool {
    matches!(
        fault.what,
        FieldFaultKind::NoCounterpart { .. }
            | FieldFaultKind::TooLong { .. }
            | FieldFaultKind::Unencodable { .. }
            | FieldFaultKind::PrecisionLost { .. }
            | FieldFaultKind::BeyondCalendar { .. }
    )
}

impl TranslateFailure {
    /// The reason of a field's fault.
    pub const fn of(what: &FieldFaultKind) -> Self {
        match what {
            FieldFaultKind::Missing => Self::MissingField,
            FieldFaultKind::NoCounterpart { .. } => Self::UnmappedCode,
            FieldFaultKind::Unencodable { .. } => Self::BadEncoding,
            FieldFaultKind::TooLong { .. } => Self::TooLarge,
            FieldFaultKind::WrongForm { .. }
            | FieldFaultKind::SumDiffers { .. }
            | FieldFaultKind::CountDiffers { .. }
            | FieldFaultKind::DigestDiffers
            | FieldFaultKind::PrecisionLost { .. }
            | FieldFaultKind::OrderDiffers { .. }
            | FieldFaultKind::BadIdentifier { .. }
            | FieldFaultKind::BeyondCalendar { .. }
            | FieldFaultKind::Duplicate
            | FieldFaultKind::RuleBroken { .. }
            | FieldFaultKind::LicenceRejected { .. }
            | FieldFaultKind::LicenceInDoubt { .. }
            | FieldFaultKind::LicenceUnknown
            | FieldFaultKind::LicenceUnequal { .. }
            | FieldFaultKind::LicenceUnavailable { .. } => Self::Schema,
        }
    }

    /// The reason of a fault of the whole message, where it is one of form.
    pub const fn of_message(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::WrongCharset { .. } => Some(Self::BadEncoding),
            Fault::LimitExceeded { .. } | Fault::AnswerTooLarge { .. } => Some(Self::TooLarge),
            Fault::Malformed { .. } | Fault::DoctypeRefused { .. } | Fault::AnswerUnreadable { .. } => {
                Some(Self::Schema)
            }
            Fault::KeyMissing { .. } => Some(Self::MissingField),
            _ => None,
        }
    }
}

impl AuthFailure {
    /// The reason, where the fault is one of identity or permission.
    pub const fn of(fault: &Fault) -> Option<Self> {
        match fault {
            Fault::CredentialsMissing { .. } => Some(Self::CredentialsMissing),
            Fault::UnknownCaller => Some(Self::UnknownCaller),
            Fault::WrongSignature => Some(Self::WrongSignature),
            Fault::ClockOutside { .. } => Some(Self::ClockOutside),
            Fault::NonceReplayed => Some(Self::NonceReplayed),
            Fault::NotPermitted { .. } => Some(Self::NotPermitted),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(what: FieldFaultKind) -> FieldFault {
        FieldFault { path: "data.a".into(), title: String::new(), what }
    }

    #[test]
    fn a_gap_in_a_table_is_ours_and_a_missing_field_is_the_callers() {
        let gap = FieldFaultKind::NoCounterpart {
            table: "nation".into(),
            code: "99".into(),
            from: "yueyang".into(),
            to: "jingzhou".into(),
        };
        let missing = || field(FieldFaultKind::Missing);
        let refused = Fault::Fields { faults: vec![missing()], more: 0 };
        assert_eq!(OutcomeLabel::of(&refused), OutcomeLabel::RejectBusiness);
        let both = Fault::Fields { faults: vec![missing(), field(gap.clone())], more: 0 };
        assert_eq!(OutcomeLabel::of(&both), OutcomeLabel::TranslateError);
        let answer = Fault::AnswerWrong { faults: vec![missing()], more: 0 };
        assert_eq!(OutcomeLabel::of(&answer), OutcomeLabel::UpstreamError);
        let answer = Fault::AnswerWrong { faults: vec![field(gap)], more: 0 };
        assert_eq!(OutcomeLabel::of(&answer), OutcomeLabel::TranslateError);
    }

    #[test]
    fn auth_reasons_are_the_names_of_the_fault_table() {
        let faults = [
            Fault::CredentialsMissing { header: "X-App-Key".into() },
            Fault::UnknownCaller,
            Fault::WrongSignature,
            Fault::ClockOutside { window_seconds: 300, is_milliseconds: true },
            Fault::NonceReplayed,
            Fault::NotPermitted { matter: "GJ01".into() },
        ];
        for (fault, reason) in faults.iter().zip(AuthFailure::ALL) {
            assert_eq!(fault.entry().name, reason.word());
            assert_eq!(AuthFailure::of(fault), Some(*reason));
            assert_eq!(OutcomeLabel::of(fault), OutcomeLabel::AuthError);
        }
        assert_eq!(AuthFailure::of(&Fault::Draining), None);
    }

    #[test]
    fn a_status_that_no_server_should_send_is_unknown() {
        assert_eq!(UpstreamCode::of_status(204), UpstreamCode::Success);
        assert_eq!(UpstreamCode::of_status(599), UpstreamCode::ServerError);
        assert_eq!(UpstreamCode::of_status(99), UpstreamCode::Unknown);
        assert_eq!(UpstreamCode::of_status(700), UpstreamCode::Unknown);
    }
}
