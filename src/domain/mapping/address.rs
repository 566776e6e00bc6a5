//! Addresses: five parts on one side, a division code and a text or one string on the other.
//!
//! Divisions come from the table `gbt2260`: the canonical codes are all that are in use, the set `gb` those of
//! GB/T 2260. A division that the standard lacks (荆州经济技术开发区) is written as the one it is folded into, and its
//! name goes to the front of the detail, so that nothing is lost and the way back finds it again.

use super::notation::AddressPart;
use super::plan::AddressWant;
use crate::domain::codes::Table;
use rustc_hash::FxHashMap;

/// The table and set that divisions come from.
pub(super) const TABLE: &str = "gbt2260";
pub(super) const SET: &str = "gb";

/// Names of the parts as mapping files write them.
pub(super) const PARTS: [&str; 5] = ["province", "city", "county", "street", "detail"];
const COUNTY: usize = 2;
const DETAIL: usize = 4;

/// The five parts as texts; an absent part is empty.
#[derive(Debug, Default)]
pub(super) struct Parts {
    bytes: Vec<u8>,
    ends: [usize; 5],
    filled: usize,
}

impl Parts {
    /// Begins anew.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.filled = 0;
    }

    /// Adds the next part.
    pub(super) fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        if let Some(end) = self.ends.get_mut(self.filled) {
            *end = self.bytes.len();
            self.filled += 1;
        }
    }

    /// A part by its number.
    pub(super) fn part(&self, number: usize) -> &[u8] {
        if number >= self.filled {
            return &[];
        }
        let start = if number == 0 { 0 } else { self.ends[number - 1] };
        &self.bytes[start..self.ends[number]]
    }

    /// True where every part is empty.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[derive(Clone, Debug)]
struct Division {
    title: String,
    /// Code in GB/T 2260; `None`: none.
    standard: Option<String>,
}

/// All divisions, by canonical code.
#[derive(Clone, Debug, Default)]
pub(super) struct Divisions {
    known: FxHashMap<String, Division>,
    /// Codes by the code above them, for splitting texts.
    below: FxHashMap<String, Vec<String>>,
}

/// A division that cannot be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UnknownDivision(pub String);

fn province_of(code: &str) -> String {
    format!("{}0000", code.get(..2).unwrap_or_default())
}

fn city_of(code: &str) -> String {
    format!("{}00", code.get(..4).unwrap_or_default())
}

impl Divisions {
    /// From the table `gbt2260`. Retired divisions are left out: as a code they would be refused, while their names do
    /// no harm where they stand, in the text of an old address.
    pub(super) fn new(table: &Table) -> Self {
        let mut divisions = Self::default();
        for row in table.rows().iter().filter(|row| row.valid_to.is_none()) {
            let standard = table.written(&row.canonical, SET).map(str::to_owned);
            divisions.known.insert(row.canonical.clone(), Division { title: row.title.clone(), standard });
            let code = &row.canonical;
            if *code != province_of(code) {
                let above = if *code == city_of(code) { province_of(code) } else { city_of(code) };
                divisions.below.entry(above).or_default().push(code.clone());
            }
        }
        divisions
    }

    fn find(&self, code: &[u8]) -> Result<&Division, UnknownDivision> {
        std::str::from_utf8(code)
            .ok()
            .and_then(|code| self.known.get(code))
            .ok_or_else(|| UnknownDivision(String::from_utf8_lossy(code).into_owned()))
    }

