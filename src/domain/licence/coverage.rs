//! Whether the signatures protect what the file shows.
//!
//! A digest that is right says nothing about files that no digest is over. Everything reachable from the entry file,
//! and the entry file itself, must be under a signature whose value is right; outside may only be what signatures
//! are made of.

use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::ofd::ENTRY;
use crate::domain::licence::ofd::Package;
use std::collections::BTreeSet;

/// What signatures are made of, and what they protect.
#[derive(Debug, Default)]
pub(super) struct Protected {
    /// Under a signature whose references and value are right.
    pub(super) covered: BTreeSet<String>,
    /// Signature files, values, seals that equal the one signed with.
    pub(super) own: BTreeSet<String>,
    /// Whether any signature's references and value are right.
    pub(super) is_any_intact: bool,
}

/// Tells `checks` what is not protected.
pub(super) fn judge(package: &Package<'_>, protected: &Protected, checks: &mut Checks) {
    let outside = |name: &str| !protected.covered.contains(name);
    for (name, _) in package.container.members() {
        let is_signature = name.rsplit_once('/').is_some_and(|(folder, file)| {
            let folder = folder.rsplit('/').next().unwrap_or_default();
            file == "Signature.xml"
                || (folder.starts_with("Sign_") && file.rsplit_once('.').is_some_and(|(_, ending)| ending == "dat"))
        });
        if is_signature && !protected.own.contains(name) {
            checks.fail(Code::SigOrphaned, name);
        }
    }
    checks.pass_rest(&[Code::SigOrphaned]);
    if !protected.is_any_intact {
        for code in [Code::SigCoverageEntryPoint, Code::SigCoverageRenderedUnsigned, Code::SigCoverageUnsignedEntry] {
            checks.skip(code, "没有内容完好的签名");
        }
        return;
    }
    if outside(ENTRY) {
        checks.fail(Code::SigCoverageEntryPoint, ENTRY);
    }
    for name in package.reachable.iter().filter(|name| *name != ENTRY && outside(name)) {
        checks.fail(Code::SigCoverageRenderedUnsigned, name);
    }
    for (name, _) in package.container.members() {
        let is_allowed = package.lists.iter().any(|list| list == name)
            || protected.own.contains(name)
            || package.reachable.contains(name);
        if outside(name) && !is_allowed {
            checks.fail(Code::SigCoverageUnsignedEntry, name);
        }
    }
    checks.pass_rest(&[Code::SigCoverageEntryPoint, Code::SigCoverageRenderedUnsigned, Code::SigCoverageUnsignedEntry]);
}
