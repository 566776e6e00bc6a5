//! Check characters that more than one identifier uses.
//!
//! Standards with a check of their own (GB 11643, GB 32100) keep it in their own file.

use super::IdFault;

/// The check character of ISO/IEC 7064, hybrid system MOD 37,36: digits and capitals in, one of the same out.
///
/// # Errors
/// [`IdFault::Character`] for anything but digits and capitals.
pub(super) fn mod_37_36(characters: impl IntoIterator<Item = u8>) -> Result<u8, IdFault> {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut product = 36;
    for character in characters {
        let value = match character {
            b'0'..=b'9' => character - b'0',
            b'A'..=b'Z' => character - b'A' + 10,
            _ => return Err(IdFault::Character),
        };
        // A sum of 0 counts as 36, so that the product never vanishes (ISO/IEC 7064, 9.2).
        let sum = (product + usize::from(value)) % 36;
        product = if sum == 0 { 36 } else { sum } * 2 % 37;
    }
    Ok(ALPHABET[(37 - product) % 36])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the Global Release Identifier standard, which uses the same system.
    #[test]
    fn a_published_example() {
        assert_eq!(mod_37_36(*b"A12425GABC1234002"), Ok(b'M'));
        assert_eq!(mod_37_36(*b"a"), Err(IdFault::Character));
    }
}
