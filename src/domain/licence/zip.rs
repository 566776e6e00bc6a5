//! A strict scan of a zip container in memory (PKWARE APPNOTE 6.3; GB/T 33190 uses stored and deflated members).
//!
//! Readers of zip files disagree about duplicate names, data between members, second end records and headers that
//! contradict one another; a signature must not depend on which of them is asked. So the members must tile the file
//! from its first byte to the central directory, the central directory must end where the end record begins, and both
//! headers of a member must say the same. All faults of a container are told at once. Nothing is written anywhere.

use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::sm;
use crate::domain::sm::sm3::digest_many;
use flate2::Decompress;
use flate2::FlushDecompress;
use flate2::Status;
use std::collections::HashMap;
use std::collections::HashSet;

/// Largest file, in bytes.
pub const FILE_BYTES_MAX: usize = 20 << 20;
/// Most bytes of all members together, unpacked.
pub(super) const UNPACKED_BYTES_MAX: u64 = 100 << 20;
/// Most members.
pub(super) const MEMBERS_MAX: usize = 5_000;
/// Most unpacked bytes for one packed byte, of members above [`RATIO_FROM`]; the highest of real files is 28.6.
pub(super) const RATIO_MAX: u64 = 200;
/// Smaller members may be packed as tightly as they like.
pub(super) const RATIO_FROM: u64 = 1 << 20;
/// Longest name of a member, in bytes.
const NAME_BYTES_MAX: usize = 512;

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const END_BYTES: usize = 22;
const CENTRAL_BYTES: usize = 46;
const LOCAL_BYTES: usize = 30;

const ENCRYPTED: u16 = 1 | 1 << 6 | 1 << 13;
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// "Info-ZIP Unicode Path": a second name that some readers prefer.
const UNICODE_PATH: u16 = 0x7075;

/// The members of a container, unpacked, and all digests, worked out once and side by side.
#[derive(Debug, Default)]
pub(super) struct Container {
    members: Vec<(String, Vec<u8>)>,
    places: HashMap<String, usize>,
    /// Of the members, in their order.
    digests: Vec<[u8; sm::DIGEST_BYTES]>,
    /// Of the file.
    file_digest: [u8; sm::DIGEST_BYTES],
}

impl Container {
    /// The bytes of a member, by its exact name.
    pub(super) fn get(&self, name: &str) -> Option<&[u8]> {
        self.places.get(name).map(|place| self.members[*place].1.as_slice())
    }

    /// The SM3 of a member, by its exact name.
    pub(super) fn digest(&self, name: &str) -> Option<&[u8; sm::DIGEST_BYTES]> {
        self.places.get(name).and_then(|place| self.digests.get(*place))
    }

    /// The SM3 of the file.
    pub(super) const fn file_digest(&self) -> &[u8; sm::DIGEST_BYTES] {
        &self.file_digest
    }

    /// The names and bytes, in the order of the container.
    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.members.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// Reads `file`, telling `checks` what is wrong. `None` when it must not be used.
    pub(super) fn open(file: &[u8], checks: &mut Checks) -> Option<Self> {
        let entries = scan(file, checks)?;
        let mut container = Self::default();
        for entry in &entries {
            match unpack(file, entry) {
                Ok(bytes) => {
                    if !entry.name.ends_with('/') {
                        container.places.insert(entry.name.clone(), container.members.len());
                        container.members.push((entry.name.clone(), bytes));
                    }
                }
                Err(what) => checks.fail(Code::ZipMalformed, format!("{}：{what}", entry.name)),
            }
        }
        if checks.worst().is_some() {
            return None;
        }
        container.digest_all(file);
        Some(container)
    }

    fn digest_all(&mut self, file: &[u8]) {
        let messages: Vec<&[u8]> =
            std::iter::once(file).chain(self.members.iter().map(|(_, bytes)| bytes.as_slice())).collect();
        let mut digests = vec![[0; sm::DIGEST_BYTES]; messages.len()];
        digest_many(&messages, &mut digests);
        self.file_digest = digests.remove(0);
        self.digests = digests;
    }
}

/// The body of a fuzz target: whatever the bytes are, what is unpacked keeps the limits, and its names are found again.
///
/// # Panics
/// Where that does not hold.
pub fn fuzz(bytes: &[u8]) {
    let Some(container) = Container::open(bytes, &mut Checks::default()) else { return };
    let unpacked: u64 = container.members().map(|(_, bytes)| bytes.len() as u64).sum();
    assert!(unpacked <= UNPACKED_BYTES_MAX && container.members.len() <= MEMBERS_MAX);
    assert!(container.members().all(|(name, _)| container.get(name).is_some()));
}

