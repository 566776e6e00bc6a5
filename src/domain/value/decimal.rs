//! Amounts and rates as decimal text: no floating point, and nothing is rounded in silence.

/// In which unit an amount is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AmountUnit {
    /// 分
    Fen,
    /// 万元
    TenThousandYuan,
    /// 元
    Yuan,
}

/// In which unit a rate is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateUnit {
    /// `0.12`
    Fraction,
    /// `12.00`
    Percent,
}

/// Decimal places of a canonical rate.
const RATE_PLACES: u32 = 8;
/// Most digits of a number that is read; more cannot be an amount.
const DIGITS_MAX: usize = 18;

impl AmountUnit {
    /// The unit by its word in a mapping file.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "fen" => Self::Fen,
            "wan" => Self::TenThousandYuan,
            "yuan" => Self::Yuan,
            _ => return None,
        })
    }

    /// Decimal places that reach down to one fen.
    pub const fn places(self) -> u32 {
        match self {
            Self::Fen => 0,
            Self::TenThousandYuan => 6,
            Self::Yuan => 2,
        }
    }

    /// The unit as the clerk reads it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Fen => "以分为单位的整数金额",
            Self::TenThousandYuan => "以万元为单位的金额",
            Self::Yuan => "以元为单位、两位小数的金额",
        }
    }
}

impl RateUnit {
    /// The unit by its word in a mapping file.
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "fraction" => Self::Fraction,
            "percent" => Self::Percent,
            _ => return None,
        })
    }

    const fn places(self) -> u32 {
        match self {
            Self::Fraction => RATE_PLACES,
            Self::Percent => RATE_PLACES - 2,
        }
    }
}

/// Reads a decimal number as a whole number of its `places`-th decimal. `None`: no number, too long, or finer than that.
fn read_scaled(text: &[u8], places: u32) -> Option<i64> {
    let unsigned = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, decimals) = match unsigned.iter().position(|byte| *byte == b'.') {
        Some(point) => (&unsigned[..point], &unsigned[point + 1..]),
        None => (unsigned, &[][..]),
    };
    if whole.is_empty() || unsigned.ends_with(b".") {
        return None;
    }
    let (decimals, finer) = decimals.split_at(decimals.len().min(places as usize));
    if finer.iter().any(|digit| *digit != b'0') || whole.len() + decimals.len() > DIGITS_MAX {
        return None;
    }
    let mut value = 0i64;
    for byte in whole.iter().chain(decimals) {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    let missing = places - u32::try_from(decimals.len()).ok()?;
    value = value.checked_mul(10i64.checked_pow(missing)?)?;
    Some(if unsigned.len() < text.len() { -value } else { value })
}

