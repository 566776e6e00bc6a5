//! The rounds of SM3 in assembly, with turns and logic of BMI1 and BMI2 that keep their arguments.
//!
//! Why assembly: the rounds are a chain, E to E in seven steps of one cycle at best (add, turn, add, and the four of a
//! permutation of three terms), and what rustc 1.95 makes of them puts the constants and the words of the message into
//! that chain. Here all that is known earlier is added earlier. The portable way is the same, stands in `stream`, and is
//! what other processors use.

#![allow(unsafe_code, reason = "inline assembly; the block says why it is sound")]
#![allow(clippy::inline_always, reason = "a call would cost more than is won")]
#![allow(clippy::many_single_char_names, reason = "the names of the standard")]

use super::State;
use super::stream::Expanded;
use super::stream::ROUND;
use super::stream::Rounds;
use std::arch::asm;

/// For processors with BMI1 and BMI2.
pub(super) struct Bmi;

/// FF and GG of the first sixteen rounds, added to D and H.
macro_rules! early {
    ($a:literal, $b:literal, $c:literal, $d:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            "mov {x:e}, {",
            $f,
            ":e}\n",
            "xor {x:e}, {",
            $g,
            ":e}\n",
            "xor {x:e}, {",
            $e,
            ":e}\n",
            "add {",
            $h,
            ":e}, {x:e}\n",
            "mov {x:e}, {",
            $b,
            ":e}\n",
            "xor {x:e}, {",
            $c,
            ":e}\n",
            "xor {x:e}, {",
            $a,
            ":e}\n",
            "add {",
            $d,
            ":e}, {x:e}\n",
        )
    };
}

/// FF and GG of the other rounds, added to D and H. Their terms have no bit in common, so each may be added by itself.
macro_rules! late {
    ($a:literal, $b:literal, $c:literal, $d:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            "andn {x:e}, {",
            $e,
            ":e}, {",
            $g,
            ":e}\n",
            "add {",
            $h,
            ":e}, {x:e}\n",
            "mov {x:e}, {",
            $e,
            ":e}\n",
            "and {x:e}, {",
            $f,
            ":e}\n",
            "add {",
            $h,
            ":e}, {x:e}\n",
            "mov {x:e}, {",
            $a,
            ":e}\n",
            "and {x:e}, {",
            $b,
            ":e}\n",
            "add {",
            $d,
            ":e}, {x:e}\n",
            "mov {x:e}, {",
            $a,
            ":e}\n",
            "xor {x:e}, {",
            $b,
            ":e}\n",
            "and {x:e}, {",
            $c,
            ":e}\n",
            "add {",
            $d,
            ":e}, {x:e}\n",
        )
    };
}

/// A round without moving words: D becomes the new A, H the new E. `at` is the round among four.
macro_rules! round {
    ($functions:ident, $at:literal,
     $a:literal, $b:literal, $c:literal, $d:literal, $e:literal, $f:literal, $g:literal, $h:literal) => {
        concat!(
            // A turned by 12, and SS1 from it, E and the constant
            "rorx {t:e}, {",
            $a,
            ":e}, 20\n",
            "mov {s:e}, [{constants} + 4 * ",
            $at,
            "]\n",
            "add {",
            $h,
            ":e}, [{words} + {stride} * ",
            $at,
            "]\n",
            "add {",
            $d,
            ":e}, [{words} + {sums} + {stride} * ",
            $at,
            "]\n",
            "add {s:e}, {t:e}\n",
            "add {s:e}, {",
            $e,
            ":e}\n",
            "rorx {s:e}, {s:e}, 25\n",
            $functions!($a, $b, $c, $d, $e, $f, $g, $h),
            // SS2, TT1 and TT2
            "xor {t:e}, {s:e}\n",
            "add {",
            $h,
            ":e}, {s:e}\n",
            "add {",
            $d,
            ":e}, {t:e}\n",
            "rorx {",
            $b,
            ":e}, {",
            $b,
            ":e}, 23\n",
            "rorx {",
            $f,
            ":e}, {",
            $f,
            ":e}, 13\n",
            // P0
            "rorx {x:e}, {",
            $h,
            ":e}, 23\n",
            "rorx {t:e}, {",
            $h,
            ":e}, 15\n",
            "xor {",
            $h,
            ":e}, {x:e}\n",
            "xor {",
            $h,
            ":e}, {t:e}\n",
        )
    };
}

/// Four rounds, after which every word is in its place again.
macro_rules! four_rounds {
    ($functions:ident, $state:ident, $expanded:ident, $first:ident, $lane:ident) => {{
        let [a, b, c, d, e, f, g, h] = $state;
        let words = std::ptr::from_ref($expanded).cast::<u32>().wrapping_add(COUNT * $first + $lane);
        let constants = ROUND.as_ptr().wrapping_add($first);
        // SAFETY: it reads four constants, and of this lane four words and, past the 68 words, the four sums of the same
        // rounds: an `Expanded` lies as it is written, `first` is at most 60, `lane` below `COUNT`. It writes declared
        // registers only, leaves memory and stack alone, and the instructions are there, as whoever names this type has
        // made sure.
        unsafe {
            asm!(
                round!($functions, 0, "a", "b", "c", "d", "e", "f", "g", "h"),
                round!($functions, 1, "d", "a", "b", "c", "h", "e", "f", "g"),
                round!($functions, 2, "c", "d", "a", "b", "g", "h", "e", "f"),
                round!($functions, 3, "b", "c", "d", "a", "f", "g", "h", "e"),
                stride = const 4 * COUNT,
                sums = const 4 * COUNT * 68,
                words = in(reg) words,
                constants = in(reg) constants,
                a = inout(reg) *a,
                b = inout(reg) *b,
                c = inout(reg) *c,
                d = inout(reg) *d,
                e = inout(reg) *e,
                f = inout(reg) *f,
                g = inout(reg) *g,
                h = inout(reg) *h,
                s = out(reg) _,
                t = out(reg) _,
                x = out(reg) _,
                options(pure, readonly, nostack),
            );
        }
    }};
}

impl Rounds for Bmi {
    #[inline(always)]
    fn early<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize) {
        four_rounds!(early, state, expanded, first, lane);
    }

    #[inline(always)]
    fn late<const COUNT: usize>(state: &mut State, expanded: &Expanded<COUNT>, first: usize, lane: usize) {
        four_rounds!(late, state, expanded, first, lane);
    }
}
