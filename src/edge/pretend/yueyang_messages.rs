//! What a right message to the pretend Yueyang looks like.
//!
//! It deliberately uses the platform's own codes: certificate type 10, the statistical division 421071, 初婚 21.

use crate::edge::pretend::check;
use crate::edge::pretend::check::Kind;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
use crate::edge::pretend::check::Shape;
use crate::edge::pretend::check::Trouble;
use crate::edge::pretend::check::may;
use crate::edge::pretend::check::must;
use crate::edge::pretend::json::Json;
use crate::edge::pretend::package::digest_problem;

const CERTIFICATES: &[&str] = &["10", "20", "30", "40", "50", "60", "70", "80", "90", "99"];
const DIVISION: Kind = Kind::Digits(6, 6);

const HEAD: &[Member] = &[
    must("version", Kind::Exactly("1.0")),
    must("serviceCode", Kind::Text(40)),
    must("msgId", Kind::Text(40)),
    must("areaCode", DIVISION),
];

/// The whole message around `data`.
pub const fn envelope(data: &'static [Member]) -> [Member; 2] {
    [group("head", true, HEAD), group("data", true, data)]
}

const fn group(name: &'static str, required: bool, members: &'static [Member]) -> Member {
    Member { name, required, shape: Shape::Group(members) }
}

const ADDRESS: &[Member] = &[
    must("province", DIVISION),
    must("city", DIVISION),
    must("county", DIVISION),
    may("street", Kind::Text(60)),
    must("detail", Kind::Text(200)),
];

/// What the gateway found a licence to say, in the words of Hunan.
const LICENCE: &[Member] = &[
    must("ZZLXDM", Kind::Text(21)),
    may("ZZMC", Kind::Text(100)),
    may("ZZBH", Kind::Text(50)),
    may("CZZT", Kind::Text(200)),
    may("ZZBFRQ", Kind::Text(10)),
];

const MATERIALS: Member = Member {
    name: "materials",
    required: false,
    shape: Shape::Each(&[
        must("name", Kind::Text(100)),
        must("code", Kind::Text(20)),
        must("format", Kind::Code(&["pdf", "ofd", "jpg", "png", "licence"])),
        may("source", Kind::Code(&["upload", "certificate", "scan"])),
        may("digestSm3", Kind::Digest),
        may("certIdentifier", Kind::Text(100)),
        group("certInfo", false, LICENCE),
        may("content", Kind::Base64),
    ]),
};

pub const ACCOUNT_QUERY: &[Member] = &[
    must("matterCode", Kind::Matter),
    must("applicantName", Kind::Text(30)),
    must("certType", Kind::Code(CERTIFICATES)),
    must("certNo", Kind::Text(30)),
    must("centerNo", Kind::Digits(15, 15)),
    must("queryPurpose", Kind::Text(200)),
    must("consentNo", Kind::Text(40)),
    must("queryFrom", Kind::Date10),
    must("queryTo", Kind::Date10),
    may("gjjAccountNo", Kind::Digits(6, 20)),
];

pub const WITHDRAWAL: &[Member] = &[
    must("matterCode", Kind::Matter),
    must("caseNo", Kind::Text(50)),
    must("idempotencyKey", Kind::Text(50)),
    must("applyTime", Kind::Moment19),
    must("acceptRegion", DIVISION),
    must("handleRegion", DIVISION),
    may("windowNo", Kind::Text(20)),
    may("clerkNo", Kind::Text(20)),
    group(
        "applicant",
        true,
        &[
            must("applicantName", Kind::Text(30)),
            must("certType", Kind::Code(CERTIFICATES)),
            must("certNo", Kind::Text(30)),
            may("sex", Kind::Code(&["0", "1", "2", "9"])),
            may("nation", Kind::Digits(2, 2)),
            must("mobile", Kind::Phone),
            may("maritalStatus", Kind::Code(&["10", "20", "21", "22", "23", "30", "40", "90"])),
            group(
                "spouse",
                false,
                &[
                    must("spouseName", Kind::Text(30)),
                    must("certType", Kind::Code(CERTIFICATES)),
                    must("certNo", Kind::Text(30)),
                ],
            ),
        ],
    ),
    must("gjjAccountNo", Kind::Digits(6, 20)),
    must("withdrawReason", Kind::Code(&["01", "02", "03", "04", "05", "06", "07", "08", "09", "99"])),
    must("withdrawMethod", Kind::Code(&["01", "02", "99"])),
    must("withdrawAmount", Kind::Yuan),
    must("closeAccount", Kind::Flag),
    group(
        "lease",
        false,
        &[
            may("leaseNo", Kind::Text(40)),
            must("leaseFrom", Kind::Month7),
            must("leaseTo", Kind::Month7),
            must("monthlyRent", Kind::Yuan),
            group("houseAddr", true, ADDRESS),
        ],
    ),
    may("houseCount", Kind::Whole),
    group(
        "bank",
        false,
        &[
            must("bankAccount", Kind::Digits(8, 32)),
            must("bankName", Kind::Text(100)),
            must("bankCode", Kind::Digits(3, 3)),
        ],
    ),
    MATERIALS,
    may("remark", Kind::Text(500)),
];