/// Writes a whole number of its `places`-th decimal with exactly `decimals` of them, or with as few as it needs.
/// False, and nothing written, where `decimals` are too few to hold it.
fn write_scaled(value: i64, places: u32, decimals: Option<u32>, out: &mut Vec<u8>) -> bool {
    let scale = 10u64.pow(places);
    let magnitude = value.unsigned_abs();
    let (whole, mut fraction) = if places == 0 { (magnitude, 0) } else { (magnitude / scale, magnitude % scale) };
    let mut shown = places;
    while shown > 0 && decimals.map_or(fraction % 10 == 0, |decimals| shown > decimals) {
        if fraction % 10 != 0 {
            return false;
        }
        fraction /= 10;
        shown -= 1;
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    let zeros = decimals.unwrap_or(shown).saturating_sub(shown) as usize;
    if shown > 0 || zeros > 0 {
        out.push(b'.');
    }
    let end = out.len() + shown as usize;
    out.resize(end + zeros, b'0');
    for place in out[end - shown as usize..end].iter_mut().rev() {
        *place = b'0' + (fraction % 10) as u8;
        fraction /= 10;
    }
    true
}

/// Reads an amount into fen. `None` where it is no number or finer than a fen; an amount in fen has no decimal point,
/// since `8400.00` there is most likely a sum in yuan, a hundred times as much.
pub fn read_amount(unit: AmountUnit, text: &[u8]) -> Option<i64> {
    if unit == AmountUnit::Fen { read_integer(text) } else { read_scaled(text, unit.places()) }
}

/// Writes fen with exactly `decimals` places (default: the unit's own); false where these cannot hold it.
pub fn write_amount(unit: AmountUnit, decimals: Option<u32>, fen: i64, out: &mut Vec<u8>) -> bool {
    write_scaled(fen, unit.places(), Some(decimals.unwrap_or(unit.places())), out)
}

/// Reads a rate into hundred-millionths.
pub fn read_rate(unit: RateUnit, text: &[u8]) -> Option<i64> {
    read_scaled(text, unit.places())
}

/// Writes a rate: percent with two places unless said otherwise, fractions with as few as they need.
pub fn write_rate(unit: RateUnit, decimals: Option<u32>, rate: i64, out: &mut Vec<u8>) -> bool {
    let decimals = if unit == RateUnit::Percent { Some(decimals.unwrap_or(2)) } else { decimals };
    write_scaled(rate, unit.places(), decimals, out)
}

/// Reads a whole number of up to 18 digits.
pub fn read_integer(text: &[u8]) -> Option<i64> {
    if text.contains(&b'.') { None } else { read_scaled(text, 0) }
}

/// Writes a whole number.
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    write_scaled(value, 0, Some(0), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(from: AmountUnit, text: &str, to: AmountUnit) -> Option<String> {
        let mut out = Vec::new();
        let fen = read_amount(from, text.as_bytes())?;
        write_amount(to, None, fen, &mut out).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn amounts_change_units_exactly() {
        use AmountUnit::{Fen, TenThousandYuan, Yuan};
        assert_eq!(amount(Yuan, "8400.00", Fen).as_deref(), Some("840000"));
        assert_eq!(amount(Fen, "4532154", Yuan).as_deref(), Some("45321.54"));
        assert_eq!(amount(Fen, "0", Yuan).as_deref(), Some("0.00"));
        assert_eq!(amount(Fen, "7", Yuan).as_deref(), Some("0.07"));
        assert_eq!(amount(TenThousandYuan, "500.000000", Fen).as_deref(), Some("500000000"));
        assert_eq!(amount(Fen, "500000000", TenThousandYuan).as_deref(), Some("500.000000"));
        assert_eq!(amount(Fen, "-12", Yuan).as_deref(), Some("-0.12"));
        assert_eq!(amount(Yuan, "6132.1", Fen).as_deref(), Some("613210"));
        assert_eq!(amount(Yuan, "12.000", Fen).as_deref(), Some("1200"));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for wrong in ["", "-", ".5", "5.", "1.2.3", "1e3", "0.005", "1,000", "9999999999999999999", "１"] {
            assert_eq!(read_amount(AmountUnit::Yuan, wrong.as_bytes()), None, "{wrong}");
        }
        assert_eq!(read_amount(AmountUnit::Fen, b"8400.00"), None, "a sum in yuan where fen were agreed on");
    }

    #[test]
    fn rates() {
        let mut out = Vec::new();
        assert!(write_rate(RateUnit::Percent, None, read_rate(RateUnit::Fraction, b"0.12").unwrap(), &mut out));
        out.push(b' ');
        assert!(write_rate(RateUnit::Fraction, None, read_rate(RateUnit::Percent, b"60.00").unwrap(), &mut out));
        out.push(b' ');
        assert!(write_rate(RateUnit::Fraction, None, read_rate(RateUnit::Percent, b"100").unwrap(), &mut out));
        assert_eq!(out, b"12.00 0.6 1");
        assert!(!write_rate(RateUnit::Percent, None, read_rate(RateUnit::Fraction, b"0.123456").unwrap(), &mut out));
    }

    #[test]
    fn integers_go_round() {
        for value in [0, 7, -7, 10, 1_795_397_416_234, 999_999_999_999_999_999] {
            let mut out = Vec::new();
            write_integer(value, &mut out);
            assert_eq!(out, value.to_string().as_bytes());
            assert_eq!(read_integer(&out), Some(value));
        }
        assert_eq!(read_integer(b"1.0"), None);
    }
}
