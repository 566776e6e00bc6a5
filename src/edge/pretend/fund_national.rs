//! 全国公积金转移接续平台 `fund-national`: letters, information and progress between two centres.
//!
//! One pretend platform answers for whichever centre a message is sent to (ReceiveNode). It deliberately speaks
//! plain HTTP (`POST /bdc/message`, composed): the 16-byte head, sign-in and session key of the real one are not here.

use crate::edge::pretend::behaviour::Behaviour;
use crate::edge::pretend::check;
use crate::edge::pretend::check::Kind;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
use crate::edge::pretend::check::Trouble;
use crate::edge::pretend::check::may;
use crate::edge::pretend::check::must;
use crate::edge::pretend::element::Element;
use crate::edge::pretend::register;
use crate::edge::pretend::text::decode;
use crate::edge::pretend::text::gb18030;
use crate::edge::pretend::times;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use http::Method;

const PATH: &str = "/bdc/message";

const NODES: &[&str] = &["C43060", "C42100"];

const HEAD: &[Member] = &[
    must("SendDate", Kind::Date8),
    must("SendTime", Kind::Clock6),
    must("SendSeqNo", Kind::Digits(20, 20)),
    must("TxUnitNo", Kind::Digits(15, 15)),
    must("SendNode", Kind::Code(NODES)),
    must("TxCode", Kind::Text(8)),
    must("ReceiveNode", Kind::Code(NODES)),
    may("CustNo", Kind::Text(20)),
    must("OperNo", Kind::Digits(21, 21)),
];

const NOTICE_HEAD: &[Member] = &[
    must("SendDate", Kind::Date8),
    must("SendTime", Kind::Clock6),
    must("SendSeqNo", Kind::Text(20)),
    must("SendNode", Kind::Text(6)),
    must("TxCode", Kind::Text(8)),
    must("ReceiveNode", Kind::Code(NODES)),
    must("BDCDate", Kind::Date8),
    must("BDCTime", Kind::Clock6),
    must("BDCSeqNo", Kind::Text(20)),
];

const DOCUMENTS: &[&str] = &["01", "02", "03", "04", "99"];
const YES_NO: &[&str] = &["1", "2"];

const LETTER: &[Member] = &[
    must("ConNum", Kind::Digits(16, 16)),
    must("TxFunc", Kind::Code(&["0", "1", "2"])),
    must("TranOutUnitNo", Kind::Digits(15, 15)),
    must("TranCenName", Kind::Text(60)),
    must("EmpName", Kind::Text(60)),
    must("DocType", Kind::Code(DOCUMENTS)),
    must("IdNum", Kind::Text(30)),
    must("SocUnitName", Kind::Text(120)),
    must("SocRefAcctNo", Kind::Digits(6, 20)),
    must("TranRefAcctNo", Kind::Digits(8, 32)),
    must("TranRefAcctName", Kind::Text(120)),
    must("TranBank", Kind::Text(60)),
    must("EntBank", Kind::Digits(3, 3)),
    must("TrenCenInfo", Kind::Phone),
    must("GenDate", Kind::Date8),
    may("TranRstCode", Kind::Code(&["0", "1"])),
    may("TranRstMsg", Kind::Text(200)),
    may("Remark", Kind::Text(200)),
    may("Bak1", Kind::Text(200)),
    may("Bak2", Kind::Text(200)),
];

const INFORMATION: &[Member] = &[
    must("OrConNum", Kind::Digits(16, 16)),
    must("TxFunc", Kind::Code(&["0", "1", "2"])),
    must("EmpName", Kind::Text(60)),
    must("DocType", Kind::Code(DOCUMENTS)),
    must("IdNum", Kind::Text(30)),
    may("TranAmt", Kind::Yuan),
    may("OrAcctAmt", Kind::Yuan),
    may("Yinter", Kind::Yuan),
    may("OAcctDate", Kind::Month6),
    may("PayEndDate", Kind::Month6),
    may("SixMconFlag", Kind::Code(YES_NO)),
    may("LoanNum", Kind::Digits(1, 2)),
    may("LoanEndFlag", Kind::Code(YES_NO)),
    may("FrLoanFlag", Kind::Code(YES_NO)),
    may("TranRstCode", Kind::Code(&["0", "1"])),
    may("TranRstMsg", Kind::Text(200)),
    may("ContPhone", Kind::Phone),
    may("Bak1", Kind::Text(200)),
    may("Bak2", Kind::Text(200)),
];

