//! Every row of `mappings/examples/equivalence.csv` is shown by an example: what stands in its input, and what the
//! translation made of it. The values are found by the pretend cities' readers, not by the gateway's own.

use crate::support::Example;
use crate::support::mappings;
use Also::Becomes;
use Also::Refused;
use jingyue::edge::pretend::element::Element;
use jingyue::edge::pretend::text::decode;
use jingyue::edge::pretend::text::form;
use serde_json::Value;

/// A value and its place: `data.a[0].b` in JSON, the last steps of a path in XML (`RECORD[1]/CLNR`, from 0; `#NAME` is
/// an element known by its `name`), `form:NAME` for a parameter. `[*]` counts items, [`NONE`] is absence.
type Spot = (&'static str, &'static str);

const NONE: &str = "∅";

/// What else a row promises, shown by a change of the input.
enum Also {
    /// From, to, place in the output, value there.
    Becomes(&'static str, &'static str, &'static str, &'static str),
    /// From, to, number of the field fault.
    Refused(&'static str, &'static str, u16),
}

/// One row: sample, message, canonical field (as in the file), example, input, output, and more.
struct Row(&'static str, &'static str, &'static str, &'static str, &'static [Spot], &'static [Spot], &'static [Also]);

const QUERY: &str = "01-pf-query";
const RENT: &str = "02-pf-withdraw-rent";
const MOVE: &str = "03-pf-transfer";
const FIRM: &str = "04-bizlic-query";
const HOME: &str = "05-household-cert";
const PDF: &str = "JVBERi0xLjQKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8Pj4KJSVFT0YK";
const DIGEST: &str = "a68234bc0b9d31663732819f88ca2c304b6eac5bc54a55fb2423887e93e766f8";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    Row(QUERY, "request", "applicant_name", "01-request", &[("data.applicantName", "刘𬱖")], &[("BODY/XINGMING", "刘𬱖")], &[]),
    Row(QUERY, "request", "id_type", "01-request", &[("data.certType", "10")], &[("BODY/ZJLX", "01")],
        &[Refused("\"certType\": \"10\"", "\"certType\": \"01x\"", 202)]),
    Row(QUERY, "request", "id_no", "01-request", &[("data.certNo", "430602199003079989")], &[("BODY/ZJHM", "430602199003079989")], &[]),
    Row(QUERY, "request", "pf_acct_no", "01-request", &[("data.gjjAccountNo", "null")], &[("BODY/GRZH", "")],
        &[Becomes("\"gjjAccountNo\": null", "\"gjjAccountNo\": \"421000650012\"", "BODY/GRZH", "421000650012")]),
    Row(QUERY, "request", "query_from", "01-request", &[("data.queryFrom", "2026-01-01")], &[("BODY/KSRQ", "20260101")],
        &[Refused("\"2026-01-01\"", "\"2026-02-29\"", 203), Refused("\"2026-01-01\"", "\"2026-12-01\"", 210)]),
    Row(QUERY, "request", "query_to", "01-request", &[("data.queryTo", "2026-11-23")], &[("BODY/JSRQ", "20261123")], &[]),
    Row(QUERY, "request", "pf_center", "01-request", &[("data.centerNo", "421000000000000")], &[("form:jgdm", "421000000000000"), ("BODY/JGDM", NONE)], &[]),
    Row(QUERY, "request", "consent_no", "01-request", &[("data.consentNo", "SQ202611230000000001")], &[("BODY/SQBH", "SQ202611230000000001")], &[]),

    Row(QUERY, "response", "pf_status", "01-answer",
        &[("ROWS/ROW[0]/GRZHZT", "06"), ("ROWS/ROW[1]/GRZHZT", "04")],
        &[("data.accounts[0].accountStatus", "01"), ("data.accounts[0].frozen", "true"), ("data.accounts[1].accountStatus", "04"), ("data.accounts[1].frozen", "false")],
        &[Becomes("<GRZHZT>06<", "<GRZHZT>01<", "data.accounts[0].frozen", "false"), Refused("<GRZHZT>06<", "<GRZHZT>77<", 202)]),
    Row(QUERY, "response", "pf_base", "01-answer", &[("ROWS/ROW[0]/GRJCJS", "850000"), ("ROWS/ROW[1]/GRJCJS", "0")], &[("data.accounts[0].depositBase", "8500.00"), ("data.accounts[1].depositBase", "0.00")],
        &[Becomes("<GRJCJS>850000<", "<GRJCJS>7<", "data.accounts[0].depositBase", "0.07"), Refused("<GRJCJS>850000<", "<GRJCJS>8500.00<", 203)]),
    Row(QUERY, "response", "pf_rate_unit", "01-answer", &[("ROWS/ROW[0]/DWJCBL", "0.12")], &[("data.accounts[0].unitRate", "12.00")], &[]),
    Row(QUERY, "response", "pf_balance", "01-answer", &[("ROWS/ROW[0]/GRZHYE", "4532154")], &[("data.accounts[0].balance", "45321.54")],
        &[Becomes("<GRZHYE>4532154<", "<GRZHYE>900719925474099299<", "data.accounts[0].balance", "9007199254740992.99")]),
    Row(QUERY, "response", "pf_paid_to", "01-answer", &[("ROWS/ROW[0]/JZNY", "202610")], &[("data.accounts[0].paidTo", "2026-10")],
        &[Refused("<JZNY>202610<", "<JZNY>202613<", 203)]),
    Row(QUERY, "response", "pf_open_date", "01-answer", &[("ROWS/ROW[0]/KHRQ", "20150408")], &[("data.accounts[0].openDate", "2015-04-08")], &[]),
    Row(QUERY, "response", "repeating group", "01-answer", &[("ROWS/ROW[*]", "2"), ("BODY/ZS", "2")], &[("data.accounts[*]", "2"), ("data.total", "2")],
        &[Refused("<ZS>2<", "<ZS>3<", 207)]),

    Row(RENT, "request", "withdraw_reason", "02-request", &[("data.withdrawReason", "07")], &[("RECORD/TQYY", "006")], &[]),
    Row(RENT, "request", "withdraw_method", "02-request", &[("data.withdrawMethod", "02")], &[("RECORD/TQFS", "2")], &[]),
    Row(RENT, "request", "withdraw_amt", "02-request", &[("data.withdrawAmount", "8400.00")], &[("RECORD/TQJE", "840000")],
        &[Becomes("\"8400.00\"", "8400.1", "RECORD/TQJE", "840010"), Becomes("\"8400.00\"", "\"0.29\"", "RECORD/TQJE", "29")]),
    Row(RENT, "request", "rent_amt", "02-request", &[("data.lease.monthlyRent", "700.00")], &[("RECORD/YZJ", "70000")], &[]),
    Row(RENT, "request", "rent_from", "02-request", &[("data.lease.leaseFrom", "2026-01")], &[("RECORD/ZLQSNY", "202601")],
        &[Refused("\"2026-01\"", "\"2027-01\"", 210)]),
    Row(RENT, "request", "marital", "02-request", &[("data.applicant.maritalStatus", "21")], &[("RECORD/HYZKDM", "20")],
        &[Becomes("\"maritalStatus\": \"21\"", "\"maritalStatus\": \"40\"", "RECORD/HYZKDM", "40")]),
    Row(RENT, "request", "house_addr", "02-request", &[("data.lease.houseAddr.county", "421071"), ("data.lease.houseAddr.detail", "燎原路9号3栋2单元501室")],
        &[("RECORD/FWZL_SSXQDM", "421002"), ("RECORD/FWZL_QHNXXDZ", "荆州经济技术开发区燎原路9号3栋2单元501室")],
        &[Becomes("\"421071\"", "\"421003\"", "RECORD/FWZL_QHNXXDZ", "燎原路9号3栋2单元501室")]),
    Row(RENT, "request", "id_type", "02-request", &[("data.applicant.certType", "10")], &[("RECORD/ZJLX", "111")], &[]),
    Row(RENT, "request", "applicant_name", "02-request", &[("data.applicant.applicantName", "刘𬱖")], &[("RECORD/XM", "刘𬱖")], &[]),
    Row(RENT, "request", "remark", "02-request", &[("data.remark", "租金含税<8400元&按季付]]>")], &[("RECORD/BZ", "租金含税<8400元&按季付]]>")], &[]),
    Row(RENT, "request", "materials", "02-request",
        &[("data.materials[*]", "2"), ("data.materials[0].content", PDF), ("data.materials[0].digestSm3", DIGEST), ("data.materials[1].content", "null")],
        &[("CLLB/CL[*]", "2"), ("CLLB/CL[0]/CLNR", PDF), ("CLLB/CL[0]/CLZY", DIGEST), ("CLLB/CL[1]/CLNR", ""), ("CLLB/CL[1]/CLZY", NONE), ("CLLB/CL[0]/SXH", "1"), ("CLLB/CL[1]/SXH", "2")],
        &[Refused("a68234bc", "a68234bd", 208), Refused("\"content\": \"JVBE", "\"content\": \"JVBF", 208)]),
    Row(RENT, "request", "close_acct", "02-request", &[("data.closeAccount", "false")], &[("RECORD/SFXH", "0")],
        &[Becomes("\"closeAccount\": false", "\"closeAccount\": true", "RECORD/SFXH", "1")]),
    Row(RENT, "request", "apply_time", "02-request", &[("data.applyTime", "2026-11-23 09:30:15")], &[("RECORD/SQSJ", "20261123093015")], &[]),

    Row(RENT, "response", "status", "02-answer-refused", &[("PACKAGEHEAD/FHDM", "10"), ("RECORD/SLZTDM", "2")], &[("code", "200"), ("data.status", "not_accepted")], &[]),
    Row(RENT, "response", "promised_days", "02-answer", &[("RECORD/CNBJR", "3"), ("RECORD/SLSJ", "20261123093017")], &[("data.promiseDays", "3"), ("data.dueDate", "2026-11-26")],
        &[Becomes("<CNBJR>3<", "<CNBJR>5<", "data.dueDate", "2026-11-30"), Refused("<CNBJR>3<", "<CNBJR>3000<", 212)]),
    Row(RENT, "response", "query_password", "02-answer", &[("RECORD/CXMM", "482913")], &[("data.queryPwd", "******")], &[]),

    Row(MOVE, "m1", "letter_no", "03-m1-request", &[("data.letterNo", "4306002611230001")], &[("body/#ConNum", "4306002611230001")], &[]),
    Row(MOVE, "m1", "id_type", "03-m1-request", &[("data.certType", "10")], &[("body/#DocType", "01")], &[]),
    Row(MOVE, "m1", "applicant_name", "03-m1-request", &[("data.applicantName", "刘𬱖")], &[("body/#EmpName", "刘𬱖")], &[]),
    Row(MOVE, "m1", "in_fund_acct", "03-m1-request", &[("data.inFundAccount", "43001500061050000001")], &[("body/#TranRefAcctNo", "43001500061050000001")], &[]),
    Row(MOVE, "m1", "date", "03-m1-request", &[("data.genDate", "2026-11-23")], &[("body/#GenDate", "20261123")], &[]),
    Row(MOVE, "m1", "pf_acct_no", "03-m1-request", &[("data.gjjAccountNo", "421000650012")], &[("body/#SocRefAcctNo", "421000650012")], &[]),

    Row(MOVE, "m3", "transfer_amt", "03-m3-request", &[("body/#TranAmt", "45321.54"), ("body/#OrAcctAmt", "45100.00"), ("body/#Yinter", "221.54")], &[("data.transferAmount", "45321.54")],
        &[Refused(">45321.54<", ">45321.55<", 206)]),
    Row(MOVE, "m3", "six_month_flag", "03-m3-request", &[("body/#SixMconFlag", "1")], &[("data.sixMonthFlag", "true")],
        &[Becomes("\"SixMconFlag\">1<", "\"SixMconFlag\">2<", "data.sixMonthFlag", "false"), Refused("\"SixMconFlag\">1<", "\"SixMconFlag\">0<", 203)]),
    Row(MOVE, "m3", "loan_open_flag", "03-m3-request", &[("body/#LoanEndFlag", "2")], &[("data.hasOpenLoan", "false")],
        &[Becomes("\"LoanEndFlag\">2<", "\"LoanEndFlag\">1<", "data.hasOpenLoan", "true")]),
    Row(MOVE, "m3", "pf_open_date", "03-m3-request", &[("body/#OAcctDate", "201504")], &[("data.openDate", "2015-04")],
        &[Becomes("\"OAcctDate\">201504<", "\"OAcctDate\">20150408<", "data.openDate", "2015-04")]),
    Row(MOVE, "m3", "pf_paid_to", "03-m3-request", &[("body/#PayEndDate", "202610")], &[("data.paidTo", "2026-10")], &[]),

    Row(FIRM, "response", "reg_capital", "04-answer", &[("data.regCapital", "500.000000")], &[("RECORD/ZCZB", "500000000")],
        &[Becomes("\"500.000000\"", "\"0.000100\"", "RECORD/ZCZB", "100")]),
    Row(FIRM, "response", "est_date", "04-answer", &[("data.estDate", "1588694400000")], &[("RECORD/CLRQ", "20200506")], &[]),
    Row(FIRM, "response", "valid_to", "04-answer", &[("data.businessTermTo", "null")], &[("RECORD/YYQXZ", "99991231")],
        &[Becomes("\"businessTermTo\": null", "\"businessTermTo\": 1588694400000", "RECORD/YYQXZ", "20200506")]),
    Row(FIRM, "response", "ent_status", "04-answer", &[("data.entStatus", "01")], &[("RECORD/JYZT", "存续（在营、开业、在册）")], &[]),
    Row(FIRM, "response", "org_addr", "04-answer", &[("data.entAddr.county", "430602"), ("data.entAddr.street", "王家河街道")], &[("RECORD/ZS", "湖南省岳阳市岳阳楼区王家河街道南湖大道100号A栋12层")], &[]),
    Row(FIRM, "response", "shareholders", "04-answer", &[("data.shareholders[*]", "2"), ("data.shareholders[0].ratio", "60.00")], &[("GDXX/GD[*]", "2"), ("GDXX/GD[0]/CZBL", "0.6"), ("GDXX/GD[1]/CZBL", "0.4")],
        &[Refused("\"60.00\"", "\"60.01\"", 206)]),
    Row(FIRM, "response", "legal_person", "04-answer", &[("data.legalPerson", "欧阳娜仁·其其格")], &[("RECORD/FDDBR", "欧阳娜仁·其其格")],
        &[Becomes("\"legalPerson\": \"欧阳娜仁·", "\"legalPerson\": \"欧阳娜仁•", "RECORD/FDDBR", "欧阳娜仁·其其格")]),
    Row(FIRM, "response", "uscc", "04-answer", &[("data.uniscId", "91430600MA0000007J")], &[("RECORD/TYSHXYDM", "91430600MA0000007J")],
        &[Refused("91430600MA0000007J", "91430600MA0000007K", 211)]),

    Row(HOME, "request", "household_addr", "05-request", &[("data.householdAddr.county", "421088"), ("data.householdAddr.street", "容城镇"), ("data.certNo", "421023198506309970")],
        &[("RECORD/HJDZ_SSXQDM", "421088"), ("RECORD/HJDZ_QHNXXDZ", "容城镇天府大道88号"), ("RECORD/GMSFHM", "421023198506309970")], &[]),
    Row(HOME, "request", "recipient_addr", "05-request", &[("data.recipientAddr.county", "430602"), ("data.recipientAddr.street", "null")], &[("RECORD/SJR_TXDZ", "湖南省岳阳市岳阳楼区南湖大道100号")], &[]),
    Row(HOME, "request", "materials", "05-request", &[("data.materials[*]", "2"), ("data.materials[0].format", "licence"), ("data.materials[1].content", PDF)],
        &[("DATA/RECORD[*]", "2"), ("DATA/RECORD[1]/CLMC", "申请表"), ("DATA/RECORD[1]/CLNR", PDF), ("PACKAGEHEAD/JLS", "2")], &[]),
    Row(HOME, "request", "deliver_way", "05-request", &[("data.deliverWay", "2")], &[("RECORD/JMSFZLZFSDM", "2")], &[]),
    Row(HOME, "request", "apply_time", "05-request", &[("data.applyTime", "2026-11-23 10:02:44")], &[("RECORD/SLSJ", "20261123100244")], &[]),
    Row(HOME, "request", "accept unit", "05-request", &[("data.acceptRegion", "430602")], &[("RECORD/SLDW_GAJGJGDM", "430602000000"), ("RECORD/SLDW_GAJGMC", "岳阳市公安局岳阳楼分局")], &[]),

    Row(HOME, "response", "error", "05-answer-error", &[("DATA/CODE", "-50"), ("DATA/RECORD[*]", "0")], &[("code", "4010"), ("data", "null")], &[]),
    Row(HOME, "response", "document", "05-answer", &[("RECORD/CLNR", PDF), ("RECORD/CLZY", DIGEST)], &[("data.document.content", PDF), ("data.document.digestSm3", DIGEST)],
        &[Refused("<CLZY>a6", "<CLZY>a7", 208)]),
    Row(HOME, "response", "refusal", "05-answer-refused", &[("PACKAGEHEAD/FHDM", "10"), ("RECORD/BYCJHJZMYYDM", "99")], &[("code", "200"), ("data.status", "refused"), ("data.reasonCode", "99")], &[]),
];

