//! The small notations inside the cells of a mapping file: paths, converters, conditions, defaults, rules.
//!
//! Each is parsed into a type here, once; an error is a Chinese phrase that says what is expected.
//! It deliberately looks nothing up: whether a field or table exists is for the compiler to say.

mod convert;
mod rule;

pub(super) use convert::{AddressPart, CONVERTERS, Conversion, Convert, Identifier, Mask, NoEnd, conversion};
pub(super) use rule::{Part, Rule, rule};

/// What a notation should have been.
pub(super) type Expected = String;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The step begins a document nested in the text of the step before.
    pub nested: bool,
    /// Namespace prefix, or empty.
    pub prefix: String,
    /// Local name; `*` matches any.
    pub name: String,
    /// `#NAME`: written as the profile's list element.
    pub named_list: bool,
    pub kind: SegmentKind,
}

/// How often a step occurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentKind {
    Plain,
    /// `@name`
    Attribute,
    /// `NAME[1]`: the first of its name.
    First,
    /// `NAME[2..]`: all others of its name, a list.
    Rest,
    /// `NAME[]`: a list.
    Items,
}

impl SegmentKind {
    /// True where each occurrence is an item of its own.
    pub const fn is_list(self) -> bool {
        matches!(self, Self::Items | Self::Rest)
    }
}

/// Parses a path; JSON separates steps by `.`, all others by `/`.
pub(super) fn path(text: &str, separator: char) -> Result<Vec<Segment>, Expected> {
    let mut segments = Vec::new();
    for (document, part) in text.split('!').enumerate() {
        // A nested document keeps the separator of XML paths even inside JSON only if it is written so.
        for (step, word) in part.split(separator).enumerate() {
            segments.push(segment(word, document > 0 && step == 0)?);
        }
    }
    Ok(segments)
}

fn segment(word: &str, nested: bool) -> Result<Segment, Expected> {
    let (name, kind) = if let Some(name) = word.strip_suffix("[]") {
        (name, SegmentKind::Items)
    } else if let Some(name) = word.strip_suffix("[1]") {
        (name, SegmentKind::First)
    } else if let Some(name) = word.strip_suffix("[2..]") {
        (name, SegmentKind::Rest)
    } else if let Some(name) = word.strip_prefix('@') {
        (name, SegmentKind::Attribute)
    } else {
        (word, SegmentKind::Plain)
    };
    let (named_list, name) = name.strip_prefix('#').map_or((false, name), |name| (true, name));
    let (prefix, name) = name.split_once(':').unwrap_or(("", name));
    let is_strange = |letter: char| letter.is_control() || "[]@#\"\\<>& ".contains(letter);
    if name.is_empty() || name.contains(is_strange) {
        return Err("路径各段为名称，可带 [] 、[1]、[2..] 或 @".into());
    }
    Ok(Segment { nested, prefix: prefix.into(), name: name.into(), named_list, kind })
}

/// A condition on canonical values: all terms must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionText(pub Vec<(String, Test)>);

/// One term's test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    Absent,
    Differs(String),
    Equals(String),
    Present,
}

/// Parses a condition.
pub(super) fn condition(text: &str) -> Result<ConditionText, Expected> {
    let terms = text.split(" and ").map(|term| {
        let term = term.trim();
        let (field, test) = if let Some((field, value)) = term.split_once("!=") {
            (field, Test::Differs(value.trim().into()))
        } else if let Some((field, value)) = term.split_once('=') {
            (field, Test::Equals(value.trim().into()))
        } else if let Some(field) = term.strip_suffix(" present") {
            (field, Test::Present)
        } else if let Some(field) = term.strip_suffix(" absent") {
            (field, Test::Absent)
        } else {
            return Err("条件形如 字段 = 值、字段 != 值、字段 present、字段 absent，用 and 连接".to_owned());
        };
        let field = field.trim();
        if field.is_empty() || field.contains(' ') {
            Err("条件左边是一个字段名".to_owned())
        } else {
            Ok((field.to_owned(), test))
        }
    });
    terms.collect::<Result<_, _>>().map(ConditionText)
}

/// Something that belongs to the call, not to the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CallName {
    /// A value of the case that the message belongs to, found by what it is correlated with.
    Case(String),
    City {
        who: Who,
        key: String,
    },
    Fault(FaultPart),
    FaultField(FaultFieldPart),
    Matter,
    MessageId,
    Now,
    Operation,
    Sequence,
    Service,
    Setting(String),
}

/// One of the two cities of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The calling city.
    From,
    /// The city that the written profile belongs to.
    Own,
    /// The other one.
    Peer,
    /// The handling city.
    To,
}

