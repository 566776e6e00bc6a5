//! The checks of a licence file: their stable codes, what each means for the verdict, and what a clerk reads.
//!
//! Every check that ran is kept, the ones that passed too. A code never changes its meaning.

use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// What a check that did not pass means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not looked at, as the policy says.
    Ignore,
    /// Worth knowing, changes nothing.
    Inform,
    /// Unusual, changes nothing.
    Warn,
    /// Cannot be decided here: INDETERMINATE, REVIEW.
    Review,
    /// Wrong: `TOTAL_FAILED`, REJECT.
    Fail,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// As it should be.
    Passed,
    /// Not as it should be, and it counts.
    Failed,
    /// Not as it should be, and it does not count.
    Warning,
    /// Could not be looked at, or has nothing to look at.
    Skipped,
}

/// Whose certificate, seal or signature a check is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Party {
    /// Who signed the document.
    Signer,
    /// Who made the seal.
    SealMaker,
    /// Who stamped the time.
    TimeStamper,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub code: Code,
    pub status: Status,
    /// What it would have meant, had it not passed.
    pub level: Level,
    pub party: Option<Party>,
    /// Which file or value; never licence content.
    pub detail: String,
}

impl Check {
    /// The Chinese sentence for its status.
    pub fn sentence(&self) -> Cow<'static, str> {
        match self.status {
            Status::Passed => Cow::Borrowed(self.code.passed()),
            Status::Failed | Status::Warning => Cow::Borrowed(self.code.failed()),
            Status::Skipped => Cow::Owned(format!("未检查（{}）", self.code.passed())),
        }
    }

    /// Whether it stands in the way of acceptance, and how much.
    pub fn weight(&self) -> Option<Level> {
        (self.status == Status::Failed).then_some(self.level)
    }
}

/// Checks in the order they ran.
#[derive(Clone, Debug, Default)]
pub(super) struct Checks {
    list: Vec<Check>,
    party: Option<Party>,
    levels: Arc<Levels>,
}

/// Levels that a policy gives codes instead of their own.
pub(super) type Levels = HashMap<Code, Level>;

/// Most checks of one code that are kept: a file with thousands of faults says the same thousands of times.
const SAME_MAX: usize = 20;

impl Checks {
    /// None yet, with the levels of a policy.
    pub(super) fn under(levels: &Arc<Levels>) -> Self {
        Self { levels: Arc::clone(levels), ..Self::default() }
    }

    /// Checks about `party` from here on.
    pub(super) fn about(&mut self, party: Option<Party>) {
        self.party = party;
    }

    fn add(&mut self, code: Code, status: Status, level: Level, detail: String) {
        let same = |check: &&Check| check.code == code && check.party == self.party;
        let before = self.list.iter().filter(same).count();
        if before >= SAME_MAX || (status == Status::Passed && before > 0) {
            return;
        }
        // What fails later is not called passed before.
        if status != Status::Passed {
            let party = self.party;
            self.list.retain(|check| check.code != code || check.party != party || check.status != Status::Passed);
        }
        self.list.push(Check { code, status, level, party: self.party, detail });
    }

    /// It is as it should be.
    pub(super) fn pass(&mut self, code: Code) {
        self.pass_with(code, "");
    }

    /// It is as it should be, and this is why.
    pub(super) fn pass_with(&mut self, code: Code, detail: impl Into<String>) {
        self.add(code, Status::Passed, self.level(code, code.level()), detail.into());
    }

    /// The level of a check that would weigh `own`: the policy's word stands for the usual weight of the code, and makes
    /// a lesser one no heavier and a heavier one no lighter.
    fn level(&self, code: Code, own: Level) -> Level {
        match self.levels.get(&code) {
            Some(told) if own <= code.level() => {
                if own == code.level() {
                    *told
                } else {
                    own.min(*told)
                }
            }
            _ => own,
        }
    }

    /// It is not, with the weight the code has.
    pub(super) fn fail(&mut self, code: Code, detail: impl Into<String>) {
        self.fail_as(code, code.level(), detail);
    }