enum Document {
    Json(Value),
    Xml { parameters: Vec<(String, String)>, root: Element },
}

impl Document {
    fn read(bytes: &[u8]) -> Self {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => Self::Json(serde_json::from_slice(bytes).unwrap()),
            Some(b'<') => {
                Self::Xml { parameters: Vec::new(), root: Element::parse(&decode(bytes, None).unwrap()).unwrap() }
            }
            _ => {
                let pairs = form(bytes).unwrap();
                let text = |bytes: &[u8]| decode(bytes, Some("gb18030")).unwrap();
                let parameters: Vec<_> = pairs.iter().map(|(name, value)| (text(name), text(value))).collect();
                let document = &parameters.iter().find(|(name, _)| name == "xml").unwrap().1;
                Self::Xml { root: Element::parse(document).unwrap(), parameters }
            }
        }
    }

    fn value(&self, path: &str) -> String {
        match self {
            Self::Json(value) => json_value(value, path),
            Self::Xml { parameters, root } => match path.strip_prefix("form:") {
                Some(wanted) => {
                    let found = parameters.iter().find(|(name, _)| name == wanted);
                    found.map_or_else(|| NONE.to_owned(), |(_, value)| value.clone())
                }
                None => xml_value(root, path),
            },
        }
    }
}

