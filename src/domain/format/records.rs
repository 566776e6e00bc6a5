//! Delimited and fixed-width record files.

/// How the columns of a line are told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delimited {
    /// Text after every column: `|`, `@|$`.
    pub separator: Box<str>,
    /// True where the last column is followed by the separator too.
    pub trailing: bool,
}
