//! The PACKAGE dialect of the pretend Jingzhou: SOAP with a licence code and an XML document in CDATA.
//!
//! The two systems that speak it bring their services; reading, judging and answering is the same. It deliberately
//! ignores the encoding that the inner document declares: it came as characters inside the outer one.

use crate::edge::pretend::behaviour::Behaviour;
use crate::edge::pretend::check;
use crate::edge::pretend::check::Kind;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
use crate::edge::pretend::check::Shape;
use crate::edge::pretend::check::Trouble;
use crate::edge::pretend::check::may;
use crate::edge::pretend::check::must;
use crate::edge::pretend::element::Element;
use crate::edge::pretend::register;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::text::decode;
use crate::edge::pretend::times;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use http::Method;

const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SERVICE: &str = "http://service.kstb.jingzhou.example/";
const CONTENT_TYPE: &str = "text/xml;charset=UTF-8";

/// Most faults that one refusal lists.
const TOLD_MAX: usize = 20;

const HEAD: &[Member] = &[
    must("BBH", Kind::Exactly("1.0")),
    must("FFBH", Kind::Text(40)),
    must("FSDW_DM", Kind::Digits(6, 6)),
    must("FSDW_MC", Kind::Text(100)),
    must("JSDW_DM", Kind::Digits(6, 6)),
    must("YWXTBH", Kind::Text(50)),
    must("JLS", Kind::Digits(1, 4)),
    must("FSSJ", Kind::Moment14),
];

/// One thing that a system does.
pub struct Service {
    /// SOAP operation.
    pub operation: &'static str,
    /// FFBH in the head.
    pub method: &'static str,
    /// Elements of the first RECORD, in order.
    pub record: &'static [Member],
    /// Elements of the further RECORDs; none: there must be only one RECORD.
    pub materials: Option<&'static [Member]>,
    /// Free texts of the record that may end with a marker.
    pub texts: &'static [&'static str],
    /// Amounts of the record.
    pub numbers: &'static [&'static str],
    /// Rules across elements.
    pub rules: fn(&Case<'_>, &mut Vec<Problem>),
    /// The RECORD of the answer.
    pub answer: fn(&Case<'_>, &World) -> Result<Element, ErrorRow>,
    /// What 缺字段 takes out of the answer.
    pub vital: &'static str,
    /// What 未知代码 puts where.
    pub coded: (&'static str, &'static str),
}

/// A request, read and right.
pub struct Case<'a> {
    pub number: &'a str,
    pub record: &'a Element,
    pub materials: &'a [Element],
    /// Whether a business refusal is asked for.
    pub refuse: bool,
}

/// Answers a request of a system with `services`.
pub fn turn(request: &Request, world: &World, services: &[Service]) -> Turn {
    if request.method != Method::POST {
        return plain(405, "只接受 POST");
    }
    let call = match Call::read(request) {
        Ok(call) => call,
        Err(reason) => return fault(&reason),
    };
    let records = call.package.at("DATA").map_or(&[][..], |data| data.children.as_slice());
    let empty = Element::default();
    let (record, materials) = records.split_first().unwrap_or((&empty, &[]));
    let number = call.package.text_at("PACKAGEHEAD/YWXTBH");
    let key = Some(record.text_at("YWLSH")).filter(|key| !key.is_empty()).unwrap_or(number).to_owned();
    let method = call.package.text_at("PACKAGEHEAD/FFBH");
    let Some(service) = services.iter().find(|one| one.operation == call.operation && one.method == method) else {
        let reply = call.refuse(register::FORBIDDEN.hubei, "未开通的操作或服务方法");
        return Turn { key, behaviour: Behaviour::Usual, reply };
    };
    let texts: Vec<&str> = service.texts.iter().map(|name| record.text_at(name)).collect();
    let numbers: Vec<&str> = service.numbers.iter().map(|name| record.text_at(name)).collect();
    let behaviour = Behaviour::of(&texts, &numbers);
    let case = Case { number, record, materials, refuse: behaviour == Behaviour::Refuse };
    let reply = answer(&call, service, &case, &behaviour, world);
    Turn { key, behaviour, reply }
}

