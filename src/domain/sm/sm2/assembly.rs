//! Arithmetic of field elements with MULX, ADCX and ADOX, and picking from a table with AVX2.
//!
//! Why assembly: this arithmetic is nearly all of the time of every SM2 operation, and what rustc 1.95 makes of the same
//! steps takes about twice as long. It neither uses the two independent carry chains of ADX nor keeps a carry in the flag
//! across a product, and where a limb of p is all ones it takes carry chains apart into comparisons. No crate has this
//! field in assembly. The portable way is the same arithmetic, stands in `field.rs`, and is what other processors use;
//! tests compare the two.
//!
//! The code has no branch and no memory access that depends on a value.

#![allow(unsafe_code, reason = "inline assembly; each block says why it is sound")]
#![allow(clippy::inline_always, reason = "a call would cost a tenth of the function")]

use crate::domain::sm::sm2::limbs::Limbs;
use std::arch::asm;
use std::arch::x86_64::_mm256_add_epi64;
use std::arch::x86_64::_mm256_and_si256;
use std::arch::x86_64::_mm256_cmpeq_epi64;
use std::arch::x86_64::_mm256_loadu_si256;
use std::arch::x86_64::_mm256_or_si256;
use std::arch::x86_64::_mm256_set1_epi64x;
use std::arch::x86_64::_mm256_setzero_si256;
use std::arch::x86_64::_mm256_storeu_si256;

/// Whether this processor has the instructions.
#[inline(always)]
pub(super) fn available() -> bool {
    std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("adx")
        && std::arch::is_x86_feature_detected!("avx2")
}

/// The row `sum += a * rdx * 2^(64 * i)`: `z0..z3` are limbs i to i + 3 of the sum, `z4` becomes limb i + 4.
macro_rules! row {
    ($z0:literal, $z1:literal, $z2:literal, $z3:literal, $z4:literal) => {
        concat!(
            // Clears both carry flags.
            "xor {t:e}, {t:e}\n",
            "mulx {h}, {t}, [{a}]\n",
            concat!("adcx {", $z0, "}, {t}\n"),
            concat!("adox {", $z1, "}, {h}\n"),
            "mulx {h}, {t}, [{a} + 8]\n",
            concat!("adcx {", $z1, "}, {t}\n"),
            concat!("adox {", $z2, "}, {h}\n"),
            "mulx {h}, {t}, [{a} + 16]\n",
            concat!("adcx {", $z2, "}, {t}\n"),
            concat!("adox {", $z3, "}, {h}\n"),
            concat!("mulx {", $z4, "}, {t}, [{a} + 24]\n"),
            concat!("adcx {", $z3, "}, {t}\n"),
            "mov {t:e}, 0\n",
            concat!("adcx {", $z4, "}, {t}\n"),
            concat!("adox {", $z4, "}, {t}\n"),
        )
    };
}

/// Adds m * p for the m below 2^128 that clears the limbs `z0` and `z1`; the sum of four limbs, which stays below 2^256,
/// is then in `z2`, `z3`, `z0` and `m`. See `clear_two` in `field.rs`: m0 is `z0`, m1 is made in `m`; to be added are m1,
/// 0, m0 and m1, to be subtracted what stands in `d`, `e`, `d` and `f`.
macro_rules! clear_two {
    ($z0:literal, $z1:literal, $z2:literal, $z3:literal, $m:literal, $c:literal, $d:literal, $e:literal, $f:literal) => {
        concat!(
            concat!("mov {", $c, "}, {", $z0, "}\n"),
            concat!("shl {", $c, "}, 32\n"),
            concat!("lea {", $m, "}, [{", $z1, "} + {", $z0, "}]\n"),
            concat!("sub {", $m, "}, {", $c, "}\n"),
            concat!("mov {", $d, "}, {", $m, "}\n"),
            concat!("mov {", $e, "}, {", $z0, "}\n"),
            concat!("mov ", $f, ", {", $m, "}\n"),
            concat!("shld {", $d, "}, {", $z0, "}, 32\n"),
            concat!("shld {", $e, "}, {", $m, "}, 32\n"),
            concat!("shr ", $f, ", 32\n"),
            concat!("add {", $z1, "}, {", $z0, "}\n"),
            concat!("adc {", $z2, "}, {", $m, "}\n"),
            concat!("adc {", $z3, "}, 0\n"),
            concat!("adc {", $z0, "}, 0\n"),
            concat!("adc {", $m, "}, 0\n"),
            concat!("sub {", $z1, "}, {", $c, "}\n"),
            concat!("sbb {", $z2, "}, {", $d, "}\n"),
            concat!("sbb {", $z3, "}, {", $e, "}\n"),
            concat!("sbb {", $z0, "}, {", $d, "}\n"),
            concat!("sbb {", $m, "}, ", $f, "\n"),
        )
    };
}