/// One member, as the central directory has it.
#[derive(Debug)]
struct Entry {
    name: String,
    raw_name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    packed: u64,
    unpacked: u64,
    offset: usize,
    /// Where its packed bytes begin; known once the local header is read.
    data: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

fn size_at(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, at)?).ok()
}

/// All members, or `None` when there is any fault.
fn scan(file: &[u8], checks: &mut Checks) -> Option<Vec<Entry>> {
    if file.len() > FILE_BYTES_MAX {
        checks.fail(Code::ZipTooLarge, format!("{} 字节，至多 {FILE_BYTES_MAX}", file.len()));
        return None;
    }
    let (start, end, count) = directory(file, checks)?;
    if count > MEMBERS_MAX {
        checks.fail(Code::ZipTooMany, format!("{count} 个，至多 {MEMBERS_MAX}"));
        return None;
    }
    let Some(mut entries) = central(&file[..end], start, count, checks) else {
        checks.fail(Code::ZipMalformed, "中央目录不完整");
        return None;
    };
    limits(&entries, checks);
    names(&entries, checks);
    tile(file, start, &mut entries, checks);
    (checks.worst().is_none()).then_some(entries)
}

/// Finds the end record: where the central directory starts and ends, and how many members it has.
fn directory(file: &[u8], checks: &mut Checks) -> Option<(usize, usize, usize)> {
    let from = file.len().saturating_sub(END_BYTES + usize::from(u16::MAX));
    let fits =
        |at: &usize| u16_at(file, at + 20).is_some_and(|comment| at + END_BYTES + usize::from(comment) == file.len());
    let all: Vec<usize> = memchr::memmem::find_iter(&file[from..], END).map(|at| from + at).collect();
    let Some(end) = all.iter().rev().copied().find(fits) else {
        checks.fail(Code::ZipMalformed, "没有结束记录");
        return None;
    };
    let read = || {
        let plain = u16_at(file, end + 4)? == 0 && u16_at(file, end + 6)? == 0;
        let counts = (u16_at(file, end + 8)?, u16_at(file, end + 10)?);
        let (size, start) = (size_at(file, end + 12)?, size_at(file, end + 16)?);
        (plain && counts.0 == counts.1).then_some((usize::from(counts.1), size, start))
    };
    let Some((count, size, start)) = read() else {
        checks.fail(Code::ZipMalformed, "分卷或不完整的压缩包");
        return None;
    };
    // Behind the directory there is one end record and its comment: no other record in the gap or the comment.
    let directory_end = start.checked_add(size).filter(|directory_end| *directory_end <= end);
    let Some(directory_end) = directory_end else {
        checks.fail(Code::ZipMalformed, "中央目录的位置不正确");
        return None;
    };
    if all.iter().any(|at| *at >= directory_end && *at != end) {
        checks.fail(Code::ZipMultipleEocd, "");
    }
    if directory_end != end {
        let shifted = file.get(start + (end - directory_end)..).is_some_and(|rest| rest.starts_with(CENTRAL));
        if shifted && (count == 0 || !file[start..].starts_with(CENTRAL)) {
            checks.fail(Code::ZipPrefixData, format!("{} 字节", end - directory_end));
        } else {
            checks.fail(Code::ZipMalformed, "中央目录与结束记录之间有多余数据");
        }
        return None;
    }
    if count == 0 {
        checks.fail(Code::ZipMalformed, "包内没有文件");
        return None;
    }
    Some((start, directory_end, count))
}

