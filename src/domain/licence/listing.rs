//! What a trust list says of a signature: whether the office, its seal and the maker of the seal were listed when it was
//! made, and whether the list is still new enough to be believed.

use crate::domain::licence::Asked;
use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::chain::When;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::signature::Judged;
use crate::domain::licence::signature::office_code;
use crate::domain::licence::trust::Ground;
use crate::domain::licence::trust::Trust;
use crate::domain::licence::trust_list::TrustList;

/// Past its next update a list leads to REVIEW for the policy's grace, and to REJECT from then on.
pub(super) fn judge_age(trust: &Trust, ground: Ground, asked: Asked<'_>, checks: &mut Checks) {
    let Some(list) = trust.list(ground) else {
        if ground == Ground::Folder {
            checks.skip(Code::PolicyListExpired, "没有签名的信任清单");
        }
        return;
    };
    let late = asked.question.at.saturating_sub(list.next_update());
    let detail = || format!("{} 第 {} 版", list.province(), list.sequence());
    if late <= 0 {
        checks.pass_with(Code::PolicyListExpired, detail());
    } else if late <= asked.rule.grace_seconds {
        checks.fail_as(Code::PolicyListExpired, Level::Review, format!("{}，在宽限期内", detail()));
    } else {
        checks.fail(Code::PolicyListExpired, detail());
    }
}

/// The office of the signer's certificate, and its seal `seal` where there is one, by the list of `when`.
pub(super) fn judge_office(trust: &Trust, signer: &Certificate, seal: Option<&str>, when: When, checks: &mut Checks) {
    if when.ground == Ground::Folder {
        checks.skip(Code::SigOfficeNotListed, "没有签名的信任清单");
        return;
    }
    let code = office_code(&signer.organization);
    let offices = trust.list(when.ground).map(|list| list.offices_of(code, &signer.organization));
    let mut why = "";
    for office in offices.into_iter().flatten() {
        let has_seal = seal.is_none_or(|seal| office.seals.is_empty() || office.seals.iter().any(|one| one == seal));
        if !office.span.holds(when.decisive()) {
            why = "签名时不在清单所写的期间之内";
        } else if !has_seal {
            why = "清单没有列出这枚印章";
        } else {
            checks.pass(Code::SigOfficeNotListed);
            return;
        }
    }
    checks.fail(Code::SigOfficeNotListed, why);
}

/// Whether the maker of the seal was listed. Returns whether the listing has ended since.
pub(super) fn judge_maker(list: &TrustList, maker: &Certificate, when: When, checks: &mut Checks) -> bool {
    let spans = list.seal_makers.iter().filter(|granted| granted.certificate.der() == maker.der());
    let spans: Vec<_> = spans.map(|granted| granted.span).collect();
    let is_listed = spans.iter().any(|span| span.holds(when.decisive()));
    if is_listed {
        checks.pass(Code::SealSealerUntrusted);
    } else {
        checks.fail(Code::SealSealerUntrusted, "签名时制章人不在信任清单中");
    }
    is_listed && !spans.iter().any(|span| span.holds(when.at))
}

/// Whether the list lets the office that signed issue licences of the type `kind`.
pub(super) fn judge_kind(trust: &Trust, signature: &Judged, kind: Option<&str>, checks: &mut Checks) {
    let Some((list, signer)) = trust.list(signature.ground).zip(signature.signer.as_ref()) else {
        checks.skip(Code::SealTypeNotAllowed, "没有签名的信任清单");
        return;
    };
    let time = signature.best.map(|(time, _)| time);
    let offices = list
        .offices_of(office_code(&signer.organization), &signer.organization)
        .filter(|office| time.is_none_or(|time| office.span.holds(time)));
    let is_allowed =
        |kinds: &[String]| kinds.is_empty() || kind.is_some_and(|kind| kinds.iter().any(|one| one == kind));
    let mut known = offices.peekable();
    if known.peek().is_none() {
        checks.skip(Code::SealTypeNotAllowed, "盖章单位不在信任清单中");
        return;
    }
    checks.hold(Code::SealTypeNotAllowed, known.any(|office| is_allowed(&office.kinds)));
}