fn json_value(root: &Value, path: &str) -> String {
    let mut at = root;
    for step in path.split('.') {
        let (name, index) = step.split_once('[').map_or((step, None), |(name, index)| (name, index.strip_suffix(']')));
        let Some(member) = at.get(name) else { return NONE.to_owned() };
        at = match index {
            None => member,
            Some("*") => return member.as_array().unwrap().len().to_string(),
            Some(index) => &member[index.parse::<usize>().unwrap()],
        };
    }
    at.as_str().map_or_else(|| at.to_string(), str::to_owned)
}

fn xml_value(root: &Element, path: &str) -> String {
    let steps: Vec<&str> = path.split('/').collect();
    let root = Element::branch("", vec![root.clone()]);
    if let Some(last) = steps.last().and_then(|step| step.strip_suffix("[*]")) {
        let above = find(&root, &steps[..steps.len() - 1]).unwrap_or_else(|| panic!("{path}"));
        return inside(&above).iter().filter(|child| is(child, last)).count().to_string();
    }
    find(&root, &steps).map_or_else(|| NONE.to_owned(), |element| element.text)
}

/// The children, also where they are a document in the text.
fn inside(element: &Element) -> Vec<Element> {
    match element.text.trim_start().starts_with('<').then(|| Element::parse(element.text.trim_start())) {
        Some(Ok(nested)) => vec![nested],
        _ => element.children.clone(),
    }
}

