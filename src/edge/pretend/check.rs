//! The pretend cities' own idea of a right message: which members, in which order, of which form and code.
//!
//! It deliberately does not share a line with the mapping engine: what the gateway sends is judged a second time.
//! All faults of a message are gathered.

use crate::edge::pretend::element::Element;
use crate::edge::pretend::json::Json;
use jiff::civil::Date;
use jiff::civil::Time;

/// The form of a value.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// At most so many characters.
    Text(usize),
    /// Exactly that text.
    Exactly(&'static str),
    /// A code of that set.
    Code(&'static [&'static str]),
    /// So many digits, from and to.
    Digits(usize, usize),
    /// Division code of GB/T 2260: six digits, none of the retired or merely statistical ones.
    Division,
    /// 公民身份号码 of GB 11643, with date and check character.
    Citizen,
    /// 统一社会信用代码 of GB 32100, with check character.
    Credit,
    /// A matter of the catalogue: letters and digits.
    Matter,
    /// `yyyyMMdd` and `yyyy-MM-dd`.
    Date8,
    Date10,
    /// `yyyyMM` and `yyyy-MM`.
    Month6,
    Month7,
    /// `HHmmss`.
    Clock6,
    /// `yyyyMMddHHmmss` and `yyyy-MM-dd HH:mm:ss`.
    Moment14,
    Moment19,
    /// Whole fen without leading zeros.
    Fen,
    /// Yuan with two decimals.
    Yuan,
    /// Digits and hyphens.
    Phone,
    /// SM3 in 64 hexadecimal digits of lower case.
    Digest,
    /// Base64 without white space.
    Base64,
    /// JSON `true` or `false`.
    Flag,
    /// JSON whole number, not negative.
    Whole,
}

/// What stands at a member.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    Leaf(Kind),
    Group(&'static [Member]),
    Each(&'static [Member]),
}

/// One member of a message.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    pub name: &'static str,
    pub required: bool,
    pub shape: Shape,
}

/// A value that must be there.
pub const fn must(name: &'static str, kind: Kind) -> Member {
    Member { name, required: true, shape: Shape::Leaf(kind) }
}

/// A value that may be missing, null or empty.
pub const fn may(name: &'static str, kind: Kind) -> Member {
    Member { name, required: false, shape: Shape::Leaf(kind) }
}

/// What is wrong at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    Missing,
    Form,
    Code,
    Unknown,
    Order,
}

/// A fault of a message and its place.
pub type Problem = (Trouble, String);

/// A fault in the words of the other side's answer; it holds no value.
pub fn told(problem: &Problem) -> String {
    let what = match problem.0 {
        Trouble::Missing => "必填项缺失",
        Trouble::Form => "格式错误",
        Trouble::Code => "代码不在码表中",
        Trouble::Unknown => "未约定的数据项",
        Trouble::Order => "数据项次序不对或重复",
    };
    format!("{what}：{}", problem.1)
}

/// Judges the children of `element` against `members`, which stand in the order of the document.
pub fn elements(element: &Element, members: &[Member], above: &str, problems: &mut Vec<Problem>) {
    let mut cursor = 0;
    let mut seen = vec![false; members.len()];
    for child in &element.children {
        let path = format!("{above}/{}", child.name);
        let Some(place) = members.iter().position(|member| member.name == child.name) else {
            problems.push((Trouble::Unknown, path));
            continue;
        };
        let member = &members[place];
        if place < cursor || (seen[place] && !matches!(member.shape, Shape::Each(_))) {
            problems.push((Trouble::Order, path));
            continue;
        }
        cursor = place;
        let empty = child.text.is_empty() && child.children.is_empty();
        seen[place] |= !empty;
        match member.shape {
            _ if empty => {}
            Shape::Leaf(kind) if child.children.is_empty() => fits(kind, &child.text, path, problems),
            Shape::Leaf(_) => problems.push((Trouble::Form, path)),
            Shape::Group(members) | Shape::Each(members) => elements(child, members, &path, problems),
        }
    }
    missing(members, &seen, |name| format!("{above}/{name}"), problems);
}

