//! Electronic licences (电子证照): reading, verifying and judging an OFD file, or a JSON file with its signature beside
//! it, over the raw bytes in memory.
//!
//! ```text
//! zip → ofd (xml) ──► signature: references, seal | signed_data (der), certificate, trust, stamp
//!          └────────► coverage: what the signatures do not protect
//!                └──► metadata, identifier: what the licence says
//!                                                            all ──► check ──► report
//! ```
//!
//! Everything is checked and told, also after a failure, unless the container or its structure leaves nothing to go
//! on with. What is verified is never encoded anew; nothing is written and no address found in a file is asked. The
//! verdict has three values, as ETSI EN 319 102-1 has them; what is done with it is a second question with three
//! answers. Time is an argument.
//!
//! Sources: GB/T 33190-2016 (OFD), GB/T 38540-2020 and GM/T 0031-2014 (seals), GB/T 35275-2017 (SignedData), GB/T
//! 36903-2018 and 36904-2018 (metadata, identifiers).

mod answer;
mod certificate;
mod chain;
mod check;
mod coverage;
mod der;
mod identifier;
mod json;
mod listing;
mod live;
mod matter;
mod metadata;
mod ofd;
mod policy;
mod qr;
mod question;
mod references;
mod report;
mod seal;
mod signature;
mod signed_data;
mod signer_keys;
mod stamp;
mod told;
mod trust;
mod trust_list;
mod value;
mod xml;
mod zip;

pub use crate::domain::licence::answer::Answer;
pub use crate::domain::licence::answer::AnswerFault;
pub use crate::domain::licence::check::Check;
pub use crate::domain::licence::check::Code;
pub use crate::domain::licence::check::Level;
pub use crate::domain::licence::check::Party;
pub use crate::domain::licence::check::Status;
pub use crate::domain::licence::identifier::Parts;
pub use crate::domain::licence::identifier::check_character;
pub use crate::domain::licence::identifier::check_identifier;
pub use crate::domain::licence::json::JSON_BYTES_MAX;
pub use crate::domain::licence::policy::Coverage;
pub use crate::domain::licence::policy::LiveRule;
pub use crate::domain::licence::policy::POLICY_BYTES_MAX;
pub use crate::domain::licence::policy::Policy;
pub use crate::domain::licence::policy::PolicyFault;
pub use crate::domain::licence::policy::Rule;
pub use crate::domain::licence::qr::QrFault;
pub use crate::domain::licence::qr::identifier_of_qr;
pub use crate::domain::licence::question::Expect;
pub use crate::domain::licence::question::Facts;
pub use crate::domain::licence::question::Live;
pub use crate::domain::licence::question::Question;
pub use crate::domain::licence::question::State;
pub use crate::domain::licence::question::Word;
pub use crate::domain::licence::report::Decision;
pub use crate::domain::licence::report::Detail;
pub use crate::domain::licence::report::Indication;
pub use crate::domain::licence::report::Report;
pub use crate::domain::licence::report::time_text;
pub use crate::domain::licence::trust::Trust;
pub use crate::domain::licence::trust::TrustFault;
pub use crate::domain::licence::trust::TrustWhat;
pub use crate::domain::licence::trust_list::Known;
pub use crate::domain::licence::trust_list::LIST_BYTES_MAX;
pub use crate::domain::licence::trust_list::ListFault;
pub use crate::domain::licence::trust_list::Memory;
pub use crate::domain::licence::trust_list::Operator;
pub use crate::domain::licence::trust_list::SCHEME;
pub use crate::domain::licence::trust_list::TrustList;
pub use crate::domain::licence::zip::FILE_BYTES_MAX;
pub use crate::domain::licence::zip::fuzz as fuzz_container;

use crate::domain::licence::check::Checks;
use crate::domain::licence::coverage::Protected;
use crate::domain::licence::metadata::Metadata;
use crate::domain::licence::ofd::Package;
use crate::domain::licence::signature::Judged;
use crate::domain::licence::zip::Container;
use crate::domain::sm;

/// Verifies `file` at the time `at` (seconds since 1970-01-01T00:00:00Z), trusting `trust`: the plain question, by the
/// policy that is built in.
pub fn verify(file: &[u8], trust: &Trust, at: i64) -> Report {
    judge(file, &Question::new(trust, &Policy::default(), at))
}

/// A question with the rule of the policy that holds for it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    question: &'a Question<'a>,
    rule: &'a Rule,
}

impl<'a> Asked<'a> {
    fn of(question: &'a Question<'a>) -> Self {
        let rule = question.matter.and_then(|code| question.policy.matter(code));
        Self { question, rule: rule.unwrap_or(question.policy.usual()) }
    }
}

/// Whether `file` is a licence in JSON rather than in OFD.
pub fn is_json(file: &[u8]) -> bool {
    file.trim_ascii_start().first() == Some(&b'{')
}

/// Verifies a licence in JSON with the signature that came beside it, over the bytes as they are: SignedData of GB/T
/// 35275 without content (DER, PEM or base64), or a JSON object `{"scheme": "licence-signature/1", "certificate": base64
/// of DER, "value": base64 of an SM2 value}`.
pub fn judge_detached(file: &[u8], signature: &[u8], question: &Question<'_>) -> Report {
    json::judge(file, Some(signature), Asked::of(question))
}

