//! The picture of a round seal: a red ring, a five-pointed star, and the seal's number below it.
//!
//! The office's name belongs on the ring too; it is set as text of the page, in the viewer's font, because a picture
//! would need a font of ours. Form and measures of seals: State Council 国发〔1999〕25号 (round, star in the middle).

use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write;

/// Pixels a side; 40 mm, about 250 dots an inch.
const SIDE: usize = 400;
/// Samples a pixel and direction, for smooth edges.
const SAMPLES: usize = 3;
const OUTER: f32 = 196.0;
const INNER: f32 = 186.0;
const STAR: f32 = 62.0;
const RED: [u8; 3] = [0xd0, 0x12, 0x1b];
/// Digits of 3 × 5, a row a number, the leftmost dot is 4.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];
/// One dot of a digit, in pixels, and where the digits' tops lie from the centre.
const DOT: f32 = 5.0;
const DIGITS_RADIUS: f32 = 172.0;
/// Half of the arc that the digits stand on, in radians.
const DIGITS_ARC: f32 = 0.78;

/// The picture as PNG with transparency. `number` is the seal's, 14 digits for government seals; what is no digit leaves a
/// gap.
pub fn png(number: &str) -> Vec<u8> {
    let mut rows = Vec::with_capacity(SIDE * (SIDE * 4 + 1));
    let samples = SAMPLES * SAMPLES;
    let number: Vec<u8> = number.bytes().take(20).collect();
    for y in 0..SIDE {
        rows.push(0);
        for x in 0..SIDE {
            let mut hits = 0;
            for sample in 0..samples {
                let offset = |pixel: usize, part: usize| {
                    #[allow(clippy::cast_precision_loss, reason = "at most 1200")]
                    let place = (pixel * SAMPLES + part) as f32 + 0.5;
                    #[allow(clippy::cast_precision_loss, reason = "3 and 400")]
                    let (scale, half) = (SAMPLES as f32, SIDE as f32 / 2.0);
                    place / scale - half
                };
                hits += usize::from(is_red(offset(x, sample % SAMPLES), offset(y, sample / SAMPLES), &number));
            }
            let alpha = u8::try_from(hits * 255 / samples).unwrap_or(255);
            rows.extend([RED[0], RED[1], RED[2], alpha]);
        }
    }
    encode(&rows)
}

/// Whether there is ink at that distance from the centre; `y` grows downwards.
fn is_red(x: f32, y: f32, number: &[u8]) -> bool {
    let radius = x.hypot(y);
    (INNER..=OUTER).contains(&radius) || is_in_star(x, y) || is_in_number(x, y, radius, number)
}

/// A regular five-pointed star, one point up.
fn is_in_star(x: f32, y: f32) -> bool {
    use std::f32::consts::TAU;
    // Folded into the tenth between a point (angle 0) and the notch beside it (36 degrees).
    let (fifth, angle) = (TAU / 5.0, x.atan2(-y));
    let folded = (angle.rem_euclid(fifth) - fifth / 2.0).abs();
    let folded = fifth / 2.0 - folded;
    let (across, along) = (x.hypot(y) * folded.sin(), x.hypot(y) * folded.cos());
    // The edge runs from the point to the second next one: its slope is that of an angle of 18 degrees.
    along + across / (TAU / 20.0).tan() <= STAR
}

/// The digits stand on an arc at the foot of the ring, upright towards the centre.
fn is_in_number(x: f32, y: f32, radius: f32, number: &[u8]) -> bool {
    let depth = DIGITS_RADIUS - radius;
    if number.is_empty() || !(0.0..DOT * 5.0).contains(&depth) || y <= 0.0 {
        return false;
    }
    // From left to right along the foot.
    #[allow(clippy::cast_precision_loss, reason = "at most 20")]
    let count = number.len() as f32;
    let place = (x.atan2(y) + DIGITS_ARC) / (2.0 * DIGITS_ARC) * count;
    if !(0.0..count).contains(&place) {
        return false;
    }
    let width = 2.0 * DIGITS_ARC * DIGITS_RADIUS / count;
    let column = (place.fract() * width) / DOT;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both lie between 0 and 20")]
    let (index, column, row) = (place as usize, column as usize, 4_usize.saturating_sub((depth / DOT) as usize));
    let Some(digit) = number.get(index).and_then(|byte| (*byte as char).to_digit(10)) else { return false };
    column < 3 && DIGITS[digit as usize][row.min(4)] & (4 >> column) != 0
}

/// PNG (ISO/IEC 15948): 8 bits, red, green, blue and opacity, no filter.
fn encode(rows: &[u8]) -> Vec<u8> {
    let side = u32::try_from(SIDE).unwrap_or(u32::MAX).to_be_bytes();
    let header = [&side[..], &side[..], &[8, 6, 0, 0, 0]].concat();
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let packed = packer.write_all(rows).and_then(|()| packer.finish()).unwrap_or_default();
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header.as_slice()), (b"IDAT", packed.as_slice()), (b"IEND", &[])] {
        let checked = [&kind[..], data].concat();
        out.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(&checked);
        out.extend(crc32fast::hash(&checked).to_be_bytes());
    }
    out
}
