//! Mutual recognition of licences (互认) as data: which types there are, what each side calls their fields and states,
//! and what a licence of one province is to the other.
//!
//! ```text
//!  licence/catalogue.toml    types, fields, holder code types ─┐
//!  licence/dialects/*.toml   names, dates, states, errors     ─┼─► Recognition ──► translate: facts ──► facts
//!  licence/equivalence.toml  agreements, type ⇄ type          ─┘
//! ```
//!
//! Text in, a checked set out, or all faults at once with file, line and column. What has no counterpart is refused by
//! name; nothing is passed through. It deliberately verifies no licence: that is `domain::licence`.
//!
//! Sources: GB/T 36902-2018 (catalogue), GB/T 36903-2018 (metadata, annex A: holder code types), DB31/32/33/34 T
//! 310018-2024 (the form of an agreement: catalogue and usage); each row of the files names its own.

mod catalogue;
mod dialect;
mod equivalence;
mod file;
mod translate;
mod unreleased;

pub use crate::domain::licence::State;
pub use catalogue::Field;
pub use catalogue::FieldKind;
pub use catalogue::HolderKind;
pub use catalogue::LicenceType;
pub use dialect::DateStyle;
pub use dialect::Dialect;
pub use equivalence::Agreement;
pub use equivalence::Counterpart;
pub use equivalence::Equivalence;
pub use equivalence::Status;
pub use translate::Facts;
pub use translate::NoCounterpart;
pub use translate::Side;
pub use translate::Table;
pub use translate::Translated;

use crate::domain::mapping::Diagnostic;
use crate::domain::mapping::Files;
use crate::domain::mapping::Level;
use crate::domain::value::Date;
use catalogue::Catalogue;
use equivalence::Agreements;

/// Where the files of this module lie in the mapping directory.
pub const FOLDER: &str = "licence/";
/// The dialect of the metadata inside a licence file: the names of the standard, dates in any form, states by their
/// canonical words. It needs no file.
pub const NATIONAL: &str = "national";

/// The checked set: catalogue, dialects, equivalences.
#[derive(Clone, Debug, Default)]
pub struct Recognition {
    catalogue: Catalogue,
    dialects: Vec<Dialect>,
    agreements: Agreements,
}

impl Recognition {
    /// Reads the files below `licence/`; an empty set where there are none.
    ///
    /// # Errors
    /// All faults of all files.
    pub fn compile(files: &Files) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        if !files.0.keys().any(|path| path.starts_with("licence/dialects/") || path == catalogue::FILE) {
            return Ok(Self::default());
        }
        let catalogue = Catalogue::read(files, &mut faults);
        let mut dialects = vec![Dialect::national(&catalogue)];
        for (path, name) in files.below("licence/dialects/", ".toml") {
            let text = files.text(path).unwrap_or_default();
            dialects.extend(Dialect::read(path, name, text, &catalogue, &mut faults));
        }
        let agreements = Agreements::read(files, &catalogue, &dialects, &mut faults);
        faults.sort_by(|left, right| left.place.cmp(&right.place));
        if faults.iter().any(|fault| fault.level == Level::Error) {
            return Err(faults);
        }
        Ok(Self { catalogue, dialects, agreements })
    }

    /// All types of the catalogue, in the order of the file; those whose code is not confirmed too.
    pub fn catalogue(&self) -> &[LicenceType] {
        &self.catalogue.types
    }

    /// The fields of the metadata.
    pub fn fields(&self) -> &[Field] {
        &self.catalogue.fields
    }

    /// The types that a side (a province such as `hunan`) issues and shares, those with a code only.
    pub fn types<'a>(&'a self, side: &'a str) -> impl Iterator<Item = &'a LicenceType> + 'a {
        self.catalogue.types.iter().filter(move |kind| kind.code.is_some() && kind.sides.iter().any(|one| one == side))
    }

    /// A type by its national code.
    pub fn kind(&self, code: &str) -> Option<&LicenceType> {
        self.catalogue.kind(code)
    }

    /// The name of a holder code type (GB/T 36903 annex A), such as 公民身份号码 for `111`.
    pub fn holder_type(&self, code: &str) -> Option<&str> {
        self.catalogue.holder_types.iter().find(|(known, _)| known == code).map(|(_, title)| title.as_str())
    }

    /// A dialect by its name, [`NATIONAL`] among them.
    pub fn dialect(&self, name: &str) -> Option<&Dialect> {
        self.dialects.iter().find(|dialect| dialect.name == name)
    }

    /// The names of all dialects.
    pub fn dialects(&self) -> impl Iterator<Item = &Dialect> {
        self.dialects.iter()
    }

    /// All equivalences, repealed ones too.
    pub fn equivalences(&self) -> &[Equivalence] {
        &self.agreements.rows
    }

    /// The agreements by name.
    pub fn agreement(&self, name: &str) -> Option<&Agreement> {
        self.agreements.agreements.iter().find(|agreement| agreement.name == name)
    }

    /// What a type of one side is on the other side on that day.
    ///
    /// # Errors
    /// When no enacted equivalence holds then.
    pub fn equivalent(&self, code: &str, from: &str, to: &str, day: Date) -> Result<Counterpart<'_>, NoCounterpart> {
        self.agreements.find(code, from, to, day).ok_or_else(|| NoCounterpart {
            table: Table::Type,
            value: code.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests;
