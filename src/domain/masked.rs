//! Values that never show themselves: keys, personal data, answers kept for a repeat.
//!
//! It deliberately does not encrypt; it only keeps a value out of logs and messages by accident.

use std::fmt;

/// A value whose `Debug` shows nothing. Reach the value by [`Masked::reveal`], which is easy to search for.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Never hand the result to a log line, a metric or an error.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself, owned.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Masked<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Masked::new("secret")), "***");
        assert_eq!(*Masked::new("secret").reveal(), "secret");
    }
}
