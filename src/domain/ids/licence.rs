//! 电子证照标识 (GB/T 36904-2018 and the OID 1.2.156.3005.2 of the national e-licence platform).

use super::CreditCode;
use super::IdFault;
use super::check::mod_37_36;
use super::shown;

/// The arc of the national e-licences, with its closing dot.
const ARC: &str = "1.2.156.3005.2.";
/// Longest serial number in characters; 9 to 20 were seen.
const SERIAL_CHARACTERS_MAX: usize = 32;

/// 电子证照标识: `1.2.156.3005.2.` type code (21) `.` issuer's credit code (18) `.` serial `.` version (3) `.` check.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LicenceIdentifier(String);

// A licence belongs to one person, and its number may be that person's.
shown!(LicenceIdentifier, "***");

impl LicenceIdentifier {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "电子证照标识";

    /// Reads an identifier. The check character is ISO/IEC 7064 MOD 37,36 over type, issuer, serial and version
    /// without dots.
    ///
    /// # Errors
    /// Another arc or another number of parts, a part's length or characters, a credit code that is wrong by itself,
    /// or the check character.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let rest = text.strip_prefix(ARC).ok_or(IdFault::Shape)?;
        let [kind, issuer, serial, version, check] = parts(rest).ok_or(IdFault::Shape)?;
        let lengths = kind.len() == 21
            && (1..=SERIAL_CHARACTERS_MAX).contains(&serial.len())
            && version.len() == 3
            && check.len() == 1;
        if !lengths {
            return Err(IdFault::Length);
        }
        let (office, number) = kind.split_at_checked(18).ok_or(IdFault::Character)?;
        CreditCode::parse(office)?;
        CreditCode::parse(issuer)?;
        super::all_digits(version.as_bytes())?;
        let expected = mod_37_36([office, number, issuer, serial, version].into_iter().flat_map(str::bytes))?;
        if check.as_bytes() == [expected] { Ok(Self(text.into())) } else { Err(IdFault::Check) }
    }

    fn part(&self, number: usize) -> &str {
        parts(&self.0[ARC.len()..]).map_or("", |parts| parts[number])
    }

    /// 证照类型代码: what kind of licence it is.
    pub fn kind(&self) -> &str {
        self.part(0)
    }

    /// 颁发机构代码: the issuer's credit code.
    pub fn issuer(&self) -> &str {
        self.part(1)
    }

    /// 流水号: the issuer's own number.
    pub fn serial(&self) -> &str {
        self.part(2)
    }

    /// 版本号: it rises with each change of the same licence.
    pub fn version(&self) -> &str {
        self.part(3)
    }
}

fn parts(rest: &str) -> Option<[&str; 5]> {
    let mut words = rest.split('.');
    let parts = [words.next()?, words.next()?, words.next()?, words.next()?, words.next()?];
    words.next().is_none().then_some(parts)
}
