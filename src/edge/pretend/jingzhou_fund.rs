//! 荆州公积金中心 `jingzhou-fund`: account queries by a form post with a GB18030 document.
//!
//! It deliberately takes the charset GBK as GB18030, as the samples do: a name may need four bytes.

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
use crate::edge::pretend::register::Account;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::text::decode;
use crate::edge::pretend::text::form;
use crate::edge::pretend::text::gb18030;
use crate::edge::pretend::times;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use http::Method;

const PATH: &str = "/gjj/ws";
const CODE: &str = "GJJ1001";

const HEAD: &[Member] = &[
    must("JYDM", Kind::Exactly(CODE)),
    must("FSRQ", Kind::Date8),
    must("FSSJ", Kind::Clock6),
    must("LSH", Kind::Digits(20, 20)),
    must("FSF", Kind::Text(6)),
    must("JSF", Kind::Exactly("C42100")),
    must("CZY", Kind::Digits(21, 21)),
];

const QUERY: &[Member] = &[
    must("XINGMING", Kind::Text(30)),
    must("ZJLX", Kind::Code(&["01", "02", "03", "04", "99"])),
    must("ZJHM", Kind::Text(30)),
    may("GRZH", Kind::Digits(6, 20)),
    must("CXYT", Kind::Text(200)),
    must("SQBH", Kind::Text(40)),
    must("KSRQ", Kind::Date8),
    must("JSRQ", Kind::Date8),
];

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    if request.method != Method::POST || request.path != PATH {
        let status = if request.path == PATH { 405 } else { 404 };
        let reply = Reply { status, content_type: "text/plain;charset=GBK", bytes: gb18030("只接受 POST /gjj/ws") };
        return Turn { key: String::new(), behaviour: Behaviour::Usual, reply };
    }
    match read(request) {
        Ok((document, problems)) => {
            let behaviour = Behaviour::of(&[document.text_at("BODY/CXYT")], &[]);
            let key = document.text_at("HEAD/LSH").to_owned();
            Turn { key, reply: answer(&document, &problems, &behaviour, world), behaviour }
        }
        Err(reason) => {
            let reply = refuse(&Element::default(), register::BAD_FORMAT.fund, &reason, world);
            Turn { key: String::new(), behaviour: Behaviour::Usual, reply }
        }
    }
}

/// The document of the form and what is wrong with it, if it is a document at all.
fn read(request: &Request) -> Result<(Element, Vec<Problem>), String> {
    let pairs = form(&request.body).map_err(|reason| format!("表单格式错误：{reason}"))?;
    let value = |name: &[u8]| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.as_slice());
    let xml = value(b"xml").ok_or("表单缺少参数 xml")?;
    let document = Element::parse(&decode(xml, request.charset())?)?;
    let mut problems = Vec::new();
    for (name, expected) in [("jydm", CODE), ("jgdm", "421000000000000")] {
        if value(name.as_bytes()) != Some(expected.as_bytes()) {
            problems.push((Trouble::Form, name.to_owned()));
        }
    }
    if pairs.len() != 3 {
        problems.push((Trouble::Unknown, "表单".to_owned()));
    }
    let names: Vec<&str> = document.children.iter().map(|child| child.name.as_str()).collect();
    if document.name != "ROOT" || names != ["HEAD", "BODY"] {
        problems.push((Trouble::Order, "ROOT".to_owned()));
    }
    for (name, members) in [("HEAD", HEAD), ("BODY", QUERY)] {
        if let Some(part) = document.child(name) {
            check::elements(part, members, name, &mut problems);
        }
    }
    if document.text_at("BODY/ZJLX") == "01" && !check::citizen(document.text_at("BODY/ZJHM")) {
        problems.push((Trouble::Form, "BODY/ZJHM".to_owned()));
    }
    if document.text_at("BODY/KSRQ") > document.text_at("BODY/JSRQ") {
        problems.push((Trouble::Form, "BODY/JSRQ".to_owned()));
    }
    Ok((document, problems))
}

fn answer(document: &Element, problems: &[Problem], behaviour: &Behaviour, world: &World) -> Reply {
    let refuse = |row: ErrorRow, text: &str| refuse(document, row.fund, text, world);
    if let Some(first) = problems.first() {
        let row = match first.0 {
            Trouble::Missing => register::MISSING_FIELD,
            Trouble::Code => register::CODE_UNMAPPED,
            Trouble::Form | Trouble::Unknown | Trouble::Order => register::BAD_FORMAT,
        };
        let told: Vec<String> = problems.iter().map(check::told).collect();
        return refuse(row, &told.join("；"));
    }
    match behaviour {
        Behaviour::Error(code) => return self::refuse(document, code, register::error_text(code), world),
        Behaviour::NotKnown(marker) => return refuse(register::BAD_FORMAT, &format!("未知的模拟标记：{marker}")),
        Behaviour::Refuse => return refuse(register::NOT_FOUND, register::NOT_FOUND.text),
        _ => {}
    }
    let name = document.text_at("BODY/XINGMING");
    let found = register::accounts(name, document.text_at("BODY/ZJHM"), document.text_at("BODY/GRZH"));
    if found.is_empty() {
        return refuse(register::NOT_FOUND, register::NOT_FOUND.text);
    }
    let mut body = Element::leaves("BODY", &[("XINGMING", name), ("ZS", &found.len().to_string())]);
    body.children.push(Element::branch("ROWS", found.into_iter().map(row).collect()));
    match behaviour {
        Behaviour::Missing => {
            body.remove("GRZHZT");
        }
        Behaviour::UnknownCode => {
            if let Some(status) = body.find_mut("GRZHZT") {
                "88".clone_into(&mut status.text);
            }
        }
        _ => {}
    }
    reply(vec![head(document, "00000", "成功", world), body])
}

fn row(account: &Account) -> Element {
    let rate = register::fraction(account.rate);
    let month = account.month_fen.to_string();
    Element::leaves(
        "ROW",
        &[
            ("GRZH", account.number),
            ("DWMC", account.unit),
            ("GRZHZT", account.status),
            ("GRJCJS", &account.base_fen.to_string()),
            ("DWJCBL", &rate),
            ("GRJCBL", &rate),
            ("DWYJCE", &month),
            ("GRYJCE", &month),
            ("GRZHYE", &account.balance_fen.to_string()),
            ("JZNY", &account.paid_to.strftime("%Y%m").to_string()),
            ("KHRQ", &account.opened.strftime("%Y%m%d").to_string()),
        ],
    )
}

/// The centre's own number follows from the sender's: five digits of the node, the day, nine digits.
fn head(document: &Element, code: &str, text: &str, world: &World) -> Element {
    let asked = document.text_at("HEAD/LSH");
    let day = times::date8(times::beijing(world.now()));
    let number = format!("42100{}{:09}", &day[2..], register::serial(asked) + 86);
    Element::leaves("HEAD", &[("JYDM", CODE), ("LSH", &number), ("YLSH", asked), ("FHM", code), ("FHXX", text)])
}

fn refuse(document: &Element, code: &str, text: &str, world: &World) -> Reply {
    reply(vec![head(document, code, text, world), Element::branch("BODY", Vec::new())])
}

fn reply(children: Vec<Element>) -> Reply {
    let mut text = "<?xml version=\"1.0\" encoding=\"GBK\"?>\n".to_owned();
    Element::branch("ROOT", children).write(&mut text);
    Reply { status: 200, content_type: "text/xml;charset=GBK", bytes: gb18030(&text) }
}