fn is(element: &Element, step: &str) -> bool {
    match step.strip_prefix('#') {
        Some(name) => element.attribute("name") == Some(name),
        None => element.name == step,
    }
}

/// The first place, in the order of the document, from which the steps lead on.
fn find(element: &Element, steps: &[&str]) -> Option<Element> {
    follow(element, steps).or_else(|| inside(element).iter().find_map(|child| find(child, steps)))
}

fn follow(element: &Element, steps: &[&str]) -> Option<Element> {
    let Some((step, rest)) = steps.split_first() else { return Some(element.clone()) };
    let (name, index) =
        step.split_once('[').map_or((*step, 0), |(name, index)| (name, index.trim_end_matches(']').parse().unwrap()));
    let children = inside(element);
    follow(children.iter().filter(|child| is(child, name)).nth(index)?, rest)
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    let place = memchr::memmem::find(bytes, from.as_bytes()).unwrap_or_else(|| panic!("{from}"));
    [&bytes[..place], to.as_bytes(), &bytes[place + from.len()..]].concat()
}

#[test]
fn every_row_is_shown_by_an_example() {
    for Row(sample, message, canonical, example, input, output, also) in ROWS {
        let row = format!("{sample} {message} {canonical}");
        let example = Example::load(example);
        assert!(example.input.starts_with(sample) && example.output.starts_with(sample), "{row}");
        let bytes = Example::file(&example.input);
        let source = Document::read(&bytes);
        let target = Document::read(&example.translate(&bytes).unwrap());
        for (document, spots) in [(source, input), (target, output)] {
            for (path, value) in *spots {
                assert_eq!(document.value(path), *value, "{row}: {path}");
            }
        }
        for also in *also {
            match also {
                Becomes(from, to, path, value) => {
                    let translated = example.translate(&replaced(&bytes, from, to));
                    let translated = translated.unwrap_or_else(|fault| panic!("{row}: {to}: {fault:?}"));
                    assert_eq!(Document::read(&translated).value(path), *value, "{row}: {to}");
                }
                Refused(from, to, number) => match example.translate(&replaced(&bytes, from, to)) {
                    Ok(translated) => panic!("{row}: {to}: {}", String::from_utf8_lossy(&translated)),
                    Err(fault) => {
                        let numbers: Vec<u16> = fault.fields().iter().map(|field| field.number()).collect();
                        assert_eq!(numbers, [*number], "{row}: {to}: {fault:?}");
                    }
                },
            }
        }
    }
}