/// The sum of eight limbs, divided by 2^256 modulo p, in `z0..z3`; `a` and `b` are used up.
macro_rules! reduce {
    () => {
        concat!(
            clear_two!("z0", "z1", "z2", "z3", "t", "h", "a", "b", "rdx"),
            // Now z2, z3, z0 and t, with z1 free; after the next step z0, t, z2 and z1.
            clear_two!("z2", "z3", "z0", "t", "z1", "h", "a", "b", "rdx"),
            "add {z0}, {z4}\n",
            "adc {t}, {z5}\n",
            "adc {z2}, {z6}\n",
            "adc {z1}, {z7}\n",
            "mov {z3:e}, 0\n",
            "adc {z3}, 0\n",
            // Takes p away; a borrow beyond the carry brings the sum back.
            "mov {h}, 0xffffffff00000000\n",
            "mov rdx, 0xfffffffeffffffff\n",
            "mov {z4}, {z0}\n",
            "mov {z5}, {t}\n",
            "mov {z6}, {z2}\n",
            "mov {z7}, {z1}\n",
            "sub {z4}, -1\n",
            "sbb {z5}, {h}\n",
            "sbb {z6}, -1\n",
            "sbb {z7}, rdx\n",
            "sbb {z3}, 0\n",
            "cmovnc {z0}, {z4}\n",
            "cmovnc {t}, {z5}\n",
            "cmovnc {z2}, {z6}\n",
            "cmovnc {z1}, {z7}\n",
        )
    };
}

