//! Products of scalars and points against RustCrypto `sm2`, at random and where additions meet their exceptions.

use crate::domain::sm::sm2::comb;
use crate::domain::sm::sm2::comb::KnownTable;
use crate::domain::sm::sm2::field::Field;
use crate::domain::sm::sm2::field::Portable;
use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::field::fastest;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::point::Affine;
use crate::domain::sm::sm2::point::BASE;
use crate::domain::sm::sm2::point::Jacobian;
use crate::domain::sm::sm2::point::Multiple;
use crate::domain::sm::sm2::product;
use crate::domain::sm::sm2::product::OddScalar;
use crate::domain::sm::sm2::scalar;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm2::tests::Numbers;
use crate::domain::sm::sm2::tests::cases;
use sm2::ProjectivePoint;
use sm2::U256;
use sm2::elliptic_curve::ops::Reduce;
use sm2::elliptic_curve::sec1::ToSec1Point;

fn theirs(scalar: &Scalar) -> sm2::Scalar {
    sm2::Scalar::reduce(&U256::from_words(*scalar.limbs()))
}

/// x and y, or nothing at infinity.
fn coordinates(point: &ProjectivePoint) -> Option<Vec<u8>> {
    let bytes = point.to_affine().to_sec1_point(false);
    (bytes.as_bytes().len() == 65).then(|| bytes.as_bytes()[1..].to_vec())
}

fn ours(point: Jacobian) -> Option<Vec<u8>> {
    point.to_affine().map(|point| [point.x.to_bytes(), point.y.to_bytes()].concat())
}

/// Scalars whose digits are extreme for every width, and the neighbours of 0, n and 2^256.
fn edges() -> Vec<Scalar> {
    let mut scalars = Vec::new();
    for near in 0..=cases(70).max(7) {
        let near = Scalar::reduce(&[near.into(), 0, 0, 0]);
        scalars.extend([near, Scalar::ZERO.subtract(&near)]);
        // 2^256 - n is 2^256 modulo n
        let radix = Scalar::reduce(&limbs::subtract(&[0; 4], &scalar::ORDER).0);
        scalars.extend([radix.add(&near), radix.subtract(&near)]);
    }
    for width in [5, 6, 7] {
        let half = 1_u64 << (width - 1);
        for digit in [1, half - 1, half, half + 1, (1 << width) - 1] {
            let mut all = Scalar::ZERO;
            let mut unit = Scalar::ONE;
            for _ in 0..=256 / width {
                let term = unit.multiply(&Scalar::reduce(&[digit, 0, 0, 0]));
                if !cfg!(debug_assertions) {
                    scalars.extend([term, Scalar::ZERO.subtract(&term)]);
                }
                all = all.add(&term);
                unit = unit.multiply(&Scalar::reduce(&[1 << width, 0, 0, 0]));
            }
            scalars.extend([all, Scalar::ZERO.subtract(&all)]);
        }
    }
    scalars
}

fn check<W: Way>(scalar: &Scalar, other: &Scalar, point: &Affine, table: &KnownTable, their_point: &ProjectivePoint) {
    let name = || format!("{:x?} {:x?}", scalar.limbs(), other.limbs());
    let (k, t) = (theirs(scalar), theirs(other));
    let base = coordinates(&(ProjectivePoint::GENERATOR * k));
    assert_eq!(ours(comb::base_product_by::<W>(scalar)), base, "{}", name());
    let expected = coordinates(&(*their_point * k));
    assert_eq!(ours(product::product_by::<W>(&OddScalar::new(scalar), point)), expected, "{}", name());
    assert_eq!(ours(product::product_public_by::<W>(scalar, point)), expected, "{}", name());
    assert_eq!(ours(product::product(scalar, point)), expected, "{}", name());
    assert_eq!(ours(table.add_product_public::<W>(scalar, Jacobian::INFINITY)), expected, "{}", name());
    let expected = coordinates(&(ProjectivePoint::GENERATOR * t + *their_point * k));
    let product = product::product_public_by::<W>(scalar, point);
    assert_eq!(ours(comb::add_base_product_public::<W>(other, product)), expected, "{}", name());
    let product = table.add_product_public::<W>(scalar, Jacobian::INFINITY);
    assert_eq!(ours(comb::add_base_product_public::<W>(other, product)), expected, "{}", name());
}

