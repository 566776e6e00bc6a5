//! The `convert` cell: how the text at a place stands for the canonical value.

use super::Expected;
use crate::domain::codes::Otherwise;
use crate::domain::value::AmountUnit;
use crate::domain::value::BoolSet;
use crate::domain::value::DateForm;
use crate::domain::value::DateTimeForm;
use crate::domain::value::MonthForm;
use crate::domain::value::RateUnit;

/// Which of the two texts a name with a middle dot, and so on: how one side writes a canonical value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Convert {
    Address(AddressPart),
    Amount {
        unit: AmountUnit,
        decimals: Option<u32>,
    },
    Bool(BoolSet),
    Code {
        table: String,
        set: String,
        otherwise: Otherwise,
    },
    Const(String),
    Container,
    Count {
        list: String,
        plus: i64,
    },
    Date(Vec<DateForm>),
    DateTime(Vec<DateTimeForm>),
    Identifier(Identifier),
    Index {
        base: i64,
    },
    Int,
    /// What a verified licence says under a name of GB/T 36903; the field is the licence's identifier. Never read.
    Licence(String),
    List,
    Mask(Mask),
    Month(Vec<MonthForm>),
    Name,
    Rate {
        unit: RateUnit,
        decimals: Option<u32>,
    },
    Sequence,
    Text {
        characters_max: Option<usize>,
        bytes_max: Option<usize>,
        trim: bool,
        strip_codes: bool,
    },
    Validity {
        form: DateForm,
        no_end: NoEnd,
    },
}

/// What part of an address a place holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressPart {
    Division,
    Rest,
    Text,
}

/// Kind of checked identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identifier {
    Case,
    Centre,
    Citizen,
    Credit,
    Letter,
    Licence,
    Matter,
}

/// How a value is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    /// The last four characters stay.
    Account,
    /// Nothing stays.
    Hide,
    /// The first six and the last four stay.
    IdNumber,
    /// The first character stays.
    Name,
    /// The first three and the last four stay.
    Phone,
}

/// How "no end" is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoEnd {
    /// As an absent value, by the row's `absent`.
    Absent,
    Text(String),
}

/// A converter and, for JSON, whether its text is a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conversion {
    pub convert: Convert,
    /// `None`: as the converter has it.
    pub literal: Option<bool>,
}

impl Conversion {
    /// True where JSON writes the text without quotes.
    pub(crate) fn is_literal(&self) -> bool {
        self.literal.unwrap_or(match &self.convert {
            Convert::Int | Convert::Count { .. } | Convert::Index { .. } | Convert::Bool(BoolSet::Json) => true,
            Convert::Date(forms) => matches!(forms[0], DateForm::EpochMilliseconds | DateForm::EpochSeconds),
            Convert::Validity { form, .. } => matches!(form, DateForm::EpochMilliseconds | DateForm::EpochSeconds),
            Convert::DateTime(forms) => {
                matches!(forms[0], DateTimeForm::EpochMilliseconds | DateTimeForm::EpochSeconds)
            }
            _ => false,
        })
    }
}

/// Words that a `convert` cell can begin with, for suggestions.
pub(crate) const CONVERTERS: &[&str] = &[
    "address",
    "amount",
    "bool",
    "code",
    "const",
    "container",
    "count",
    "date",
    "datetime",
    "identifier",
    "index",
    "int",
    "licence",
    "list",
    "mask",
    "month",
    "name",
    "pf_sequence",
    "rate",
    "text",
    "validity",
];

/// Parses a `convert` cell.
pub(crate) fn conversion(text: &str) -> Result<Conversion, Expected> {
    let mut text = text.trim();
    let mut literal = None;
    for (word, value) in [("number", true), ("bool", true), ("string", false)] {
        // A constant has the word in front of its text, all others behind their options.
        if let Some(rest) =
            text.strip_prefix("const ").and_then(|rest| rest.strip_prefix(word)).and_then(|rest| rest.strip_prefix(' '))
        {
            return Ok(Conversion { convert: Convert::Const(rest.trim().to_owned()), literal: Some(value) });
        }
        if let Some(rest) =
            text.strip_suffix(word).and_then(|rest| rest.strip_suffix(' ')).filter(|rest| !rest.starts_with("const"))
        {
            (text, literal) = (rest.trim_end(), Some(value));
            break;
        }
    }
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let convert = convert(word, rest.trim())?;
    Ok(Conversion { convert, literal })
}

