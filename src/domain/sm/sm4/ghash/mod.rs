//! GHASH, the universal hash of GCM (NIST SP 800-38D, clause 6.4).
//!
//! It deliberately knows no cipher: the hash key is given to it.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use super::BLOCK_BYTES;
use super::Block;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;

/// Ways of multiplying in GF(2¹²⁸), from the slowest to the fastest. All are constant in time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Product {
    /// Multiplications of whole numbers.
    Portable,
    /// PCLMULQDQ, eight blocks to a reduction.
    Pclmulqdq,
    /// PCLMULQDQ on 256 bits, sixteen blocks to a reduction.
    Vpclmulqdq,
}

impl Product {
    /// All ways, from the slowest.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Pclmulqdq, Self::Vpclmulqdq];

    /// The fastest way of this processor.
    pub fn best() -> Self {
        Self::here().last().unwrap_or(Self::Portable)
    }

    /// The ways of this processor, from the slowest.
    pub fn here() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|product| product.is_here())
    }

    #[cfg(target_arch = "x86_64")]
    fn is_here(self) -> bool {
        x86::here(self)
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_here(self) -> bool {
        self == Self::Portable
    }
}

/// The hash key, E(0), made ready.
#[derive(Clone)]
pub(super) struct HashKey(Form);

#[derive(Clone)]
enum Form {
    Portable(portable::HashKey),
    #[cfg(target_arch = "x86_64")]
    Vector(Box<x86::HashKey>),
}

/// A hash that is being computed.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(super) struct Ghash<'key> {
    #[zeroize(skip)]
    key: &'key HashKey,
    sum: Block,
}

impl HashKey {
    /// Nothing when this processor lacks `product`.
    pub(super) fn new(product: Product, block: &Block) -> Option<Self> {
        if product == Product::Portable {
            return Some(Self(Form::Portable(portable::HashKey::new(block))));
        }
        #[cfg(target_arch = "x86_64")]
        return x86::HashKey::new(product, block).map(|key| Self(Form::Vector(Box::new(key))));
        #[cfg(not(target_arch = "x86_64"))]
        None
    }

    pub(super) fn start(&self) -> Ghash<'_> {
        Ghash { key: self, sum: [0; BLOCK_BYTES] }
    }
}

impl Ghash<'_> {
    /// Adds `data`, filled up with zeros to a whole block.
    pub(super) fn update_padded(&mut self, data: &[u8]) {
        let (blocks, rest) = data.as_chunks();
        self.update(blocks);
        if !rest.is_empty() {
            let mut block = [0; BLOCK_BYTES];
            block[..rest.len()].copy_from_slice(rest);
            self.update(&[block]);
        }
    }

    /// Adds the block that ends the hash, the lengths in bits of two strings given in bytes, and gives the hash.
    pub(super) fn finish(mut self, additional_bytes: usize, data_bytes: usize) -> Block {
        let bits = |bytes: usize| u128::from((bytes as u64).wrapping_mul(8));
        self.update(&[(bits(additional_bytes) << 64 | bits(data_bytes)).to_be_bytes()]);
        self.sum
    }

    fn update(&mut self, blocks: &[Block]) {
        match &self.key.0 {
            Form::Portable(key) => key.absorb(&mut self.sum, blocks),
            #[cfg(target_arch = "x86_64")]
            Form::Vector(key) => key.absorb(&mut self.sum, blocks),
        }
    }
}