fn answer(call: &Call, service: &Service, case: &Case<'_>, behaviour: &Behaviour, world: &World) -> Reply {
    if call.licence != world.licence_code {
        return call.refuse(register::AUTH_FAILED.hubei, register::AUTH_FAILED.text);
    }
    let problems = judge(&call.package, service, case);
    if let Some(first) = problems.first() {
        let row = match first.0 {
            Trouble::Missing => register::MISSING_FIELD,
            Trouble::Code => register::CODE_UNMAPPED,
            Trouble::Form | Trouble::Unknown | Trouble::Order => register::BAD_FORMAT,
        };
        let told: Vec<String> = problems.iter().take(TOLD_MAX).map(check::told).collect();
        return call.refuse(row.hubei, &told.join("；"));
    }
    match behaviour {
        Behaviour::Error(code) => {
            let code = if code.is_empty() { register::PEER_BUSY.hubei } else { code };
            return call.refuse(code, register::error_text(code));
        }
        Behaviour::NotKnown(marker) => {
            return call.refuse(register::BAD_FORMAT.hubei, &format!("未知的模拟标记：{marker}"));
        }
        _ => {}
    }
    let mut record = match (service.answer)(case, world) {
        Ok(record) => record.with("no", "1"),
        Err(row) => return call.refuse(row.hubei, row.text),
    };
    match behaviour {
        Behaviour::Missing => {
            record.remove(service.vital);
        }
        Behaviour::UnknownCode => {
            if let Some(element) = record.find_mut(service.coded.0) {
                service.coded.1.clone_into(&mut element.text);
            }
        }
        _ => {}
    }
    let head = Element::leaves(
        "PACKAGEHEAD",
        &[
            ("BBH", "1.0"),
            ("FFBH", service.method),
            ("YWXTBH", case.number),
            ("FSSJ", &times::moment14(times::beijing(world.now()))),
            ("FHDM", "10"),
            ("FHMS", "接口调用成功"),
        ],
    );
    call.reply(vec![head, Element::branch("DATA", vec![record])])
}

fn judge(package: &Element, service: &Service, case: &Case<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let names: Vec<&str> = package.children.iter().map(|child| child.name.as_str()).collect();
    if package.name != "PACKAGE" || names != ["PACKAGEHEAD", "DATA"] {
        problems.push((Trouble::Order, "PACKAGE".to_owned()));
    }
    if let Some(head) = package.child("PACKAGEHEAD") {
        check::elements(head, HEAD, "PACKAGEHEAD", &mut problems);
    }
    let records = package.child("DATA").map_or(&[][..], |data| data.children.as_slice());
    if package.text_at("PACKAGEHEAD/JLS") != records.len().to_string() || records.is_empty() {
        problems.push((Trouble::Form, "PACKAGEHEAD/JLS".to_owned()));
    }
    for (place, record) in records.iter().enumerate() {
        let path = format!("RECORD[{}]", place + 1);
        if record.name != "RECORD" || record.attribute("no") != Some(&(place + 1).to_string()) {
            problems.push((Trouble::Form, format!("{path}/@no")));
        }
        match (place, service.materials) {
            (0, _) => check::elements(record, service.record, &path, &mut problems),
            (_, Some(members)) => check::elements(record, members, &path, &mut problems),
            (_, None) => problems.push((Trouble::Unknown, path)),
        }
    }
    (service.rules)(case, &mut problems);
    problems
}

/// A SOAP call, taken apart.
struct Call {
    operation: String,
    licence: String,
    package: Element,
}

impl Call {
    fn read(request: &Request) -> Result<Self, String> {
        let envelope = Element::parse(&decode(&request.body, request.charset())?)?;
        if (envelope.namespace.as_str(), envelope.name.as_str()) != (SOAP, "Envelope") {
            return Err("不是 SOAP 1.1 信封".to_owned());
        }
        let body = envelope.child("Body").filter(|body| body.namespace == SOAP).ok_or("信封中没有 Body")?;
        let [operation] = body.children.as_slice() else {
            return Err("Body 中应只有一个操作".to_owned());
        };
        if operation.namespace != SERVICE {
            return Err(format!("操作的命名空间应为 {SERVICE}"));
        }
        let [licence, information] = operation.children.as_slice() else {
            return Err("操作应有 sqzcm 和 information 两个参数".to_owned());
        };
        let unqualified = licence.namespace.is_empty() && information.namespace.is_empty();
        if !unqualified || licence.name != "sqzcm" || information.name != "information" {
            return Err("操作应有 sqzcm 和 information 两个参数，不带命名空间".to_owned());
        }
        let package = Element::parse(&information.text).map_err(|reason| format!("information 不是 XML：{reason}"))?;
        Ok(Self { operation: operation.name.clone(), licence: licence.text.clone(), package })
    }

