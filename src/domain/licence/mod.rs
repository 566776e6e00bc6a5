//! Electronic licences (电子证照): reading, verifying and judging an OFD file over the raw bytes in memory.
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

mod certificate;
mod check;
mod coverage;
mod der;
mod identifier;
mod metadata;
mod ofd;
mod references;
mod report;
mod seal;
mod signature;
mod signed_data;
mod stamp;
mod trust;
mod xml;
mod zip;

pub use crate::domain::licence::check::Check;
pub use crate::domain::licence::check::Code;
pub use crate::domain::licence::check::Level;
pub use crate::domain::licence::check::Party;
pub use crate::domain::licence::check::Status;
pub use crate::domain::licence::identifier::check_character;
pub use crate::domain::licence::report::Decision;
pub use crate::domain::licence::report::Indication;
pub use crate::domain::licence::report::Report;
pub use crate::domain::licence::trust::Trust;
pub use crate::domain::licence::trust::TrustFault;
pub use crate::domain::licence::zip::FILE_BYTES_MAX;
pub use crate::domain::licence::zip::fuzz as fuzz_container;

use crate::domain::licence::check::Checks;
use crate::domain::licence::coverage::Protected;
use crate::domain::licence::metadata::Metadata;
use crate::domain::licence::ofd::Package;
use crate::domain::licence::signature::Judged;
use crate::domain::licence::zip::Container;

/// Verifies `file` at the time `at` (seconds since 1970-01-01T00:00:00Z), trusting `trust`.
pub fn verify(file: &[u8], trust: &Trust, at: i64) -> Report {
    let mut report = Report::new(file, at);
    let mut checks = Checks::default();
    let container = Container::open(file, &mut checks);
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
        judge(&package, trust, at, &mut checks, &mut report);
    }
    report.finish(checks);
    report
}

fn judge(package: &Package<'_>, trust: &Trust, at: i64, checks: &mut Checks, report: &mut Report) {
    let mut protected = Protected::default();
    let judged: Vec<Judged> =
        package.signatures.iter().map(|listed| signature::judge(package, listed, trust, at, &mut protected)).collect();
    for signature in judged.iter().filter(|signature| signature.is_intact) {
        protected.is_any_intact = true;
        protected.covered.extend(signature.covers.iter().cloned());
    }
    coverage::judge(package, &protected, checks);
    let metadata = Metadata::read(package, &protected.covered);
    let over_metadata =
        judged.iter().filter(|signature| signature.is_intact && metadata.sources.is_subset(&signature.covers));
    let organizations: Vec<&str> = over_metadata
        .filter_map(|signature| signature.signer.as_ref().map(|signer| signer.organization.as_str()))
        .collect();
    metadata.judge(&organizations, at, checks);
    report.licence(&metadata);
    for signature in judged {
        report.signature(signature, package);
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
