//! Time stamps: what one proves, and what none proves.

use super::build::*;
use super::*;
use jingyue::domain::sm;

const PKCS9: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9];
const GM_SIGNED_DATA: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 6, 1, 4, 2, 2];
const SM3: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x83, 0x11];
const SM2_SIGN: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x82, 0x2d, 1];

/// A stamper under the authority of the draft.
pub(crate) fn stamper(may_stamp: bool) -> Holder {
    let authority = Offices::new().authority;
    let wanted =
        Wanted {
            number: 12, organization: "", common_name: "测试时间戳", stamps_time: may_stamp, ..Wanted::default()
        };
    certify(&wanted, 12, Some(&authority))
}

/// A draft whose time has to be proved, and is.
pub(crate) fn lapsed_with_a_good_stamp() -> Draft {
    stamped(|value| token(value, "20240315020100Z", true))
}

/// A token of a stamper under the authority of the draft.
fn token(over: &[u8], at: &str, may_stamp: bool) -> Vec<u8> {
    let authority = Offices::new().authority;
    let stamper = stamper(may_stamp);
    let kind = oid(&[PKCS9, &[16, 1, 4]].concat());
    let imprint = sequence(&[&sequence(&[&oid(SM3)]), &octets(&sm::digest(over))]);
    let info = sequence(&[&number(1), &oid(&[0x2a, 3]), &imprint, &number(1), &time(at)]);
    let attribute = |last: u8, value: &[u8]| sequence(&[&oid(&[PKCS9, &[last]].concat()), &tlv(0x31, &[value])]);
    let attributes = [attribute(3, &kind), attribute(4, &octets(&sm::digest(&info)))].concat();
    let signer = sequence(&[
        &number(1),
        &sequence(&[&authority.name, &number(12)]),
        &sequence(&[&oid(SM3)]),
        &tlv(0xa0, &[&attributes]),
        &sequence(&[&oid(SM2_SIGN)]),
        &octets(&stamper.sign(&tlv(0x31, &[&attributes]))),
    ]);
    let data = sequence(&[
        &number(3),
        &tlv(0x31, &[&sequence(&[&oid(SM3)])]),
        &sequence(&[&kind, &tlv(0xa0, &[&octets(&info)])]),
        &tlv(0xa0, &[&stamper.certificate]),
        &tlv(0x31, &[&signer]),
    ]);
    sequence(&[&oid(GM_SIGNED_DATA), &tlv(0xa0, &[&data])])
}

fn stamped(stamp: fn(&[u8]) -> Vec<u8>) -> Draft {
    // The seal has ended since, so that the time has to be proved.
    Draft { stamp: Some(stamp), version: 5, told_version: 5, seal_until: "20240501000000Z", ..Draft::new() }
}

#[test]
fn a_good_stamp_proves_the_time() {
    let draft = lapsed_with_a_good_stamp();
    let report = report(&draft, &draft.sealed());
    expect_passed(&report, &["SEAL.EXPIRED_NOW"]);
    assert!(!report.codes().contains(&"W.NO_TIMESTAMP"));
    let json = report.json();
    assert_eq!(json["signatures"][0]["bestTimeSource"], "tsp");
    assert_eq!(json["signatures"][0]["bestTime"], "2024-03-15T10:01:00+08:00");
}

#[test]
fn a_wrong_stamp_proves_nothing() {
    let other = stamped(|_| token(b"another value", "20240315020100Z", true));
    expect_failed(&report(&other, &other.sealed()), &["TSP.IMPRINT_MISMATCH", "SIG.NO_POE"]);
    let early = stamped(|value| token(value, "20240314000000Z", true));
    expect_failed(&report(&early, &early.sealed()), &["TSP.ORDER"]);
    let late = stamped(|value| token(value, "20240602000000Z", true));
    expect_failed(&report(&late, &late.sealed()), &["TSP.ORDER"]);
    let not_allowed = stamped(|value| token(value, "20240315020100Z", false));
    expect_open(&report(&not_allowed, &not_allowed.sealed()), &["TSP.UNTRUSTED", "SIG.NO_POE"]);
    let noise = stamped(|_| b"noise".to_vec());
    expect_open(&report(&noise, &noise.sealed()), &["TSP.MALFORMED", "SIG.NO_POE"]);
}

#[test]
fn a_stamp_after_the_end_is_not_before_it() {
    let draft = stamped(|value| token(value, "20240515000000Z", true));
    expect_failed(&report(&draft, &draft.sealed()), &["SEAL.EXPIRED_AT_SIGNING"]);
}
