//! The licence itself: its metadata (GB/T 36903) and what must hold between them.
//!
//! Metadata is taken only from files under an intact signature, and never leaves this module but for the identifier,
//! the type and the issuing authority: holder and dates are judged here and not reported.

use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::identifier::Checked;
use crate::domain::licence::identifier::Identifier;
use crate::domain::licence::identifier::is_citizen_number;
use crate::domain::licence::identifier::is_credit_code;
use crate::domain::licence::identifier::is_kind;
use crate::domain::licence::ofd::ENTRY;
use crate::domain::licence::ofd::Package;
use crate::domain::licence::question::Facts;
use crate::domain::licence::question::Question;
use crate::domain::licence::signature::office_code;
use crate::domain::licence::xml::Element;
use crate::domain::licence::xml::Met;
use crate::domain::licence::xml::walk;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// Longest value, and most of them.
const VALUE_BYTES_MAX: usize = 4_096;
const VALUES_MAX: usize = 1_000;
/// Beijing time, in seconds.
const OFFSET: i64 = 8 * 3_600;
const DAY: i64 = 86_400;
/// What stands between several holders in one text.
pub(super) const SEPARATORS: [char; 6] = [',', '，', ';', '；', '、', '^'];

/// The values of a licence by the names of the standard (ZZBS, ZZLXDM, …).
#[derive(Debug, Default)]
pub(super) struct Metadata {
    values: BTreeMap<String, Vec<String>>,
    /// Names with two different values.
    contradictory: BTreeSet<String>,
    /// The files they stand in.
    pub(super) sources: BTreeSet<String>,
}

impl Metadata {
    /// Reads it from the covered files: `CustomData` of OFD.xml, and the separate file that one producer writes, with
    /// its misspelt `CuslomData` in a namespace of its own.
    pub(super) fn read(package: &Package<'_>, covered: &BTreeSet<String>) -> Self {
        let mut metadata = Self::default();
        if covered.contains(ENTRY) {
            let information = package.entry.each("DocBody").flat_map(|body| body.each("DocInfo"));
            let data = information.flat_map(|information| information.each("CustomDatas"));
            for value in data.flat_map(|data| data.each("CustomData")) {
                metadata.add(ENTRY, value.attribute("Name").unwrap_or_default(), value.trimmed());
            }
        }
        let others = package.reachable.iter().filter(|name| *name != ENTRY && covered.contains(*name));
        for name in others {
            let bytes = package.container.get(name).unwrap_or_default();
            if memchr::memmem::find(bytes, b"CuslomData").is_some() {
                metadata.read_misspelt(name, bytes);
            }
        }
        metadata
    }

    fn read_misspelt(&mut self, file: &str, bytes: &[u8]) {
        let mut found = Vec::new();
        let mut open: Vec<Element> = Vec::new();
        let read = walk(bytes, |met| {
            match met {
                Met::Open { name, attributes, .. } => {
                    open.push(Element { name: name.to_owned(), attributes, ..Element::default() });
                }
                Met::Text(text) => {
                    if let Some(last) = open.last_mut().filter(|last| last.text.len() <= VALUE_BYTES_MAX) {
                        last.text.push_str(text);
                    }
                }
                Met::Close => found.extend(open.pop().filter(|closed| closed.name == "CuslomData")),
            }
            Ok(())
        });
        if read.is_ok() {
            for value in &found {
                let name = value.attribute("name").or(value.attribute("Name")).unwrap_or_default();
                self.add(file, name, value.trimmed());
            }
        }
    }

    /// The values of a licence in JSON; `file` is what it is called.
    pub(super) fn of_values(file: &str, values: &[(String, String)]) -> Self {
        let mut metadata = Self::default();
        for (name, value) in values {
            metadata.add(file, name, value.trim());
        }
        metadata
    }

    fn add(&mut self, file: &str, name: &str, value: &str) {
        if name.is_empty() || value.is_empty() || value.len() > VALUE_BYTES_MAX || self.values.len() >= VALUES_MAX {
            return;
        }
        self.sources.insert(file.to_owned());
        let values = self.values.entry(name.to_owned()).or_default();
        // Several holders are several values; any other name has one.
        if values.first().is_some_and(|first| first != value) && !name.starts_with("CZZT") {
            self.contradictory.insert(name.to_owned());
        } else if values.len() < VALUES_MAX {
            values.push(value.to_owned());
        }
    }

