//! Checked identifiers: each is parsed once, at the border, into a type that cannot hold a wrong one.
//!
//! What is checked is what the text says of itself: shape, date, division, check character. Whether the person, the
//! company or the licence exists is deliberately not asked; only its issuer knows.

mod case;
mod check;
mod citizen;
mod credit;
mod fund;
mod licence;
mod matter;

pub use case::CaseNumber;
pub use citizen::CitizenNumber;
pub use credit::CreditCode;
pub use fund::FundCentre;
pub use fund::FundNode;
pub use fund::FundSequence;
pub use fund::LetterNumber;
pub use licence::LicenceIdentifier;
pub use matter::MatterCode;

use std::fmt;

/// Why a text is no identifier of its kind. It never holds the text, which may be personal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdFault {
    /// A character that does not occur at its place.
    Character,
    /// The check character does not fit the rest.
    Check,
    /// The date inside does not exist.
    Date,
    /// The division inside names no province.
    Division,
    /// Too short or too long.
    Length,
    /// Parts, prefixes or separators stand otherwise.
    Shape,
}

impl IdFault {
    /// The reason, in words that follow the identifier's name: 公民身份号码 + 校验位不对.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Character => "含有不允许的字符",
            Self::Check => "校验位不对",
            Self::Date => "中的日期不存在",
            Self::Division => "中的行政区划不存在",
            Self::Length => "位数不对",
            Self::Shape => "的结构不对",
        }
    }
}

impl fmt::Display for IdFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.reason())
    }
}

impl std::error::Error for IdFault {}

/// An identifier of a fixed number of ASCII characters, all of them checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Fixed<const LENGTH: usize>([u8; LENGTH]);

