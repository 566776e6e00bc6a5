//! Numbers modulo p and n against crypto-bigint, both ways of computing.

#![allow(clippy::many_single_char_names, reason = "numbers of formulas")]

use crate::domain::sm::sm2::field::Field;
use crate::domain::sm::sm2::field::Portable;
use crate::domain::sm::sm2::field::Way;
use crate::domain::sm::sm2::limbs;
use crate::domain::sm::sm2::limbs::Limbs;
use crate::domain::sm::sm2::scalar;
use crate::domain::sm::sm2::scalar::Scalar;
use crate::domain::sm::sm2::tests::Numbers;
use crate::domain::sm::sm2::tests::cases;
use sm2::U256;
use sm2::elliptic_curve::bigint::NonZero;

const P: &str = "fffffffeffffffffffffffffffffffffffffffff00000000ffffffffffffffff";

fn modulus(limbs: Limbs) -> NonZero<U256> {
    NonZero::new(U256::from_words(limbs)).unwrap()
}

/// Numbers below `modulus`: its neighbours, small ones, and ones of [`Numbers::limbs`].
fn samples(modulus: &Limbs, numbers: &mut Numbers) -> Limbs {
    let near = numbers.next();
    match near % 16 {
        0 => [near >> 62, 0, 0, 0],
        1 => limbs::subtract(modulus, &[1 + (near >> 62), 0, 0, 0]).0,
        // 2^256 modulo it, and neighbours
        2 => limbs::subtract(&limbs::subtract(&[near >> 62, 0, 0, 0], modulus).0, &[1, 0, 0, 0]).0,
        _ => limbs::reduce_once(&numbers.limbs(), false, modulus),
    }
}

fn field_as_bigint<W: Way>(name: &str) {
    let prime = U256::from_be_hex(P).to_words();
    let p = modulus(prime);
    let radix = U256::from_words(limbs::subtract(&[0; 4], &prime).0);
    let mut numbers = Numbers(0x5e_ed01);
    let mut pair = || samples(&prime, &mut numbers);
    for case in 0..cases(1_000_000) {
        let (a, b) = (pair(), pair());
        let [x, y] = [a, b].map(U256::from_words);
        let back = |limbs: Limbs| {
            let number = U256::from_words(limbs);
            assert!(number < *p, "{name} {case}: {a:x?} {b:x?}");
            number
        };
        let product = back(W::multiply(&a, &b));
        assert_eq!(product.mul_mod_vartime(&radix, &p), x.mul_mod_vartime(&y, &p), "{name} {case}: {a:x?} {b:x?}");
        let square = back(W::square(&a));
        assert_eq!(square.mul_mod_vartime(&radix, &p), x.mul_mod_vartime(&x, &p), "{name} {case}: {a:x?}");
        assert_eq!(back(W::add(&a, &b)), x.add_mod(&y, &p), "{name} {case}: {a:x?} {b:x?}");
        assert_eq!(back(W::subtract(&a, &b)), x.sub_mod(&y, &p), "{name} {case}: {a:x?} {b:x?}");
        let half = back(*Field::from_inner(a).halve().inner());
        assert_eq!(half.add_mod(&half, &p), x, "{name} {case}: {a:x?}");
    }
    for case in 0..cases(5_000) {
        let number = Field::from_inner(pair());
        let inverse = number.invert::<W>();
        let one = if number == Field::ZERO { Field::ZERO } else { Field::ONE };
        assert!(number.multiply::<W>(&inverse) == one, "{name} {case}");
        let square = number.square::<W>();
        let root = square.square_root::<W>().unwrap();
        assert!(root == number || root == number.negate(), "{name} {case}");
        assert!(number == Field::ZERO || square.negate().square_root::<W>().is_none(), "-1 is no square");
        assert!(Field::from_bytes(&number.to_bytes()) == Some(number), "{name} {case}");
    }
}

#[test]
fn field_of_every_processor() {
    field_as_bigint::<Portable>("portable");
}

#[cfg(target_arch = "x86_64")]
#[test]
fn field_with_assembly() {
    if crate::domain::sm::sm2::assembly::available() {
        field_as_bigint::<crate::domain::sm::sm2::field::Mulx>("mulx");
    }
}

