//! The lines of a file, one at a time, each within a limit of bytes.
//!
//! It deliberately does not decode: `|` and `@` are also second bytes of GBK characters, a line feed never is.

use crate::domain::format::records::RecordFault;
use crate::domain::format::records::RecordFaultKind;

use std::io::BufRead;

/// Reads lines; memory stays at one line whatever the size of the file.
#[derive(Debug)]
pub struct Lines<R> {
    source: R,
    line: Vec<u8>,
    number: u64,
    bytes_max: usize,
}

impl<R: BufRead> Lines<R> {
    /// Lines of at most `bytes_max` bytes, the line end not counted.
    pub const fn new(source: R, bytes_max: usize) -> Self {
        Self { source, line: Vec::new(), number: 0, bytes_max }
    }

    /// The next line with its number, without its line end; none at the end of the file. Empty lines at the end are
    /// no lines.
    ///
    /// # Errors
    /// When the line is too long, when an empty line has others after it, or when the source fails.
    pub fn next_line(&mut self) -> Result<Option<(u64, &[u8])>, RecordFault> {
        let mut empty = None;
        loop {
            if !self.fill()? {
                return Ok(None);
            }
            if !self.line.is_empty() {
                break;
            }
            empty = empty.or(Some(self.number));
        }
        if let Some(line) = empty {
            return Err(fault(line, RecordFaultKind::EmptyLine));
        }
        Ok(Some((self.number, &self.line)))
    }

    /// Takes one line into the buffer; false at the end of the file.
    fn fill(&mut self) -> Result<bool, RecordFault> {
        self.line.clear();
        self.number += 1;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(fault(self.number, RecordFaultKind::Unreadable(error.kind()))),
            };
            if available.is_empty() {
                let any = !self.line.is_empty();
                self.finish()?;
                return Ok(any);
            }
            let end = memchr::memchr(b'\n', available);
            let piece = end.unwrap_or(available.len());
            // One byte more for the carriage return, whose line feed may be still to come.
            if self.line.len() + piece > self.bytes_max.saturating_add(1) {
                return Err(fault(self.number, RecordFaultKind::LineTooLong { bytes_max: self.bytes_max }));
            }
            self.line.extend_from_slice(&available[..piece]);
            self.source.consume(piece + usize::from(end.is_some()));
            if end.is_some() {
                self.finish()?;
                return Ok(true);
            }
        }
    }

    fn finish(&mut self) -> Result<(), RecordFault> {
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        if self.line.len() > self.bytes_max {
            return Err(fault(self.number, RecordFaultKind::LineTooLong { bytes_max: self.bytes_max }));
        }
        Ok(())
    }
}

fn fault(line: u64, what: RecordFaultKind) -> RecordFault {
    RecordFault { line, field: "".into(), what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, bytes_max: usize, buffer: usize) -> Result<Vec<(u64, String)>, RecordFault> {
        let source = std::io::BufReader::with_capacity(buffer, text.as_bytes());
        let mut lines = Lines::new(source, bytes_max);
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next_line()? {
            found.push((number, String::from_utf8(line.to_vec()).unwrap()));
        }
        Ok(found)
    }

    #[test]
    fn line_ends_of_every_kind_in_buffers_of_every_size() {
        for buffer in 1..12 {
            let found = lines("a\r\nbcd\ne\rf", 4, buffer).unwrap();
            assert_eq!(found, [(1, "a".into()), (2, "bcd".into()), (3, "e\rf".into())]);
            assert_eq!(lines("a\n\r\n\n", 4, buffer).unwrap(), [(1, "a".into())]);
            assert_eq!(lines("", 4, buffer).unwrap(), []);
        }
    }

    #[test]
    fn limits_and_gaps() {
        assert!(lines("abcd\r\n", 4, 3).is_ok());
        let long = lines("a\nabcde\n", 4, 3).unwrap_err();
        assert_eq!((long.line, long.what), (2, RecordFaultKind::LineTooLong { bytes_max: 4 }));
        let gap = lines("a\n\nb\n", 4, 3).unwrap_err();
        assert_eq!((gap.line, gap.what), (2, RecordFaultKind::EmptyLine));
    }
}