const PROGRESS: &[Member] = &[
    must("OrConNum", Kind::Digits(16, 16)),
    must("OrTxFunc", Kind::Code(&["0", "1", "2"])),
    must("TranOutUnitNo", Kind::Digits(15, 15)),
    may("Bak1", Kind::Text(200)),
    may("Bak2", Kind::Text(200)),
];

type Field = (&'static str, String);

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    if request.method != Method::POST || request.path != PATH {
        let status = if request.path == PATH { 405 } else { 404 };
        let reply =
            Reply { status, content_type: "text/plain;charset=GBK", bytes: gb18030("只接受 POST /bdc/message") };
        return Turn { key: String::new(), behaviour: Behaviour::Usual, reply };
    }
    let read = decode(&request.body, request.charset()).and_then(|text| Element::parse(&text)).and_then(by_name);
    let message = match read {
        Ok(message) => message,
        Err(reason) => {
            let head = head(&Element::default(), register::BAD_FORMAT.fund, &reason, world);
            return Turn { key: String::new(), behaviour: Behaviour::Usual, reply: reply(&head, &[]) };
        }
    };
    let text = |path: &str| message.text_at(path);
    let texts = ["body/Remark", "body/TranRstMsg", "body/SocUnitName", "body/EmpName"].map(text);
    let behaviour = Behaviour::of(&texts, &["body/TranAmt", "body/ConNum", "body/OrConNum"].map(text));
    let key = text("head/SendSeqNo").to_owned();
    let reply = answer(&message, &behaviour, world);
    Turn { key, behaviour, reply }
}

fn answer(message: &Element, behaviour: &Behaviour, world: &World) -> Reply {
    let refuse = |code: &str, text: &str| reply(&head(message, code, text, world), &[]);
    let problems = judge(message);
    if let Some(first) = problems.first() {
        let row = match first.0 {
            Trouble::Missing => register::MISSING_FIELD,
            Trouble::Code => register::CODE_UNMAPPED,
            Trouble::Form | Trouble::Unknown | Trouble::Order => register::BAD_FORMAT,
        };
        let told: Vec<String> = problems.iter().map(check::told).collect();
        return refuse(row.fund, &told.join("；"));
    }
    match behaviour {
        Behaviour::Error(code) if code.is_empty() => return refuse(register::PEER_BUSY.fund, register::PEER_BUSY.text),
        Behaviour::Error(code) => return refuse(code, register::error_text(code)),
        Behaviour::NotKnown(marker) => return refuse(register::BAD_FORMAT.fund, &format!("未知的模拟标记：{marker}")),
        _ => {}
    }
    let query = message.text_at("head/TxCode") == "BDC904";
    if *behaviour == Behaviour::Refuse && !query {
        return refuse(register::IN_PROCESS.fund, "该职工有在途的转移业务");
    }
    let mut body = match outcome(message, world) {
        Ok(body) => body,
        Err((code, text)) => return refuse(code, text),
    };
    let mut head = head(message, "00000", "成功", world);
    if *behaviour == Behaviour::Refuse {
        "13".clone_into(&mut body[0].1);
        register::progress("13").0.clone_into(&mut body[1].1);
    }
    let (fields, vital, wrong) = if query { (&mut body, "AppPrStatus", "77") } else { (&mut head, "RtnCode", "77777") };
    match behaviour {
        Behaviour::Missing => fields.retain(|(name, _)| *name != vital),
        Behaviour::UnknownCode => {
            for field in fields.iter_mut().filter(|(name, _)| *name == vital) {
                wrong.clone_into(&mut field.1);
            }
        }
        _ => {}
    }
    reply(&head, &body)
}