/// Products and sums of settled elements, and sums as far as they may go before they are settled.
#[allow(unsafe_code, reason = "vector instructions, which the test has looked for")]
#[cfg(target_arch = "x86_64")]
#[test]
fn lanes_as_the_field() {
    use crate::domain::sm::sm2::four;
    use crate::domain::sm::sm2::four::Four;
    if !four::available() {
        return;
    }
    let prime = U256::from_be_hex(P).to_words();
    let mut numbers = Numbers(0x5e_ed05);
    for case in 0..cases(1_000_000) {
        let [x, y] = [(); 2].map(|()| Field::from_inner(samples(&prime, &mut numbers)));
        // SAFETY: the instructions are here.
        let (products, sums, extremes) = unsafe {
            let both = Four::from_two(&x, &y);
            let (one, other) = (both.all::<0>().terms(), both.all::<1>().terms());
            let difference = one.subtract(&other);
            let sums = one.add(&other).merge(0b0010, &difference).merge(0b0100, &difference.negate(0b0100)).settle();
            let products = both.pick::<0, 1, 0, 1>().multiply(&both.pick::<1, 1, 0, 0>());
            // From -6 * 2^256 to 8 * 2^256.
            let extremes = one.add(&one).scale::<0, 1, 0, 0>();
            let extremes = extremes.merge(0b0100, &other.scale::<1, 1, 1, 1>().negate(0b0100).subtract(&other));
            // Once more, with lanes that are not reduced.
            let again = products.settle().multiply(&sums.pick::<2, 1, 0, 3>());
            let again = again.merge(0b0100, &again.scale::<0, 0, 2, 0>()).settle();
            ([products.settle().to_three(), again.to_three()], sums.to_three(), extremes.settle().to_three())
        };
        let multiply = |a: &Field, b: &Field| a.multiply::<Portable>(b);
        let [sum, difference] = [x.add::<Portable>(&y), x.subtract::<Portable>(&y)];
        let of_products = [multiply(&x, &y), multiply(&y, &y), multiply(&x, &x)];
        let [xy, yy, xx] = of_products;
        let (twice, minus_three) = (x.double::<Portable>(), y.double::<Portable>().add::<Portable>(&y).negate());
        let last = multiply(&xx, &sum).double::<Portable>().double::<Portable>();
        let again = [multiply(&xy, &difference.negate()), multiply(&yy, &difference), last];
        let text = || format!("{case}: {:x?} {:x?}", x.inner(), y.inner());
        assert!(sums == [sum, difference, difference.negate()], "{}", text());
        assert!(products == [of_products, again], "{}", text());
        assert!(extremes == [twice, twice.double::<Portable>(), minus_three], "{}", text());
    }
}

#[test]
fn rows_are_picked_by_both_ways() {
    let table: Vec<[u64; 8]> = (1..=64).map(|row| std::array::from_fn(|limb| row << limb)).collect();
    let long: Vec<[u64; 20]> = (1..=16).map(|row| std::array::from_fn(|limb| row << limb)).collect();
    let expected = |number: u64| table.get(usize::try_from(number).unwrap().wrapping_sub(1)).copied();
    for number in 0..=65 {
        assert_eq!(Portable::pick(&table, number), expected(number).unwrap_or_default());
        #[cfg(target_arch = "x86_64")]
        if crate::domain::sm::sm2::assembly::available() {
            use crate::domain::sm::sm2::field::Mulx;
            assert_eq!(Mulx::pick(&table, number), expected(number).unwrap_or_default());
            assert_eq!(Mulx::pick(&long, number), Portable::pick(&long, number));
        }
    }
}

#[test]
fn scalars_as_bigint() {
    let n = modulus(scalar::ORDER);
    let mut numbers = Numbers(0x5e_ed02);
    for case in 0..cases(1_000_000) {
        let (a, b) = (samples(&scalar::ORDER, &mut numbers), samples(&scalar::ORDER, &mut numbers));
        let [x, y] = [a, b].map(U256::from_words);
        let [s, t] = [a, b].map(|limbs| Scalar::reduce(&limbs));
        let back = |scalar: Scalar| U256::from_words(*scalar.limbs());
        assert_eq!(back(s.multiply(&t)), x.mul_mod_vartime(&y, &n), "{case}: {a:x?} {b:x?}");
        assert_eq!(back(s.add(&t)), x.add_mod(&y, &n), "{case}: {a:x?} {b:x?}");
        assert_eq!(back(s.subtract(&t)), x.sub_mod(&y, &n), "{case}: {a:x?} {b:x?}");
    }
    for case in 0..cases(5_000) {
        let number = Scalar::reduce(&samples(&scalar::ORDER, &mut numbers));
        let one = if number == Scalar::ZERO { Scalar::ZERO } else { Scalar::ONE };
        assert!(number.multiply(&number.invert()) == one, "{case}");
        let mut bytes = [0; 48];
        bytes.fill_with(|| numbers.next().to_be_bytes()[0]);
        let (high, low) = bytes.split_at(16);
        let high = U256::from_be_slice(&[&[0; 16], high].concat());
        let radix = U256::from_words(limbs::subtract(&[0; 4], &scalar::ORDER).0);
        let low = U256::from_be_slice(low).mul_mod_vartime(&U256::ONE, &n);
        let expected = high.mul_mod_vartime(&radix, &n).add_mod(&low, &n);
        assert_eq!(U256::from_words(*Scalar::reduce_wide(&bytes).limbs()), expected, "{case}");
    }
}