    /// Writes what is wanted of an address; true where the division was folded.
    ///
    /// # Errors
    /// When a division is not in the table or has no code in the standard.
    pub(super) fn write(&self, parts: &Parts, want: AddressPart, out: &mut Vec<u8>) -> Result<bool, UnknownDivision> {
        let smallest = (0..=COUNTY).rev().map(|number| parts.part(number)).find(|code| !code.is_empty());
        match want {
            AddressPart::Division => {
                let Some(code) = smallest else { return Ok(false) };
                let division = self.find(code)?;
                let standard = division.standard.as_deref();
                let standard = standard.ok_or_else(|| UnknownDivision(String::from_utf8_lossy(code).into_owned()))?;
                out.extend_from_slice(standard.as_bytes());
                Ok(standard.as_bytes() != code)
            }
            AddressPart::Rest => {
                if let Some(code) = smallest {
                    let division = self.find(code)?;
                    if division.standard.as_deref().is_some_and(|standard| standard.as_bytes() != code) {
                        out.extend_from_slice(division.title.as_bytes());
                    }
                }
                out.extend_from_slice(parts.part(3));
                out.extend_from_slice(parts.part(DETAIL));
                Ok(false)
            }
            AddressPart::Text => {
                let mut above = "";
                let mut names = Vec::with_capacity(3);
                for number in 0..=COUNTY {
                    if !parts.part(number).is_empty() {
                        let title = self.find(parts.part(number))?.title.as_str();
                        // 岳阳市屈原管理区 has its city in its name already.
                        if !above.is_empty() && title.starts_with(above) {
                            names.pop();
                        }
                        names.push(title);
                        above = title;
                    }
                }
                for name in &names {
                    out.extend_from_slice(name.as_bytes());
                }
                out.extend_from_slice(parts.part(3));
                out.extend_from_slice(parts.part(DETAIL));
                Ok(false)
            }
        }
    }

    /// Splits a division code of the standard and the rest into parts.
    #[expect(clippy::wrong_self_convention, reason = "self is the table that is read by")]
    pub(super) fn from_division(&self, code: &[u8], rest: &[u8], parts: &mut Parts) {
        parts.clear();
        let text = std::str::from_utf8(code).unwrap_or_default();
        let rest_text = std::str::from_utf8(rest).unwrap_or_default();
        let folded = self.below.get(&city_of(text)).into_iter().flatten().filter_map(|code| {
            let division = self.known.get(code)?;
            let other = code != text && division.standard.as_deref() == Some(text);
            (other && rest_text.starts_with(&division.title)).then_some((code.as_str(), division.title.len()))
        });
        let (county, skip) = folded.max_by_key(|(_, length)| *length).unwrap_or((text, 0));
        if text.len() == 6 {
            parts.push(province_of(text).as_bytes());
            let city = city_of(text);
            let is_province = text.ends_with("0000");
            parts.push(if is_province { b"" } else { city.as_bytes() });
            parts.push(if text.ends_with("00") { b"" } else { county.as_bytes() });
        } else {
            parts.push(b"");
            parts.push(b"");
            parts.push(code);
        }
        parts.push(b"");
        parts.push(&rest[skip..]);
    }

    /// Splits one string by the longest division names at its front; what is left is the detail.
    #[expect(clippy::wrong_self_convention, reason = "self is the table that is read by")]
    pub(super) fn from_text(&self, text: &[u8], parts: &mut Parts) {
        parts.clear();
        let mut rest = std::str::from_utf8(text).unwrap_or_default();
        let longest = |codes: &mut dyn Iterator<Item = &String>, rest: &str| {
            let named = codes.filter_map(|code| {
                let title = self.known.get(code)?.title.as_str();
                (!title.is_empty() && rest.starts_with(title)).then_some((title.len(), code.clone()))
            });
            named.max()
        };
        let mut found: [String; 3] = Default::default();
        if let Some((length, code)) = longest(&mut self.known.keys().filter(|code| code.ends_with("0000")), rest) {
            rest = &rest[length..];
            found[0] = code;
        }
        let cities = || self.below.iter().filter(|(above, _)| found[0].is_empty() || **above == found[0]);
        let city = longest(&mut cities().flat_map(|(_, below)| below).filter(|code| code.ends_with("00")), rest);
        if let Some((length, code)) = city {
            rest = &rest[length..];
            found[1] = code;
        }
        let county = {
            let prefix = if found[1].is_empty() { found[0].get(..2) } else { found[1].get(..4) }.unwrap_or_default();
            longest(
                &mut self
                    .known
                    .keys()
                    .filter(|code| !prefix.is_empty() && code.starts_with(prefix) && !code.ends_with("00")),
                rest,
            )
        };
        if let Some((length, code)) = county {
            rest = &rest[length..];
            found[2] = code;
        }
        if found[1].is_empty() && !found[2].is_empty() {
            found[1] = city_of(&found[2]);
        }
        if found[0].is_empty() && !found[1].is_empty() {
            found[0] = province_of(&found[1]);
        }
        for code in &found {
            parts.push(code.as_bytes());
        }
        parts.push(b"");
        parts.push(rest.as_bytes());
    }
}