/// What becomes of a right message: the body of the answer, or the platform's refusal.
fn outcome(message: &Element, world: &World) -> Result<Vec<Field>, (&'static str, &'static str)> {
    let body = |name: &str| message.child("body").map_or("", |body| body.text_at(name));
    match (message.text_at("head/TxCode"), body("TxFunc")) {
        ("BDC901", "0") => {
            let opened = world.open_letter(body("ConNum"), message.text_at("head/SendSeqNo"));
            opened.map_err(|_| (register::DUPLICATE.fund, "联系函编号已存在"))?;
        }
        ("BDC901", "2") => world.move_letter(body("ConNum"), "05"),
        ("BDC905", "0") if body("TranRstCode") == "1" => world.move_letter(body("OrConNum"), "13"),
        ("BDC905", "0") => world.move_letter(body("OrConNum"), "08"),
        ("BDC905", "2") if body("TranRstCode") == "1" => world.move_letter(body("OrConNum"), "40"),
        ("BDC905", "2") => world.move_letter(body("OrConNum"), "00"),
        ("BDC904", _) => {
            let old = (body("OrConNum") == register::OLD_LETTER).then_some("02");
            let progress = world.letter_progress(body("OrConNum")).or(old);
            let progress = progress.ok_or((register::NOT_FOUND.fund, register::NOT_FOUND.text))?;
            return Ok(vec![
                ("AppPrStatus", progress.to_owned()),
                ("AppProMessage", register::progress(progress).0.to_owned()),
                ("Contacts", "张示例".to_owned()),
                ("ContPhone", "0716-8000002".to_owned()),
            ]);
        }
        _ => {}
    }
    Ok(Vec::new())
}

fn judge(message: &Element) -> Vec<Problem> {
    let mut problems = Vec::new();
    let names: Vec<&str> = message.children.iter().map(|child| child.name.as_str()).collect();
    let ([head, body], ["head", "body"]) = (message.children.as_slice(), names.as_slice()) else {
        return vec![(Trouble::Order, "message".to_owned())];
    };
    if message.name != "message" {
        problems.push((Trouble::Unknown, message.name.clone()));
    }
    let (head_members, body_members) = match head.text_at("TxCode") {
        "BDC901" => (HEAD, Some(LETTER)),
        "BDC904" => (HEAD, Some(PROGRESS)),
        "BDC905" => (HEAD, Some(INFORMATION)),
        "SBDC100" => (NOTICE_HEAD, None),
        _ => return vec![(Trouble::Code, "head/TxCode".to_owned())],
    };
    check::elements(head, head_members, "head", &mut problems);
    match body_members {
        Some(members) => check::elements(body, members, "body", &mut problems),
        None => notice_rules(body, &mut problems),
    }
    if head.text_at("SendNode") == head.text_at("ReceiveNode") {
        problems.push((Trouble::Form, "head/ReceiveNode".to_owned()));
    }
    if body.text_at("DocType") == "01" && !check::citizen(body.text_at("IdNum")) {
        problems.push((Trouble::Form, "body/IdNum".to_owned()));
    }
    if head.text_at("TxCode") == "BDC905" {
        information_rules(body, &mut problems);
    }
    problems
}

/// Principal and interest make the amount; only a refusal may leave them empty, and it must say why.
fn information_rules(body: &Element, problems: &mut Vec<Problem>) {
    let refusal = body.text_at("TranRstCode") == "1";
    if refusal {
        if body.text_at("TranRstMsg").is_empty() {
            problems.push((Trouble::Missing, "body/TranRstMsg".to_owned()));
        }
        return;
    }
    for name in ["TranAmt", "OrAcctAmt", "Yinter", "OAcctDate", "PayEndDate", "SixMconFlag", "LoanEndFlag"] {
        if body.text_at(name).is_empty() {
            problems.push((Trouble::Missing, format!("body/{name}")));
        }
    }
    let fen = |name: &str| body.text_at(name).replace('.', "").parse::<i128>().unwrap_or_default();
    if fen("TranAmt") != fen("OrAcctAmt") + fen("Yinter") {
        problems.push((Trouble::Form, "body/TranAmt".to_owned()));
    }
}

