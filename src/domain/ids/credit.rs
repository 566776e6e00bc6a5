//! 统一社会信用代码 (GB 32100-2015), which holds an organisation code of GB 11714-1997.

use super::Fixed;
use super::IdFault;
use super::shown;

/// 统一社会信用代码: registering department (1), kind (1), division (6), organisation (9), check character (1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CreditCode(Fixed<18>);

shown!(CreditCode);

impl CreditCode {
    /// What a clerk calls it.
    pub const TITLE: &'static str = "统一社会信用代码";

    /// Reads a code. Nothing is repaired: an `I` or `O` is refused (GB 32100-2015, 4.2 leaves out I, O, S, V, Z).
    ///
    /// # Errors
    /// Length, a character that the alphabet leaves out, or one of the two check characters. The division is
    /// deliberately not looked up: offices of the State and older registrations carry codes of their own.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
        let code = Fixed::<18>::take(text)?;
        let mut sum = 0;
        let mut weight = 1;
        for character in &code.0[..17] {
            let value = ALPHABET.iter().position(|known| known == character).ok_or(IdFault::Character)?;
            sum += value * weight;
            weight = weight * 3 % 31;
        }
        let right = ALPHABET[(31 - sum % 31) % 31] == code.0[17] && organisation_check(&code.0[8..16]) == code.0[16];
        if right { Ok(Self(code)) } else { Err(IdFault::Check) }
    }

    /// 组织机构代码: the organisation's own nine characters (GB 11714-1997).
    pub fn organisation(&self) -> &str {
        &self.as_str()[8..17]
    }
}

/// The check character of GB 11714-1997, 3.2: MOD 11 over digits and capitals, `X` for ten.
fn organisation_check(code: &[u8]) -> u8 {
    const WEIGHTS: [u32; 8] = [3, 7, 9, 10, 5, 8, 4, 2];
    let value =
        |character: u8| u32::from(if character.is_ascii_digit() { character - b'0' } else { character - b'A' + 10 });
    let sum: u32 = code.iter().zip(WEIGHTS).map(|(character, weight)| value(*character) * weight).sum();
    b"0X987654321"[(sum % 11) as usize]
}
