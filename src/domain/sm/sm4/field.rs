//! The algebra of SM4's S-box, worked out by the compiler: matrices over GF(2) and three ways to write GF(2⁸).
//!
//! GB/T 32907-2016 gives the S-box as a table. It is S(x) = A·(A·x + c)⁻¹ + c, the inverse taken in
//! GF(2)[x]/(x⁸+x⁷+x⁶+x⁵+x⁴+x²+1) (F. Liu et al., *Analysis of the SMS4 block cipher*, ACISP 2007); a unit test
//! compares all 256 values. Any other way to write GF(2⁸) will do for the inverse if one changes basis on the way in
//! and out. All that stands between two inverses is linear, so the ways do not change basis in every round: they keep
//! the whole cipher in the basis the inverse wants ([`Basis`]).
//!
//! The linear map L of a round, seen on the four bytes of a word (0 the least significant), is
//! L(B)_i = G·B_i + D·B_{i+1} + E with D = 1 + «2, G = 1 + »6 and E the sum over i of the first two terms. Two small
//! maps of each byte are therefore all that L costs.

/// A linear map of bytes: what each bit of the argument, alone, becomes.
pub(super) type Matrix = [u8; 8];

const IDENTITY: Matrix = [1, 2, 4, 8, 16, 32, 64, 128];

/// Ways to write GF(2⁸) that suit a machine.
#[derive(Clone, Copy)]
pub(super) enum Field {
    /// x⁸+x⁴+x³+x+1: the field of AES and of the instructions called GFNI.
    Aes,
    /// Pairs over GF(2⁴): high nibble × Y + low nibble, Y² = Y + z³, z⁴ = z + 1. Few gates.
    Tower,
}

/// The constant c of the S-box.
const C: u8 = 0xd3;

/// The matrix A of the S-box: row i is 0xa7 turned left by i.
const A: Matrix = {
    let mut rows = [0; 8];
    let mut row = 0;
    while row < 8 {
        rows[row] = 0xa7_u8.rotate_left(row as u32);
        row += 1;
    }
    transpose(rows)
};

/// Rows from columns, and columns from rows.
pub(super) const fn transpose(matrix: Matrix) -> Matrix {
    let mut turned = [0; 8];
    let mut bit = 0;
    while bit < 64 {
        turned[bit % 8] |= (matrix[bit / 8] >> (bit % 8) & 1) << (bit / 8);
        bit += 1;
    }
    turned
}

/// What `matrix` makes of `byte`, in a time that depends on neither.
pub(super) const fn apply(matrix: &Matrix, byte: u8) -> u8 {
    let mut sum = 0;
    let mut bit = 0;
    while bit < 8 {
        sum ^= matrix[bit] & 0u8.wrapping_sub(byte >> bit & 1);
        bit += 1;
    }
    sum
}

/// First `right`, then `left`.
const fn compose(left: &Matrix, right: &Matrix) -> Matrix {
    let mut product = [0; 8];
    let mut bit = 0;
    while bit < 8 {
        product[bit] = apply(left, right[bit]);
        bit += 1;
    }
    product
}

/// The inverse of a matrix that has one, by looking for each bit's origin.
pub(super) const fn inverse(matrix: &Matrix) -> Matrix {
    let mut found = [0; 8];
    let mut byte = 255;
    while byte > 0 {
        let image = apply(matrix, byte);
        if image.is_power_of_two() {
            found[image.trailing_zeros() as usize] = byte;
        }
        byte -= 1;
    }
    found
}

/// Product modulo `polynomial`, whose highest term is x^`degree`.
const fn product_modulo(left: u8, right: u8, polynomial: u16, degree: u32) -> u8 {
    let mut sum = 0;
    let mut bit = degree;
    while bit > 0 {
        bit -= 1;
        sum <<= 1;
        if sum >> degree & 1 == 1 {
            sum ^= polynomial;
        }
        if right >> bit & 1 == 1 {
            sum ^= left as u16;
        }
    }
    sum as u8
}

const fn product(field: Field, left: u8, right: u8) -> u8 {
    match field {
        Field::Aes => product_modulo(left, right, 0x11b, 8),
        Field::Tower => {
            let (a, b, c, d) = (left >> 4, left & 15, right >> 4, right & 15);
            let high = product_modulo(a, c, 0x13, 4);
            let mixed = product_modulo(a, d, 0x13, 4) ^ product_modulo(b, c, 0x13, 4);
            let low = product_modulo(b, d, 0x13, 4) ^ product_modulo(high, 8, 0x13, 4);
            (high ^ mixed) << 4 | low
        }
    }
}

/// The map that takes SM4's field to `field`: it sends x to a root of SM4's polynomial.
const fn isomorphism(field: Field) -> Matrix {
    let mut root = 2;
    loop {
        let mut powers = [1; 8];
        let mut power = 1;
        while power < 8 {
            powers[power] = product(field, powers[power - 1], root);
            power += 1;
        }
        let eighth = product(field, powers[7], root);
        if eighth == powers[7] ^ powers[6] ^ powers[5] ^ powers[4] ^ powers[2] ^ powers[0] {
            return powers;
        }
        root += 1;
    }
}

/// SM4 in the basis of a way to write GF(2⁸): bytes x of the cipher are held as `enter`·x.
pub(super) struct Basis {
    /// From bytes of the cipher to the basis.
    pub(super) enter: Matrix,
    /// Back to bytes of the cipher.
    pub(super) leave: Matrix,
    /// c in that field, added before the inverse.
    pub(super) offset: u8,
    /// From what the substitution gives, a linear map of the inverse, to the linear part of S, as bytes of the cipher.
    pub(super) substituted: Matrix,
    /// From what the substitution gives to G·S, in the basis.
    pub(super) g: Matrix,
    /// From what the substitution gives to D·S, in the basis.
    pub(super) d: Matrix,
    /// L of the word whose bytes are all c, one of its equal bytes, in the basis.
    pub(super) turned_offset: u8,
}

impl Basis {
    /// For a substitution that gives `after`·x⁻¹.
    pub(super) const fn of(field: Field, after: &Matrix) -> Self {
        let isomorphism = isomorphism(field);
        let enter = compose(&isomorphism, &A);
        let substituted = compose(&A, &compose(&inverse(&isomorphism), &inverse(after)));
        let mut g = IDENTITY;
        let mut d = IDENTITY;
        let mut bit = 0;
        while bit < 8 {
            g[bit] ^= IDENTITY[bit] >> 6;
            d[bit] ^= IDENTITY[bit] << 2;
            bit += 1;
        }
        Self {
            leave: inverse(&enter),
            // A·x + c goes into the inverse, and the isomorphism takes c along.
            offset: apply(&isomorphism, C),
            g: compose(&enter, &compose(&g, &substituted)),
            d: compose(&enter, &compose(&d, &substituted)),
            turned_offset: apply(&enter, C.rotate_left(2)),
            substituted,
            enter,
        }
    }

    /// For a substitution that gives the inverse itself.
    pub(super) const fn plain(field: Field) -> Self {
        Self::of(field, &IDENTITY)
    }
}

/// The constant c, for those who finish a byte of the S-box.
pub(super) const CONSTANT: u8 = C;
