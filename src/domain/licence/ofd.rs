//! The structure of an OFD package (GB/T 33190-2016): entry file, documents, signature lists, and what is reachable.
//!
//! Paths: a leading `/` is the root of the package, else they are relative to the file they stand in; they are
//! case-sensitive. Real producers deviate (FileRef without the slash, other folder names), so a path that leads to no
//! file is tried from the root too. Whatever looks like a path and leads to a file makes that file reachable: too much
//! is then asked of the coverage, never too little.

use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::xml;
use crate::domain::licence::xml::Element;
use crate::domain::licence::xml::Met;
use crate::domain::licence::xml::Refused;
use crate::domain::licence::xml::Space;
use crate::domain::licence::zip::Container;
use std::collections::BTreeSet;

/// The entry file.
pub(super) const ENTRY: &str = "OFD.xml";
/// Most signatures of a file.
pub(super) const SIGNATURES_MAX: usize = 32;
/// Longest text that is taken for a path, in bytes.
const PATH_BYTES_MAX: usize = 512;

/// Elements whose text is a path.
const PATH_ELEMENTS: &[&str] = &[
    "DocRoot",
    "PublicRes",
    "DocumentRes",
    "PageRes",
    "Annotations",
    "CustomTags",
    "Attachments",
    "Extensions",
    "FileLoc",
    "MediaFile",
    "FontFile",
    "SchemaLoc",
    "ExtendData",
    "Cover",
];
/// Elements whose `BaseLoc` is the path of a file.
const BASE_ELEMENTS: &[&str] = &["Page", "TemplatePage", "Version"];

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Located {
    /// To this member.
    Found(String),
    /// To no member; this would be its name.
    Missing(String),
    /// Out of the package.
    Outside,
}

/// The name of the member that `path` leads to from the file `from`; none when it leads out.
pub(super) fn resolve(from: &str, path: &str) -> Option<String> {
    let (folder, path) = match path.strip_prefix('/') {
        Some(rest) => ("", rest),
        None => (from.rsplit_once('/').map_or("", |(folder, _)| folder), path),
    };
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// As [`resolve`], and whether it is there; from the root too where it is not.
pub(super) fn locate(container: &Container, from: &str, path: &str) -> Located {
    let Some(name) = resolve(from, path) else { return Located::Outside };
    if container.get(&name).is_some() {
        return Located::Found(name);
    }
    match resolve("", path) {
        Some(other) if container.get(&other).is_some() => Located::Found(other),
        _ => Located::Missing(name),
    }
}

/// A signature as a list names it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) id: String,
    /// As written: none is `Seal`.
    pub(super) kind: Option<String>,
    /// The list.
    pub(super) list: String,
    /// Signature.xml; the name it would have, should it be missing.
    pub(super) file: String,
}

/// A package whose entry file could be read.
#[derive(Debug)]
pub(super) struct Package<'a> {
    pub(super) container: &'a Container,
    pub(super) entry: Element,
    /// Files that list signatures.
    pub(super) lists: Vec<String>,
    pub(super) signatures: Vec<Listed>,
    /// Everything that is reachable from the entry file, itself included.
    pub(super) reachable: BTreeSet<String>,
}

impl<'a> Package<'a> {
    /// Reads the structure, telling `checks`. `None` when there is none to go on with.
    pub(super) fn open(container: &'a Container, checks: &mut Checks) -> Option<Self> {
        let Some(bytes) = container.get(ENTRY) else {
            checks.fail(Code::OfdNoRoot, ENTRY);
            return None;
        };
        let entry = match Element::parse(bytes) {
            Ok(entry) => entry,
            Err(Refused(code)) => {
                checks.fail(code, ENTRY);
                return None;
            }
        };
        let bodies = entry.each("DocBody").count();
        if !entry.is("OFD") || bodies == 0 {
            checks.fail(Code::OfdNoRoot, "");
            return None;
        }
        if entry.space == Space::Old {
            checks.fail(Code::OfdNamespace, "http://www.ofdspec.org");
        }
        if bodies > 1 || entry.each("DocBody").any(|body| body.each("DocRoot").count() > 1) {
            checks.fail(Code::OfdMultiBody, format!("{bodies} 个"));
        }
        let mut package =
            Self { container, entry, lists: Vec::new(), signatures: Vec::new(), reachable: BTreeSet::new() };
        package.read_lists(checks);
        package.reach(checks);
        checks.pass_rest(&[
            Code::XmlDtdForbidden,
            Code::XmlMalformed,
            Code::XmlEncoding,
            Code::XmlDepth,
            Code::OfdNoRoot,
            Code::OfdPathEscape,
            Code::OfdMissingFile,
            Code::OfdMultiBody,
            Code::OfdNamespace,
        ]);
        Some(package)
    }