#[test]
fn no_row_is_left_out() {
    let mut reader = csv::Reader::from_path(mappings().join("examples/equivalence.csv")).unwrap();
    let written: Vec<[String; 3]> = reader
        .records()
        .map(|record| record.unwrap())
        .map(|row| [0, 1, 2].map(|column| row[column].to_owned()))
        .collect();
    let shown: Vec<[String; 3]> = ROWS
        .iter()
        .map(|Row(sample, message, canonical, ..)| [*sample, *message, *canonical].map(str::to_owned))
        .collect();
    let missing: Vec<_> = written.iter().filter(|row| !shown.contains(row)).collect();
    assert!(missing.is_empty(), "rows that no example shows: {missing:?}");
    let extra: Vec<_> = shown.iter().filter(|row| !written.contains(row)).collect();
    assert!(extra.is_empty(), "rows that the file has no more: {extra:?}");
}

/// The way back of what the rows say is two-way, where the samples show one way only.
#[test]
fn the_other_way_by_conditions_and_names() {
    let back = |name: &str, edits: &[(&str, &str)]| {
        let example = Example::load(name);
        let mut bytes = Example::file(&example.output);
        for (from, to) in edits {
            bytes = replaced(&bytes, from, to);
        }
        Document::read(&example.back().translate(&bytes).unwrap())
    };
    let rent = back("02-request", &[]);
    assert_eq!(rent.value("data.withdrawReason"), "07");
    assert_eq!(rent.value("data.lease.houseAddr.county"), "421071", "the name before the street brings it back");
    assert_eq!(rent.value("data.lease.houseAddr.detail"), "燎原路9号3栋2单元501室");
    assert_eq!(rent.value("data.applicant.maritalStatus"), "20", "declared as lost");
    assert_eq!(back("02-request", &[("<TQYY>006<", "<TQYY>007<")]).value("data.withdrawReason"), "99");
    let firm = back("04-answer", &[]);
    assert_eq!(firm.value("data.entAddr.county"), "430602");
    assert_eq!(firm.value("data.entAddr.detail"), "王家河街道南湖大道100号A栋12层");
    assert_eq!(firm.value("data.estDate"), "1588694400000");
    assert_eq!(firm.value("data.businessTermTo"), "null");
}
