//! What the log says of a fault: English, numbers and names first, nothing that a message holds.

use super::Fault;
use super::Refusal;
use super::may_show_return;
use std::fmt;

impl std::error::Error for Fault {}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.entry();
        write!(formatter, "J{:03} {}", entry.number, entry.name)?;
        match self {
            Self::Malformed { format, offset, reason } => write!(formatter, ": {format} at byte {offset}: {reason}"),
            Self::LimitExceeded { what, limit } => write!(formatter, ": {what} over {limit}"),
            Self::Fields { faults, more }
            | Self::AnswerWrong { faults, more }
            | Self::LicencesRefused { faults, more }
            | Self::LicencesUnavailable { faults, more } => {
                for fault in faults {
                    write!(formatter, "; J{} {}", fault.number(), fault.path)?;
                }
                if *more > 0 { write!(formatter, "; and {more} more") } else { Ok(()) }
            }
            Self::NotDelivered { reason } | Self::AnswerUnreadable { reason } | Self::Internal { reason } => {
                write!(formatter, ": {reason}")
            }
            Self::Refused(refusal)
            | Self::PeerUnsure(refusal)
            | Self::NotTaken(refusal)
            | Self::AlreadyThere(refusal) => {
                let Refusal { canonical, code, known, .. } = refusal;
                if *known || may_show_return(code) {
                    write!(formatter, ": {canonical} (their code {code})")
                } else {
                    // It is their text: the log must not hold what it may say of a person.
                    write!(formatter, ": {canonical} (their code is not shown)")
                }
            }
            Self::AskAgain { cause } => write!(formatter, ": {cause}"),
            Self::AnswerStatus { status } => write!(formatter, ": {status}"),
            _ => Ok(()),
        }
    }
}
