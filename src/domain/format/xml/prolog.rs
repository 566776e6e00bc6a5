//! What stands around the root element: declaration, comments, processing instructions.
//!
//! It deliberately refuses a DOCTYPE instead of reading it.

use crate::domain::fault::Fault;
use crate::domain::format::Node;
use crate::domain::format::nested::Reading;
use crate::domain::format::scan;
use crate::domain::format::xml::Reader;
use crate::domain::format::xml::names;

impl<'a> Reader<'a> {
    /// The whole document.
    pub(super) fn document(&mut self, node: &'a Node) -> Reading<()> {
        self.check_noncharacters()?;
        if self.starts_with(b"<?xml") && matches!(self.byte(self.at + 5), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.declaration()?;
        }
        self.around_root()?;
        if self.byte(self.at) != Some(b'<') {
            return Err(self.fault("没有根元素"));
        }
        self.child(Some(node), &mut 0, self.place.frame)?;
        self.around_root()?;
        if self.at < self.place.bytes.len() {
            return Err(self.fault("根元素之后还有内容"));
        }
        Ok(())
    }

    /// U+FFFE and U+FFFF are forbidden everywhere, so one search per document is enough.
    fn check_noncharacters(&mut self) -> Reading<()> {
        let rest = self.place.bytes.get(self.at..).unwrap_or_default();
        for place in memchr::memmem::find_iter(rest, b"\xEF\xBF") {
            if matches!(rest.get(place + 2), Some(0xBE | 0xBF)) {
                self.at += place;
                return Err(self.fault("有不允许的字符 U+FFFE 或 U+FFFF"));
            }
        }
        Ok(())
    }

    /// Passes white space, comments and processing instructions.
    fn around_root(&mut self) -> Reading<()> {
        loop {
            self.at = scan::skip_space(self.place.bytes, self.at);
            if self.starts_with(b"<!--") {
                self.comment()?;
            } else if self.starts_with(b"<?") {
                self.instruction()?;
            } else if self.starts_with(b"<!DOCTYPE") {
                return Err(Fault::DoctypeRefused { offset: self.at - self.place.start }.into());
            } else {
                return Ok(());
            }
        }
    }

    /// Passes `<?xml version="1.0" encoding="…" standalone="…"?>`.
    fn declaration(&mut self) -> Reading<()> {
        self.at += 5;
        let version = self.pseudo_attribute(b"version")?;
        let number = version.and_then(|text| text.strip_prefix(b"1.")).unwrap_or_default();
        if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
            return Err(self.fault("XML 声明的版本不正确"));
        }
        if let Some(encoding) = self.pseudo_attribute(b"encoding")? {
            let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
            if !encoding.first().is_some_and(u8::is_ascii_alphabetic) || !encoding.iter().all(name) {
                return Err(self.fault("XML 声明的编码名不正确"));
            }
        }
        if let Some(standalone) = self.pseudo_attribute(b"standalone")?
            && !matches!(standalone, b"yes" | b"no")
        {
            return Err(self.fault("XML 声明的 standalone 不正确"));
        }
        self.at = scan::skip_space(self.place.bytes, self.at);
        if !self.starts_with(b"?>") {
            return Err(self.fault("XML 声明不正确"));
        }
        self.at += 2;
        Ok(())
    }

    /// Passes white space and ` name = "value"` of the declaration and returns the value, or stays.
    fn pseudo_attribute(&mut self, name: &[u8]) -> Reading<Option<&'a [u8]>> {
        let bytes = self.place.bytes;
        let start = scan::skip_space(bytes, self.at);
        let named = bytes.get(start..).is_some_and(|rest| rest.starts_with(name));
        if start == self.at || !named {
            return Ok(None);
        }
        self.at = scan::skip_space(bytes, start + name.len());
        if self.byte(self.at) != Some(b'=') {
            return Err(self.fault("XML 声明不正确"));
        }
        self.at = scan::skip_space(bytes, self.at + 1);
        let Some(quote @ (b'"' | b'\'')) = self.byte(self.at) else {
            return Err(self.fault("XML 声明不正确"));
        };
        let start = self.at + 1;
        let rest = bytes.get(start..).unwrap_or_default();
        let Some(length) = memchr::memchr(quote, rest) else {
            return Err(self.fault("XML 声明不正确"));
        };
        self.at = start + length + 1;
        Ok(Some(self.bytes(start, length)))
    }

    /// Passes the comment that begins here.
    pub(super) fn comment(&mut self) -> Reading<()> {
        let start = self.at + 4;
        let rest = self.place.bytes.get(start..).unwrap_or_default();
        let Some(length) = memchr::memmem::find(rest, b"--") else {
            return Err(self.fault("注释没有结束"));
        };
        self.check_characters(start, length)?;
        self.at = start + length + 2;
        if self.byte(self.at) != Some(b'>') {
            return Err(self.fault("注释中不能有两个连字符"));
        }
        self.at += 1;
        Ok(())
    }

    /// Passes the processing instruction that begins here.
    pub(super) fn instruction(&mut self) -> Reading<()> {
        let Some(target) = names::qualified(self.place.bytes, self.at + 2) else {
            return Err(self.fault("处理指令的名称不正确"));
        };
        if target.prefix > 0 || self.bytes(target.off, target.len).eq_ignore_ascii_case(b"xml") {
            return Err(self.fault("处理指令的名称不正确，XML 声明只能在开头"));
        }
        let start = target.off + target.len;
        let rest = self.place.bytes.get(start..).unwrap_or_default();
        let Some(length) = memchr::memmem::find(rest, b"?>") else {
            return Err(self.fault("处理指令没有结束"));
        };
        if length > 0 && !matches!(rest.first(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            return Err(self.fault("处理指令的名称不正确"));
        }
        self.check_characters(start, length)?;
        self.at = start + length + 2;
        Ok(())
    }

    /// Checks a stretch that is not scanned as text.
    pub(super) fn check_characters(&mut self, start: usize, length: usize) -> Reading<()> {
        match scan::forbidden_control(self.bytes(start, length)) {
            Some(place) => {
                self.at = start + place;
                Err(self.fault("有不允许的控制字符"))
            }
            None => Ok(()),
        }
    }
}