/// The part of an address by its name, for `house_addr.county` and the like.
pub(super) fn address_want(name: &str) -> Option<AddressWant> {
    if let Some(number) = PARTS.iter().position(|part| *part == name) {
        return Some(AddressWant::Part(number));
    }
    Some(AddressWant::Whole(match name {
        "division" => AddressPart::Division,
        "rest" => AddressPart::Rest,
        "text" => AddressPart::Text,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::codes::Cell;
    use crate::domain::codes::Row;
    use crate::domain::codes::Way;
    use crate::domain::value::Date;
    use crate::domain::value::DateForm;

    fn divisions() -> Divisions {
        let row = |code: &str, title: &str, gb: &str| Row {
            canonical: code.into(),
            title: title.into(),
            cells: vec![(!gb.is_empty()).then(|| Cell {
                code: gb.into(),
                way: if gb == code { Way::Both } else { Way::Out },
                condition: None,
            })],
            parent: None,
            valid_from: None,
            valid_to: None,
            line: 1,
        };
        let rows = vec![
            row("420000", "湖北省", "420000"),
            row("421000", "荆州市", "421000"),
            row("421002", "沙市区", "421002"),
            row("421071", "荆州经济技术开发区", "421002"),
            row("430000", "湖南省", "430000"),
            row("430600", "岳阳市", "430600"),
            row("430602", "岳阳楼区", "430602"),
        ];
        let mut table = Table::new(TABLE, vec![SET.into()]);
        for row in rows {
            assert!(table.push(row));
        }
        assert!(
            table.push(Row {
                valid_to: Date::read(DateForm::Dashed, b"2020-12-31"),
                ..row("421023", "监利县", "421023")
            })
        );
        Divisions::new(&table)
    }

    fn parts(texts: [&str; 5]) -> Parts {
        let mut parts = Parts::default();
        for text in texts {
            parts.push(text.as_bytes());
        }
        parts
    }

    fn written(parts: &Parts, want: AddressPart) -> String {
        let mut out = Vec::new();
        divisions().write(parts, want, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn texts(parts: &Parts) -> Vec<String> {
        (0..5).map(|number| String::from_utf8(parts.part(number).to_vec()).unwrap()).collect()
    }

    #[test]
    fn a_folded_division_keeps_its_name_and_comes_back() {
        let address = parts(["420000", "421000", "421071", "", "燎原路9号"]);
        assert_eq!(written(&address, AddressPart::Division), "421002");
        assert_eq!(written(&address, AddressPart::Rest), "荆州经济技术开发区燎原路9号");
        let mut back = Parts::default();
        divisions().from_division("421002".as_bytes(), "荆州经济技术开发区燎原路9号".as_bytes(), &mut back);
        assert_eq!(texts(&back), ["420000", "421000", "421071", "", "燎原路9号"]);
    }

    #[test]
    fn one_string_is_split_by_the_longest_names() {
        let address = parts(["430000", "430600", "430602", "王家河街道", "南湖大道100号"]);
        let text = written(&address, AddressPart::Text);
        assert_eq!(text, "湖南省岳阳市岳阳楼区王家河街道南湖大道100号");
        let mut back = Parts::default();
        divisions().from_text(text.as_bytes(), &mut back);
        assert_eq!(texts(&back), ["430000", "430600", "430602", "", "王家河街道南湖大道100号"]);
        divisions().from_text("荆州市沙市区江津路".as_bytes(), &mut back);
        assert_eq!(texts(&back), ["420000", "421000", "421002", "", "江津路"]);
        divisions().from_text("湖北省荆州市监利县容城镇".as_bytes(), &mut back);
        assert_eq!(texts(&back), ["420000", "421000", "", "", "监利县容城镇"], "a retired division stays text");
        divisions().from_text("海外".as_bytes(), &mut back);
        assert_eq!(texts(&back), ["", "", "", "", "海外"]);
    }

    #[test]
    fn an_unknown_division_is_refused() {
        let address = parts(["420000", "421000", "421099", "", "x"]);
        assert_eq!(
            divisions().write(&address, AddressPart::Division, &mut Vec::new()),
            Err(UnknownDivision("421099".into()))
        );
    }
}