fn compare<W: Way>() {
    let mut numbers = Numbers(0x5e_ed03);
    let mut some = || Scalar::reduce(&numbers.limbs());
    let secret = some();
    for own in [Scalar::ONE, secret] {
        let point = comb::base_product(&own).to_affine().unwrap();
        let table = KnownTable::new(&point);
        let their_point = ProjectivePoint::GENERATOR * theirs(&own);
        for edge in edges() {
            check::<W>(&edge, &some(), &point, &table, &their_point);
            // s * G = -t * P, and s * G = t * P: infinity, and a doubling where the sums meet.
            check::<W>(&edge, &Scalar::ZERO.subtract(&edge.multiply(&own)), &point, &table, &their_point);
            check::<W>(&edge, &edge.multiply(&own), &point, &table, &their_point);
        }
        for _ in 0..cases(2_000) {
            check::<W>(&some(), &some(), &point, &table, &their_point);
        }
    }
}

#[test]
fn products_of_every_processor() {
    compare::<Portable>();
}

#[cfg(target_arch = "x86_64")]
#[test]
fn products_with_assembly() {
    if crate::domain::sm::sm2::assembly::available() {
        compare::<crate::domain::sm::sm2::field::Mulx>();
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn products_side_by_side() {
    use crate::domain::sm::sm2::four;
    use crate::domain::sm::sm2::parallel;
    if !four::available() {
        return;
    }
    let mut numbers = Numbers(0x5e_ed04);
    let mut some = || Scalar::reduce(&numbers.limbs());
    for own in [Scalar::ONE, some()] {
        let point = comb::base_product(&own).to_affine().unwrap();
        let their_point = ProjectivePoint::GENERATOR * theirs(&own);
        let random = std::iter::repeat_with(&mut some).take(cases(5_000) as usize);
        for scalar in edges().into_iter().chain(random) {
            let product = parallel::product(&OddScalar::new(&scalar), &point);
            assert_eq!(ours(product), coordinates(&(their_point * theirs(&scalar))), "{:x?}", scalar.limbs());
        }
    }
}

fn exceptions<W: Way>() {
    let two = Jacobian::from(&BASE).double::<W>();
    let opposite = BASE.negate_if(u64::MAX);
    let of = |point: &Affine| Jacobian::from(point);
    assert_eq!(ours(of(&BASE).add_affine_public::<W>(&BASE)), ours(two));
    assert!(of(&BASE).add_affine_public::<W>(&opposite).is_infinity() != 0);
    assert_eq!(ours(Jacobian::INFINITY.add_affine_public::<W>(&BASE)), ours(of(&BASE)));
    let three = two.add_affine::<W>(&BASE);
    assert_eq!(ours(two.add_public::<W>(&Multiple::new::<W>(of(&BASE)))), ours(three));
    // The same point over different denominators.
    let again = three.add_affine_public::<W>(&opposite);
    assert_eq!(ours(again.add_public::<W>(&Multiple::new::<W>(two))), ours(two.double::<W>()));
    assert!(again.add_public::<W>(&Multiple::new::<W>(two.negate_if(u64::MAX))).is_infinity() != 0);
    let infinity = Multiple::new::<W>(Jacobian::INFINITY);
    assert_eq!(ours(two.add_public::<W>(&infinity)), ours(two));
    assert_eq!(ours(Jacobian::INFINITY.add_public::<W>(&Multiple::new::<W>(two))), ours(two));
    assert!(Jacobian::INFINITY.double::<W>().is_infinity() != 0);
}

#[test]
fn equal_opposite_and_infinite_points() {
    exceptions::<Portable>();
    fastest!(self::exceptions,);
}

#[test]
fn points_off_the_curve() {
    assert!(Affine::new(BASE.x, BASE.y).is_some());
    assert!(Affine::new(BASE.x, BASE.x).is_none());
    assert!(Affine::new(BASE.x, Field::ZERO).is_none());
    assert!(Affine::new(Field::ZERO, Field::ZERO).is_none());
}