    /// Finds the signature lists and reads them.
    fn read_lists(&mut self, checks: &mut Checks) {
        let bodies = self.entry.each("DocBody");
        let paths: Vec<String> =
            bodies.flat_map(|body| body.each("Signatures")).map(|list| list.trimmed().to_owned()).collect();
        for path in paths {
            match locate(self.container, ENTRY, &path) {
                Located::Found(name) if self.lists.contains(&name) => {}
                Located::Found(name) => {
                    let bytes = self.container.get(&name).unwrap_or_default();
                    match Element::parse(bytes) {
                        Ok(list) if list.is("Signatures") => self.read_list(&name, &list, checks),
                        Ok(_) => checks.fail(Code::XmlMalformed, format!("{name}：不是签名列表")),
                        Err(Refused(code)) => checks.fail(code, name.as_str()),
                    }
                    self.lists.push(name);
                }
                Located::Missing(name) => checks.fail_as(Code::OfdMissingFile, Level::Fail, name),
                Located::Outside => checks.fail(Code::OfdPathEscape, path.escape_debug().to_string()),
            }
        }
        if self.signatures.is_empty() {
            checks.fail(Code::SigNone, "");
        }
        checks.pass_rest(&[
            Code::SigNone,
            Code::SigTooMany,
            Code::SigIdDuplicate,
            Code::SigTypeUnknown,
            Code::SigBaseMissing,
        ]);
    }

    fn read_list(&mut self, name: &str, list: &Element, checks: &mut Checks) {
        let all: Vec<&Element> = list.each("Signature").collect();
        if self.signatures.len() + all.len() > SIGNATURES_MAX {
            checks.fail(Code::SigTooMany, format!("{}", all.len()));
            return;
        }
        let ids: Vec<&str> = all.iter().filter_map(|signature| signature.attribute("ID")).collect();
        for (index, signature) in all.iter().enumerate() {
            let id = signature.attribute("ID").unwrap_or_default();
            if all[..index].iter().any(|before| before.attribute("ID") == signature.attribute("ID")) {
                checks.fail(Code::SigIdDuplicate, id);
            }
            let kind = signature.attribute("Type");
            if !matches!(kind, None | Some("Seal" | "Sign")) {
                checks.fail(Code::SigTypeUnknown, kind.unwrap_or_default());
            }
            if signature.attribute("Relative").is_some_and(|base| !ids.contains(&base) || base == id) {
                checks.fail(Code::SigBaseMissing, id);
            }
            let path = signature.attribute("BaseLoc").unwrap_or_default();
            let file = match locate(self.container, name, path) {
                Located::Found(file) => file,
                Located::Missing(file) => {
                    checks.fail_as(Code::OfdMissingFile, Level::Fail, file.as_str());
                    file
                }
                Located::Outside => {
                    checks.fail(Code::OfdPathEscape, path.escape_debug().to_string());
                    continue;
                }
            };
            if self.signatures.iter().any(|before| before.file == file) {
                checks.fail(Code::SigIdDuplicate, format!("{file} 列出两次"));
                continue;
            }
            let (kind, list) = (kind.map(str::to_owned), name.to_owned());
            self.signatures.push(Listed { id: id.to_owned(), kind, list, file });
        }
    }

    /// Follows every path from the entry file on.
    fn reach(&mut self, checks: &mut Checks) {
        let mut roots = Vec::new();
        for body in self.entry.each("DocBody") {
            if body.each("DocRoot").next().is_none() {
                checks.fail(Code::OfdNoRoot, "DocRoot");
            }
            roots.extend(body.each("DocRoot").map(|root| root.trimmed().to_owned()));
        }
        for root in roots {
            match locate(self.container, ENTRY, &root) {
                Located::Found(_) => {}
                Located::Missing(name) => checks.fail_as(Code::OfdMissingFile, Level::Fail, name),
                Located::Outside => checks.fail(Code::OfdPathEscape, root.escape_debug().to_string()),
            }
        }
        let mut waiting = vec![ENTRY.to_owned()];
        self.reachable.insert(ENTRY.to_owned());
        while let Some(name) = waiting.pop() {
            let bytes = self.container.get(&name).unwrap_or_default();
            if !is_xml(&name, bytes) {
                continue;
            }
            let mut follower =
                Follower { container: self.container, file: &name, resources: None, found: Vec::new(), checks };
            if let Err(Refused(code)) = follower.follow(bytes) {
                follower.checks.fail(code, name.as_str());
            }
            for found in follower.found {
                if self.reachable.insert(found.clone()) {
                    waiting.push(found);
                }
            }
        }
    }
}