    /// A value by its name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.first().map(String::as_str)
    }

    /// All values of a name.
    pub(super) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The type code, told or taken from the identifier.
    pub(super) fn kind(&self) -> Option<&str> {
        let identifier = || self.get("ZZBS").and_then(Identifier::parse).map(|identifier| identifier.kind);
        self.get("ZZLXDM").or_else(identifier)
    }

    /// The codes of all holders.
    pub(super) fn holder_codes(&self) -> Vec<&str> {
        let codes = self.all("CZZTDM").iter().flat_map(|codes| codes.split(SEPARATORS));
        codes.map(str::trim).filter(|code| !code.is_empty()).collect()
    }

    /// All of it, for use inside the process.
    pub(super) fn into_facts(self) -> Facts {
        Facts { values: self.values }
    }

    /// Judges the licence at the time of the question; `organizations` are those of the certificates whose signatures are intact and
    /// over the metadata. Returns which of them is the issuing authority's.
    pub(super) fn judge(&self, organizations: &[&str], question: &Question<'_>, checks: &mut Checks) -> Option<usize> {
        if !["ZZBS", "ZZLXDM", "ZZBH", "ZZBFJGDM", "ZZBFJG"].iter().any(|name| self.values.contains_key(*name)) {
            checks.fail(Code::LicNoMetadata, "");
            return None;
        }
        checks.pass(Code::LicNoMetadata);
        let identifier = self.judge_identifier(checks);
        for name in &self.contradictory {
            checks.fail(Code::LicIdFieldMismatch, format!("{name} 有两个不同的值"));
        }
        self.judge_type(identifier.as_ref(), question.kinds, checks);
        let issuer = self.judge_organization(identifier.as_ref(), organizations, checks);
        self.judge_holders(checks);
        self.judge_dates(question.at, checks);
        checks.pass_rest(&[Code::LicIdFieldMismatch]);
        issuer
    }

    fn judge_identifier(&self, checks: &mut Checks) -> Option<Identifier<'_>> {
        let Some(text) = self.get("ZZBS") else {
            checks.fail(Code::LicIdSyntax, "没有证照标识");
            return None;
        };
        let Some(identifier) = Identifier::parse(text) else {
            checks.fail(Code::LicIdSyntax, "");
            return None;
        };
        checks.pass(Code::LicIdSyntax);
        match identifier.checked() {
            Checked::Right => checks.pass(Code::LicIdCheckChar),
            Checked::Wrong => checks.fail(Code::LicIdCheckChar, ""),
            Checked::Uncomputable => checks.fail(Code::LicIdUncomputable, ""),
        }
        for (name, part) in [("ZZLXDM", identifier.kind), ("ZZBFJGDM", identifier.authority)] {
            if self.get(name).is_some_and(|value| value != part) {
                checks.fail(Code::LicIdFieldMismatch, name);
            }
        }
        Some(identifier)
    }

    /// The type code is the credit code of the authority that defines it, and three digits; and it stands in the
    /// catalogue, where there is one.
    fn judge_type(
        &self,
        identifier: Option<&Identifier<'_>>,
        catalogue: Option<&BTreeSet<String>>,
        checks: &mut Checks,
    ) {
        let Some(kind) = self.get("ZZLXDM").or(identifier.map(|identifier| identifier.kind)) else {
            checks.fail(Code::LicTypeUnknown, "没有证照类型代码");
            return;
        };
        if is_kind(kind) && catalogue.is_some_and(|kinds| !kinds.contains(kind)) {
            checks.fail(Code::LicTypeUnknown, "不在证照目录中");
        } else {
            checks.hold(Code::LicTypeUnknown, is_kind(kind));
        }
    }

    /// The right seal on the wrong licence: the organisation of a government seal begins with its credit code, which must
    /// be the issuing authority's.
    fn judge_organization(
        &self,
        identifier: Option<&Identifier<'_>>,
        organizations: &[&str],
        checks: &mut Checks,
    ) -> Option<usize> {
        let authority = self.get("ZZBFJGDM").or(identifier.map(|identifier| identifier.authority));
        let name = self.get("ZZBFJG");
        if organizations.is_empty() {
            checks.fail_as(Code::LicSealOrgMismatch, Level::Review, "没有一个签名保护全部证照信息");
            return None;
        }
        let mut unknown = false;
        for (index, organization) in organizations.iter().enumerate() {
            let matches = match (office_code(organization), authority) {
                (Some(code), Some(authority)) if authority.len() == 18 => Some(code == authority),
                // A division code instead of a credit code (seen once) must be the office's, and so must the name.
                (Some(code), Some(authority)) if authority.len() == 6 => {
                    (code.get(2..8) == Some(authority) && name == organization.get(18..)).then_some(true)
                }
                (Some(_), _) => name.map(|name| organization.get(18..) == Some(name)),
                (None, _) => name.and_then(|name| (!name.is_empty() && name == *organization).then_some(true)),
            };
            match matches {
                Some(true) => {
                    checks.pass(Code::LicSealOrgMismatch);
                    return Some(index);
                }
                Some(false) => {}
                None => unknown = true,
            }
        }
        if unknown {
            checks.fail_as(Code::LicSealOrgMismatch, Level::Review, "盖章单位没有统一社会信用代码，无法比对");
        } else {
            checks.fail(Code::LicSealOrgMismatch, "");
        }
        None
    }

    fn judge_holders(&self, checks: &mut Checks) {
        let kind = self.get("CZZTDMLXDM");
        let codes = self.holder_codes();
        let Some(kind @ ("001" | "111")) = kind.filter(|_| !codes.is_empty()) else {
            checks.skip(Code::LicHolderCode, "没有可校验的持证主体代码");
            return;
        };
        let is_right = |code| if kind == "001" { is_credit_code(code) } else { is_citizen_number(code) };
        checks.hold(Code::LicHolderCode, codes.into_iter().filter(|code| !code.contains('*')).all(is_right));
    }

    fn judge_dates(&self, at: i64, checks: &mut Checks) {
        // The first day counts from its beginning, the last until its end, in Beijing time.
        for (name, code, is_last) in [
            ("ZZYXQQSRQ", Code::LicNotYetValid, false),
            ("ZZYXQJZRQ", Code::LicExpired, true),
            ("JZJYXQJZSJ", Code::LicCopyExpired, true),
        ] {
            let Some(text) = self.get(name) else {
                checks.skip(code, "没有写明");
                continue;
            };
            match Day::parse(text) {
                Some(Day::Forever) => checks.pass(code),
                Some(Day::Moment(start)) if is_last => checks.hold(code, at < start),
                Some(Day::On(start)) if is_last => checks.hold(code, at < start + DAY),
                Some(Day::On(start) | Day::Moment(start)) => checks.hold(code, at >= start),
                None => checks.fail(Code::LicDate, name),
            }
        }
        checks.pass_rest(&[Code::LicDate]);
    }
}