pub const TRANSFER: &[Member] = &[
    must("matterCode", Kind::Matter),
    must("caseNo", Kind::Text(50)),
    must("letterNo", Kind::Digits(16, 16)),
    must("outCenterNo", Kind::Digits(15, 15)),
    must("fromAgency", Kind::Text(60)),
    must("applicantName", Kind::Text(30)),
    must("certType", Kind::Code(CERTIFICATES)),
    must("certNo", Kind::Text(30)),
    must("entName", Kind::Text(120)),
    must("gjjAccountNo", Kind::Digits(6, 20)),
    must("inFundAccount", Kind::Digits(8, 32)),
    must("inFundName", Kind::Text(120)),
    must("inFundBank", Kind::Text(60)),
    must("bankCode", Kind::Digits(3, 3)),
    must("contactPhone", Kind::Phone),
    must("genDate", Kind::Date10),
    may("remark", Kind::Text(500)),
];

/// The end of a transfer, told by the centre that the account moved to.
pub const CLOSING: &[Member] = &[
    must("matterCode", Kind::Matter),
    may("caseNo", Kind::Text(50)),
    may("idempotencyKey", Kind::Text(50)),
    must("letterNo", Kind::Digits(16, 16)),
    must("applicantName", Kind::Text(30)),
    must("certType", Kind::Code(CERTIFICATES)),
    must("certNo", Kind::Text(30)),
    must("status", Kind::Code(&["completed", "terminated"])),
    may("resultMsg", Kind::Text(200)),
    may("transferAmount", Kind::Yuan),
    may("principalAmount", Kind::Yuan),
    may("interestAmount", Kind::Yuan),
    may("openDate", Kind::Month7),
    may("paidTo", Kind::Month7),
    may("sixMonthFlag", Kind::Flag),
    may("loanCount", Kind::Whole),
    may("hasOpenLoan", Kind::Flag),
    may("fraudFlag", Kind::Flag),
    may("contactPhone", Kind::Phone),
];

pub const PROGRESS: &[Member] = &[
    must("matterCode", Kind::Matter),
    must("letterNo", Kind::Digits(16, 16)),
    must("outCenterNo", Kind::Digits(15, 15)),
];

pub const LICENCE_QUERY: &[Member] = &[
    must("matterCode", Kind::Matter),
    may("uniscId", Kind::Credit),
    may("entName", Kind::Text(100)),
    must("queryPurpose", Kind::Text(200)),
    must("consentNo", Kind::Text(40)),
    must("requestArea", DIVISION),
    may("handleRegion", DIVISION),
];

pub const HOUSEHOLD: &[Member] = &[
    must("matterCode", Kind::Matter),
    must("caseNo", Kind::Text(50)),
    must("applyTime", Kind::Moment19),
    must("acceptRegion", DIVISION),
    must("handleRegion", DIVISION),
    must("applicantName", Kind::Text(30)),
    must("certType", Kind::Code(CERTIFICATES)),
    must("certNo", Kind::Text(30)),
    group("householdAddr", true, ADDRESS),
    must("mobile", Kind::Phone),
    must("hukouCertType", Kind::Code(&["01", "02", "03", "04", "05", "06", "99"])),
    must("certContent", Kind::Text(500)),
    must("deliverWay", Kind::Code(&["0", "1", "2", "3", "4"])),
    may("recipientName", Kind::Text(30)),
    may("recipientMobile", Kind::Phone),
    group("recipientAddr", false, ADDRESS),
    may("postCode", Kind::Digits(6, 6)),
    may("clerkNo", Kind::Text(20)),
    may("clerkName", Kind::Text(30)),
    MATERIALS,
    may("remark", Kind::Text(500)),
];

