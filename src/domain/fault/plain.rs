//! Whether a value that came in a code's place is so plain that it cannot say anything of a person.
//!
//! It deliberately does not try to recognise personal data: what is not clearly a code is not shown.

/// Most characters of a return code that is shown: programs make them, not persons.
const RETURN_CHARACTERS_MAX: usize = 10;
/// Most digits in a row: a birth date has eight, a telephone number seven.
const DIGITS_MAX: usize = 6;
/// Most letters in a row: words may be names (`zhang_san`).
const LETTERS_MAX: usize = 3;

/// True where a return code that no table knows may be shown.
pub fn may_show_return(code: &str) -> bool {
    is_plain(code, RETURN_CHARACTERS_MAX)
}

/// ASCII digits, letters and `-_.`, few of each in a row.
pub fn is_plain(value: &str, characters_max: usize) -> bool {
    let runs =
        |kind: fn(&u8) -> bool, most: usize| value.as_bytes().split(|byte| !kind(byte)).all(|run| run.len() <= most);
    !value.is_empty()
        && value.len() <= characters_max
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && runs(u8::is_ascii_digit, DIGITS_MAX)
        && runs(u8::is_ascii_alphabetic, LETTERS_MAX)
}