fn convert(word: &str, rest: &str) -> Result<Convert, Expected> {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let decimals = |at: usize| {
        words.get(at).map(|n| n.parse::<u32>().ok().filter(|n| *n <= 8).ok_or("小数位数 0 到 8")).transpose()
    };
    match word {
        "" | "text" => text_options(&words),
        "name" => Ok(Convert::Name),
        "code" => code(&words),
        "date" => forms(rest, DateForm::parse)
            .map(Convert::Date)
            .ok_or_else(|| "date 后接 yyyy-MM-dd、yyyyMMdd、yyyy/MM/dd、yyyyMM、epoch_ms 或 epoch_s".into()),
        "month" => forms(rest, MonthForm::parse)
            .map(Convert::Month)
            .ok_or_else(|| "month 后接 yyyy-MM、yyyyMM 或 yyyyMMdd".into()),
        "datetime" => forms(rest, DateTimeForm::parse)
            .map(Convert::DateTime)
            .ok_or_else(|| "datetime 后接 yyyy-MM-dd HH:mm:ss、yyyyMMddHHmmss、epoch_ms 等".into()),
        "validity" => {
            let form =
                words.first().and_then(|form| DateForm::parse(form)).ok_or("validity 后接日期格式和“长期”的写法")?;
            let no_end = match words.get(1) {
                None | Some(&("null" | "empty")) => NoEnd::Absent,
                Some(word) => NoEnd::Text((*word).into()),
            };
            Ok(Convert::Validity { form, no_end })
        }
        "amount" => {
            let unit = words.first().and_then(|unit| AmountUnit::parse(unit)).ok_or("amount 后接 yuan、fen 或 wan")?;
            Ok(Convert::Amount { unit, decimals: decimals(1)? })
        }
        "rate" => {
            let unit = words.first().and_then(|unit| RateUnit::parse(unit)).ok_or("rate 后接 percent 或 fraction")?;
            Ok(Convert::Rate { unit, decimals: decimals(1)? })
        }
        "bool" => {
            BoolSet::parse(rest).map(Convert::Bool).ok_or_else(|| "bool 后接 json、1_0、1_2、Y_N 或 是_否".into())
        }
        "int" => Ok(Convert::Int),
        "licence" => {
            let is_name = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
            let is_right = rest.starts_with(|first: char| first.is_ascii_uppercase()) && rest.len() <= 32;
            if is_right && rest.bytes().all(is_name) {
                Ok(Convert::Licence(rest.to_owned()))
            } else {
                Err("licence 后接国标字段名，如 licence CZZT".into())
            }
        }
        "identifier" => identifier(rest).map(Convert::Identifier),
        "address" => match rest {
            "division" => Ok(Convert::Address(AddressPart::Division)),
            "rest" => Ok(Convert::Address(AddressPart::Rest)),
            "text" => Ok(Convert::Address(AddressPart::Text)),
            _ => Err("address 后接 division、rest 或 text".into()),
        },
        "const" => Ok(Convert::Const(rest.to_owned())),
        "count" => {
            let list = words.first().ok_or("count 后接列表名")?;
            let plus = words.get(1).map_or(Ok(0), |plus| plus.parse().map_err(|_| "count 列表名后接 +数"))?;
            Ok(Convert::Count { list: list.trim_end_matches("[]").into(), plus })
        }
        "index" => Ok(Convert::Index {
            base: words.first().map_or(Ok(1), |base| base.parse().map_err(|_| "index 后接起始数"))?,
        }),
        "mask" => match rest {
            "hide" => Ok(Convert::Mask(Mask::Hide)),
            "name" => Ok(Convert::Mask(Mask::Name)),
            "idno" => Ok(Convert::Mask(Mask::IdNumber)),
            "phone" => Ok(Convert::Mask(Mask::Phone)),
            "acct" => Ok(Convert::Mask(Mask::Account)),
            _ => Err("mask 后接 hide、name、idno、phone 或 acct".into()),
        },
        "pf_sequence" => Ok(Convert::Sequence),
        "container" => Ok(Convert::Container),
        "list" => Ok(Convert::List),
        _ => Err(format!("转换器之一：{}", CONVERTERS.join("、"))),
    }
}

