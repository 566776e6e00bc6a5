//! Rules across fields, and over single ones.

use super::ConditionText;
use super::Expected;
use super::condition;
use super::convert::Identifier;
use super::convert::identifier;

/// A rule across fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    Digest {
        digest: String,
        content: String,
    },
    /// Where the condition holds, the text is an identifier of that kind.
    Identifier {
        field: String,
        kind: Identifier,
        condition: ConditionText,
    },
    Order {
        before: String,
        after: String,
    },
    /// More than nothing.
    Positive(String),
    Required {
        field: String,
        condition: ConditionText,
    },
    /// What an answer repeats of its request.
    Same(String),
    Sum {
        total: String,
        parts: Vec<Part>,
    },
    Total {
        field: String,
        value: String,
    },
}

/// A part of a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `LIST[]`: how many items there are.
    Count(String),
    /// `LIST[].F`: that field of all items together.
    Each(String),
    Field(String),
}

impl Part {
    /// The field, or the list with its `[]`.
    pub fn id(&self) -> &str {
        let (Self::Count(id) | Self::Each(id) | Self::Field(id)) = self;
        id
    }

    /// The list that is gone through, where it is one.
    pub fn list(&self) -> Option<&str> {
        match self {
            Self::Count(id) => id.strip_suffix("[]"),
            Self::Each(id) => id.rsplit_once("[].").map(|(list, _)| list),
            Self::Field(_) => None,
        }
    }

    /// A part beside the total is a field; one list further down it is a sum or a count.
    fn parse(text: &str, total: &str) -> Option<Self> {
        let around = |id: &str| id.rfind("[].").map_or(0, |at| at + 3);
        let (outside, inside) = (&total[..around(total)], around(text));
        if let Some(list) = text.strip_suffix("[]") {
            return (&text[..around(list)] == outside && !list.is_empty()).then(|| Self::Count(text.into()));
        }
        if &text[..inside] == outside {
            return (!text.is_empty()).then(|| Self::Field(text.into()));
        }
        let list = text[..inside].strip_suffix("[].")?;
        (&text[..around(list)] == outside).then(|| Self::Each(text.into()))
    }
}

/// Parses a rule.
pub(crate) fn rule(text: &str) -> Result<Rule, Expected> {
    let expected = "sum A = B + C + 列表[].F + 列表[]（列表与 A 同级）、total 列表[].F = 100、sm3 摘要 of 内容、order A <= B、required A if 条件、identifier A citizen if 条件、positive A 或 same A";
    let (word, rest) = text.split_once(' ').ok_or(expected)?;
    let halves = |mark: &str| {
        rest.split_once(mark).map(|(left, right)| (left.trim().to_owned(), right.trim().to_owned())).ok_or(expected)
    };
    Ok(match word {
        "sum" => {
            let (total, parts) = halves("=")?;
            let parts = parts.split('+').map(|part| Part::parse(part.trim(), &total).ok_or(expected));
            Rule::Sum { parts: parts.collect::<Result<_, _>>()?, total }
        }
        "total" => {
            let (field, value) = halves("=")?;
            Rule::Total { field, value }
        }
        "sm3" => {
            let (digest, content) = halves(" of ")?;
            Rule::Digest { digest, content }
        }
        "order" => {
            let (before, after) = halves("<=")?;
            Rule::Order { before, after }
        }
        "required" => {
            let (field, when) = halves(" if ")?;
            Rule::Required { field, condition: condition(&when)? }
        }
        "identifier" => {
            let (what, when) = halves(" if ")?;
            let (field, kind) = what.split_once(' ').ok_or(expected)?;
            Rule::Identifier { field: field.into(), kind: identifier(kind.trim())?, condition: condition(&when)? }
        }
        "positive" => Rule::Positive(rest.trim().into()),
        "same" => Rule::Same(rest.trim().into()),
        _ => return Err(expected.into()),
    })
}