/// Whether a member is to be read as XML. An attached picture is not.
fn is_xml(name: &str, bytes: &[u8]) -> bool {
    let named = name.get(name.len().saturating_sub(4)..).is_some_and(|ending| ending.eq_ignore_ascii_case(".xml"));
    named || bytes.trim_ascii_start().starts_with(b"<?xml") || bytes.starts_with(b"\xef\xbb\xbf<")
}

/// Collects what one file leads to.
struct Follower<'a, 'c> {
    container: &'a Container,
    file: &'a str,
    /// `BaseLoc` of a resource file: a folder its paths are relative to.
    resources: Option<String>,
    found: Vec<String>,
    checks: &'c mut Checks,
}

impl Follower<'_, '_> {
    fn follow(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        // Name, own text, whether there are elements inside.
        let mut open: Vec<(String, String, bool)> = Vec::new();
        xml::walk(bytes, |met| {
            match met {
                Met::Open { space, name, attributes } => {
                    if let Some(parent) = open.last_mut() {
                        parent.2 = true;
                    }
                    if space == Space::Old {
                        self.checks.fail(Code::OfdNamespace, "http://www.ofdspec.org");
                    }
                    for (key, value) in &attributes {
                        let is_base = key == "BaseLoc";
                        if is_base && name == "Res" && open.is_empty() {
                            self.resources = resolve(self.file, value.trim()).map(|folder| format!("{folder}/"));
                            continue;
                        }
                        let is_path =
                            space != Space::Other && ((is_base && BASE_ELEMENTS.contains(&name)) || key == "Profile");
                        self.meet(value.trim(), is_path);
                    }
                    open.push((name.to_owned(), String::new(), false));
                }
                Met::Text(text) => {
                    if let Some((_, own, _)) = open.last_mut()
                        && own.len() <= PATH_BYTES_MAX
                    {
                        own.push_str(text);
                    }
                }
                Met::Close => {
                    let Some((name, text, has_children)) = open.pop() else { return Ok(()) };
                    // The list of signatures is judged by itself.
                    if self.file == ENTRY && name == "Signatures" {
                        return Ok(());
                    }
                    self.meet(text.trim(), !has_children && PATH_ELEMENTS.contains(&name.as_str()));
                }
            }
            Ok(())
        })
    }

    /// A text that may be a path, or is one.
    fn meet(&mut self, text: &str, is_path: bool) {
        if text.is_empty() || text.len() > PATH_BYTES_MAX || (!is_path && !text.contains(['.', '/'])) {
            return;
        }
        let froms = [Some(self.file), self.resources.as_deref(), Some("")];
        let names: Vec<Option<String>> = froms.into_iter().flatten().map(|from| resolve(from, text)).collect();
        let before = self.found.len();
        self.found.extend(names.iter().flatten().filter(|name| self.container.get(name).is_some()).cloned());
        if is_path && self.found.len() == before {
            match names.into_iter().flatten().next() {
                Some(name) => self.checks.fail(Code::OfdMissingFile, format!("{}：{name}", self.file)),
                None => self.checks.fail(Code::OfdPathEscape, format!("{}：{}", self.file, text.escape_debug())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        for (from, path, name) in [
            ("OFD.xml", "Doc_0/Document.xml", Some("Doc_0/Document.xml")),
            ("Doc_0/Document.xml", "Pages/../a.xml", Some("Doc_0/a.xml")),
            ("Doc_0/Document.xml", "/Doc_1/./a.xml", Some("Doc_1/a.xml")),
            ("Doc_0/Document.xml", "../OFD.xml", Some("OFD.xml")),
            ("Doc_0/Document.xml", "../../OFD.xml", None),
            ("OFD.xml", "/../a", None),
        ] {
            assert_eq!(resolve(from, path).as_deref(), name, "{from} {path}");
        }
    }
}
