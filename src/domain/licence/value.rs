//! The value of a signature whatever it is over: SignedData, and the best time that there is for it.

use crate::domain::licence::Asked;
use crate::domain::licence::chain::When;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Party;
use crate::domain::licence::der::oid;
use crate::domain::licence::listing;
use crate::domain::licence::references::moment;
use crate::domain::licence::references::times_agree;
use crate::domain::licence::signature::Judged;
use crate::domain::licence::signature::SignerFacts;
use crate::domain::licence::signature::hold_value;
use crate::domain::licence::signed_data::SignedData;
use crate::domain::licence::signed_data::Signer;
use crate::domain::licence::stamp;
use crate::domain::licence::trust::Ground;
use crate::domain::licence::trust::Trust;
use crate::domain::sm;

/// Seconds a signer's clock may be ahead of ours.
const AHEAD_MAX: i64 = 300;

/// What a value is over, and what is asked.
pub(super) struct ValueContext<'a> {
    pub(super) trust: &'a Trust,
    pub(super) at: i64,
    pub(super) asked: Asked<'a>,
    /// What is signed, as found: Signature.xml, or a licence in JSON.
    pub(super) signed: &'a [u8],
    /// Its SM3.
    pub(super) digest: [u8; sm::DIGEST_BYTES],
    /// The time that is written beside the value, and whether it is UTC.
    pub(super) spelled: Option<(i64, bool)>,
}

impl<'a> ValueContext<'a> {
    /// About `signed` with the SM3 `digest`.
    pub(super) fn new(
        asked: Asked<'a>,
        signed: &'a [u8],
        digest: [u8; sm::DIGEST_BYTES],
        spelled: Option<(i64, bool)>,
    ) -> Self {
        let (trust, at) = (asked.question.trust, asked.question.at);
        Self { trust, at, asked, signed, digest, spelled }
    }

    /// Judges SignedData over what is signed. Whether its value is right.
    pub(super) fn judge_signed_data(&self, data: &SignedData<'_>, judged: &mut Judged) -> bool {
        judged.format = String::from("GBT35275");
        judged.checks.pass(Code::SesMalformed);
        judged.checks.pass(Code::SesTrailingData);
        if data.signers.is_empty() {
            judged.checks.fail(Code::SigNoSignerInfo, "");
            return false;
        }
        judged.checks.pass(Code::SigNoSignerInfo);
        let is_data = data.kind == oid::GM_DATA || data.kind == oid::DATA;
        if !is_data {
            judged.checks.fail(Code::SesMalformed, "内容类型");
        }
        let mut is_right = is_data;
        for signer in &data.signers {
            is_right &= self.judge_signer(data, signer, judged);
        }
        is_right
    }