    /// It is not, with a weight of its own.
    pub(super) fn fail_as(&mut self, code: Code, level: Level, detail: impl Into<String>) {
        let level = self.level(code, level);
        let status = match level {
            Level::Ignore => Status::Skipped,
            Level::Inform | Level::Warn => Status::Warning,
            Level::Review | Level::Fail => Status::Failed,
        };
        self.add(code, status, level, detail.into());
    }

    /// It could not be looked at.
    pub(super) fn skip(&mut self, code: Code, why: impl Into<String>) {
        self.add(code, Status::Skipped, self.level(code, code.level()), why.into());
    }

    /// What could not be decided about `code` is decided: it stays as something worth knowing.
    pub(super) fn settle(&mut self, code: Code, why: &str) {
        for check in self.list.iter_mut().filter(|check| check.code == code && check.level == Level::Review) {
            check.status = Status::Warning;
            check.level = Level::Inform;
            check.detail = format!("{}；{why}", check.detail);
        }
    }

    /// Passed where `holds`.
    pub(super) fn hold(&mut self, code: Code, holds: bool) {
        if holds { self.pass(code) } else { self.fail(code, "") }
    }

    /// Passes those of `codes` about which nothing was said.
    pub(super) fn pass_rest(&mut self, codes: &[Code]) {
        for code in codes {
            if !self.list.iter().any(|check| check.code == *code && check.party == self.party) {
                self.pass(*code);
            }
        }
    }

    /// The heaviest of what failed.
    pub(super) fn worst(&self) -> Option<Level> {
        self.list.iter().filter_map(Check::weight).max()
    }

    /// Whether a check of `code` failed or warned for the party that is being looked at.
    pub(super) fn told(&self, code: Code) -> bool {
        let is_told = |check: &Check| matches!(check.status, Status::Failed | Status::Warning);
        self.list.iter().any(|check| check.code == code && check.party == self.party && is_told(check))
    }

    /// All of them.
    pub(super) fn list(&self) -> &[Check] {
        &self.list
    }
}

macro_rules! codes {
    ($($name:ident $code:literal $level:ident $failed:literal $passed:literal)*) => {
        /// Which check.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $code] $name),* }

        impl Code {
            /// All of them, in the order of verification.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code),* }
            }

            /// What it means when it does not pass.
            pub const fn level(self) -> Level {
                match self { $(Self::$name => Level::$level),* }
            }

            /// What a clerk reads when it does not pass.
            pub const fn failed(self) -> &'static str {
                match self { $(Self::$name => $failed),* }
            }

            /// What a clerk reads when it passes.
            pub const fn passed(self) -> &'static str {
                match self { $(Self::$name => $passed),* }
            }
        }
    };
}