/// Verifies `file` and answers `question`. A licence in JSON has its signature beside it: without one it is unsigned.
pub fn judge(file: &[u8], question: &Question<'_>) -> Report {
    let asked = Asked::of(question);
    if is_json(file) {
        return json::judge(file, None, asked);
    }
    let mut checks = Checks::under(&asked.rule.levels);
    let container = Container::open(file, &mut checks);
    let digest = container.as_ref().map_or_else(|| sm::digest(file), |container| *container.file_digest());
    let mut report = Report::new(digest, question);
    checks.pass_rest(&[
        Code::ZipMalformed,
        Code::ZipTooLarge,
        Code::ZipRatioLimit,
        Code::ZipTooMany,
        Code::ZipDuplicateEntry,
        Code::ZipCaseCollision,
        Code::ZipUnsafePath,
        Code::ZipHeaderMismatch,
        Code::ZipPrefixData,
        Code::ZipMultipleEocd,
        Code::ZipEncrypted,
        Code::ZipMethod,
        Code::ZipSymlink,
    ]);
    if let Some(container) = &container
        && let Some(package) = Package::open(container, &mut checks)
    {
        judge_package(&package, asked, &mut checks, &mut report);
    }
    report.finish(checks, asked.rule);
    report
}

fn judge_package(package: &Package<'_>, asked: Asked<'_>, checks: &mut Checks, report: &mut Report) {
    let mut protected = Protected::default();
    let mut judged: Vec<Judged> =
        package.signatures.iter().map(|listed| signature::judge(package, listed, asked, &mut protected)).collect();
    let counts = counting(package, &judged, asked.rule.coverage);
    for (signature, _) in judged.iter().zip(&counts).filter(|(signature, counts)| **counts && signature.is_intact) {
        protected.is_any_intact = true;
        protected.covered.extend(signature.covers.iter().cloned());
    }
    coverage::judge(package, &protected, checks);
    let metadata = Metadata::read(package, &protected.covered);
    let over_metadata: Vec<&Judged> = judged
        .iter()
        .zip(&counts)
        .filter(|(signature, counts)| **counts && signature.is_intact && metadata.sources.is_subset(&signature.covers))
        .map(|(signature, _)| signature)
        .collect();
    let confirmed = judge_licence(&metadata, &over_metadata, asked, checks, report);
    for signature in &mut judged {
        settle_time(signature, confirmed);
    }
    report.licence(metadata);
    for (signature, counts) in judged.into_iter().zip(counts) {
        report.signature(signature, counts, &package.reachable);
    }
}

/// What the licence says, against the seals, the list, the matter, the caller's expectation and the issuing side's word.
/// Whether that word confirms it.
fn judge_licence(
    metadata: &Metadata,
    signatures: &[&Judged],
    asked: Asked<'_>,
    checks: &mut Checks,
    report: &mut Report,
) -> bool {
    let organizations: Vec<&str> = signatures
        .iter()
        .map(|signature| signature.signer.as_ref().map_or("", |signer| signer.organization.as_str()))
        .collect();
    let issuer = metadata.judge(&organizations, asked.question, checks);
    if let Some(signature) = issuer.and_then(|index| signatures.get(index)) {
        listing::judge_kind(asked.question.trust, signature, metadata.kind(), checks);
    }
    matter::judge(metadata, asked, checks);
    let answered = live::judge(metadata, asked, checks);
    let confirmed = answered.result == live::CONFIRMED;
    report.live(answered);
    confirmed
}

/// Where something has ended since, the claimed time is not enough: the issuing side must confirm the licence.
fn settle_time(signature: &mut Judged, confirmed: bool) {
    let checks = &mut signature.checks;
    if !signature.needs_proof {
        checks.pass(Code::SigNoPoe);
    } else if confirmed {
        let why = "发证机关已在线证实";
        checks.pass_with(Code::SigNoPoe, why);
        for party in [Party::Signer, Party::SealMaker] {
            checks.about(Some(party));
            checks.settle(Code::CertRevoked, why);
        }
        checks.about(None);
    } else {
        checks.fail(Code::SigNoPoe, "");
    }
}

/// Which signatures count: all, or, where the policy says so, the best of those that cover the whole document.
fn counting(package: &Package<'_>, judged: &[Judged], coverage: Coverage) -> Vec<bool> {
    let is_complete = |signature: &&Judged| {
        let covers = &signature.covers;
        signature.is_intact && covers.contains(ofd::ENTRY) && package.reachable.iter().all(|name| covers.contains(name))
    };
    let best = judged.iter().filter(is_complete).map(|signature| signature.checks.worst()).min();
    match (coverage, best) {
        (Coverage::AnyComplete, Some(best)) => {
            judged.iter().map(|signature| is_complete(&signature) && signature.checks.worst() == best).collect()
        }
        _ => vec![true; judged.len()],
    }
}

/// The body of a fuzz target: whatever the bytes are, there is a report, and what is no container is not accepted.
///
/// # Panics
/// Where that does not hold, which is what a fuzzer looks for.
pub fn fuzz(bytes: &[u8], trust: &Trust) {
    let report = verify(bytes, trust, 1_717_171_200);
    assert!(report.decision != Decision::Accept || bytes.starts_with(b"PK"));
    drop((report.json(), report.text()));
}