/// Reads the central directory, which must end with the bytes.
fn central(file: &[u8], start: usize, count: usize, checks: &mut Checks) -> Option<Vec<Entry>> {
    let mut entries = Vec::with_capacity(count);
    let mut at = start;
    while at < file.len() {
        let header = file.get(at..at + CENTRAL_BYTES)?;
        if !header.starts_with(CENTRAL) {
            return None;
        }
        let sizes = (u16_at(header, 28)?, u16_at(header, 30)?, u16_at(header, 32)?);
        let name_at = at + CENTRAL_BYTES;
        let extra_at = name_at + usize::from(sizes.0);
        let raw_name = file.get(name_at..extra_at)?;
        let extra = file.get(extra_at..extra_at + usize::from(sizes.1))?;
        at = extra_at + usize::from(sizes.1) + usize::from(sizes.2);
        let Ok(name) = std::str::from_utf8(raw_name) else {
            checks.fail(Code::ZipUnsafePath, "文件名不是 UTF-8");
            continue;
        };
        if u16_at(header, 34)? != 0 {
            checks.fail(Code::ZipMalformed, format!("{name}：分卷"));
        }
        if second_name(extra).is_some_and(|second| second != raw_name) {
            checks.fail(Code::ZipHeaderMismatch, format!("{name}：另有一个文件名"));
        }
        // The upper half is st_mode of Unix; systems without it write zeros there, and some write only the permissions.
        let kind = u32_at(header, 38)? >> 28;
        if !matches!((kind, name.ends_with('/')), (0, _) | (4, true) | (8, false)) {
            checks.fail(Code::ZipSymlink, name);
        }
        entries.push(Entry {
            name: name.to_owned(),
            raw_name: raw_name.to_vec(),
            flags: u16_at(header, 8)?,
            method: u16_at(header, 10)?,
            crc: u32_at(header, 16)?,
            packed: u64::from(u32_at(header, 20)?),
            unpacked: u64::from(u32_at(header, 24)?),
            offset: size_at(header, 42)?,
            data: 0,
        });
    }
    if at != file.len() || (entries.len() != count && checks.worst().is_none()) {
        return None;
    }
    Some(entries)
}

/// The name of an "Info-ZIP Unicode Path" among the extra fields.
fn second_name(mut extra: &[u8]) -> Option<&[u8]> {
    while let (Some(id), Some(size)) = (u16_at(extra, 0), u16_at(extra, 2)) {
        let body = extra.get(4..4 + usize::from(size))?;
        if id == UNICODE_PATH {
            return body.get(5..);
        }
        extra = &extra[4 + usize::from(size)..];
    }
    None
}

/// Sizes, methods, encryption.
fn limits(entries: &[Entry], checks: &mut Checks) {
    let mut total = 0_u64;
    for entry in entries {
        total = total.saturating_add(entry.unpacked);
        if entry.unpacked > RATIO_FROM && entry.unpacked / RATIO_MAX >= entry.packed {
            checks.fail(Code::ZipRatioLimit, format!("{}：{} → {} 字节", entry.name, entry.packed, entry.unpacked));
        }
        if entry.flags & ENCRYPTED != 0 {
            checks.fail(Code::ZipEncrypted, &entry.name);
        }
        let sized = match entry.method {
            0 => entry.packed == entry.unpacked,
            8 => true,
            method => {
                checks.fail(Code::ZipMethod, format!("{}：{method}", entry.name));
                true
            }
        };
        if !sized || (entry.name.ends_with('/') && entry.unpacked != 0) {
            checks.fail(Code::ZipMalformed, format!("{}：大小不正确", entry.name));
        }
    }
    if total > UNPACKED_BYTES_MAX {
        checks.fail(Code::ZipTooLarge, format!("解压后 {total} 字节，至多 {UNPACKED_BYTES_MAX}"));
    }
}

/// Whether a name stays inside whatever it is put into, on every system.
fn is_safe(name: &str) -> bool {
    let path = name.strip_suffix('/').unwrap_or(name);
    !path.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.contains(|character: char| matches!(character, '\\' | ':') || character.is_control())
        && path.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// Names: safe, each once, not told apart by case alone, and none both a file and a folder.
fn names(entries: &[Entry], checks: &mut Checks) {
    let mut seen = HashSet::new();
    let mut folded: HashMap<String, &str> = HashMap::new();
    for entry in entries {
        if !is_safe(&entry.name) {
            checks.fail(Code::ZipUnsafePath, entry.name.escape_debug().to_string());
        }
        let path = entry.name.trim_end_matches('/');
        if !seen.insert(path) {
            checks.fail(Code::ZipDuplicateEntry, path);
        } else if let Some(other) = folded.insert(path.to_lowercase(), path) {
            checks.fail(Code::ZipCaseCollision, format!("{other} 与 {path}"));
        }
    }
    let files: HashSet<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    for entry in entries {
        for (at, _) in entry.name.match_indices('/') {
            if files.contains(&entry.name[..at]) {
                checks.fail(Code::ZipDuplicateEntry, format!("{} 既是文件又是目录", &entry.name[..at]));
            }
        }
    }
}

/// Local headers: the same as the central directory says, one behind the other, without a byte between them.
fn tile(file: &[u8], directory: usize, entries: &mut [Entry], checks: &mut Checks) {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|index| entries[*index].offset);
    let mut at = 0;
    for index in order {
        let entry = &mut entries[index];
        if entry.offset != at {
            let code = if at == 0 { Code::ZipPrefixData } else { Code::ZipMalformed };
            checks.fail(code, format!("{}：文件之间重叠或有多余数据", entry.name));
            return;
        }
        match local(&file[..directory], entry) {
            Ok(end) => at = end,
            Err(code) => {
                checks.fail(code, format!("{}：文件头", entry.name));
                return;
            }
        }
    }
    if at != directory {
        checks.fail(Code::ZipMalformed, "最后一个文件与中央目录之间有多余数据");
    }
}

