//! What stands between a start tag and its end tag.
//!
//! It deliberately decodes nothing: text with references, sections or comments is noted with its raw bytes.
//!
//! What gives a [`Slot`] is expanded in place, as in the JSON reader.

use crate::domain::format::Kind;
use crate::domain::format::Node;
use crate::domain::format::Slot;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;
use crate::domain::format::xml::Reader;
use crate::domain::format::xml::tag::Tag;

const CDATA: &[u8] = b"<![CDATA[";

impl<'a> Reader<'a> {
    /// Children up to the end tag, read with `node`; text between them is checked and counted.
    pub(super) fn children(&mut self, node: Option<&'a Node>, tag: Tag, frame: u32) -> Reading<()> {
        if tag.empty {
            return Ok(());
        }
        let mut hint = 0;
        loop {
            self.at = scan::skip_space(self.place.bytes, self.at);
            if self.byte(self.at) != Some(b'<') {
                self.text_run()?;
                self.scratch.strays += u32::from(node.is_some());
            }
            match self.byte(self.at + 1) {
                Some(b'/') => return self.end_tag(tag),
                Some(b'!') => {
                    let (start, length) = self.section_or_comment()?;
                    let stray = length > 0 && node.is_some() && !self.bytes(start, length).trim_ascii().is_empty();
                    self.scratch.strays += u32::from(stray);
                }
                Some(b'?') => self.instruction()?,
                _ => self.child(node, &mut hint, frame)?,
            }
        }
    }

    /// Content that nobody asks for.
    pub(super) fn skip_content(&mut self, tag: Tag) -> Reading<()> {
        self.scratch.stack.truncate(tag.attributes);
        self.children(None, tag, 0)
    }

    /// The element's text as a slot. With a child element in it the slot is [`Kind::Object`] over the raw content.
    #[inline(always)]
    pub(super) fn text(&mut self, tag: Tag) -> Reading<Slot> {
        let start = self.at;
        let slot = self.text_without_children(tag)?;
        if slot.kind != Kind::Missing {
            return Ok(slot);
        }
        self.skip_content(tag)?;
        let end = self.end_of_content(start);
        Ok(self.slot(Kind::Object, start, end))
    }

    /// The element's text, its end tag passed; or [`Kind::Missing`] where a child element begins, nothing passed.
    #[inline(always)]
    pub(super) fn text_without_children(&mut self, tag: Tag) -> Reading<Slot> {
        let start = self.at;
        if tag.empty {
            return Ok(self.slot(Kind::Text, start, start));
        }
        let mut kind = Kind::Text;
        self.at = scan::text_stop(self.place.bytes, start);
        if self.byte(self.at) != Some(b'<') && self.text_run_slowly()? {
            kind = Kind::XmlEscaped;
        }
        if self.byte(self.at + 1) == Some(b'/') {
            let end = self.at;
            self.end_tag(tag)?;
            return Ok(self.slot(kind, start, end));
        }
        self.mixed_text(tag, start)?;
        Ok(self.mixed)
    }

    /// As [`Self::text_without_children`], for content that has a section, comment, instruction or child here.
    /// Leaves the slot in `mixed`.
    #[inline(never)]
    fn mixed_text(&mut self, tag: Tag, start: usize) -> Reading<()> {
        if let Some(inside) = self.only_section(start)? {
            self.mixed = inside;
            return self.end_tag(tag);
        }
        loop {
            match self.byte(self.at + 1) {
                Some(b'/') => {
                    let end = self.at;
                    self.mixed = self.slot(Kind::XmlEscaped, start, end);
                    return self.end_tag(tag);
                }
                Some(b'!') => {
                    self.section_or_comment()?;
                }
                Some(b'?') => self.instruction()?,
                _ => {
                    self.at = start;
                    self.mixed = Slot::default();
                    return Ok(());
                }
            }
            self.text_run()?;
        }
    }

    /// Where the content from `start` ends whose end tag was just passed: name, brackets, slash, perhaps white space.
    #[cold]
    fn end_of_content(&self, start: usize) -> usize {
        let passed = self.bytes(start, self.at - start);
        start + memchr::memrchr(b'<', passed).unwrap_or(passed.len())
    }

    /// Where the whole content is one CDATA section without carriage returns, its inside can be noted as it is.
    /// Passes such a section up to the end tag, or stays.
    fn only_section(&mut self, start: usize) -> Reading<Option<Slot>> {
        if self.at != start || !self.starts_with(CDATA) {
            return Ok(None);
        }
        let (inside, length) = self.section_or_comment()?;
        if self.starts_with(b"</") && memchr::memchr(b'\r', self.bytes(inside, length)).is_none() {
            return Ok(Some(self.slot(Kind::Text, inside, inside + length)));
        }
        self.at = start;
        Ok(None)
    }

    /// Passes the CDATA section or comment that begins here; gives where the section's inside lies.
    fn section_or_comment(&mut self) -> Reading<(usize, usize)> {
        if self.starts_with(CDATA) {
            let start = self.at + CDATA.len();
            let rest = self.place.bytes.get(start..).unwrap_or_default();
            let Some(length) = memchr::memmem::find(rest, b"]]>") else {
                return Err(self.fault("CDATA 没有结束"));
            };
            self.check_characters(start, length)?;
            self.at = start + length + 3;
            return Ok((start, length));
        }
        if !self.starts_with(b"<!--") {
            return Err(self.fault("此处不能有声明"));
        }
        self.comment()?;
        Ok((self.at, 0))
    }

    /// Passes text up to the next `<`.
    fn text_run(&mut self) -> Reading<()> {
        self.at = scan::text_stop(self.place.bytes, self.at);
        self.text_run_slowly().map(|_| ())
    }

    /// Passes text up to the next `<`, from where [`scan::text_stop`] stopped. Says whether it must be decoded: a
    /// reference or a carriage return is in it.
    #[inline(never)]
    fn text_run_slowly(&mut self) -> Reading<bool> {
        let mut escaped = false;
        loop {
            match self.byte(self.at) {
                Some(b'<') => return Ok(escaped),
                Some(b'&') => {
                    self.reference()?;
                    escaped = true;
                }
                Some(b']') if self.starts_with(b"]]>") => return Err(self.fault("文本中不能有 ]]>")),
                Some(b'\r') => {
                    self.at += 1;
                    escaped = true;
                }
                Some(b']' | b'\n' | b'\t') => self.at += 1,
                Some(_) => return Err(self.fault("有不允许的控制字符")),
                None => return Err(self.fault("元素没有结束")),
            }
            self.at = scan::text_stop(self.place.bytes, self.at);
        }
    }

    /// Passes the end tag here, which must be that of `tag`.
    #[inline(always)]
    fn end_tag(&mut self, tag: Tag) -> Reading<()> {
        let start = self.at + 2;
        let end = start + tag.name.len;
        let fits = scan::same(self.bytes(start, tag.name.len), self.bytes(tag.name.off, tag.name.len));
        if fits && self.byte(end) == Some(b'>') {
            self.at = end + 1;
            return Ok(());
        }
        self.end_tag_slowly(end, fits)
    }

    /// The end tag whose name, if it `fits`, ends at `end`, and white space after it.
    #[inline(never)]
    fn end_tag_slowly(&mut self, end: usize, fits: bool) -> Reading<()> {
        let close = scan::skip_space(self.place.bytes, end);
        if fits && self.byte(close) == Some(b'>') {
            self.at = close + 1;
            return Ok(());
        }
        Err(self.fault("结束标签与开始标签不符"))
    }
}