/// A push, whose envelope looks like an answer.
pub const PUSH: &[Member] = &[
    must("code", Kind::Whole),
    must("msg", Kind::Text(200)),
    must("msgId", Kind::Text(40)),
    must("timestamp", Kind::Whole),
    group(
        "data",
        true,
        &[
            may("caseNo", Kind::Text(50)),
            may("letterNo", Kind::Digits(16, 16)),
            may("status", Kind::Text(40)),
            may("transferAmount", Kind::Yuan),
            may("principalAmount", Kind::Yuan),
            may("interestAmount", Kind::Yuan),
            may("openDate", Kind::Month7),
            may("paidTo", Kind::Month7),
            may("sixMonthFlag", Kind::Flag),
            may("loanCount", Kind::Whole),
            may("hasOpenLoan", Kind::Flag),
            may("fraudFlag", Kind::Flag),
            may("reason", Kind::Text(200)),
            may("remark", Kind::Text(500)),
        ],
    ),
];

/// The number of an identity card must be right.
pub fn certificate_rules(data: &Json, problems: &mut Vec<Problem>) {
    let people = [("", "$.data"), ("applicant.", "$.data.applicant"), ("applicant.spouse.", "$.data.applicant.spouse")];
    for (inside, path) in people {
        let kind = data.text_at(&format!("{inside}certType"));
        if kind == "10" && !check::citizen(data.text_at(&format!("{inside}certNo"))) {
            problems.push((Trouble::Form, format!("{path}.certNo")));
        }
    }
}

/// Identity card, and the order of the two dates.
pub fn account_rules(data: &Json, problems: &mut Vec<Problem>) {
    certificate_rules(data, problems);
    if data.text_at("queryFrom") > data.text_at("queryTo") {
        problems.push((Trouble::Form, "$.data.queryTo".to_owned()));
    }
}

/// Principal and interest make the amount.
pub fn closing_rules(data: &Json, problems: &mut Vec<Problem>) {
    certificate_rules(data, problems);
    let fen = |name: &str| data.text_at(name).replace('.', "").parse::<i128>().unwrap_or_default();
    if fen("transferAmount") != fen("principalAmount") + fen("interestAmount") {
        problems.push((Trouble::Form, "$.data.transferAmount".to_owned()));
    }
}

/// No rule across members.
pub fn no_rules(_: &Json, _: &mut Vec<Problem>) {}

/// Identity cards, the lease of a rent withdrawal, the bank of a transfer, materials.
pub fn withdrawal_rules(data: &Json, problems: &mut Vec<Problem>) {
    certificate_rules(data, problems);
    if data.text_at("withdrawReason") == "07" && matches!(data.at("lease"), None | Some(Json::Null)) {
        problems.push((Trouble::Missing, "$.data.lease".to_owned()));
    }
    if data.text_at("withdrawMethod") == "02" && matches!(data.at("bank"), None | Some(Json::Null)) {
        problems.push((Trouble::Missing, "$.data.bank".to_owned()));
    }
    if data.text_at("lease.leaseFrom") > data.text_at("lease.leaseTo") {
        problems.push((Trouble::Form, "$.data.lease.leaseTo".to_owned()));
    }
    material_rules(data, problems);
}

/// One of code and name must be there.
pub fn licence_rules(data: &Json, problems: &mut Vec<Problem>) {
    if data.text_at("uniscId").is_empty() && data.text_at("entName").is_empty() {
        problems.push((Trouble::Missing, "$.data.uniscId".to_owned()));
    }
}

/// Identity card, the recipient of what goes by mail, materials.
pub fn household_rules(data: &Json, problems: &mut Vec<Problem>) {
    certificate_rules(data, problems);
    if data.text_at("deliverWay") == "2" {
        for name in ["recipientName", "recipientMobile", "recipientAddr.detail"] {
            if data.text_at(name).is_empty() {
                problems.push((Trouble::Missing, format!("$.data.{name}")));
            }
        }
    }
    material_rules(data, problems);
}

fn material_rules(data: &Json, problems: &mut Vec<Problem>) {
    let Some(Json::List(materials)) = data.at("materials") else { return };
    for (place, material) in materials.iter().enumerate() {
        let path = |name: &str| format!("$.data.materials[{place}].{name}");
        let needed = if material.text_at("format") == "licence" { "certIdentifier" } else { "content" };
        if material.text_at(needed).is_empty() {
            problems.push((Trouble::Missing, path(needed)));
        }
        let content = material.text_at("content");
        problems.extend(digest_problem(material.text_at("digestSm3"), content, path("digestSm3")));
    }
}