/// `a * b / 2^256` modulo p, for `a` and `b` below p. Only where [`available`].
#[inline(always)]
pub(super) fn multiply(a: &Limbs, b: &Limbs) -> Limbs {
    debug_assert!(available());
    let (z0, z1, z2, z3): (u64, u64, u64, u64);
    // SAFETY: it reads the 32 bytes at each pointer, which borrow whole arrays, writes registers that are declared,
    // leaves memory and stack alone, and its instructions are there, as the caller has made sure.
    unsafe {
        asm!(
            "mov rdx, [{b}]",
            "mulx {z1}, {z0}, [{a}]",
            "mulx {z2}, {t}, [{a} + 8]",
            "add {z1}, {t}",
            "mulx {z3}, {t}, [{a} + 16]",
            "adc {z2}, {t}",
            "mulx {z4}, {t}, [{a} + 24]",
            "adc {z3}, {t}",
            "adc {z4}, 0",
            "mov rdx, [{b} + 8]",
            row!("z1", "z2", "z3", "z4", "z5"),
            "mov rdx, [{b} + 16]",
            row!("z2", "z3", "z4", "z5", "z6"),
            "mov rdx, [{b} + 24]",
            row!("z3", "z4", "z5", "z6", "z7"),
            reduce!(),
            a = inout(reg) a.as_ptr() => _,
            b = inout(reg) b.as_ptr() => _,
            z0 = out(reg) z0,
            z1 = out(reg) z3,
            z2 = out(reg) z2,
            z3 = out(reg) _,
            z4 = out(reg) _,
            z5 = out(reg) _,
            z6 = out(reg) _,
            z7 = out(reg) _,
            t = out(reg) z1,
            h = out(reg) _,
            out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [z0, z1, z2, z3]
}

/// `a * a / 2^256` modulo p, for `a` below p: the six mixed products once, doubled, and the four squares. Only where
/// [`available`].
#[inline(always)]
pub(super) fn square(a: &Limbs) -> Limbs {
    debug_assert!(available());
    let (z0, z1, z2, z3): (u64, u64, u64, u64);
    // SAFETY: as in `multiply`.
    unsafe {
        asm!(
            "mov rdx, [{a}]",
            "mulx {z2}, {z1}, [{a} + 8]",
            "mulx {z3}, {t}, [{a} + 16]",
            "add {z2}, {t}",
            "mulx {z4}, {t}, [{a} + 24]",
            "adc {z3}, {t}",
            "adc {z4}, 0",
            "mov rdx, [{a} + 8]",
            "mulx {h}, {t}, [{a} + 16]",
            "mulx {z5}, {z0}, [{a} + 24]",
            "add {z3}, {t}",
            "adc {z4}, {h}",
            "adc {z5}, 0",
            "mov rdx, [{a} + 16]",
            "mulx {z6}, {t}, [{a} + 24]",
            "add {z4}, {z0}",
            "adc {z5}, {t}",
            "adc {z6}, 0",
            "mov {z7:e}, 0",
            "add {z1}, {z1}",
            "adc {z2}, {z2}",
            "adc {z3}, {z3}",
            "adc {z4}, {z4}",
            "adc {z5}, {z5}",
            "adc {z6}, {z6}",
            "adc {z7}, {z7}",
            "mov rdx, [{a}]",
            "mulx {h}, {z0}, rdx",
            "add {z1}, {h}",
            "mov rdx, [{a} + 8]",
            "mulx {h}, {t}, rdx",
            "adc {z2}, {t}",
            "adc {z3}, {h}",
            "mov rdx, [{a} + 16]",
            "mulx {h}, {t}, rdx",
            "adc {z4}, {t}",
            "adc {z5}, {h}",
            "mov rdx, [{a} + 24]",
            "mulx {h}, {t}, rdx",
            "adc {z6}, {t}",
            "adc {z7}, {h}",
            reduce!(),
            a = inout(reg) a.as_ptr() => _,
            b = out(reg) _,
            z0 = out(reg) z0,
            z1 = out(reg) z3,
            z2 = out(reg) z2,
            z3 = out(reg) _,
            z4 = out(reg) _,
            z5 = out(reg) _,
            z6 = out(reg) _,
            z7 = out(reg) _,
            t = out(reg) z1,
            h = out(reg) _,
            out("rdx") _,
            options(pure, readonly, nostack),
        );
    }
    [z0, z1, z2, z3]
}

/// `a + b` modulo p, for `a` and `b` below p.
#[inline(always)]
pub(super) fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let (z0, z1, z2, z3): (u64, u64, u64, u64);
    // SAFETY: as in `multiply`; these instructions every x86-64 processor has.
    unsafe {
        asm!(
            "mov {z0}, [{a}]",
            "mov {z1}, [{a} + 8]",
            "mov {z2}, [{a} + 16]",
            "mov {z3}, [{a} + 24]",
            "xor {t:e}, {t:e}",
            "mov {p1}, 0xffffffff00000000",
            "mov {p3}, 0xfffffffeffffffff",
            "add {z0}, [{b}]",
            "adc {z1}, [{b} + 8]",
            "adc {z2}, [{b} + 16]",
            "adc {z3}, [{b} + 24]",
            "adc {t}, 0",
            "mov {y0}, {z0}",
            "mov {y1}, {z1}",
            "mov {y2}, {z2}",
            "mov {y3}, {z3}",
            "sub {y0}, -1",
            "sbb {y1}, {p1}",
            "sbb {y2}, -1",
            "sbb {y3}, {p3}",
            "sbb {t}, 0",
            "cmovnc {z0}, {y0}",
            "cmovnc {z1}, {y1}",
            "cmovnc {z2}, {y2}",
            "cmovnc {z3}, {y3}",
            a = in(reg) a.as_ptr(),
            b = in(reg) b.as_ptr(),
            z0 = out(reg) z0,
            z1 = out(reg) z1,
            z2 = out(reg) z2,
            z3 = out(reg) z3,
            y0 = out(reg) _,
            y1 = out(reg) _,
            y2 = out(reg) _,
            y3 = out(reg) _,
            t = out(reg) _,
            p1 = out(reg) _,
            p3 = out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    [z0, z1, z2, z3]
}

/// `a - b` modulo p, for `a` and `b` below p.
#[inline(always)]
pub(super) fn subtract(a: &Limbs, b: &Limbs) -> Limbs {
    let (z0, z1, z2, z3): (u64, u64, u64, u64);
    // SAFETY: as in `add`.
    unsafe {
        asm!(
            "mov {z0}, [{a}]",
            "mov {z1}, [{a} + 8]",
            "mov {z2}, [{a} + 16]",
            "mov {z3}, [{a} + 24]",
            "sub {z0}, [{b}]",
            "sbb {z1}, [{b} + 8]",
            "sbb {z2}, [{b} + 16]",
            "sbb {z3}, [{b} + 24]",
            // The limbs of p, or zeros: -1, -2^32, -1, -2^32 - 1.
            "sbb {t}, {t}",
            "mov {p1}, {t}",
            "shl {p1}, 32",
            "lea {p3}, [{p1} + {t}]",
            "add {z0}, {t}",
            "adc {z1}, {p1}",
            "adc {z2}, {t}",
            "adc {z3}, {p3}",
            a = in(reg) a.as_ptr(),
            b = in(reg) b.as_ptr(),
            z0 = out(reg) z0,
            z1 = out(reg) z1,
            z2 = out(reg) z2,
            z3 = out(reg) z3,
            t = out(reg) _,
            p1 = out(reg) _,
            p3 = out(reg) _,
            options(pure, readonly, nostack),
        );
    }
    [z0, z1, z2, z3]
}

/// The entry at `number - 1` of `table`, or zeros for the number 0; every entry is read. Only where [`available`].
#[inline(always)]
pub(super) fn pick<const N: usize>(table: &[[u64; N]], number: u64) -> [u64; N] {
    debug_assert!(available());
    // SAFETY: the processor has AVX2, as the caller has made sure.
    unsafe { pick_avx2(table, number) }
}

#[target_feature(enable = "avx2")]
fn pick_avx2<const N: usize>(table: &[[u64; N]], number: u64) -> [u64; N] {
    const { assert!(N.is_multiple_of(4) && N <= 20) };
    let wanted = _mm256_set1_epi64x(number.cast_signed());
    let one = _mm256_set1_epi64x(1);
    let mut at = _mm256_setzero_si256();
    let mut sums = [_mm256_setzero_si256(); 5];
    for entry in table {
        at = _mm256_add_epi64(at, one);
        let mask = _mm256_cmpeq_epi64(at, wanted);
        for (sum, four) in sums.iter_mut().zip(entry.as_chunks::<4>().0) {
            // SAFETY: it reads the 32 bytes of four limbs; no alignment is asked for.
            let four = unsafe { _mm256_loadu_si256(four.as_ptr().cast()) };
            *sum = _mm256_or_si256(*sum, _mm256_and_si256(four, mask));
        }
    }
    let mut picked = [0; N];
    for (four, sum) in picked.as_chunks_mut::<4>().0.iter_mut().zip(sums) {
        // SAFETY: it writes the 32 bytes of four limbs; no alignment is asked for.
        unsafe { _mm256_storeu_si256(four.as_mut_ptr().cast(), sum) };
    }
    picked
}