/// Parts of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultPart {
    Code,
    Number,
    Text,
    /// The text with the number in front, for messages without a place for numbers.
    Told,
}

/// Parts of a field fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FaultFieldPart {
    Code,
    Number,
    Path,
    Text,
    /// As [`FaultPart::Told`].
    Told,
}

/// Parses a name that begins with `@`.
pub(super) fn call(text: &str) -> Result<CallName, Expected> {
    let name = text.strip_prefix('@').unwrap_or(text);
    let (head, tail) = name.split_once('.').unwrap_or((name, ""));
    let city = |who| {
        if tail.is_empty() {
            Err("@from.键，键见 cities/*.toml".into())
        } else {
            Ok(CallName::City { who, key: tail.into() })
        }
    };
    match (head, tail) {
        ("now", "") => Ok(CallName::Now),
        ("sequence", "") => Ok(CallName::Sequence),
        ("message_id", "") => Ok(CallName::MessageId),
        ("matter", "") => Ok(CallName::Matter),
        ("service", "") => Ok(CallName::Service),
        ("operation", "") => Ok(CallName::Operation),
        ("from", _) => city(Who::From),
        ("to", _) => city(Who::To),
        ("own", _) => city(Who::Own),
        ("peer", _) => city(Who::Peer),
        ("setting", name) if !name.is_empty() => Ok(CallName::Setting(name.into())),
        ("case", name) if !name.is_empty() => Ok(CallName::Case(name.into())),
        ("fault", "code") => Ok(CallName::Fault(FaultPart::Code)),
        ("fault", "number") => Ok(CallName::Fault(FaultPart::Number)),
        ("fault", "text") => Ok(CallName::Fault(FaultPart::Text)),
        ("fault", "told") => Ok(CallName::Fault(FaultPart::Told)),
        ("fault", "fields[].told") => Ok(CallName::FaultField(FaultFieldPart::Told)),
        ("fault", "fields[].path") => Ok(CallName::FaultField(FaultFieldPart::Path)),
        ("fault", "fields[].number") => Ok(CallName::FaultField(FaultFieldPart::Number)),
        ("fault", "fields[].text") => Ok(CallName::FaultField(FaultFieldPart::Text)),
        ("fault", "fields[].code") => Ok(CallName::FaultField(FaultFieldPart::Code)),
        _ => Err("@now、@sequence、@message_id、@matter、@service、@operation、@from.键、@to.键、@own.键、@peer.键、@setting.名、@case.字段".into()),
    }
}

/// What is written when a field has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fallback {
    Call(CallName),
    Choose {
        choices: Vec<(ConditionText, String)>,
        otherwise: Option<String>,
    },
    Due {
        accepted: String,
        days: String,
    },
    Field(String),
    Is {
        field: String,
        value: String,
    },
    /// A serial number made from a case number: `YY-GA007-20261123-000003`.
    Serial {
        field: String,
    },
    Text(String),
}

/// Parses a `default` cell.
pub(super) fn fallback(text: &str) -> Result<Fallback, Expected> {
    let inside = |name: &str| text.strip_prefix(name).and_then(|rest| rest.strip_suffix(')'));
    let pair = |text: &str| text.split_once(',').map(|(left, right)| (left.trim().to_owned(), right.trim().to_owned()));
    if let Some(quoted) = text.strip_prefix('\'') {
        return quoted
            .strip_suffix('\'')
            .map(|text| Fallback::Text(text.into()))
            .ok_or_else(|| "'文字' 两边都要有单引号".into());
    }
    if text.starts_with('@') {
        return call(text).map(Fallback::Call);
    }
    if let Some(arguments) = inside("due(") {
        let (accepted, days) = pair(arguments).ok_or("due(受理时间字段, 工作日数字段)")?;
        return Ok(Fallback::Due { accepted, days });
    }
    if let Some(field) = inside("serial(") {
        return Ok(Fallback::Serial { field: field.trim().to_owned() });
    }
    if let Some(arguments) = inside("is(") {
        let (field, value) = pair(arguments).ok_or("is(字段, 值)")?;
        return Ok(Fallback::Is { field, value });
    }
    if let Some(arguments) = inside("choose(") {
        let mut choices = Vec::new();
        let mut otherwise = None;
        for choice in arguments.split(';') {
            let (when, value) = choice.split_once(':').ok_or("choose(条件: 值; 条件: 值; else: 值)")?;
            if when.trim() == "else" {
                otherwise = Some(value.trim().to_owned());
            } else {
                choices.push((condition(when)?, value.trim().to_owned()));
            }
        }
        return Ok(Fallback::Choose { choices, otherwise });
    }
    if text.contains([' ', '(', ')', '"']) {
        return Err("'文字'、@…、字段名、due(…)、is(…)、serial(…) 或 choose(…)".into());
    }
    Ok(Fallback::Field(text.into()))
}