impl<const LENGTH: usize> Fixed<LENGTH> {
    /// Takes digits and capitals only, so that every later cut falls between characters.
    fn take(text: &str) -> Result<Self, IdFault> {
        let characters: [u8; LENGTH] = text.as_bytes().try_into().map_err(|_| IdFault::Length)?;
        let known = characters.iter().all(|character| character.is_ascii_digit() || character.is_ascii_uppercase());
        if known { Ok(Self(characters)) } else { Err(IdFault::Character) }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// `as_str`, `Display`, and a `Debug` that shows the text or, for persons, nothing.
macro_rules! shown {
    ($name:ident $(, $hidden:literal)?) => {
        impl $name {
            /// The identifier as it is written.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let shown = shown!(@shown self $(, $hidden)?);
                write!(formatter, "{}({shown})", stringify!($name))
            }
        }
    };
    (@shown $own:ident) => { $own.as_str() };
    (@shown $own:ident, $hidden:literal) => { $hidden };
}
use shown;

/// The number that digits write; the caller has looked that they are at most nine digits.
fn number(digits: &[u8]) -> Result<u32, IdFault> {
    digits.iter().try_fold(0u32, |number, digit| {
        if digit.is_ascii_digit() { Ok(number * 10 + u32::from(digit - b'0')) } else { Err(IdFault::Character) }
    })
}

/// Looks that all are digits, however many.
fn all_digits(text: &[u8]) -> Result<(), IdFault> {
    if text.iter().all(u8::is_ascii_digit) { Ok(()) } else { Err(IdFault::Character) }
}

/// A day that exists.
fn date(year: u32, month: &[u8], day: &[u8]) -> Result<crate::domain::value::Date, IdFault> {
    crate::domain::value::Date::new(year, number(month)?, number(day)?).ok_or(IdFault::Date)
}

/// Looks that a division begins with a province's two digits (GB/T 2260-2007, and 81 to 83, which GB 11643 numbers
/// use for residents of Hong Kong, Macao and Taiwan). Counties are not looked up: retired ones live on in numbers.
fn division(digits: &[u8]) -> Result<(), IdFault> {
    const PROVINCES: [u32; 35] = [
        11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33, 34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50, 51, 52, 53, 54, 61, 62,
        63, 64, 65, 71, 81, 82, 83,
    ];
    all_digits(digits)?;
    let province = number(digits.get(..2).ok_or(IdFault::Length)?)?;
    if PROVINCES.contains(&province) { Ok(()) } else { Err(IdFault::Division) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text as it is written back, or why not.
    fn parse(kind: &str, text: &str) -> Result<String, IdFault> {
        match kind {
            "citizen_id" => CitizenNumber::parse(text).map(|id| id.to_string()),
            "uscc" => CreditCode::parse(text).map(|id| id.to_string()),
            "licence_id" => LicenceIdentifier::parse(text).map(|id| id.to_string()),
            "matter_code_31" | "matter_code_variant" => MatterCode::parse(text).map(|id| id.to_string()),
            "letter_no" => LetterNumber::parse(text).map(|id| id.to_string()),
            "pf_center" => FundCentre::parse(text).map(|id| id.to_string()),
            "pf_node" => FundNode::parse(text).map(|id| id.to_string()),
            "pf_seq_no" => FundSequence::parse(text).map(|id| id.to_string()),
            "gateway_case_no" => CaseNumber::parse(text).map(|id| id.to_string()),
            _ => panic!("{kind} is no kind"),
        }
    }

    const VECTORS: &str = include_str!("../../../tests/vectors/identifiers.csv");

    fn vectors() -> Vec<[String; 4]> {
        let mut rows = csv::Reader::from_reader(VECTORS.as_bytes());
        rows.records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap())
            .collect()
    }

    #[test]
    fn all_vectors() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 34);
        for [kind, value, expected, note] in vectors {
            let got = parse(&kind, &value);
            match (expected.as_str(), note.as_str()) {
                ("valid", _) => assert_eq!(got.as_ref(), Ok(&value), "{value}"),
                ("normalise", _) => assert_eq!(got, Ok(value.to_uppercase()), "{value}"),
                ("convert", _) => {
                    let converted = format!("{}19{}", &value[..6], &value[6..]);
                    assert_eq!(got.as_deref().map(|got| &got[..17]), Ok(converted.as_str()), "{value}");
                    assert!(parse(&kind, &got.unwrap()).is_ok(), "{value}: converted once, it stands");
                }
                ("invalid", "check digit" | "check character" | "version changed, check not") => {
                    assert_eq!(got, Err(IdFault::Check), "{value}");
                }
                ("invalid", "no such date" | "month 13") => assert_eq!(got, Err(IdFault::Date), "{value}"),
                ("invalid", "no such province") => assert_eq!(got, Err(IdFault::Division), "{value}"),
                ("invalid", note) if note.starts_with("letter O") => {
                    assert_eq!(got, Err(IdFault::Character), "{value}");
                }
                // A provincial form: a text like any other, not a code of this standard.
                ("other", _) => assert_eq!(got, Err(IdFault::Length), "{value}"),
                other => panic!("{value}: no test for {other:?}"),
            }
        }
    }

    #[test]
    fn parts_can_be_read() {
        let citizen = CitizenNumber::parse("430602900307998").unwrap();
        assert_eq!(citizen.as_str(), "430602199003079989");
        assert_eq!((citizen.division(), citizen.birthday().unwrap().parts()), ("430602", (1990, 3, 7)));
        assert_eq!(format!("{citizen:?}"), "CitizenNumber(***)", "nobody's number gets into a log");
        assert_eq!(CreditCode::parse("91430600MA0000007J").unwrap().organisation(), "MA0000007");
        let matter = MatterCode::parse("11370800MB285591843370117002011").unwrap();
        assert_eq!((matter.office(), matter.level()), (Some("11370800MB28559184"), Some("3")));
        assert_eq!((matter.basic(), matter.main_item(), matter.sub_item()), ("370117002011", "002", "011"));
        let basic = MatterCode::parse("000115035000").unwrap();
        assert_eq!((basic.office(), basic.level(), basic.basic()), (None, None, "000115035000"));
        let licence = "1.2.156.3005.2.11100000000013338W087.11370800MB28559184.37080001202411010001.001.3";
        let licence = LicenceIdentifier::parse(licence).unwrap();
        assert_eq!((licence.kind(), licence.issuer()), ("11100000000013338W087", "11370800MB28559184"));
        assert_eq!((licence.serial(), licence.version()), ("37080001202411010001", "001"));
        let centre = FundCentre::parse("430600000000000").unwrap();
        assert_eq!((centre.division(), centre.node().as_str()), ("430600", "C43060"));
        assert_eq!(FundSequence::parse("43060261123000000001").unwrap().node(), centre.node());
        assert_eq!(LetterNumber::parse("4306002611230001").unwrap().division(), "430600");
        let case = CaseNumber::parse("YJ20261123430602000001U").unwrap();
        assert_eq!((case.division(), case.accepted().unwrap().parts()), ("430602", (2026, 11, 23)));
        assert_eq!(format!("{case:?}"), "CaseNumber(YJ20261123430602000001U)");
    }

    #[test]
    fn what_the_vectors_leave_out() {
        for (kind, text, fault) in [
            ("citizen_id", "43060219900307998X", IdFault::Check),
            ("citizen_id", "43060219900307998Y", IdFault::Character),
            ("citizen_id", "4306021990030799８9", IdFault::Length),
            ("citizen_id", "43060219900229998", IdFault::Length),
            ("uscc", "91430600ma0000007j", IdFault::Character),
            ("pf_center", "430600000000001", IdFault::Shape),
            ("pf_center", "990600000000000", IdFault::Division),
            ("pf_node", "D43060", IdFault::Shape),
            ("pf_seq_no", "43060261323000000001", IdFault::Date),
            ("gateway_case_no", "YJ20261323430602000001U", IdFault::Date),
            ("gateway_case_no", "YJ20261123430602000002U", IdFault::Check),
            ("gateway_case_no", "JY20261123430602000001U", IdFault::Shape),
            ("licence_id", "1.2.156.3005.3.x", IdFault::Shape),
            ("licence_id", "1.2.156.3005.2.a.b.c.d", IdFault::Shape),
            ("licence_id", "1.2.156.3005.2.a.b.c.d.e", IdFault::Length),
            ("matter_code_31", "11370800MB285591848370117002011", IdFault::Character),
            ("matter_code_31", "00011503500X", IdFault::Character),
        ] {
            assert_eq!(parse(kind, text), Err(fault), "{kind} {text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_what_is_taken_stands(text in "\\PC{0,90}|[0-9X]{15,18}|[0-9A-Z.]{6,90}") {
            for [kind, ..] in vectors() {
                if let Ok(written) = parse(&kind, &text) {
                    prop_assert_eq!(parse(&kind, &written), Ok(written.clone()));
                }
            }
        }

        /// The check characters find every single wrong digit, which is what they are for.
        #[test]
        fn one_wrong_digit_is_found(row in 0..34_usize, at in 0..90_usize, digit in b'0'..=b'9') {
            let [kind, value, expected, _] = vectors().swap_remove(row);
            let checked = ["citizen_id", "uscc", "licence_id", "gateway_case_no"].contains(&kind.as_str());
            let at = at % value.len();
            let before = value.as_bytes()[at];
            prop_assume!(checked && expected == "valid" && before.is_ascii_digit() && before != digit);
            let mut changed = value.into_bytes();
            changed[at] = digit;
            prop_assert!(parse(&kind, &String::from_utf8(changed).unwrap()).is_err());
        }
    }
}
