//! Records cut from what arrived and put into what leaves, each in one buffer; content is opened where it lies.
//!
//! ```text
//! record = kind (1) version (2) length (2) content (at most 2^14 bytes; protected at most 2^14 + 2048)
//! ```

use crate::domain::tlcp::TlcpFault;
use crate::domain::tlcp::VERSION;
use crate::domain::tlcp::config::Noise;
use crate::domain::tlcp::protect::Protection;
use std::ops::Range;
use zeroize::Zeroize;

/// Content bytes of one record.
pub(super) const CONTENT_BYTES_MAX: usize = 1 << 14;
pub(super) const PROTECTED_BYTES_MAX: usize = CONTENT_BYTES_MAX + 2048;
const HEADER_BYTES: usize = 5;
/// The input buffer begins small, for most connections carry small records, and grows once to hold the largest.
const INPUT_BYTES_FIRST: usize = 4096;
const INPUT_BYTES_MAX: usize = HEADER_BYTES + PROTECTED_BYTES_MAX;
/// An output buffer that grew beyond this gives its memory back when it is empty.
const OUTPUT_BYTES_KEPT: usize = 2 * CONTENT_BYTES_MAX;

/// Kinds of records.
pub(super) mod kind {
    pub(crate) const CHANGE_CIPHER_SPEC: u8 = 20;
    pub(crate) const ALERT: u8 = 21;
    pub(crate) const HANDSHAKE: u8 = 22;
    pub(crate) const APPLICATION_DATA: u8 = 23;
}

/// A record whose content lies in the input buffer.
pub(super) struct Record {
    pub(super) kind: u8,
    pub(super) content: Range<usize>,
}

#[derive(Default)]
pub(super) struct Records {
    /// Filled from `start` to `end`; what lies before is used up, or content that the caller has not taken yet.
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
    sent: usize,
    opener: Option<Protection>,
    pub(super) sealer: Option<Protection>,
}

impl Drop for Records {
    fn drop(&mut self) {
        self.input.zeroize();
    }
}

