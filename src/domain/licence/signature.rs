//! One signature of a file: its references, its value, its seal, its certificates, its time.

use crate::domain::licence::Asked;
use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::chain::When;
use crate::domain::licence::check::Checks;
use crate::domain::licence::check::Code;
use crate::domain::licence::check::Level;
use crate::domain::licence::check::Party;
use crate::domain::licence::coverage::Protected;
use crate::domain::licence::der::OID;
use crate::domain::licence::der::Reader;
use crate::domain::licence::der::SEQUENCE;
use crate::domain::licence::der::oid;
use crate::domain::licence::listing;
use crate::domain::licence::ofd::Listed;
use crate::domain::licence::ofd::Package;
use crate::domain::licence::ofd::resolve;
use crate::domain::licence::references::Described;
use crate::domain::licence::seal::Seal;
use crate::domain::licence::seal::SealSignature;
use crate::domain::licence::seal::Told;
use crate::domain::licence::seal::Unreadable;
use crate::domain::licence::signed_data::SignedData;
use crate::domain::licence::trust::Ground;
use crate::domain::licence::trust::Trust;
use crate::domain::licence::value::ValueContext;
use crate::domain::licence::value::hold_algorithm;
use crate::domain::licence::xml::Element;
use crate::domain::licence::xml::Refused;
use crate::domain::sm;
use crate::domain::sm::sm2;
use crate::domain::sm::sm2::Signature;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Who signed.
#[derive(Clone, Debug, Default)]
pub(super) struct SignerFacts {
    pub(super) organization: String,
    pub(super) common_name: String,
    pub(super) serial: String,
    pub(super) issuer: String,
}

impl SignerFacts {
    pub(super) fn of(certificate: &Certificate) -> Self {
        Self {
            organization: certificate.organization.clone(),
            common_name: certificate.common_name.clone(),
            serial: certificate.serial_text(),
            issuer: certificate.issuer_name.clone(),
        }
    }
}

/// A seal as the report shows it.
#[derive(Clone, Debug, Default)]
pub(super) struct SealFacts {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) maker: String,
}

/// A signature as it was found.
#[derive(Debug)]
pub(super) struct Raw {
    /// The file that the value is over.
    pub(super) signed_file: String,
    /// Its SM3.
    pub(super) signed_digest: [u8; sm::DIGEST_BYTES],
    /// The file with the value, as it is.
    pub(super) value: Vec<u8>,
}

/// Largest value of a signature in bytes that a report repeats.
const RAW_BYTES_MAX: usize = 64 << 10;

impl Raw {
    /// The value in base64, unless it is large.
    pub(super) fn value_text(&self) -> Option<String> {
        (self.value.len() <= RAW_BYTES_MAX).then(|| STANDARD.encode(&self.value))
    }
}

/// One signature, judged.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) id: String,
    /// `Seal` or `Sign`.
    pub(super) kind: &'static str,
    /// `SES1`, `SES4`, `SES5`, `GBT35275`, or empty when the value cannot be read.
    pub(super) format: String,
    pub(super) claimed: Option<i64>,
    /// The best time there is, and who says so: `tsp`, `poe` or `claimed`.
    pub(super) best: Option<(i64, &'static str)>,
    pub(super) seal: Option<SealFacts>,
    pub(super) signer: Option<SignerFacts>,
    /// Files whose digest is right.
    pub(super) covers: std::collections::BTreeSet<String>,
    /// References and value are right.
    pub(super) is_intact: bool,
    /// Something it rests on has ended since, and nothing proves that it is older.
    pub(super) needs_proof: bool,
    /// By whose word it is trusted.
    pub(super) ground: Ground,
    /// None where there is no value.
    pub(super) raw: Option<Raw>,
    pub(super) checks: Checks,
}

struct Context<'a> {
    value: ValueContext<'a>,
    listed: &'a Listed,
    described: &'a Described,
    package: &'a Package<'a>,
}

/// Judges a listed signature; tells `protected` what it is made of and what it protects.
pub(super) fn judge(package: &Package<'_>, listed: &Listed, asked: Asked<'_>, protected: &mut Protected) -> Judged {
    let mut judged = Judged {
        id: listed.id.clone(),
        kind: if listed.kind.as_deref() == Some("Sign") { "Sign" } else { "Seal" },
        format: String::new(),
        claimed: None,
        best: None,
        seal: None,
        signer: None,
        covers: std::collections::BTreeSet::new(),
        is_intact: false,
        needs_proof: false,
        ground: Ground::Nowhere,
        raw: None,
        checks: Checks::under(&asked.rule.levels),
    };
    protected.own.insert(listed.file.clone());
    let signed = package.container.get(&listed.file).zip(package.container.digest(&listed.file));
    let Some((signed, digest)) = signed else {
        judged.checks.fail_as(Code::OfdMissingFile, Level::Fail, listed.file.as_str());
        return judged;
    };
    let root = match Element::parse(signed) {
        Ok(root) => root,
        Err(Refused(code)) => {
            judged.checks.fail(code, listed.file.as_str());
            return judged;
        }
    };
    let described = Described::read(package, &listed.file, &root, &mut judged.checks);
    if let Some(value) = &described.value {
        protected.own.insert(value.clone());
        let bytes = package.container.get(value).unwrap_or_default();
        let value = ValueContext::new(asked, signed, *digest, described.time);
        judged.raw = Some(Raw { signed_file: listed.file.clone(), signed_digest: value.digest, value: bytes.to_vec() });
        let context = Context { value, listed, described: &described, package };
        let is_right = context.judge_value(bytes, &mut judged, protected);
        judged.is_intact = is_right && described.is_intact;
    }
    judged.covers = described.covered;
    judged
}

