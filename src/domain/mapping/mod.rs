//! The mapping engine: mapping files to plans, and plans carried out.
//!
//! ```text
//!  files ──► catalogue, profile, message ──► compile (reader, resolve, writer) ──► Plan
//!  bytes ──► format: one pass into slots ──► checks ──► ops write the target bytes
//! ```
//!
//! A plan is composed of two profiles through the canonical fields; see `docs/mapping.md` for the language.
//! On the way through a plan no document tree is built: values are borrowed from the input until they are written.

mod address;
mod canonical;
mod carried;
mod catalogue;
mod certificate;
mod checks;
mod compile;
mod context;
mod enumerate;
mod explain;
mod generate;
mod grid;
mod identifiers;
mod identify;
mod import;
mod message;
mod notation;
mod numbers;
mod piece;
mod places;
mod plan;
mod profile;
mod program;
mod propose;
mod prove;
mod put;
mod reader;
mod resolve;
mod run;
mod settings;
mod source;
mod spoilt;
mod text;
mod uses;
mod values;
mod wide;
mod writer;

pub use carried::CARRIED_MAX;
pub use carried::Carried;
pub use carried::Carries;
pub use catalogue::Archetype;
pub use catalogue::Catalogue;
pub use catalogue::City;
pub use catalogue::Field;
pub use catalogue::Matter;
pub use certificate::Certificate;
pub use certificate::Line as CertificateLine;
pub use certificate::Totals;
pub use compile::MessageKind;
pub use context::Context;
pub use context::FaultFieldWords;
pub use context::FaultWords;
pub use context::Kept;
pub use context::LicenceFacts;
pub use context::Translated;
pub use explain::Line;
pub use explain::Trace;
pub use grid::CELL_CHARACTERS_MAX;
pub use grid::CELLS_MAX;
pub use grid::COLUMNS_MAX;
pub use grid::CellFault;
pub use grid::Grid;
pub use grid::GridRow;
pub use grid::ROWS_MAX;
pub use identify::Arrival;
pub use identify::HeaderFields;
pub use import::Changes;
pub use import::Imported;
pub use import::LISTS;
pub use import::import;
pub use import::tidied;
pub use numbers::NUMBERS;
pub use plan::Plan;
pub use plan::RowNote;
pub use profile::Profile;
pub use profile::Service;
pub use program::Pair;
pub use program::Program;
pub use program::Rendered;
pub use program::System;
pub use propose::Proposal;
pub use propose::Seen;
pub use prove::Grade;
pub use prove::Proof;
pub use run::Workspace;
pub use source::Diagnostic;
pub use source::FILE_BYTES_MAX;
pub use source::Files;
pub use source::Level;
pub use source::Place;
pub use source::nearest;
pub use source::place_at;
pub use uses::Found;
pub use uses::Role;
pub use uses::Use;