/// A notice carries files; every line of an account-change file ends with its separator and has 23 columns.
fn notice_rules(body: &Element, problems: &mut Vec<Problem>) {
    let files = body.child("FILE_LIST").map_or(&[][..], |list| list.children.as_slice());
    if files.is_empty() {
        problems.push((Trouble::Missing, "body/FILE_LIST".to_owned()));
    }
    for (place, file) in files.iter().enumerate() {
        let path = format!("body/FILE_LIST/{place}");
        check::elements(file, &[must("NAME", Kind::Text(80)), must("DATA", Kind::Text(1 << 20))], &path, problems);
        if file.name != place.to_string() {
            problems.push((Trouble::Order, path.clone()));
        }
        let right = |line: &str| line.ends_with('|') && line.matches('|').count() == 23;
        if !file.text_at("DATA").lines().all(right) {
            problems.push((Trouble::Form, format!("{path}/DATA")));
        }
    }
}

/// `<field name="X">` becomes an element X, `<field-list name="X">` too, so that both read like any document.
fn by_name(element: Element) -> Result<Element, String> {
    let name = match element.name.as_str() {
        "field" | "field-list" => element.attribute("name").ok_or("a field without a name")?.to_owned(),
        _ => element.name,
    };
    let children = element.children.into_iter().map(by_name).collect::<Result<_, _>>()?;
    Ok(Element { name, text: element.text, children, ..Element::default() })
}

/// The platform's number follows from the letter's, the receiver's from the sender's: Jingzhou counts a hundred
/// above Yueyang, so that both ways of one exchange stand together in a list.
fn head(message: &Element, code: &str, text: &str, world: &World) -> Vec<Field> {
    let sent = |name: &str| message.child("head").map_or("", |head| head.text_at(name));
    let body = |name: &str| message.child("body").map_or("", |body| body.text_at(name));
    let now = times::beijing(world.now());
    let (day, hour) = (times::date8(now), times::clock6(now));
    let shift = if sent("ReceiveNode") == "C42100" { 100 } else { 999_900 };
    let serial = (register::serial(sent("SendSeqNo")) + shift) % 1_000_000;
    let node = sent("ReceiveNode").trim_start_matches('C');
    let letter = Some(body("ConNum")).filter(|number| !number.is_empty()).unwrap_or(body("OrConNum"));
    vec![
        ("TxStatus", if code == "00000" { "0" } else { "1" }.to_owned()),
        ("RtnCode", code.to_owned()),
        ("RtnMessage", text.to_owned()),
        ("ReceiveDate", day.clone()),
        ("ReceiveTime", hour.clone()),
        ("ReceiveSeqNo", format!("{node}{}{serial:09}", &day[2..])),
        ("ReceiveNode", sent("SendNode").to_owned()),
        ("TxCode", sent("TxCode").to_owned()),
        ("BDCDate", day.clone()),
        ("BDCTime", hour),
        ("BDCSeqNo", register::platform_number(&day, letter)),
        ("SendNode", sent("ReceiveNode").to_owned()),
    ]
}

fn reply(head: &[Field], body: &[Field]) -> Reply {
    let part = |name: &str, fields: &[Field]| {
        let fields = fields.iter().map(|(name, text)| Element::leaf("field", text).with("name", name));
        Element::branch(name, fields.collect())
    };
    let mut text = "<?xml version=\"1.0\" encoding=\"GBK\"?>\n".to_owned();
    Element::branch("message", vec![part("head", head), part("body", body)]).write(&mut text);
    Reply { status: 200, content_type: "text/xml;charset=GBK", bytes: gb18030(&text) }
}