impl Context<'_> {
    /// Whether the value is right for this Signature.xml. Certificates and times are judged on the way.
    fn judge_value(&self, bytes: &[u8], judged: &mut Judged, protected: &mut Protected) -> bool {
        // Without a Type a signature is a seal; one producer leaves it out for both kinds.
        let is_signed_data = Reader::new(bytes).sequence().is_ok_and(|inside| inside.peek() == Some(OID));
        if self.listed.kind.is_none() && is_signed_data {
            judged.kind = "Sign";
        }
        if judged.kind == "Sign" {
            judged.checks.fail(Code::NoSeal, "");
            match SignedData::parse(bytes) {
                Ok(data) => self.value.judge_signed_data(&data, judged),
                Err(why) => unreadable(why, &mut judged.checks),
            }
        } else {
            judged.checks.pass(Code::NoSeal);
            match SealSignature::parse(bytes) {
                Ok(value) => self.judge_seal_signature(&value, judged, protected),
                Err(why) => unreadable(why, &mut judged.checks),
            }
        }
    }

    fn judge_seal_signature(&self, value: &SealSignature<'_>, judged: &mut Judged, protected: &mut Protected) -> bool {
        let checks = &mut judged.checks;
        checks.pass(Code::SesMalformed);
        checks.pass(Code::SesTrailingData);
        judged.format = format!("SES{}", value.seal.version);
        if value.is_legacy() {
            checks.fail(Code::SesLegacyVersion, "");
        } else {
            checks.pass(Code::SesLegacyVersion);
        }
        checks.hold(Code::SesVersionMismatch, value.versions_agree());
        checks.hold(Code::SesUnknownCriticalExt, !value.has_unknown_critical);
        checks.hold(Code::SigDatahashMismatch, sm::verify(&self.value.digest, value.data_hash));
        let is_own = [self.listed.list.as_str(), ""]
            .iter()
            .any(|from| resolve(from, value.property).as_deref() == Some(self.listed.file.as_str()));
        checks.hold(Code::SigPropertyPathMismatch, is_own);
        hold_algorithm(value.algorithm == oid::SM2_WITH_SM3, checks);

        let claimed = match value.time {
            Some(Told::Claimed(time)) => Some(time),
            _ => None,
        };
        let token = match value.time {
            Some(Told::Stamped(token)) => Some(token),
            _ => value.time_stamp,
        };
        // A token in timeInfo of version 1 is over what is signed; one behind the value is over the value.
        let imprint_of = if value.time_stamp.is_some() { value.value } else { value.data_hash };
        let extra = listed_certificates(&value.seal);
        let signer = Certificate::parse(value.certificate).ok();
        let maker = Certificate::parse(value.seal.maker).ok();
        judged.ground = signer.as_ref().map_or(Ground::Nowhere, |signer| self.value.trust.ground(signer, &extra));
        let end = |ground| {
            let chains = [(&signer, extra.as_slice()), (&maker, &[])].into_iter();
            let ends = chains
                .filter_map(|(one, extra)| Some(one.as_ref()?.end(self.value.trust, extra, ground, self.value.at)));
            ends.chain([value.seal.valid_until]).min().unwrap_or(i64::MAX)
        };
        let when = self.value.judge_time(claimed, token.map(|token| (token, imprint_of)), end, judged);
        listing::judge_age(self.value.trust, judged.ground, self.value.asked, &mut judged.checks);

        let checks = &mut judged.checks;
        checks.about(Some(Party::Signer));
        let (is_right, mut lapsed) = if let Some(signer) = &signer {
            checks.pass(Code::CertMalformed);
            let is_right =
                hold_value(Code::SigValueInvalid, (self.value.trust, signer), &[value.signed], value.value, checks);
            let lapsed = signer.judge(self.value.trust, &extra, when, checks);
            listing::judge_office(self.value.trust, signer, Some(value.seal.id), when, checks);
            judged.signer = Some(SignerFacts::of(signer));
            (is_right, lapsed)
        } else {
            checks.fail(Code::CertMalformed, "");
            checks.fail(Code::SigValueInvalid, "没有可用的签章人证书");
            (false, false)
        };
        checks.hold(Code::SealSignerNotListed, value.seal.listed.has(value.certificate));
        lapsed |= self.judge_seal(&value.seal, value.certificate, maker, when, judged);
        judged.checks.about(None);
        self.judge_seal_file(&value.seal, &mut judged.checks, protected);
        judged.needs_proof |= lapsed && !when.is_proved;
        is_right && !judged.checks.told(Code::SigDatahashMismatch) && !judged.checks.told(Code::SigPropertyPathMismatch)
    }

    /// The seal itself: who made it, and whether it was valid. Whether something in it has ended since.
    fn judge_seal(
        &self,
        seal: &Seal<'_>,
        signer: &[u8],
        maker: Option<Certificate>,
        when: When,
        judged: &mut Judged,
    ) -> bool {
        let checks = &mut judged.checks;
        let signed = when.decisive();
        if signed < seal.valid_from {
            checks.fail(Code::SealNotYetValid, "");
        }
        if signed > seal.valid_until {
            checks.fail(Code::SealExpiredAtSigning, "");
        }
        let mut lapsed = self.value.at > seal.valid_until;
        if lapsed {
            checks.fail(Code::SealExpiredNow, "");
        }
        checks.pass_rest(&[Code::SealNotYetValid, Code::SealExpiredAtSigning, Code::SealExpiredNow]);
        checks.about(Some(Party::SealMaker));
        let mut facts = SealFacts { id: seal.id.to_owned(), name: seal.name.to_owned(), maker: String::new() };
        if let Some(maker) = maker {
            checks.pass(Code::CertMalformed);
            checks.hold(Code::SigAlgMismatch, seal.algorithm == oid::SM2_WITH_SM3);
            let mut header = Vec::new();
            let parts = seal.signed(&mut header);
            hold_value(Code::SealSignatureInvalid, (self.value.trust, &maker), &parts, seal.value, checks);
            lapsed |= maker.judge(self.value.trust, &[], when, checks);
            // Where no list says who makes seals, that much is asked: to have a chain, and not to be an office, which
            // would make its own seals.
            if checks.told(Code::CertNoTrustedPath) || checks.told(Code::CertSignatureInvalid) {
                checks.fail(Code::SealSealerUntrusted, "没有可信的证书链");
            } else if let Some(list) = self.value.trust.list(when.ground) {
                lapsed |= listing::judge_maker(list, &maker, when, checks);
            } else if seal.maker == signer || office_code(&maker.organization).is_some() {
                checks.fail(Code::SealSealerUntrusted, "制章人证书是用章单位的证书");
            } else {
                checks.pass(Code::SealSealerUntrusted);
            }
            facts.maker = maker.common_name;
        } else {
            checks.fail(Code::CertMalformed, "");
            checks.fail(Code::SealSignatureInvalid, "没有可用的制章人证书");
        }
        judged.seal = Some(facts);
        lapsed
    }

    /// The seal that lies in the package must be the one that is signed with, to the byte.
    fn judge_seal_file(&self, seal: &Seal<'_>, checks: &mut Checks, protected: &mut Protected) {
        let Some(name) = &self.described.seal else {
            checks.skip(Code::SealFileMismatch, "包内没有印章文件");
            return;
        };
        let is_same = self.package.container.get(name) == Some(seal.raw);
        if is_same {
            protected.own.insert(name.clone());
        }
        checks.hold(Code::SealFileMismatch, is_same);
    }
}