/// An end or a beginning, in seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    Forever,
    /// A whole day, by its beginning.
    On(i64),
    Moment(i64),
}

impl Day {
    /// `2024-03-15`, `20240315`, `2024年3月15日`, `2024-03-15 12:00:00`, milliseconds, `长期`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if matches!(text, "长期" | "长期有效" | "永久" | "永久有效" | "无固定期限") {
            return Some(Self::Forever);
        }
        let numbers: Vec<&str> =
            text.split(|character: char| !character.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
        let is_known = |character: char| character.is_ascii_digit() || "-/.年月日 T:Z时分秒".contains(character);
        if !text.chars().all(is_known) {
            return None;
        }
        let padded = |parts: &[&str]| parts.iter().map(|part| format!("{part:0>2}")).collect::<Vec<_>>().concat();
        let digits = match numbers.as_slice() {
            [one] if one.len() == 8 || one.len() == 14 => (*one).to_owned(),
            [one] if one.len() == 13 => return Some(Self::Moment(one.parse::<i64>().ok()?.div_euclid(1_000))),
            [year, ..] if year.len() != 4 => return None,
            [_, _, _] => padded(&numbers),
            [_, _, _, _, _, _, ..] => padded(&numbers[..6]),
            _ => return None,
        };
        if digits.starts_with("9999") {
            return Some(Self::Forever);
        }
        let is_day = digits.len() == 8;
        let whole = if is_day { format!("{digits}000000") } else { digits };
        let moment = crate::domain::licence::der::seconds(&whole).filter(|_| whole.len() == 14)? - OFFSET;
        Some(if is_day { Self::On(moment) } else { Self::Moment(moment) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_all_dialects() {
        let day = Some(Day::On(1_710_432_000));
        for text in ["2024-03-15", "20240315", "2024年3月15日", "2024/3/15", "2024年03月15日"] {
            assert_eq!(Day::parse(text), day, "{text}");
        }
        assert_eq!(Day::parse("1710432000000"), Some(Day::Moment(1_710_432_000)));
        assert_eq!(Day::parse("2024-03-15 08:00:00"), Some(Day::Moment(1_710_460_800)));
        assert_eq!(Day::parse("长期"), Some(Day::Forever));
        assert_eq!(Day::parse("9999-12-31"), Some(Day::Forever));
        for text in ["", "soon", "2024-02-30", "2024", "24-03-15", "2024-03", "2024-003-15"] {
            assert_eq!(Day::parse(text), None, "{text}");
        }
    }
}
