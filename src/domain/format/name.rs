//! The name of a member as a tree knows it.

use std::ops::Deref;

/// A member's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    text: Box<[u8]>,
    /// A JSON string of these letters is these bytes between quotes, and no other.
    is_plain: bool,
}

impl Name {
    /// True where the name, between quotes, is itself as a JSON string: it has letters, and none that is escaped.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.is_plain
    }
}

impl From<&[u8]> for Name {
    fn from(text: &[u8]) -> Self {
        let is_plain = !text.is_empty() && !text.iter().any(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'));
        Self { text: text.into(), is_plain }
    }
}

impl Deref for Name {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.text
    }
}
