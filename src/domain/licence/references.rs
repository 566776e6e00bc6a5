//! Signature.xml: what it says, and whether the files it names are the ones that are there.

use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::der::seconds;
use crate::domain::licence::ofd::Located;
use crate::domain::licence::ofd::Package;
use crate::domain::licence::ofd::locate;
use crate::domain::licence::xml::Element;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use std::collections::HashSet;

/// Most references of a signature.
const REFERENCES_MAX: usize = 5_000;
/// SM3 as CheckMethod; the last one is the keyed one, seen where the plain one is meant.
const DIGEST_METHODS: &[&str] = &["1.2.156.10197.1.401", "1.2.156.10197.1.401.1", "1.2.156.10197.1.401.2", "SM3"];
/// SM2 with SM3 as SignatureMethod.
const SIGNATURE_METHODS: &[&str] = &[
    "1.2.156.10197.1.501",
    "1.2.156.10197.1.301",
    "1.2.156.10197.1.301.1",
    "SM3",
    "SM2",
    "SM3WITHSM2",
    "SM2WITHSM3",
    "SM2-SM3",
    "SM2-WITH-SM3",
];
const HOUR: i64 = 3_600;

fn is_among(known: &[&str], text: &str) -> bool {
    known.iter().any(|known| known.eq_ignore_ascii_case(text))
}

/// What a Signature.xml says, its references checked.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// SignatureDateTime, in seconds since 1970-01-01T00:00:00 of its own zone, and whether it ends in Z.
    pub(super) time: Option<(i64, bool)>,
    /// The member with the value, where it is there.
    pub(super) value: Option<String>,
    /// The member with the seal, where one is named and there.
    pub(super) seal: Option<String>,
    /// Members whose digest is right.
    pub(super) covered: BTreeSet<String>,
    /// No reference failed.
    pub(super) is_intact: bool,
}

impl Described {
    /// Reads `root`, the tree of the member `file`.
    pub(super) fn read(package: &Package<'_>, file: &str, root: &Element, checks: &mut Checks) -> Self {
        let mut described = Self::default();
        let information = root.only("SignedInfo");
        let (true, Some(information)) = (root.is("Signature"), information) else {
            checks.fail(Code::XmlMalformed, format!("{file}：没有 SignedInfo"));
            return described;
        };
        let method = information.each("SignatureMethod").map(Element::trimmed);
        for method in method.filter(|method| !is_among(SIGNATURE_METHODS, method)) {
            checks.fail(Code::SigAlgMismatch, format!("SignatureMethod {}", method.escape_debug()));
        }
        described.time = information.only("SignatureDateTime").and_then(|time| spelled_time(time.trimmed()));
        let mut find = |path: Option<&str>, level| match locate(package.container, file, path?) {
            Located::Found(name) => Some(name),
            Located::Missing(name) => {
                checks.fail_as(Code::OfdMissingFile, level, name);
                None
            }
            Located::Outside => {
                checks.fail(Code::OfdPathEscape, file);
                None
            }
        };
        described.value = find(root.only("SignedValue").map(Element::trimmed), Level::Fail);
        let seal = information.only("Seal").and_then(|seal| seal.only("BaseLoc")).map(Element::trimmed);
        described.seal = find(seal, Level::Review);
        if root.only("SignedValue").is_none() {
            checks.fail_as(Code::OfdMissingFile, Level::Fail, "SignedValue");
        }
        described.read_references(package, file, information, checks);
        described
    }

    fn read_references(&mut self, package: &Package<'_>, file: &str, information: &Element, checks: &mut Checks) {
        let lists: Vec<&Element> = information.each("References").collect();
        let all: Vec<&Element> = lists.iter().flat_map(|list| list.each("Reference")).collect();
        let mut is_intact = true;
        let mut fail = |code, detail: String| {
            checks.fail(code, detail);
            is_intact = false;
        };
        if all.is_empty() {
            fail(Code::SigNoReferences, String::new());
        }
        if all.len() > REFERENCES_MAX {
            fail(Code::SigTooMany, format!("{} 个引用", all.len()));
            return;
        }
        for list in &lists {
            let method = list.attribute("CheckMethod").unwrap_or("MD5");
            if !is_among(DIGEST_METHODS, method) {
                fail(Code::PolicyWeakDigest, method.escape_debug().to_string());
            }
        }
        if lists.len() > 1 {
            fail(Code::SigRefDuplicate, "References".to_owned());
        }
        let mut seen = HashSet::new();
        for reference in all {
            let path = reference.attribute("FileRef").unwrap_or_default();
            let name = match locate(package.container, file, path) {
                Located::Found(name) => name,
                Located::Missing(name) => {
                    fail(Code::SigRefMissing, name);
                    continue;
                }
                Located::Outside => {
                    fail(Code::OfdPathEscape, path.escape_debug().to_string());
                    continue;
                }
            };
            if !seen.insert(name.clone()) {
                fail(Code::SigRefDuplicate, name);
                continue;
            }
            let text: String = reference
                .only("CheckValue")
                .map(|value| value.text.chars().filter(|character| !character.is_ascii_whitespace()).collect())
                .unwrap_or_default();
            let given = STANDARD.decode(text).unwrap_or_default();
            if package.container.digest(&name).is_some_and(|digest| sm::verify(digest, &given)) {
                self.covered.insert(name);
            } else {
                fail(Code::SigRefDigestMismatch, name);
            }
        }
        self.is_intact = is_intact;
        checks.pass_rest(&[
            Code::SigNoReferences,
            Code::SigRefMissing,
            Code::SigRefDigestMismatch,
            Code::SigRefDuplicate,
            Code::PolicyWeakDigest,
        ]);
    }
}

/// `20200723130907.763Z`, `20200817111329Z`, `2020-07-16 16:05:36`, `20221031141634` and what lies between.
fn spelled_time(text: &str) -> Option<(i64, bool)> {
    let date: String = text.chars().filter(char::is_ascii_digit).take(14).collect();
    let known = |character: char| character.is_ascii_digit() || "-:.+TZ /".contains(character);
    if !text.chars().all(known) || text.len() > 40 {
        return None;
    }
    Some((seconds(&date)?, text.ends_with('Z')))
}

/// Seconds between two clocks of one signing that are not called a mismatch.
const SLACK: i64 = 600;

/// Whether two times are the same, or differ by the eight hours between local time and UTC: one producer writes local
/// time with a Z.
pub(super) fn times_agree(spelled: i64, other: i64) -> bool {
    [0, 8 * HOUR, -8 * HOUR].iter().any(|shift| (spelled - other - shift).abs() <= SLACK)
}

/// A spelled time as a moment: without a Z it is Beijing time.
pub(super) const fn moment((spelled, is_utc): (i64, bool)) -> i64 {
    if is_utc { spelled } else { spelled - 8 * HOUR }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The spellings of four producers.
    #[test]
    fn spellings() {
        for (text, expected) in [
            ("20200723130907.763Z", Some((1_595_509_747, true))),
            ("20200817111329Z", Some((1_597_662_809, true))),
            ("2020-07-16 16:05:36", Some((1_594_915_536, false))),
            ("20221031141634", Some((1_667_225_794, false))),
            ("2020-07-16T16:05:36Z", Some((1_594_915_536, true))),
            ("yesterday", None),
            ("2020", None),
            ("", None),
        ] {
            assert_eq!(spelled_time(text), expected, "{text}");
        }
        assert!(times_agree(1_000, 1_000) && times_agree(8 * HOUR, 5) && times_agree(0, 8 * HOUR));
        assert!(!times_agree(4 * HOUR, 0));
    }
}