    fn judge_signer(&self, data: &SignedData<'_>, signer: &Signer<'_>, judged: &mut Judged) -> bool {
        let claimed = signer.time;
        let certificate = signer.certificate(&data.certificates);
        let extra = data.certificates.as_slice();
        judged.ground = certificate.map_or(Ground::Nowhere, |signer| self.trust.ground(signer, extra));
        let end = |ground| certificate.map_or(i64::MAX, |signer| signer.end(self.trust, extra, ground, self.at));
        let when = self.judge_time(claimed, None, end, judged);
        listing::judge_age(self.trust, judged.ground, self.asked, &mut judged.checks);
        let checks = &mut judged.checks;
        let is_digest = matches!(signer.digest_algorithm, oid::SM3 | oid::SM3_UNKEYED);
        let is_algorithm = matches!(signer.algorithm, oid::SM2_SIGN | oid::SM2 | oid::SM2_WITH_SM3);
        hold_algorithm(is_digest && is_algorithm, checks);
        // What is signed must be this Signature.xml: by its digest as the content, by its digest as an attribute, or
        // itself.
        let content_is_own = data.content.is_none_or(|content| sm::verify(&self.digest, content));
        let digest_is_own = match (signer.signed_attributes(), data.content) {
            (None, _) => true,
            (Some(_), None) => signer.digest.is_some_and(|digest| sm::verify(&self.digest, digest)),
            (Some(_), Some(content)) => signer.digest.is_some_and(|digest| sm::verify(&sm::digest(content), digest)),
        };
        checks.hold(Code::SigDatahashMismatch, content_is_own && digest_is_own);
        if signer.signed_attributes().is_some() && signer.kind != Some(data.kind) {
            checks.fail(Code::SesMalformed, "签名属性");
        }
        checks.about(Some(Party::Signer));
        let Some(certificate) = certificate else {
            checks.fail(Code::SigNoSignerCert, "");
            checks.about(None);
            return false;
        };
        checks.pass(Code::SigNoSignerCert);
        let by = (self.trust, certificate);
        let is_right = match (signer.signed_attributes(), data.content) {
            (Some(parts), _) => hold_value(Code::SigValueInvalid, by, &parts, signer.value, checks),
            (None, Some(content)) => hold_value(Code::SigValueInvalid, by, &[content], signer.value, checks),
            (None, None) => hold_value(Code::SigValueInvalid, by, &[self.signed], signer.value, checks),
        };
        let lapsed = certificate.judge(self.trust, extra, when, checks);
        listing::judge_office(self.trust, certificate, None, when, checks);
        judged.signer = Some(SignerFacts::of(certificate));
        checks.about(None);
        judged.needs_proof |= lapsed && !when.is_proved;
        is_right && content_is_own && digest_is_own && !checks.told(Code::SesMalformed)
    }

    /// The best time of the signature: a time stamp; else the day our own archive knew the file, where nothing that the
    /// signature rests on (`end`) had ended by then; else the signer's word in the value, else in the XML.
    pub(super) fn judge_time(
        &self,
        claimed: Option<i64>,
        token: Option<(&[u8], &[u8])>,
        end: impl Fn(Ground) -> i64,
        judged: &mut Judged,
    ) -> When {
        let checks = &mut judged.checks;
        let spelled = self.spelled;
        if let (Some(claimed), Some((spelled, _))) = (claimed, spelled) {
            checks.hold(Code::SigTimeMismatch, times_agree(spelled, claimed));
        } else {
            checks.skip(Code::SigTimeMismatch, "只有一处写了签名时间");
        }
        let claimed = claimed.or(spelled.map(moment));
        judged.claimed = claimed;
        if let Some(claimed) = claimed {
            checks.hold(Code::SigTimeInFuture, claimed <= self.at + AHEAD_MAX);
        }
        let stamped = match token {
            None => {
                checks.fail(Code::NoTimestamp, "");
                None
            }
            Some((token, over)) => {
                checks.pass(Code::NoTimestamp);
                checks.about(Some(Party::TimeStamper));
                let stamped = stamp::judge(token, over, claimed, self.trust, self.at, checks);
                checks.about(None);
                stamped
            }
        };
        let ground = judged.ground;
        let archived = self.asked.question.proof.filter(|time| *time <= self.at);
        if let (Some(claimed), Some(archived)) = (claimed, archived)
            && claimed > archived + AHEAD_MAX
        {
            checks.fail(Code::SigTimeInFuture, "自称的签名时间晚于本系统存档的时间");
        }
        let proof = archived.filter(|time| stamped.is_none() && *time <= end(ground));
        judged.best = stamped
            .map(|time| (time, "tsp"))
            .or(proof.map(|time| (time, "poe")))
            .or(claimed.map(|time| (time, "claimed")));
        let proved = stamped.or(proof);
        When { signed: proved.or(claimed), at: self.at, is_proved: proved.is_some(), ground }
    }
}

/// Whether the algorithm of a value is SM2 with SM3.
pub(super) fn hold_algorithm(is_known: bool, checks: &mut Checks) {
    if !is_known {
        checks.fail(Code::SigAlgMismatch, "签名值中的算法");
    }
    checks.pass_rest(&[Code::SigAlgMismatch]);
}
