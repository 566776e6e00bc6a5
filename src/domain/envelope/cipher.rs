//! SM2 ciphertexts: the form of GM/T 0009 (DER), which a [`Key`] opens, and the bare ones that partners send.
//!
//! A bare one is the point C1 (0x04, x, y; or without the 0x04), the ciphertext C2 and its digest C3, in the order
//! C1 C3 C2 of GB/T 32918.4 or in the older C1 C2 C3. Licence sharing platforms send one in hexadecimal under the
//! caller's public key, as `data` or `data.certData` of their answers. The forms cannot be told apart by looking, so
//! a form is configured, never guessed; a wrong one fails by C3.

use crate::domain::asn;
use crate::domain::asn::Malformed;
use crate::domain::asn::Reader;
use crate::domain::envelope::EnvelopeFault;
use crate::domain::key::Key;
use crate::domain::sm::sm2::Order;
use crate::domain::sm::sm2::PublicKey;
use zeroize::Zeroizing;

/// Largest ciphertext that is made or opened.
pub const CIPHERTEXT_BYTES_MAX: usize = 16 << 20;

/// A ciphertext is that much longer than its content at most: C1, C3 and what DER writes around them.
const AROUND_BYTES_MAX: usize = 128;

/// How an SM2 ciphertext is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// GM/T 0009: SEQUENCE of x, y, C3, C2.
    Der,
    /// The parts joined.
    Raw {
        /// Their order.
        order: Order,
        /// Whether C1 begins with 0x04.
        marked: bool,
    },
}

/// All forms, with the names they have in files and on the command line.
pub const FORMS: &[(&str, Form)] = &[
    ("der", Form::Der),
    ("c1c3c2", Form::Raw { order: Order::C1C3C2, marked: true }),
    ("c1c2c3", Form::Raw { order: Order::C1C2C3, marked: true }),
    ("c1c3c2-unmarked", Form::Raw { order: Order::C1C3C2, marked: false }),
    ("c1c2c3-unmarked", Form::Raw { order: Order::C1C2C3, marked: false }),
];

impl Form {
    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        FORMS.iter().find(|(its, _)| *its == name).map(|(_, form)| *form)
    }

    /// From this form to that of GM/T 0009.
    ///
    /// # Errors
    /// When it is too short or marked with something else than 0x04. Whether the point lies on the curve is the key's
    /// to check.
    pub fn to_der(self, bytes: &[u8]) -> Result<Vec<u8>, Malformed> {
        let Self::Raw { order, marked } = self else {
            return Ok(bytes.to_vec());
        };
        let bytes = if marked { bytes.strip_prefix(&[4]).ok_or(Malformed)? } else { bytes };
        let (x, rest) = bytes.split_first_chunk::<32>().ok_or(Malformed)?;
        let (y, rest) = rest.split_first_chunk::<32>().ok_or(Malformed)?;
        let (digest, hidden): (&[u8], &[u8]) = match order {
            Order::C1C3C2 => rest.split_first_chunk::<32>().map(|(digest, hidden)| (&digest[..], hidden)),
            Order::C1C2C3 => rest.split_last_chunk::<32>().map(|(hidden, digest)| (&digest[..], hidden)),
        }
        .ok_or(Malformed)?;
        Ok(asn::sequence(&[&asn::integer(x), &asn::integer(y), &asn::octets(digest), &asn::octets(hidden)]))
    }

    /// From the form of GM/T 0009 to this one.
    ///
    /// # Errors
    /// When it is none.
    pub fn of_der(self, der: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut inside = Reader::of_sequence(der)?;
        let (x, y) = (wide(inside.unsigned()?)?, wide(inside.unsigned()?)?);
        let (digest, hidden) = (inside.octets()?, inside.octets()?);
        inside.finish()?;
        Ok(match self {
            Self::Der => der.to_vec(),
            Self::Raw { order, marked } => {
                let mark: &[u8] = if marked { &[4] } else { &[] };
                let (second, third) = if order == Order::C1C3C2 { (digest, hidden) } else { (hidden, digest) };
                [mark, &x, &y, second, third].concat()
            }
        })
    }
}

fn wide(magnitude: &[u8]) -> Result<[u8; 32], Malformed> {
    let mut wide = [0; 32];
    let start = 32_usize.checked_sub(magnitude.len()).ok_or(Malformed)?;
    wide[start..].copy_from_slice(magnitude);
    Ok(wide)
}

/// Seals `plain` for the holder of `public`. `noise` must come from the operating system's randomness, for this content
/// only.
///
/// # Errors
/// When there is nothing to seal, or more than is opened.
pub fn seal(public: &PublicKey, form: Form, plain: &[u8], noise: &[u8; 48]) -> Result<Vec<u8>, EnvelopeFault> {
    if plain.len() > CIPHERTEXT_BYTES_MAX - AROUND_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    let der = public.encrypt(plain, noise).map_err(|_| EnvelopeFault::NoContent)?;
    Ok(form.of_der(&der)?)
}

/// Opens a ciphertext.
///
/// # Errors
/// When it is not for this key, was changed, or has another form.
pub fn open(key: &dyn Key, form: Form, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeFault> {
    if bytes.len() > CIPHERTEXT_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    Ok(key.decrypt(&form.to_der(bytes)?)?)
}

/// Opens a ciphertext in hexadecimal of either case, as in the answers of licence platforms.
///
/// # Errors
/// As [`open`], and when it is not hexadecimal.
pub fn open_hex(key: &dyn Key, form: Form, text: &str) -> Result<Zeroizing<Vec<u8>>, EnvelopeFault> {
    if text.len() > 2 * CIPHERTEXT_BYTES_MAX {
        return Err(EnvelopeFault::TooLarge);
    }
    open(key, form, &unhex(text).ok_or(EnvelopeFault::Malformed)?)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}