/// Tells why a value cannot be read.
pub(super) fn unreadable(why: Unreadable, checks: &mut Checks) -> bool {
    let code = match why {
        Unreadable::Malformed => Code::SesMalformed,
        Unreadable::TrailingData => Code::SesTrailingData,
    };
    checks.fail(code, "");
    false
}

/// Checks an SM2 value of either form over parts that follow one another.
pub(super) fn hold_value(
    code: Code,
    (trust, signer): (&Trust, &Certificate),
    parts: &[&[u8]],
    value: &[u8],
    checks: &mut Checks,
) -> bool {
    let signature = match <&[u8; sm2::SIGNATURE_BYTES]>::try_from(value) {
        // 64 octets can also be DER, if r or s is short; DER is tried first.
        Ok(raw) if value[0] != SEQUENCE || Signature::from_der(value).is_err() => {
            checks.fail(Code::SigvalueRaw64, "");
            Signature::from_bytes(raw)
        }
        _ => {
            checks.pass(Code::SigvalueRaw64);
            Signature::from_der(value)
        }
    };
    let is_right = signature.is_ok_and(|signature| trust.verify(signer, parts, &signature));
    checks.hold(code, is_right);
    is_right
}

/// The certificates of a seal's list: they may help to find a chain, and are trusted for nothing.
fn listed_certificates(seal: &Seal<'_>) -> Vec<Certificate> {
    match &seal.listed {
        crate::domain::licence::seal::Listed::Certificates(all) => {
            all.iter().take(8).filter_map(|bytes| Certificate::parse(bytes).ok()).collect()
        }
        crate::domain::licence::seal::Listed::Digests(_) => Vec::new(),
    }
}

/// The credit code that the organisation of a government seal begins with: 18 digits and capitals.
pub(super) fn office_code(organization: &str) -> Option<&str> {
    let code = organization.get(..18)?;
    code.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()).then_some(code)
}
