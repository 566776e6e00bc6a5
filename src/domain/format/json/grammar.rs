//! The grammar of JSON below objects with keys: strings, numbers, words, and values that are only skipped.
//!
//! It deliberately knows no keys and notes no slots.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::Slot;
use crate::domain::format::escape;
use crate::domain::format::json::Reader;
use crate::domain::format::nested;
use crate::domain::format::scan;

impl<'a> Reader<'a> {
    #[cold]
    pub(super) fn fault(&self, reason: &'static str) -> Fault {
        Fault::Malformed { format: "JSON", offset: self.at - self.place.start, reason }
    }

    #[inline]
    pub(super) fn slot(&self, kind: Kind, start: usize, end: usize) -> Slot {
        Slot { off: scan::narrow(start), len: scan::narrow(end - start), kind, buffer: self.place.buffer }
    }

    /// The next byte that is no white space; it is not passed.
    #[inline]
    pub(super) fn next(&mut self) -> Result<u8, Fault> {
        match self.place.bytes.get(self.at) {
            Some(byte) if *byte > b' ' => Ok(*byte),
            _ => {
                self.at = scan::skip_space(self.place.bytes, self.at);
                self.place.bytes.get(self.at).copied().ok_or_else(|| self.fault("内容不完整"))
            }
        }
    }

    /// One more object or array is open.
    #[inline]
    pub(super) fn deeper(&mut self) -> Result<(), Fault> {
        self.depth += 1;
        let limit = nested::depth_max(self.limits);
        if self.depth > limit {
            return Err(Fault::LimitExceeded { what: "嵌套层数", limit });
        }
        Ok(())
    }

    /// Passes the closing bracket that is here.
    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "the last step of functions that can fail")]
    pub(super) fn close(&mut self) -> Result<(), Fault> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// After a member or item: passes a comma and says false, or stays at `end` and says true.
    #[inline]
    pub(super) fn ends(&mut self, end: u8) -> Result<bool, Fault> {
        match self.next()? {
            b',' => {
                self.at += 1;
                Ok(false)
            }
            byte if byte == end => Ok(true),
            _ => Err(self.fault("此处应为逗号或右括号")),
        }
    }

    /// The member name here and its colon: the raw name, and whether it has escapes.
    #[inline]
    pub(super) fn member_name(&mut self) -> Result<(&'a [u8], bool), Fault> {
        self.scratch.count_member(self.limits)?;
        if self.next()? != b'"' {
            return Err(self.fault("此处应为成员名"));
        }
        let name = self.string()?;
        if self.next()? != b':' {
            return Err(self.fault("成员名之后应为冒号"));
        }
        self.at += 1;
        let bytes: &'a [u8] = self.place.bytes;
        let start = name.off as usize;
        Ok((bytes.get(start..start + name.len as usize).unwrap_or_default(), name.kind == Kind::JsonEscaped))
    }

    /// The string whose quote is here.
    #[inline]
    pub(super) fn string(&mut self) -> Result<Slot, Fault> {
        let start = self.at + 1;
        let end = scan::json_stop(self.place.bytes, start);
        if self.place.bytes.get(end) == Some(&b'"') {
            self.at = end + 1;
            return Ok(self.slot(Kind::Text, start, end));
        }
        self.string_with_escapes(start, end)
    }

    /// The rest of a string that begins at `start` and goes on at `at` with something else than its end.
    fn string_with_escapes(&mut self, start: usize, mut at: usize) -> Result<Slot, Fault> {
        loop {
            match self.place.bytes.get(at) {
                Some(b'"') => {
                    self.at = at + 1;
                    return Ok(self.slot(Kind::JsonEscaped, start, at));
                }
                Some(b'\\') => match escape::json_escape(self.place.bytes, at) {
                    Some((_, taken)) => at += taken,
                    None => return Err(self.fault_at(at, "转义不正确")),
                },
                Some(_) => return Err(self.fault_at(at, "字符串中有控制字符")),
                None => return Err(self.fault_at(at, "字符串没有结束")),
            }
            at = scan::json_stop(self.place.bytes, at);
        }
    }

    #[cold]
    fn fault_at(&mut self, at: usize, reason: &'static str) -> Fault {
        self.at = at;
        self.fault(reason)
    }

    /// The string, number or word here.
    #[inline]
    pub(super) fn scalar(&mut self) -> Result<Slot, Fault> {
        match self.next()? {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true", Kind::True),
            b'f' => self.word(b"false", Kind::False),
            b'n' => self.word(b"null", Kind::Null),
            _ => Err(self.fault("此处应为一个值")),
        }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Slot, Fault> {
        let start = self.at;
        if !self.place.bytes.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.fault("此处应为一个值"));
        }
        self.at += word.len();
        Ok(self.slot(kind, start, self.at))
    }

    fn number(&mut self) -> Result<Slot, Fault> {
        let start = self.at;
        if self.place.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let zero = self.place.bytes.get(self.at) == Some(&b'0');
        if self.digits()? > 1 && zero {
            return Err(self.fault("数字不能以 0 开头"));
        }
        if self.place.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.place.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.place.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.slot(Kind::Number, start, self.at))
    }

    /// Passes digits, at least one; returns how many.
    #[inline]
    fn digits(&mut self) -> Result<usize, Fault> {
        let start = self.at;
        while self.place.bytes.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
        if self.at == start {
            return Err(self.fault("数字不完整"));
        }
        Ok(self.at - start)
    }

    /// Passes the value here, checked but not looked at.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let open = self.next()?;
        if open != b'{' && open != b'[' {
            return self.scalar().map(|_| ());
        }
        self.deeper()?;
        self.at += 1;
        // In ASCII each closing bracket is two above its opening one.
        let end = open + 2;
        if self.next()? == end {
            return self.close();
        }
        loop {
            if open == b'{' {
                self.member_name()?;
            } else {
                self.scratch.count_member(self.limits)?;
            }
            self.skip()?;
            if self.ends(end)? {
                return self.close();
            }
        }
    }
}

/// Whether the raw name, which has checked escapes, stands for `name`.
pub(super) fn stands_for(raw: &[u8], name: &[u8]) -> bool {
    let (mut at, mut rest) = (0, name);
    while let Some(byte) = raw.get(at) {
        let mut utf8 = [0; 4];
        let (piece, taken) = match escape::json_escape(raw, at).filter(|_| *byte == b'\\') {
            Some((character, taken)) => (character.encode_utf8(&mut utf8).as_bytes(), taken),
            None => (std::slice::from_ref(byte), 1),
        };
        match rest.strip_prefix(piece) {
            Some(after) => rest = after,
            None => return false,
        }
        at += taken;
    }
    rest.is_empty()
}