codes! {
    ZipMalformed "ZIP.MALFORMED" Fail "文件不是完整的 OFD 压缩包，或结构不正确" "压缩包结构正确"
    ZipTooLarge "ZIP.TOO_LARGE" Fail "文件或解压后的内容过大" "大小在限制之内"
    ZipRatioLimit "ZIP.RATIO_LIMIT" Fail "压缩比异常，疑似压缩炸弹" "压缩比正常"
    ZipTooMany "ZIP.TOO_MANY" Fail "包内文件过多" "包内文件数在限制之内"
    ZipDuplicateEntry "ZIP.DUPLICATE_ENTRY" Fail "包内有重名文件" "包内没有重名文件"
    ZipCaseCollision "ZIP.CASE_COLLISION" Fail "包内有仅大小写不同的文件名" "包内文件名不会混淆"
    ZipUnsafePath "ZIP.UNSAFE_PATH" Fail "包内文件名不安全（绝对路径、上级目录等）" "包内文件名安全"
    ZipHeaderMismatch "ZIP.HEADER_MISMATCH" Fail "压缩包内两处文件头不一致" "文件头一致"
    ZipPrefixData "ZIP.PREFIX_DATA" Fail "压缩包前有多余数据" "压缩包前没有多余数据"
    ZipMultipleEocd "ZIP.MULTIPLE_EOCD" Fail "压缩包有多个结束记录" "压缩包只有一个结束记录"
    ZipEncrypted "ZIP.ENCRYPTED" Fail "压缩包已加密" "压缩包未加密"
    ZipMethod "ZIP.METHOD" Fail "压缩方法不被接受" "压缩方法可接受"
    ZipSymlink "ZIP.SYMLINK" Fail "包内有链接或特殊文件" "包内都是普通文件"
    JsonTooLarge "JSON.TOO_LARGE" Fail "JSON 过大" "JSON 的大小在限制之内"
    JsonMalformed "JSON.MALFORMED" Fail "JSON 不符合规范，或顶层不是对象" "JSON 符合规范"
    JsonDuplicateKey "JSON.DUPLICATE_KEY" Fail "JSON 中有重复的键" "JSON 中没有重复的键"
    XmlDtdForbidden "XML.DTD_FORBIDDEN" Fail "XML 中有文档类型定义（DTD），不被允许" "XML 中没有文档类型定义"
    XmlMalformed "XML.MALFORMED" Fail "XML 不符合规范" "XML 符合规范"
    XmlEncoding "XML.ENCODING" Fail "XML 不是 UTF-8 编码" "XML 是 UTF-8 编码"
    XmlDepth "XML.DEPTH" Fail "XML 嵌套过深或过大" "XML 的深度与大小在限制之内"
    OfdNoRoot "OFD.NO_ROOT" Fail "没有 OFD 入口文件 OFD.xml，或其中没有文档" "有 OFD 入口文件"
    OfdPathEscape "OFD.PATH_ESCAPE" Fail "文件中的路径指向包外" "文件中的路径都在包内"
    OfdMissingFile "OFD.MISSING_FILE" Review "文件中提到的文件不在包内" "文件中提到的文件都在包内"
    OfdMultiBody "OFD.MULTI_BODY" Fail "文件内有多个文档，证照应只有一个" "文件内只有一个文档"
    OfdNamespace "W.OFD_NAMESPACE" Warn "使用旧的 OFD 命名空间" "使用现行 OFD 命名空间"
    SigNone "SIG.NONE" Fail "文件没有签名" "文件有签名"
    SigTooMany "SIG.TOO_MANY" Fail "签名或签名引用过多" "签名数在限制之内"
    SigIdDuplicate "SIG.ID_DUPLICATE" Fail "签名编号重复" "签名编号不重复"
    SigTypeUnknown "SIG.TYPE_UNKNOWN" Fail "签名类型不认识" "签名类型可识别"
    SigOrphaned "SIG.ORPHANED" Review "包内有未列入签名列表的签名" "包内签名都已列入签名列表"
    SigBaseMissing "SIG.BASE_MISSING" Fail "所依据的前一签名不在列表中" "所依据的前一签名在列表中"
    SigNoReferences "SIG.NO_REFERENCES" Fail "签名没有保护任何文件" "签名写明了所保护的文件"
    SigRefMissing "SIG.REF_MISSING" Fail "签名保护的文件不在包内" "签名保护的文件都在包内"
    SigRefDigestMismatch "SIG.REF_DIGEST_MISMATCH" Fail "签名之后文件内容被改动" "签名保护的文件未被改动"
    SigRefDuplicate "SIG.REF_DUPLICATE" Fail "签名中同一文件出现多次" "签名中每个文件只出现一次"
    PolicyWeakDigest "POLICY.WEAK_DIGEST" Fail "摘要算法不被接受，应为 SM3" "摘要算法为 SM3"
    SigCoverageEntryPoint "SIG.COVERAGE_ENTRY_POINT" Review "入口文件 OFD.xml（含证照信息）不在签名保护之内" "入口文件 OFD.xml 在签名保护之内"
    SigCoverageRenderedUnsigned "SIG.COVERAGE_RENDERED_UNSIGNED" Fail "会显示出来的内容不在签名保护之内" "会显示出来的内容都在签名保护之内"
    SigCoverageUnsignedEntry "SIG.COVERAGE_UNSIGNED_ENTRY" Review "包内有不受签名保护的多余文件" "包内没有不受签名保护的多余文件"
    SesMalformed "SES.MALFORMED" Fail "签名值的结构不正确" "签名值的结构正确"
    SesTrailingData "SES.TRAILING_DATA" Fail "签名值之后有多余数据" "签名值之后没有多余数据"
    SesVersionMismatch "SES.VERSION_MISMATCH" Fail "签章与印章的版本不一致" "签章与印章的版本一致"
    SesUnknownCriticalExt "SES.UNKNOWN_CRITICAL_EXT" Review "签章含有不认识的关键扩展" "签章没有不认识的关键扩展"
    SigDatahashMismatch "SIG.DATAHASH_MISMATCH" Fail "签名值不是对本签名文件作出的" "签名值与签名文件相符"
    SigPropertyPathMismatch "SIG.PROPERTY_PATH_MISMATCH" Fail "签名值属于另一个签名文件" "签名值属于本签名文件"
    SigAlgMismatch "SIG.ALG_MISMATCH" Fail "签名算法不一致，或不被接受（应为 SM2-SM3）" "签名算法为 SM2-SM3"
    SigValueInvalid "SIG.VALUE_INVALID" Fail "签名值验证不通过" "签名值验证通过"
    SigNoSignerInfo "SIG.NO_SIGNER_INFO" Fail "签名数据中没有签名人" "签名数据中有签名人"
    SigNoSignerCert "SIG.NO_SIGNER_CERT" Fail "签名数据中没有签名人证书" "签名数据中有签名人证书"
    SigvalueRaw64 "W.SIGVALUE_RAW64" Warn "签名值为 64 字节的 r‖s 形式" "签名值为标准编码"
    SesLegacyVersion "W.SES_LEGACY_VERSION" Warn "签章为旧结构（GM/T 0031-2014）" "签章为现行结构"
    NoSeal "W.NO_SEAL" Warn "是数字签名，没有电子印章" "有电子印章"
    SealSignatureInvalid "SEAL.SIGNATURE_INVALID" Fail "印章的制章签名验证不通过" "印章的制章签名验证通过"
    SealSignerNotListed "SEAL.SIGNER_NOT_LISTED" Fail "签章人证书不在印章授权名单中" "签章人证书在印章授权名单中"
    SealFileMismatch "SEAL.FILE_MISMATCH" Fail "包内印章文件与签章中的印章不同" "包内印章文件与签章中的印章相同"
    SealNotYetValid "SEAL.NOT_YET_VALID" Fail "签章时印章尚未生效" "签章时印章已生效"
    SealExpiredAtSigning "SEAL.EXPIRED_AT_SIGNING" Fail "签章时印章已过期" "签章时印章未过期"
    SealExpiredNow "SEAL.EXPIRED_NOW" Inform "印章现已过期" "印章现在有效"
    SealTypeNotAllowed "SEAL.TYPE_NOT_ALLOWED" Fail "信任清单没有授权盖章单位签发这一类型的证照" "盖章单位获授权签发这一类型的证照"
    SigOfficeNotListed "SIG.OFFICE_NOT_LISTED" Fail "盖章单位或其印章在签名时不在信任清单中" "盖章单位在信任清单中"
    PolicyListExpired "POLICY.LIST_EXPIRED" Fail "信任清单已过更新期限" "信任清单在更新期限之内"
    SealSealerUntrusted "SEAL.SEALER_UNTRUSTED" Review "制章人不受信任" "制章人受信任"
    CertMalformed "CERT.MALFORMED" Fail "证书编码有误" "证书编码正确"
    CertBadPublicKey "CERT.BAD_PUBLIC_KEY" Fail "证书中的公钥不是有效的 SM2 公钥" "证书中的公钥有效"
    CertWeakAlg "CERT.WEAK_ALG" Fail "证书的算法不被接受，应为 SM2-SM3" "证书的算法为 SM2-SM3"
    CertNoTrustedPath "CERT.NO_TRUSTED_PATH" Review "找不到通向受信任机构的证书链" "证书链通向受信任机构"
    CertSignatureInvalid "CERT.SIGNATURE_INVALID" Fail "证书上的签发机构签名不正确" "证书上的签发机构签名正确"
    CertIssuerNotCa "CERT.ISSUER_NOT_CA" Fail "签发者的证书不允许签发证书" "签发者允许签发证书"
    CertPathlen "CERT.PATHLEN" Fail "证书链的级数超过上级机构的限制" "证书链的级数在限制之内"
    CertKeyUsage "CERT.KEY_USAGE" Fail "证书的密钥用途不允许这样使用" "证书的密钥用途相符"
    CertUnknownCriticalExt "CERT.UNKNOWN_CRITICAL_EXT" Review "证书含有不认识的关键扩展" "证书没有不认识的关键扩展"
    CertNotYetValid "CERT.NOT_YET_VALID" Fail "签名时证书尚未生效" "签名时证书已生效"
    CertExpiredAtSigning "CERT.EXPIRED_AT_SIGNING" Fail "签名时证书已过期" "签名时证书未过期"
    CertExpiredNow "CERT.EXPIRED_NOW" Inform "证书现已过期" "证书现在有效"
    CertRevoked "CERT.REVOKED" Fail "证书已被吊销" "证书未被吊销"
    CertRevocationUnknown "CERT.REVOCATION_UNKNOWN" Review "没有吊销列表，无法确认证书是否已吊销" "有吊销列表可查"
    CertRevocationStale "CERT.REVOCATION_STALE" Review "吊销列表已过时" "吊销列表在有效期内"
    SigTimeInFuture "SIG.TIME_IN_FUTURE" Fail "签名时间晚于验证时间" "签名时间不晚于验证时间"
    SigTimeMismatch "SIG.TIME_MISMATCH" Review "两处签名时间不一致" "两处签名时间一致"
    SigNoPoe "SIG.NO_POE" Review "证书或印章现已失效，且无法证明签名作出于失效之前；请向发证机关核实" "证书与印章现在仍有效，无需另证签名时间"
    TspMalformed "TSP.MALFORMED" Review "时间戳的结构不正确" "时间戳的结构正确"
    TspImprintMismatch "TSP.IMPRINT_MISMATCH" Fail "时间戳不属于本签名" "时间戳属于本签名"
    TspUntrusted "TSP.UNTRUSTED" Review "时间戳机构不受信任，或时间戳签名不正确" "时间戳可信"
    TspOrder "TSP.ORDER" Fail "时间戳早于签名时间，或晚于验证时间" "时间戳的先后正确"
    NoTimestamp "W.NO_TIMESTAMP" Warn "没有时间戳，签名时间为签名人自称" "有时间戳"
    LicNoMetadata "LIC.NO_METADATA" Review "没有受签名保护的证照信息" "有受签名保护的证照信息"
    LicIdSyntax "LIC.ID_SYNTAX" Review "证照标识的格式不符合 GB/T 36904" "证照标识的格式正确"
    LicIdCheckChar "LIC.ID_CHECK_CHAR" Fail "证照标识的校验位不正确" "证照标识的校验位正确"
    LicIdUncomputable "LIC.ID_UNCOMPUTABLE" Review "证照标识含有不能计算校验位的字符" "证照标识可以计算校验位"
    LicIdFieldMismatch "LIC.ID_FIELD_MISMATCH" Fail "证照标识与证照信息中的类型、机构或编号矛盾" "证照标识与证照信息相符"
    LicSealOrgMismatch "LIC.SEAL_ORG_MISMATCH" Fail "盖章单位不是证照的颁发机构" "盖章单位就是证照的颁发机构"
    LicTypeUnknown "LIC.TYPE_UNKNOWN" Review "证照类型代码不正确或不认识" "证照类型代码正确"
    LicHolderCode "LIC.HOLDER_CODE" Fail "持证主体代码的校验位不正确" "持证主体代码的校验位正确"
    LicNotYetValid "LIC.NOT_YET_VALID" Fail "证照尚未生效" "证照已生效"
    LicExpired "LIC.EXPIRED" Fail "证照已过有效期" "证照在有效期内"
    LicDate "LIC.DATE" Review "证照有效期的写法不认识" "证照有效期的写法可识别"
    LicCopyExpired "LIC.COPY_EXPIRED" Fail "证照加注件已过有效期" "证照加注件在有效期内"
    LicCopyPurpose "LIC.COPY_PURPOSE" Fail "证照加注件注明的用途不是本事项" "证照加注件的用途与本事项相符"
    LicHolderMismatch "LIC.HOLDER_MISMATCH" Fail "持证主体不是所要求的主体" "持证主体与所要求的相符"
    LicState "LIC.STATE" Review "没有联系发证机关核实证照现状" "发证机关证实证照现在有效"
    LicStateNotActive "LIC.STATE_NOT_ACTIVE" Fail "发证机关答复：证照未激活" "证照已激活"
    LicStateSuspended "LIC.STATE_SUSPENDED" Fail "发证机关答复：证照已暂扣、冻结或受限" "证照没有被暂扣、冻结或限制"
    LicStateExpired "LIC.STATE_EXPIRED" Fail "发证机关答复：证照已过期失效" "发证机关没有答复过期"
    LicStateCancelled "LIC.STATE_CANCELLED" Fail "发证机关答复：证照已注销" "证照没有被注销"
    LicStateWithdrawn "LIC.STATE_WITHDRAWN" Fail "发证机关答复：证照已撤销" "证照没有被撤销"
    LicStateRevoked "LIC.STATE_REVOKED" Fail "发证机关答复：证照已吊销" "证照没有被吊销"
    LicStateTransferred "LIC.STATE_TRANSFERRED" Fail "发证机关答复：证照已转出" "证照没有转出"
    LicStateSuperseded "LIC.STATE_SUPERSEDED" Fail "发证机关答复：证照已变更或补换，应使用新证照" "证照没有被新证照代替"
    LicStateUnknown "LIC.STATE_UNKNOWN" Review "发证机关没有答复明确的证照状态" "发证机关答复了证照状态"
    LicSourceFieldDiffers "LIC.SOURCE_FIELD_DIFFERS" Fail "证照内容与发证机关的答复不同" "证照内容与发证机关的答复相同"
    PolicySourceUnavailable "POLICY.SOURCE_UNAVAILABLE" Review "没有得到发证机关的有效答复" "得到了发证机关的答复"
    PolicyMatterUnknown "POLICY.MATTER_UNKNOWN" Review "策略中没有这一事项" "策略中有这一事项"
    PolicyTypeNotAccepted "POLICY.TYPE_NOT_ACCEPTED" Fail "本事项不接受这一类型的证照" "本事项接受这一类型的证照"
}

impl Code {
    /// Whether it is about the licence and its use rather than about the signatures.
    pub(super) fn is_about_use(self) -> bool {
        let is_policy =
            matches!(self, Self::PolicySourceUnavailable | Self::PolicyMatterUnknown | Self::PolicyTypeNotAccepted);
        is_policy || self.code().starts_with("LIC.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_unique_and_say_something() {
        let codes: HashSet<&str> = Code::ALL.iter().map(|code| code.code()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            assert!(!code.failed().is_empty() && !code.passed().is_empty() && code.failed() != code.passed());
            assert_eq!(code.code().starts_with("W."), code.level() == Level::Warn, "{}", code.code());
        }
    }

    #[test]
    fn a_failure_takes_back_what_passed_before() {
        let mut checks = Checks::default();
        checks.pass(Code::SigRefMissing);
        checks.fail(Code::SigRefMissing, "a");
        checks.pass(Code::SigRefMissing);
        assert_eq!(checks.list().len(), 1);
        assert_eq!(checks.worst(), Some(Level::Fail));
        for _ in 0..100 {
            checks.fail(Code::SigRefMissing, "b");
        }
        assert_eq!(checks.list().len(), SAME_MAX);
    }
}