/// Judges the members of `json` against `members`; their order is free.
pub fn objects(json: &Json, members: &[Member], above: &str, problems: &mut Vec<Problem>) {
    let Json::Object(given) = json else {
        problems.push((Trouble::Form, above.to_owned()));
        return;
    };
    let mut seen = vec![false; members.len()];
    for (name, value) in given {
        let path = format!("{above}.{name}");
        let Some(place) = members.iter().position(|member| member.name == name) else {
            problems.push((Trouble::Unknown, path));
            continue;
        };
        if matches!(value, Json::Null) || *value == Json::Text(String::new()) {
            continue;
        }
        seen[place] = true;
        match (members[place].shape, value) {
            (Shape::Leaf(Kind::Flag), Json::Bool(_)) => {}
            (Shape::Leaf(Kind::Whole), Json::Number(number)) if number.as_u64().is_some() => {}
            (Shape::Leaf(Kind::Flag | Kind::Whole), _) => problems.push((Trouble::Form, path)),
            (Shape::Leaf(kind), Json::Text(text)) => fits(kind, text, path, problems),
            (Shape::Group(members), value) => objects(value, members, &path, problems),
            (Shape::Each(members), Json::List(items)) => {
                for (place, item) in items.iter().enumerate() {
                    objects(item, members, &format!("{path}[{place}]"), problems);
                }
            }
            _ => problems.push((Trouble::Form, path)),
        }
    }
    missing(members, &seen, |name| format!("{above}.{name}"), problems);
}

fn missing(members: &[Member], seen: &[bool], path: impl Fn(&str) -> String, problems: &mut Vec<Problem>) {
    for (member, seen) in members.iter().zip(seen) {
        if member.required && !seen {
            problems.push((Trouble::Missing, path(member.name)));
        }
    }
}

fn fits(kind: Kind, text: &str, path: String, problems: &mut Vec<Problem>) {
    let right = match kind {
        Kind::Text(max) => text.chars().count() <= max && text.trim() == text && !text.contains('\u{FFFD}'),
        Kind::Exactly(expected) => text == expected,
        Kind::Code(set) => {
            if !set.contains(&text) {
                problems.push((Trouble::Code, path));
            }
            return;
        }
        Kind::Digits(from, to) => digits(text) && (from..=to).contains(&text.len()),
        Kind::Division => {
            if ["421023", "421071", "430671"].contains(&text) {
                problems.push((Trouble::Code, path));
                return;
            }
            digits(text) && text.len() == 6
        }
        Kind::Citizen => citizen(text),
        Kind::Credit => credit(text),
        Kind::Matter => text.len() <= 8 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()),
        Kind::Date8 => date(text),
        Kind::Date10 => date_with_hyphens(text).is_some_and(|text| date(&text)),
        Kind::Month6 => text.len() == 6 && date(&format!("{text}01")),
        Kind::Month7 => text.len() == 7 && date_with_hyphens(&format!("{text}-01")).is_some_and(|text| date(&text)),
        Kind::Clock6 => clock(text),
        Kind::Moment14 => moment(text),
        Kind::Moment19 => moment_with_marks(text),
        Kind::Fen => digits(text) && text.len() <= 18 && (text == "0" || !text.starts_with('0')),
        Kind::Yuan => text.split_once('.').is_some_and(|(yuan, fen)| {
            digits(fen) && fen.len() == 2 && digits(yuan) && yuan.len() <= 16 && (yuan == "0" || !yuan.starts_with('0'))
        }),
        Kind::Phone => text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'),
        Kind::Digest => text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')),
        Kind::Base64 => base64(text).is_some(),
        Kind::Flag | Kind::Whole => false,
    };
    if !right {
        problems.push((Trouble::Form, path));
    }
}

/// The bytes that a base64 text stands for.
pub fn base64(text: &str) -> Option<Vec<u8>> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn date(text: &str) -> bool {
    text.len() == 8 && digits(text) && Date::strptime("%Y%m%d", text).is_ok()
}

