//! Identifiers with a check character, as a converter writes them and as a rule judges them.

use super::notation::Identifier;
use crate::domain::fault::FieldFaultKind;
use crate::domain::ids;
use std::fmt::Display;
use std::io::Write;

/// Parses an identifier and appends it as it is written: a citizen's number of 15 digits gets 18, an `x` becomes `X`.
pub(super) fn write(identifier: Identifier, text: &[u8], out: &mut Vec<u8>) -> Result<(), FieldFaultKind> {
    parsed(identifier, text, |number| {
        // A vector takes everything.
        let _ = write!(out, "{number}");
    })
}

/// What is wrong with an identifier, if anything is.
pub(super) fn fault(identifier: Identifier, text: &[u8]) -> Option<FieldFaultKind> {
    parsed(identifier, text, |_| ()).err()
}

fn parsed(identifier: Identifier, text: &[u8], take: impl FnOnce(&dyn Display)) -> Result<(), FieldFaultKind> {
    // What is no UTF-8 holds a character that no identifier has.
    let text = std::str::from_utf8(text).unwrap_or("\u{fffd}");
    let (kind, fault) = match identifier {
        Identifier::Case => (ids::CaseNumber::TITLE, ids::CaseNumber::parse(text).map(|number| take(&number))),
        Identifier::Centre => (ids::FundCentre::TITLE, ids::FundCentre::parse(text).map(|number| take(&number))),
        Identifier::Citizen => (ids::CitizenNumber::TITLE, ids::CitizenNumber::parse(text).map(|number| take(&number))),
        Identifier::Credit => (ids::CreditCode::TITLE, ids::CreditCode::parse(text).map(|number| take(&number))),
        Identifier::Letter => (ids::LetterNumber::TITLE, ids::LetterNumber::parse(text).map(|number| take(&number))),
        Identifier::Licence => {
            (ids::LicenceIdentifier::TITLE, ids::LicenceIdentifier::parse(text).map(|number| take(&number)))
        }
        Identifier::Matter => (ids::MatterCode::TITLE, ids::MatterCode::parse(text).map(|number| take(&number))),
    };
    fault.map_err(|fault| FieldFaultKind::BadIdentifier { kind, reason: fault.reason() })
}