/// Reads the local header of `entry`; where the member ends, its descriptor included.
fn local(file: &[u8], entry: &mut Entry) -> Result<usize, Code> {
    let read = || {
        let header = file.get(entry.offset..entry.offset + LOCAL_BYTES)?;
        let name = entry.offset + LOCAL_BYTES;
        let extra = name + usize::from(u16_at(header, 26)?);
        let data = extra + usize::from(u16_at(header, 28)?);
        let end = data.checked_add(usize::try_from(entry.packed).ok()?)?;
        (end <= file.len()).then_some((header, file.get(name..extra)?, file.get(extra..data)?, data, end))
    };
    let (header, name, extra, data, mut end) = read().ok_or(Code::ZipMalformed)?;
    if !header.starts_with(LOCAL) {
        return Err(Code::ZipMalformed);
    }
    let descriptor = entry.flags & HAS_DESCRIPTOR != 0;
    let number = |at| u32_at(header, at).map(u64::from);
    let told = [number(14), number(18), number(22)];
    let known = [u64::from(entry.crc), entry.packed, entry.unpacked];
    let same = |told: Option<u64>, known| told == Some(known) || (descriptor && told == Some(0));
    if name != entry.raw_name
        || u16_at(header, 6) != Some(entry.flags)
        || u16_at(header, 8) != Some(entry.method)
        || !told.into_iter().zip(known).all(|(told, known)| same(told, known))
        || second_name(extra).is_some_and(|second| second != name)
    {
        return Err(Code::ZipHeaderMismatch);
    }
    if descriptor {
        // With or without its signature.
        let body = if file[end..].starts_with(DESCRIPTOR) { end + 4 } else { end };
        let told = [0, 4, 8].map(|at| u32_at(file, body + at).map(u64::from));
        if told != known.map(Some) {
            return Err(Code::ZipHeaderMismatch);
        }
        end = body + 12;
    }
    entry.data = data;
    Ok(end)
}

/// The bytes of one member, never more than it declares, its CRC checked.
fn unpack(file: &[u8], entry: &Entry) -> Result<Vec<u8>, &'static str> {
    let length = |value: u64| usize::try_from(value).map_err(|_| "过大");
    let packed = &file[entry.data..entry.data + length(entry.packed)?];
    let unpacked = length(entry.unpacked)?;
    let bytes = if entry.method == 0 {
        packed.to_vec()
    } else {
        // One byte more, so that a member with more than it declares is seen.
        let mut bytes = vec![0; unpacked + 1];
        let mut inflate = Decompress::new(false);
        let status = inflate.decompress(packed, &mut bytes, FlushDecompress::Finish);
        let whole = matches!(status, Ok(Status::StreamEnd))
            && inflate.total_in() == entry.packed
            && inflate.total_out() == entry.unpacked;
        if !whole {
            return Err("压缩数据不正确");
        }
        bytes.truncate(unpacked);
        bytes
    };
    if crc32fast::hash(&bytes) != entry.crc {
        return Err("校验和不正确");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_container() {
        for name in ["a", "a/b.xml", "目录/文件", "a/", "..a/b"] {
            assert!(is_safe(name), "{name}");
        }
        for name in ["", "/", "/a", "../a", "a/../b", "a/..", "./a", "a//b", "a\\b", "C:a", "a\0", "a\n", "a//"] {
            assert!(!is_safe(name), "{name:?}");
        }
    }
}