/// Parses the kind of an identifier.
pub(crate) fn identifier(word: &str) -> Result<Identifier, Expected> {
    Ok(match word {
        "uscc" => Identifier::Credit,
        "citizen" => Identifier::Citizen,
        "letter" => Identifier::Letter,
        "case" => Identifier::Case,
        "centre" => Identifier::Centre,
        "licence" => Identifier::Licence,
        "matter" => Identifier::Matter,
        _ => return Err("identifier 后接 uscc、citizen、letter、case、centre、licence 或 matter".into()),
    })
}

fn text_options(words: &[&str]) -> Result<Convert, Expected> {
    let (mut characters_max, mut bytes_max, mut trim, mut strip_codes) = (None, None, false, false);
    let mut words = words.iter().peekable();
    while let Some(word) = words.next() {
        match *word {
            "trim" => trim = true,
            "strip_codes" => strip_codes = true,
            "max" => {
                let number = words.next().and_then(|n| n.parse().ok()).ok_or("max 后接数字")?;
                if words.next_if(|word| **word == "bytes").is_some() {
                    bytes_max = Some(number);
                } else {
                    characters_max = Some(number);
                }
            }
            _ => return Err("text 的选项：max N、max N bytes、trim、strip_codes".into()),
        }
    }
    Ok(Convert::Text { characters_max, bytes_max, trim, strip_codes })
}

fn code(words: &[&str]) -> Result<Convert, Expected> {
    let expected = || "code 码表:代码集，可接 else 代码、else parent 或 else prefix4".to_owned();
    let (table, set) = words.first().and_then(|word| word.split_once(':')).ok_or_else(expected)?;
    let otherwise = match words[1..] {
        [] => Otherwise::Refuse,
        ["else", "parent"] => Otherwise::Parent,
        ["else", "prefix4"] => Otherwise::Prefix4,
        ["else", code] => Otherwise::Code(code.into()),
        _ => return Err(expected()),
    };
    Ok(Convert::Code { table: table.into(), set: set.into(), otherwise })
}

fn forms<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split('|').map(|word| parse(word.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converters() {
        assert_eq!(conversion("").unwrap().convert, conversion("text").unwrap().convert);
        assert!(conversion("amount yuan number").unwrap().is_literal());
        assert!(!conversion("amount yuan").unwrap().is_literal());
        assert_eq!(
            conversion("const number 200").unwrap(),
            Conversion { convert: Convert::Const("200".into()), literal: Some(true) }
        );
        assert_eq!(conversion("const success").unwrap().convert, Convert::Const("success".into()));
        assert_eq!(conversion("const number").unwrap().convert, Convert::Const("number".into()));
        assert!(matches!(conversion("datetime yyyy-MM-dd HH:mm:ss").unwrap().convert, Convert::DateTime(_)));
        assert!(
            matches!(conversion("month yyyyMM|yyyyMMdd").unwrap().convert, Convert::Month(forms) if forms.len() == 2)
        );
        assert!(matches!(conversion("count materials +1").unwrap().convert, Convert::Count { plus: 1, .. }));
        for wrong in ["cod x:y", "code x", "date dd/MM", "amount dollar", "bool maybe", "text max", "mask x"] {
            assert!(conversion(wrong).is_err(), "{wrong}");
        }
    }
}
