//! The grammar of JSON below objects with keys: strings, numbers, words, and values that are only skipped.
//!
//! It deliberately knows no keys and notes no slots.
//!
//! What gives a [`Slot`] is expanded in place: handed over in memory, a slot would be written by its fields and read
//! as words, and the processor waits for that.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::Name;
use crate::domain::format::Slot;
use crate::domain::format::escape;
use crate::domain::format::json::Reader;
use crate::domain::format::nested;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;

impl Reader<'_> {
    #[cold]
    #[expect(clippy::unnecessary_box_returns, reason = "as `Reading` wants it")]
    pub(super) fn fault(&self, reason: &'static str) -> Box<Fault> {
        Fault::Malformed { format: "JSON", offset: self.at - self.place.start, reason }.into()
    }

    #[inline(always)]
    pub(super) fn slot(&self, kind: Kind, start: usize, end: usize) -> Slot {
        Slot { off: scan::narrow(start), len: scan::narrow(end - start), kind, buffer: self.place.buffer }
    }

    /// The next byte that is no white space; it is not passed.
    #[inline(always)]
    pub(super) fn next(&mut self) -> Reading<u8> {
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
    pub(super) fn deeper(&mut self) -> Reading<()> {
        self.depth += 1;
        let limit = nested::depth_max(self.limits);
        if self.depth > limit {
            return Err(Fault::LimitExceeded { what: "嵌套层数", limit }.into());
        }
        Ok(())
    }

    /// Passes the closing bracket that is here.
    #[inline]
    #[expect(clippy::unnecessary_wraps, reason = "the last step of functions that can fail")]
    pub(super) fn close(&mut self) -> Reading<()> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    /// After a member or item: passes a comma and says false, or stays at `end` and says true.
    #[inline(always)]
    pub(super) fn ends(&mut self, end: u8) -> Reading<bool> {
        match self.next()? {
            b',' => {
                self.at += 1;
                Ok(false)
            }
            byte if byte == end => Ok(true),
            _ => Err(self.fault("此处应为逗号或右括号")),
        }
    }

    /// Passes the member name here and its colon if it is `name`, written plainly and with the colon right after it.
    #[inline(always)]
    pub(super) fn is_member(&mut self, name: &Name) -> bool {
        let end = self.at + name.len() + 3;
        let is_member = match self.place.bytes.get(self.at..end) {
            Some([b'"', written @ .., b'"', b':']) => name.is_plain() && scan::same(written, name),
            _ => false,
        };
        if is_member {
            self.at = end;
        }
        is_member
    }

    /// Passes the member name here and its colon.
    pub(super) fn member_name(&mut self) -> Reading<Slot> {
        if self.next()? != b'"' {
            return Err(self.fault("此处应为成员名"));
        }
        let name = self.string()?;
        if self.next()? != b':' {
            return Err(self.fault("成员名之后应为冒号"));
        }
        self.at += 1;
        Ok(name)
    }

    /// The string whose quote is here.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Reading<Slot> {
        let start = self.at + 1;
        let mut end = scan::json_stop(self.place.bytes, start);
        let mut kind = Kind::Text;
        if self.place.bytes.get(end) != Some(&b'"') {
            end = self.end_of_escaped(end)?;
            kind = Kind::JsonEscaped;
        }
        self.at = end + 1;
        Ok(self.slot(kind, start, end))
    }

    /// The end of a string that has something else than its end at `at`.
    #[inline(never)]
    fn end_of_escaped(&mut self, mut at: usize) -> Reading<usize> {
        loop {
            match self.place.bytes.get(at) {
                Some(b'"') => return Ok(at),
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
    #[expect(clippy::unnecessary_box_returns, reason = "as `Reading` wants it")]
    fn fault_at(&mut self, at: usize, reason: &'static str) -> Box<Fault> {
        self.at = at;
        self.fault(reason)
    }

    /// The value that begins here, whatever it is, as a slot. Objects and arrays are skipped.
    #[inline(always)]
    pub(super) fn any(&mut self) -> Reading<Slot> {
        let first = self.next()?;
        let start = self.at;
        let kind = match first {
            b'"' => return self.string(),
            b'-' | b'0'..=b'9' => {
                self.number()?;
                Kind::Number
            }
            b'{' | b'[' => {
                self.skip()?;
                Kind::Object
            }
            b't' => self.word(b"true", Kind::True)?,
            b'f' => self.word(b"false", Kind::False)?,
            _ => self.word(b"null", Kind::Null)?,
        };
        Ok(self.slot(kind, start, self.at))
    }

    #[inline(always)]
    fn word(&mut self, word: &[u8], kind: Kind) -> Reading<Kind> {
        if !self.place.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.fault("此处应为一个值"));
        }
        self.at += word.len();
        Ok(kind)
    }

    fn number(&mut self) -> Reading<()> {
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
        Ok(())
    }

    /// Passes digits, at least one; returns how many.
    #[inline]
    fn digits(&mut self) -> Reading<usize> {
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
    pub(super) fn skip(&mut self) -> Reading<()> {
        let open = self.next()?;
        if open != b'{' && open != b'[' {
            return self.any().map(|_| ());
        }
        self.deeper()?;
        self.at += 1;
        // In ASCII each closing bracket is two above its opening one.
        let end = open + 2;
        if self.next()? == end {
            return self.close();
        }
        loop {
            self.scratch.count_member(self.limits)?;
            if open == b'{' {
                self.member_name()?;
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
