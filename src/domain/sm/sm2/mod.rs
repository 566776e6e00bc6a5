//! SM2: signatures, encryption and key exchange on the recommended 256-bit curve (GB/T 32918-2016, 32918.5-2017).
//!
//! ```text
//! private  public  known  book  cipher  exchange   what the standard describes, and keys seen again
//!    └────────┴──────┴──────┴──────┴───────┘
//!         comb      product                     scalar times point: with and without a table
//!              point     parallel               adding points; with four products at a time
//!          field    scalar    four              numbers modulo p and n; four at a time
//!         limbs  assembly  inverse              256 bits
//! ```
//!
//! All chance is an argument. What touches a secret takes the same time and reads the same memory whatever the secret;
//! functions that do not hold to that have `public` in their name. Errors say nothing.

#[cfg(target_arch = "x86_64")]
mod assembly;
mod book;
mod cipher;
mod comb;
mod der;
pub mod exchange;
mod field;
#[cfg(target_arch = "x86_64")]
mod four;
mod inverse;
mod known;
mod limbs;
#[cfg(target_arch = "x86_64")]
mod parallel;
mod point;
mod private;
mod product;
mod public;
mod scalar;
mod signature;

pub use book::KnownKeys;
pub use book::Look;
pub use cipher::Order;
pub use known::KnownKey;
pub use private::EphemeralKey;
pub use private::PRIVATE_KEY_BYTES;
pub use private::PrivateKey;
pub use public::DEFAULT_ID;
pub use public::ID_BYTES_MAX;
pub use public::PUBLIC_KEY_BYTES;
pub use public::PublicKey;
pub use public::TLS13_ID;
pub use signature::SIGNATURE_BYTES;
pub use signature::Signature;

#[cfg(test)]
mod tests;
