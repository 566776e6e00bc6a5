//! Whether the licence is the one that the matter and the caller ask for.
//!
//! Only names of fields are told, never what stands in them.

use crate::domain::licence::Asked;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::metadata::Metadata;

/// Tells `checks` about the matter, the type, the holder and the purpose of a copy.
pub(super) fn judge(metadata: &Metadata, asked: Asked<'_>, checks: &mut Checks) {
    let (question, rule) = (asked.question, asked.rule);
    match question.matter {
        None => checks.skip(Code::PolicyMatterUnknown, "没有写明事项"),
        Some(code) if question.policy.matter(code).is_some() => checks.pass(Code::PolicyMatterUnknown),
        Some(_) => checks.fail(Code::PolicyMatterUnknown, ""),
    }
    judge_kind(metadata, asked, checks);
    judge_holder(metadata, asked, checks);
    judge_copy(metadata, question.matter.is_some(), &rule.name, &rule.copy_purposes, checks);
}

fn judge_kind(metadata: &Metadata, asked: Asked<'_>, checks: &mut Checks) {
    let (accepted, expected) = (&asked.rule.kinds, asked.question.expect.kind.as_deref());
    if accepted.is_empty() && expected.is_none() {
        checks.skip(Code::PolicyTypeNotAccepted, "没有限定证照类型");
        return;
    }
    let Some(kind) = metadata.kind() else {
        checks.fail_as(Code::PolicyTypeNotAccepted, Level::Review, "没有证照类型代码");
        return;
    };
    let accepts = |known: &String| known == kind;
    if expected.is_some_and(|expected| expected != kind) {
        checks.fail(Code::PolicyTypeNotAccepted, "不是所要求的类型");
    } else {
        checks.hold(Code::PolicyTypeNotAccepted, accepted.is_empty() || accepted.iter().any(accepts));
    }
}

/// The holder: one of several is enough, as a licence of two is each one's.
fn judge_holder(metadata: &Metadata, asked: Asked<'_>, checks: &mut Checks) {
    let expect = &asked.question.expect;
    let Some(holder) = &expect.holder else {
        checks.skip(Code::LicHolderMismatch, "没有要求核对持证主体");
        return;
    };
    let holders = metadata.holder_codes();
    if holders.is_empty() {
        checks.fail_as(Code::LicHolderMismatch, Level::Review, "证照没有写明持证主体代码");
        return;
    }
    let kind = metadata.get("CZZTDMLXDM");
    let same_kind = expect.holder_kind.as_deref().zip(kind).is_none_or(|(expected, kind)| expected == kind);
    let is_it = |code: &&str| code.eq_ignore_ascii_case(holder.reveal());
    let found = holders.iter().any(is_it);
    if found && same_kind {
        checks.pass(Code::LicHolderMismatch);
    } else if holders.iter().any(|code| code.contains('*')) && same_kind {
        checks.fail_as(Code::LicHolderMismatch, Level::Review, "证照上的持证主体代码已脱敏，无法核对");
    } else {
        checks.fail(Code::LicHolderMismatch, if found { "CZZTDMLXDM" } else { "CZZTDM" });
    }
}

/// A copy (加注件) is for the purpose that it says, which must be the matter's.
fn judge_copy(metadata: &Metadata, has_matter: bool, name: &str, purposes: &[String], checks: &mut Checks) {
    const COPY: [&str; 4] = ["JZJZZSJ", "JZJZZZ", "JZJZZSY", "JZJYXQJZSJ"];
    if !COPY.iter().any(|name| metadata.get(name).is_some()) {
        checks.skip(Code::LicCopyPurpose, "不是加注件");
        return;
    }
    if !has_matter {
        checks.skip(Code::LicCopyPurpose, "没有写明事项");
        return;
    }
    let Some(purpose) = metadata.get("JZJZZSY") else {
        checks.fail_as(Code::LicCopyPurpose, Level::Review, "没有写明制作事由");
        return;
    };
    let mut known = purposes.iter().map(String::as_str).chain([name]).filter(|known| !known.is_empty());
    checks.hold(Code::LicCopyPurpose, known.any(|known| purpose.contains(known)));
}
