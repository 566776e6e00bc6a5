//! What stands between a start tag and its end tag.
//!
//! It deliberately decodes nothing: text with references, sections or comments is noted with its raw bytes.

use crate::domain::fault::Fault;
use crate::domain::format::Kind;
use crate::domain::format::Node;
use crate::domain::format::Slot;
use crate::domain::format::scan;
use crate::domain::format::xml::Reader;
use crate::domain::format::xml::tag::Tag;

const CDATA: &[u8] = b"<![CDATA[";

impl<'a> Reader<'a> {
    /// Children up to the end tag, read with `node`; text between them is checked and ignored.
    pub(super) fn children(&mut self, node: Option<&'a Node>, tag: Tag, frame: u32) -> Result<(), Fault> {
        if tag.empty {
            return Ok(());
        }
        let mut hint = 0;
        loop {
            self.at = scan::skip_space(self.place.bytes, self.at);
            if self.byte(self.at) != Some(b'<') {
                self.text_run()?;
            }
            match self.byte(self.at + 1) {
                Some(b'/') => return self.end_tag(tag),
                Some(b'!') => {
                    self.section_or_comment()?;
                }
                Some(b'?') => self.instruction()?,
                _ => self.child(node, &mut hint, frame)?,
            }
        }
    }

    /// Content that nobody asks for.
    pub(super) fn skip_content(&mut self, tag: Tag) -> Result<(), Fault> {
        self.scratch.stack.truncate(tag.attributes);
        self.children(None, tag, 0)
    }

    /// The element's text as a slot. With a child element in it the slot is [`Kind::Object`] over the raw content.
    #[inline]
    pub(super) fn text(&mut self, tag: Tag) -> Result<Slot, Fault> {
        let start = self.at;
        if let Some(slot) = self.text_without_children(tag)? {
            return Ok(slot);
        }
        self.skip_content(tag)?;
        // The end tag is behind: the name, the brackets and the slash, and white space if any.
        let rest = self.bytes(start, self.at - start);
        let end = memchr::memrchr(b'<', rest).unwrap_or(rest.len());
        Ok(self.slot(Kind::Object, start, start + end))
    }

    /// The element's text, its end tag passed; or none where a child element begins, with nothing passed.
    #[inline]
    pub(super) fn text_without_children(&mut self, tag: Tag) -> Result<Option<Slot>, Fault> {
        let start = self.at;
        if tag.empty {
            return Ok(Some(self.slot(Kind::Text, start, start)));
        }
        let escaped = self.text_run()?;
        if self.byte(self.at + 1) == Some(b'/') {
            let end = self.at;
            self.end_tag(tag)?;
            let kind = if escaped { Kind::XmlEscaped } else { Kind::Text };
            return Ok(Some(self.slot(kind, start, end)));
        }
        self.mixed_text(tag, start)
    }

    /// As [`Self::text_without_children`], for content that has a section, comment, instruction or child here.
    fn mixed_text(&mut self, tag: Tag, start: usize) -> Result<Option<Slot>, Fault> {
        let only = self.only_section(start)?;
        if let Some(inside) = only {
            self.end_tag(tag)?;
            return Ok(Some(inside));
        }
        loop {
            match self.byte(self.at + 1) {
                Some(b'/') => {
                    let end = self.at;
                    self.end_tag(tag)?;
                    return Ok(Some(self.slot(Kind::XmlEscaped, start, end)));
                }
                Some(b'!') => {
                    self.section_or_comment()?;
                }
                Some(b'?') => self.instruction()?,
                _ => {
                    self.at = start;
                    return Ok(None);
                }
            }
            self.text_run()?;
        }
    }

    /// Where the whole content is one CDATA section without carriage returns, its inside can be noted as it is.
    /// Passes such a section up to the end tag, or stays.
    fn only_section(&mut self, start: usize) -> Result<Option<Slot>, Fault> {
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
    fn section_or_comment(&mut self) -> Result<(usize, usize), Fault> {
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

    /// Passes text up to the next `<`. Says whether it must be decoded: a reference or a carriage return is in it.
    #[inline]
    fn text_run(&mut self) -> Result<bool, Fault> {
        self.at = scan::text_stop(self.place.bytes, self.at);
        if self.byte(self.at) == Some(b'<') {
            return Ok(false);
        }
        self.text_run_slowly()
    }

    fn text_run_slowly(&mut self) -> Result<bool, Fault> {
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
    #[inline]
    fn end_tag(&mut self, tag: Tag) -> Result<(), Fault> {
        let start = self.at + 2;
        let end = start + tag.name.len;
        let fits = scan::same(self.bytes(start, tag.name.len), self.bytes(tag.name.off, tag.name.len));
        if fits && self.byte(end) == Some(b'>') {
            self.at = end + 1;
            return Ok(());
        }
        let close = scan::skip_space(self.place.bytes, end);
        if fits && self.byte(close) == Some(b'>') {
            self.at = close + 1;
            return Ok(());
        }
        Err(self.fault("结束标签与开始标签不符"))
    }
}