impl Records {
    /// Room for what arrives. Content that was handed out is gone after this.
    pub(super) fn room(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
        let wanted = if self.end - self.start >= HEADER_BYTES { self.announced() + HEADER_BYTES } else { 0 };
        let size = if wanted > INPUT_BYTES_FIRST { INPUT_BYTES_MAX } else { INPUT_BYTES_FIRST };
        if self.start > 0 && self.input.len() - self.start < size {
            self.input.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.input.len() < size {
            self.input.resize(size, 0);
        }
        &mut self.input[self.end..]
    }

    pub(super) fn received(&mut self, count: usize) {
        self.end = self.input.len().min(self.end + count);
    }

    fn announced(&self) -> usize {
        usize::from(u16::from_be_bytes([self.input[self.start + 3], self.input[self.start + 4]]))
    }

    /// The next whole record, opened. `None`: more bytes are needed.
    pub(super) fn next(&mut self) -> Result<Option<Record>, TlcpFault> {
        if self.end - self.start < HEADER_BYTES {
            return Ok(None);
        }
        let [kind, major, minor] = [self.input[self.start], self.input[self.start + 1], self.input[self.start + 2]];
        if !(kind::CHANGE_CIPHER_SPEC..=kind::APPLICATION_DATA).contains(&kind) {
            return Err(TlcpFault::Unexpected);
        }
        if [major, minor] != VERSION {
            return Err(TlcpFault::Version);
        }
        let length = self.announced();
        let most = if self.opener.is_some() { PROTECTED_BYTES_MAX } else { CONTENT_BYTES_MAX };
        if length > most {
            return Err(TlcpFault::RecordSize);
        }
        let body = self.start + HEADER_BYTES;
        if self.end - body < length {
            return Ok(None);
        }
        self.start = body + length;
        let content = match &mut self.opener {
            Some(opener) => {
                let content = opener.open(kind, &mut self.input[body..body + length])?;
                content.start + body..content.end + body
            }
            None => body..body + length,
        };
        if content.len() > CONTENT_BYTES_MAX {
            return Err(TlcpFault::RecordSize);
        }
        Ok(Some(Record { kind, content }))
    }

    pub(super) fn content(&self, range: &Range<usize>) -> &[u8] {
        &self.input[range.clone()]
    }

    /// Plain text that was taken need not lie about.
    pub(super) fn wipe(&mut self, range: &Range<usize>) {
        self.input[range.clone()].fill(0);
    }

    /// Appends `content` as records of `kind`. A content of several records is split.
    pub(super) fn put(&mut self, kind: u8, content: &[u8], noise: &mut dyn Noise) -> Result<(), TlcpFault> {
        content.chunks(CONTENT_BYTES_MAX).try_for_each(|piece| self.put_one(kind, &[piece], noise))
    }

    /// Appends one record with the concatenation of `parts`, which must fit into one.
    pub(super) fn put_one(&mut self, kind: u8, parts: &[&[u8]], noise: &mut dyn Noise) -> Result<(), TlcpFault> {
        let before = self.output.len();
        let content: usize = parts.iter().map(|part| part.len()).sum();
        self.output.reserve(content + 128);
        self.output.push(kind);
        self.output.extend_from_slice(&VERSION);
        self.output.extend_from_slice(&[0, 0]);
        let body = self.output.len();
        match &mut self.sealer {
            Some(sealer) => sealer.seal(kind, parts, &mut self.output, noise).inspect_err(|_| {
                self.output.truncate(before);
            })?,
            None => {
                for part in parts {
                    self.output.extend_from_slice(part);
                }
            }
        }
        let length = u16::try_from(self.output.len() - body).map_err(|_| TlcpFault::Internal)?;
        self.output[body - 2..body].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    pub(super) fn output(&self) -> &[u8] {
        &self.output[self.sent..]
    }

    pub(super) fn sent(&mut self, count: usize) {
        self.sent = self.output.len().min(self.sent + count);
        if self.sent == self.output.len() {
            self.output.clear();
            self.output.shrink_to(OUTPUT_BYTES_KEPT);
            self.sent = 0;
        }
    }

    /// What arrives from now on is protected by `opener`.
    pub(super) fn open_with(&mut self, opener: Protection) {
        self.opener = Some(opener);
    }

    /// What is put from now on is protected by `sealer`.
    pub(super) fn seal_with(&mut self, sealer: Protection) {
        self.sealer = Some(sealer);
    }

    /// Whether the key for sending must carry nothing further but a last alert.
    pub(super) fn is_worn(&self) -> bool {
        self.sealer.as_ref().is_some_and(Protection::is_worn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::tlcp::config::Counted;

    fn feed(records: &mut Records, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = records.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            records.received(count);
            bytes = &bytes[count..];
        }
    }

    fn pair() -> (Records, Records) {
        let (mut left, mut right) = (Records::default(), Records::default());
        left.seal_with(Protection::gcm(&[1; 16], [2; 4]));
        right.open_with(Protection::gcm(&[1; 16], [2; 4]));
        (left, right)
    }

    #[test]
    fn the_largest_records_pass_in_pieces_of_any_size() {
        for step in [1, 3, 1000, 20_000] {
            let (mut left, mut right) = pair();
            let content = vec![7; CONTENT_BYTES_MAX * 2 + 5];
            left.put(kind::APPLICATION_DATA, &content, &mut Counted::new(1)).unwrap();
            let mut got = Vec::new();
            for piece in left.output().chunks(step) {
                let mut piece = piece;
                while !piece.is_empty() {
                    let room = right.room();
                    let count = room.len().min(piece.len());
                    room[..count].copy_from_slice(&piece[..count]);
                    right.received(count);
                    piece = &piece[count..];
                    while let Some(record) = right.next().unwrap() {
                        got.extend_from_slice(right.content(&record.content));
                    }
                }
            }
            assert!(got == content && right.start == right.end);
        }
    }

    #[test]
    fn headers_are_checked_before_the_content_is_there() {
        for (header, fault) in [
            ([24, 1, 1, 0, 1], TlcpFault::Unexpected),
            ([b'G', b'E', b'T', b' ', b'/'], TlcpFault::Unexpected),
            ([22, 3, 1, 0, 1], TlcpFault::Version),
            ([22, 1, 0, 0, 1], TlcpFault::Version),
            ([22, 1, 1, 0x40, 1], TlcpFault::RecordSize),
            ([22, 1, 1, 0xff, 0xff], TlcpFault::RecordSize),
        ] {
            let mut records = Records::default();
            feed(&mut records, &header);
            assert_eq!(records.next().err(), Some(fault));
        }
    }

    #[test]
    fn a_protected_record_may_be_longer_but_not_its_content() {
        let mut left = Records::default();
        left.seal_with(Protection::gcm(&[1; 16], [2; 4]));
        left.put_one(kind::APPLICATION_DATA, &[&vec![0; CONTENT_BYTES_MAX + 1]], &mut Counted::new(1)).unwrap();
        let (_, mut right) = pair();
        let mut bytes = left.output();
        loop {
            let room = right.room();
            let count = room.len().min(bytes.len());
            room[..count].copy_from_slice(&bytes[..count]);
            right.received(count);
            bytes = &bytes[count..];
            match right.next() {
                Ok(None) if !bytes.is_empty() => {}
                end => break assert_eq!(end.err(), Some(TlcpFault::RecordSize)),
            }
        }
    }
}
