//! Constant pieces of the output: tags, member names, separators.
//!
//! Most have a few bytes, where calling a copy routine costs more than the copy. They are kept with room behind, so
//! that a copy of fixed length can take the call's place.

use std::ops::Deref;

/// Bytes of the copy of fixed length.
const SHORT: usize = 32;

/// A constant piece of the output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Piece {
    /// The piece, and zeros up to [`SHORT`] bytes.
    padded: Box<[u8]>,
    length: usize,
    /// Begins with the comma between the members of an object or the items of a list.
    is_further: bool,
}

impl From<Vec<u8>> for Piece {
    fn from(mut bytes: Vec<u8>) -> Self {
        let length = bytes.len();
        bytes.resize(length.max(SHORT), 0);
        let is_further = bytes.first() == Some(&b',') && length > 0;
        Self { padded: bytes.into(), length, is_further }
    }
}

impl From<&[u8]> for Piece {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.padded.get(..self.length).unwrap_or_default()
    }
}

impl Piece {
    /// Appends the piece.
    #[inline]
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self.padded.first_chunk::<SHORT>() {
            Some(chunk) if self.length <= SHORT => {
                let end = out.len() + self.length;
                out.extend_from_slice(chunk);
                out.truncate(end);
            }
            _ => out.extend_from_slice(self),
        }
    }

    /// Appends the piece, without its leading comma where it is the first of its object or list.
    #[inline]
    pub(super) fn write_member(&self, out: &mut Vec<u8>) {
        if self.is_further && matches!(out.last(), Some(b'{' | b'[')) {
            out.extend_from_slice(self.get(1..).unwrap_or_default());
        } else {
            self.write(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_of_every_length() {
        let text: Vec<u8> = (b'!'..=b'~').collect();
        for length in 0..text.len() {
            let piece = Piece::from(&text[..length]);
            let mut out = b"x".to_vec();
            piece.write(&mut out);
            piece.write_member(&mut out);
            assert_eq!(out, [b"x", &text[..length], &text[..length]].concat());
            assert_eq!(&*piece, &text[..length]);
        }
    }

    #[test]
    fn the_first_member_has_no_comma() {
        let piece = Piece::from(b",\"a\":".as_slice());
        let mut out = b"{".to_vec();
        piece.write_member(&mut out);
        out.push(b'1');
        piece.write_member(&mut out);
        assert_eq!(out, b"{\"a\":1,\"a\":");
    }
}