/// How one state of absence is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    Empty,
    Null,
    Omit,
}

/// How absence is written and read at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Absence {
    pub missing: Write,
    pub null: Write,
    pub empty: Write,
    /// The text "null" is read as null.
    pub text_null: bool,
    /// A container stays though nothing is inside.
    pub keep: bool,
}

impl Absence {
    /// The default of JSON documents, and of all others.
    pub(super) const fn usual(json: bool) -> Self {
        let null = if json { Write::Null } else { Write::Empty };
        Self { missing: Write::Omit, null, empty: Write::Empty, text_null: false, keep: false }
    }
}

/// Parses an `absent` cell.
pub(super) fn absence(text: &str, json: bool) -> Result<Absence, Expected> {
    let mut absence = Absence::usual(json);
    let write = |word: &str| match word {
        "omit" => Ok(Write::Omit),
        "null" if json => Ok(Write::Null),
        "empty" => Ok(Write::Empty),
        _ => Err(if json { "omit、null 或 empty" } else { "omit 或 empty" }.to_owned()),
    };
    for word in text.split_whitespace() {
        match word.split_once(':') {
            None if word == "keep" => absence.keep = true,
            None => {
                let write = write(word)?;
                (absence.missing, absence.null, absence.empty) = (write, write, write);
            }
            Some(("missing", word)) => absence.missing = write(word)?,
            Some(("null", word)) => absence.null = write(word)?,
            Some(("empty", word)) => absence.empty = write(word)?,
            Some(("text_null", "null")) => absence.text_null = true,
            Some(_) => return Err("missing:…、null:…、empty:… 或 text_null:null".into()),
        }
    }
    Ok(absence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let segments = path("soap:Body/*/information!PACKAGE/DATA/RECORD[2..]/@no", '/').unwrap();
        let names: Vec<_> = segments.iter().map(|s| (s.name.as_str(), s.nested, s.kind)).collect();
        assert_eq!(names[2], ("information", false, SegmentKind::Plain));
        assert_eq!(names[3], ("PACKAGE", true, SegmentKind::Plain));
        assert_eq!(names[5], ("RECORD", false, SegmentKind::Rest));
        assert_eq!(names[6], ("no", false, SegmentKind::Attribute));
        assert_eq!(segments[0].prefix, "soap");
        assert!(path("data..x", '.').is_err());
        assert!(path("#FILE_LIST/#*[]/NAME", '/').unwrap()[1].named_list);
    }

    #[test]
    fn conditions_defaults_and_rules() {
        assert_eq!(condition("a.format != licence and b present").unwrap().0.len(), 2);
        assert!(condition("a like b").is_err());
        assert!(matches!(
            fallback("choose(cert_no present: completed; else: refused)").unwrap(),
            Fallback::Choose { .. }
        ));
        assert!(matches!(fallback("due(accept_time, promised_days)").unwrap(), Fallback::Due { .. }));
        assert!(matches!(fallback("'0'").unwrap(), Fallback::Text(_)));
        assert!(fallback("what is this").is_err());
        assert!(matches!(rule("sum a = b + c").unwrap(), Rule::Sum { parts, .. } if parts.len() == 2));
        assert!(rule("sum").is_err());
        assert!(matches!(
            rule("identifier a citizen if b = idcard").unwrap(),
            Rule::Identifier { field, kind: Identifier::Citizen, .. } if field == "a"
        ));
        assert!(rule("identifier a passport if b = c").is_err() && rule("identifier a citizen").is_err());
        assert_eq!(rule("positive a").unwrap(), Rule::Positive("a".into()));
        assert_eq!(rule("same a").unwrap(), Rule::Same("a".into()));
        let parts = |text| match rule(text) {
            Ok(Rule::Sum { parts, .. }) => parts,
            other => panic!("{other:?}"),
        };
        assert_eq!(parts("sum a = l[].b + c"), [Part::Each("l[].b".into()), Part::Field("c".into())]);
        assert_eq!(
            parts("sum l[].a = l[].b + l[].m[].c"),
            [Part::Field("l[].b".into()), Part::Each("l[].m[].c".into())]
        );
        assert_eq!(parts("sum n = l[]"), [Part::Count("l[]".into())]);
        for far in
            ["sum a = l[].m[].b", "sum l[].a = b", "sum l[].a = k[].b", "sum a = l[].m[]", "sum a = b +", "sum a = []"]
        {
            assert!(rule(far).is_err(), "{far}");
        }
        assert!(absence("missing:null empty:omit", true).is_ok());
        assert!(absence("null", false).is_err(), "XML has no null");
    }
}