    /// The error shape: no RECORD, the code in DATA.
    fn refuse(&self, code: &str, text: &str) -> Reply {
        let number = self.package.text_at("PACKAGEHEAD/YWXTBH");
        self.reply(vec![
            Element::leaves("PACKAGEHEAD", &[("BBH", "1.0"), ("YWXTBH", number)]),
            Element::leaves("DATA", &[("CODE", code), ("MSG", text)]),
        ])
    }

    fn reply(&self, children: Vec<Element>) -> Reply {
        let operation = &self.operation;
        let mut text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"{SOAP}\">\n<soap:Body>\n\
             <ns2:{operation}Response xmlns:ns2=\"{SERVICE}\">\n\
             <return><![CDATA[<?xml version=\"1.0\" encoding=\"GBK\"?>\n"
        );
        Element::branch("PACKAGE", children).write(&mut text);
        text.push_str("]]></return>\n</ns2:");
        text.push_str(operation);
        text.push_str("Response>\n</soap:Body>\n</soap:Envelope>\n");
        Reply { status: 200, content_type: CONTENT_TYPE, bytes: text.into_bytes() }
    }
}

fn plain(status: u16, text: &str) -> Turn {
    let reply = Reply { status, content_type: "text/plain;charset=UTF-8", bytes: text.as_bytes().to_vec() };
    Turn { key: String::new(), behaviour: Behaviour::Usual, reply }
}

/// A SOAP fault, for what is no call at all.
fn fault(reason: &str) -> Turn {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"{SOAP}\">\n<soap:Body>\n<soap:Fault>\n"
    );
    Element::leaf("faultcode", "soap:Client").write(&mut text);
    text.push('\n');
    Element::leaf("faultstring", reason).write(&mut text);
    text.push_str("\n</soap:Fault>\n</soap:Body>\n</soap:Envelope>\n");
    let reply = Reply { status: 500, content_type: CONTENT_TYPE, bytes: text.into_bytes() };
    Turn { key: String::new(), behaviour: Behaviour::Usual, reply }
}

/// Elements of a material inside a record, or of a record that is a material.
pub const MATERIAL: &[Member] = &[
    must("SXH", Kind::Digits(1, 3)),
    must("CLLBDM", Kind::Digits(2, 2)),
    must("CLMC", Kind::Text(100)),
    must("CLGS", Kind::Code(&["PDF", "OFD", "JPG", "PNG", "DZZZ"])),
    may("ZZBS", Kind::Text(100)),
    Member { name: "ZZXX", required: false, shape: Shape::Group(LICENCE) },
    may("CLZY", Kind::Digest),
    may("CLNR", Kind::Base64),
];

/// What the gateway found a licence to say, in the words of Hubei.
const LICENCE: &[Member] = &[
    must("certificate_type_code", Kind::Text(21)),
    may("certificate_name", Kind::Text(100)),
    may("certificate_number", Kind::Text(50)),
    may("certificate_holder_name", Kind::Text(200)),
    may("certificate_issued_date", Kind::Digits(8, 8)),
];

/// Materials are numbered from 1; a licence comes by its identifier, a file with its content, whose SM3 must be right.
pub fn material_rules(materials: &[Element], problems: &mut Vec<Problem>) {
    for (place, material) in materials.iter().enumerate() {
        let path = |name: &str| format!("材料[{}]/{name}", place + 1);
        if material.text_at("SXH") != (place + 1).to_string() {
            problems.push((Trouble::Form, path("SXH")));
        }
        let licence = material.text_at("CLGS") == "DZZZ";
        let needed = if licence { "ZZBS" } else { "CLNR" };
        if material.text_at(needed).is_empty() {
            problems.push((Trouble::Missing, path(needed)));
        }
        problems.extend(digest_problem(material.text_at("CLZY"), material.text_at("CLNR"), path("CLZY")));
    }
}

/// A digest that is given must be that of the content.
pub fn digest_problem(digest: &str, content: &str, path: String) -> Option<Problem> {
    if digest.is_empty() {
        return None;
    }
    let right = check::base64(content).is_some_and(|bytes| {
        crate::domain::sm::unhex(digest).is_some_and(|given| crate::domain::sm::digest(&bytes) == given)
    });
    (!right).then_some((Trouble::Form, path))
}
