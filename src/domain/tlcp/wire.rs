//! Numbers and vectors as the messages write them: big-endian, each vector behind its length.

use crate::domain::tlcp::TlcpFault;

/// What is left of a message.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], TlcpFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TlcpFault::Decode)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn array<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], TlcpFault> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(TlcpFault::Decode)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, TlcpFault> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn short(&mut self) -> Result<u16, TlcpFault> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// A vector whose length takes one byte.
    pub(super) fn vector8(&mut self) -> Result<&'a [u8], TlcpFault> {
        let count = self.byte()?;
        self.take(usize::from(count))
    }

    /// A vector whose length takes two bytes.
    pub(super) fn vector16(&mut self) -> Result<&'a [u8], TlcpFault> {
        let count = self.short()?;
        self.take(usize::from(count))
    }

    /// A vector whose length takes three bytes.
    pub(super) fn vector24(&mut self) -> Result<&'a [u8], TlcpFault> {
        let count = length24(self.array()?);
        self.take(count)
    }

    /// Nothing may follow.
    pub(super) const fn end(self) -> Result<(), TlcpFault> {
        if self.0.is_empty() { Ok(()) } else { Err(TlcpFault::Decode) }
    }
}

pub(super) fn length24([high, middle, low]: [u8; 3]) -> usize {
    usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)
}

/// Appends what `content` writes, behind its length in `WIDTH` bytes.
///
/// # Panics
/// When our own content does not fit into that length: every caller bounds it.
pub(super) fn vector<const WIDTH: usize>(out: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; WIDTH]);
    content(out);
    let count = (out.len() - start - WIDTH).to_be_bytes();
    let (above, length) = count.split_at(count.len() - WIDTH);
    assert!(above.iter().all(|byte| *byte == 0), "own content is bounded by its caller");
    out[start..start + WIDTH].copy_from_slice(length);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_both_ways() {
        let mut out = Vec::new();
        vector::<1>(&mut out, |out| out.push(7));
        vector::<2>(&mut out, |out| vector::<3>(out, |out| out.extend_from_slice(b"abc")));
        assert_eq!(out, b"\x01\x07\x00\x06\x00\x00\x03abc");
        let mut reader = Reader::new(&out);
        assert_eq!(reader.vector8(), Ok(&[7][..]));
        assert_eq!(Reader::new(reader.vector16().unwrap()).vector24(), Ok(&b"abc"[..]));
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn what_is_short_is_a_fault() {
        assert_eq!(Reader::new(b"\x02a").vector8(), Err(TlcpFault::Decode));
        assert_eq!(Reader::new(b"\x00\x02a").vector16(), Err(TlcpFault::Decode));
        assert_eq!(Reader::new(b"\xff\xff\xff").vector24(), Err(TlcpFault::Decode));
        assert_eq!(Reader::new(b"").byte(), Err(TlcpFault::Decode));
        assert_eq!(Reader::new(b"a").end(), Err(TlcpFault::Decode));
    }
}
