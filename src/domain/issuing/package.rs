//! The container: members in a fixed order, times of 1980, the same bytes for the same members.

use std::io::Cursor;
use std::io::Write;
use zip::CompressionMethod;
use zip::DateTime;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// One file of the package.
pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) bytes: Vec<u8>,
    is_packed: bool,
}

impl Member {
    /// Deflated: XML.
    pub(super) fn packed(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes, is_packed: true }
    }

    /// As it is: pictures and signatures are dense already.
    pub(super) fn stored(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes, is_packed: false }
    }
}

/// The zip file; none where it would be too large for its own fields.
pub(super) fn pack(members: &[Member]) -> Option<Vec<u8>> {
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    for member in members {
        let method = if member.is_packed { CompressionMethod::Deflated } else { CompressionMethod::Stored };
        let options = SimpleFileOptions::default().compression_method(method).last_modified_time(DateTime::default());
        out.start_file(member.name, options).ok()?;
        out.write_all(&member.bytes).ok()?;
    }
    Some(out.finish().ok()?.into_inner())
}