fn date_with_hyphens(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    (bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-').then(|| text.replace('-', ""))
}

fn clock(text: &str) -> bool {
    text.len() == 6 && digits(text) && !text.ends_with("60") && Time::strptime("%H%M%S", text).is_ok()
}

fn moment(text: &str) -> bool {
    text.len() == 14 && digits(text) && date(&text[..8]) && clock(&text[8..])
}

fn moment_with_marks(text: &str) -> bool {
    text.split_once(' ').is_some_and(|(day, hour)| {
        let bytes = hour.as_bytes();
        date_with_hyphens(day).is_some_and(|day| date(&day))
            && bytes.len() == 8
            && bytes[2] == b':'
            && bytes[5] == b':'
            && clock(&hour.replace(':', ""))
    })
}

/// Whether `text` is a citizen's number of 18 characters: its date exists and its check character is right.
pub fn citizen(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() != 18 || !text.is_ascii() || !digits(&text[..17]) || !date(&text[6..14]) {
        return false;
    }
    let weights = [7u32, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = weights.iter().zip(bytes).map(|(weight, byte)| weight * u32::from(byte - b'0')).sum();
    bytes[17] == b"10X98765432"[sum as usize % 11]
}

/// Whether `text` is a unified social credit code whose check character is right.
pub fn credit(text: &str) -> bool {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    if text.len() != 18 {
        return false;
    }
    let mut weight = 1;
    let mut sum = 0;
    for character in text.chars() {
        let Some(value) = ALPHABET.find(character) else { return false };
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    // The check character's own weight, 3^17 mod 31, is not 1: take its share out and put the plain value in.
    let Some(check) = text.chars().last().and_then(|character| ALPHABET.find(character)) else { return false };
    (sum - check * 22 + check).is_multiple_of(31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(kind: Kind, text: &str) -> bool {
        let mut problems = Vec::new();
        fits(kind, text, String::new(), &mut problems);
        problems.is_empty()
    }

    #[test]
    fn forms() {
        for (kind, yes, no) in [
            (Kind::Citizen, "430602199003079989", "430602199003079988"),
            (Kind::Citizen, "421023198506309970", "421023198506319970"),
            (Kind::Citizen, "421002199105129998", "42100219910512999X"),
            (Kind::Credit, "91430600MA0000007J", "91430600MA0000007K"),
            (Kind::Credit, "91421000MA00001110", "91421000MA0000111O"),
            (Kind::Division, "421002", "421071"),
            (Kind::Date8, "20240229", "20230229"),
            (Kind::Date10, "2026-01-01", "2026-1-001"),
            (Kind::Month6, "202612", "202613"),
            (Kind::Month7, "2026-12", "202612"),
            (Kind::Clock6, "235959", "240000"),
            (Kind::Moment14, "20261123093015", "2026112309301"),
            (Kind::Moment19, "2026-11-23 09:30:15", "2026-11-23T09:30:15"),
            (Kind::Fen, "840000", "8400.00"),
            (Kind::Fen, "0", "00"),
            (Kind::Yuan, "0.00", ".00"),
            (Kind::Yuan, "8400.00", "8400.0"),
            (Kind::Base64, "JVBERg==", "JVBERg="),
            (Kind::Text(2), "刘𬱖", "刘𬱖 "),
            (Kind::Code(&["01"]), "01", "1"),
            (Kind::Phone, "0730-8000001", "0730 8000001"),
        ] {
            assert!(right(kind, yes), "{kind:?} {yes}");
            assert!(!right(kind, no), "{kind:?} {no}");
        }
    }

    const MEMBERS: &[Member] = &[
        must("A", Kind::Fen),
        may("B", Kind::Text(3)),
        Member { name: "C", required: true, shape: Shape::Each(&[must("D", Kind::Fen)]) },
    ];

    #[test]
    fn order_repeats_and_strangers_in_xml() {
        let problems = |text: &str| {
            let mut problems = Vec::new();
            elements(&Element::parse(text).unwrap(), MEMBERS, "R", &mut problems);
            problems
        };
        assert_eq!(problems("<R><A>1</A><B/><C><D>1</D></C><C><D>2</D></C></R>"), []);
        assert_eq!(problems("<R><B>x</B><A>1</A><C><D>1</D></C></R>")[0], (Trouble::Order, "R/A".to_owned()));
        assert_eq!(problems("<R><A>1</A><A>1</A><C><D>1</D></C></R>"), [(Trouble::Order, "R/A".to_owned())]);
        assert_eq!(
            problems("<R><A/><C><D>x</D></C><E/></R>"),
            [
                (Trouble::Form, "R/C/D".to_owned()),
                (Trouble::Unknown, "R/E".to_owned()),
                (Trouble::Missing, "R/A".to_owned()),
            ]
        );
    }

    #[test]
    fn types_in_json() {
        let members = [must("f", Kind::Flag), must("n", Kind::Whole), may("t", Kind::Text(9))];
        let problems = |text: &str| {
            let mut problems = Vec::new();
            objects(&Json::parse(text.as_bytes()).unwrap(), &members, "$", &mut problems);
            problems.into_iter().map(|(trouble, _)| trouble).collect::<Vec<_>>()
        };
        assert_eq!(problems(r#"{"n":0,"f":false,"t":null}"#), []);
        assert_eq!(problems(r#"{"n":"0","f":"false","t":1}"#), [Trouble::Form; 3]);
        assert_eq!(problems(r#"{"n":-1,"x":1}"#), [Trouble::Form, Trouble::Unknown, Trouble::Missing]);
        assert_eq!(problems("[]"), [Trouble::Form]);
    }
}
