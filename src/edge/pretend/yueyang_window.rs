//! 岳阳专窗 `yueyang-window`: JSON with a header signature.
//!
//! It deliberately answers every error with HTTP 200 and its own code, as such platforms do; only a wrong path or
//! method gets a status of its own.

use crate::domain::sm;
use crate::edge::pretend::behaviour::Behaviour;
use crate::edge::pretend::check;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
use crate::edge::pretend::check::Trouble;
use crate::edge::pretend::json::Json;
use crate::edge::pretend::register;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use crate::edge::pretend::yueyang_answers as answers;
use crate::edge::pretend::yueyang_answers::Asked;
use crate::edge::pretend::yueyang_messages as messages;
use http::Method;

/// How far a timestamp may be from our clock.
const CLOCK_WINDOW_MS: i64 = 300_000;

/// One thing that the window does.
struct Service {
    path: &'static str,
    /// `serviceCode` of the head.
    code: &'static str,
    /// The matter, or the letters that it begins with.
    matter: &'static str,
    data: &'static [Member],
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
    rules: fn(&Json, &mut Vec<Problem>),
    answer: fn(&Asked<'_>) -> Result<Json, ErrorRow>,
    /// What 缺字段 takes out of the answer, and what 未知代码 puts where.
    vital: &'static str,
    coded: (&'static str, &'static str),
}

const SERVICES: &[Service] = &[
    Service {
        path: "/gateway/api/gjj/account",
        code: "GJJ_ACCOUNT_QUERY",
        matter: "GJ01",
        data: messages::ACCOUNT_QUERY,
        texts: &["queryPurpose"],
        numbers: &[],
        rules: messages::account_rules,
        answer: answers::accounts,
        vital: "accountStatus",
        coded: ("accountStatus", "88"),
    },
    Service {
        path: "/gateway/api/gjj/withdraw",
        code: "GJJ_WITHDRAW_APPLY",
        matter: "GJ",
        data: messages::WITHDRAWAL,
        texts: &["remark"],
        numbers: &["withdrawAmount"],
        rules: messages::withdrawal_rules,
        answer: answers::withdrawal,
        vital: "status",
        coded: ("status", "unheard_of"),
    },
    Service {
        path: "/gateway/api/gjj/transfer",
        code: "GJJ_TRANSFER_IN_APPLY",
        matter: "GJ14",
        data: messages::TRANSFER,
        texts: &["remark", "entName", "applicantName"],
        numbers: &["letterNo"],
        rules: messages::certificate_rules,
        answer: answers::transfer,
        vital: "status",
        coded: ("status", "unheard_of"),
    },
    Service {
        path: "/gateway/api/gjj/transfer/close",
        code: "GJJ_TRANSFER_CLOSE",
        matter: "GJ14",
        data: messages::CLOSING,
        texts: &["resultMsg"],
        numbers: &["transferAmount", "letterNo"],
        rules: messages::closing_rules,
        answer: answers::closing,
        vital: "letterNo",
        coded: ("letterNo", "unheard_of"),
    },
    Service {
        path: "/gateway/api/gjj/transfer/progress",
        code: "GJJ_TRANSFER_PROGRESS",
        matter: "GJ14",
        data: messages::PROGRESS,
        texts: &[],
        numbers: &["letterNo"],
        rules: messages::no_rules,
        answer: answers::progress,
        vital: "status",
        coded: ("status", "unheard_of"),
    },
    Service {
        path: "/gateway/api/ent/licence",
        code: "ENT_LICENCE_QUERY",
        matter: "SC014",
        data: messages::LICENCE_QUERY,
        texts: &["queryPurpose"],
        numbers: &[],
        rules: messages::licence_rules,
        answer: answers::licence,
        vital: "uniscId",
        coded: ("entStatus", "77"),
    },
    Service {
        path: "/gateway/api/police/hukou-cert",
        code: "HUKOU_CERT_APPLY",
        matter: "GA007",
        data: messages::HOUSEHOLD,
        texts: &["certContent", "remark"],
        numbers: &[],
        rules: messages::household_rules,
        answer: answers::household,
        vital: "certificateNo",
        coded: ("resultCode", "unheard_of"),
    },
];

/// Below this path the window also takes pushes (`code`, `msg`, `msgId`, `timestamp`, `data`).
const PUSHES: &str = "/gateway/api/gjj/transfer";

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    let now = world.now();
    let path = request.path.split('?').next().unwrap_or_default();
    let service = SERVICES.iter().find(|service| service.path == path);
    let known = service.is_some() || path.starts_with(PUSHES);
    if !known || request.method != Method::POST {
        let status = if known { 405 } else { 404 };
        let reply = Reply { status, ..refuse("", register::NOT_FOUND.hunan, "没有这个接口", now) };
        return Turn { key: String::new(), behaviour: Behaviour::Usual, reply };
    }
    let message = match Json::parse(&request.body) {
        Ok(message) => message,
        Err(reason) => {
            let reply = refuse("", register::BAD_FORMAT.hunan, &format!("报文不是 JSON：{reason}"), now);
            return Turn { key: String::new(), behaviour: Behaviour::Usual, reply };
        }
    };
    let push = message.at("head").is_none() && message.at("code").is_some();
    let key = message.text_at(if push { "msgId" } else { "head.msgId" }).to_owned();
    let answered = |behaviour: Behaviour, reply: Reply| Turn { key: key.clone(), behaviour, reply };
    if let Err((row, text)) = signature(request, world) {
        return answered(Behaviour::Usual, refuse(&key, row.hunan, text, now));
    }
    match service {
        _ if push => {
            let behaviour = Behaviour::of(
                &["data.remark", "data.reason"].map(|path| message.text_at(path)),
                &[message.text_at("data.transferAmount")],
            );
            let reply = pushed(&message, &key, &behaviour, now);
            answered(behaviour, reply)
        }
        Some(service) => {
            let texts: Vec<&str> = service.texts.iter().map(|name| text(&message, name)).collect();
            let numbers: Vec<&str> = service.numbers.iter().map(|name| text(&message, name)).collect();
            let behaviour = Behaviour::of(&texts, &numbers);
            let reply = answer(service, &message, &key, &behaviour, world);
            answered(behaviour, reply)
        }
        None => answered(Behaviour::Usual, refuse(&key, register::BAD_FORMAT.hunan, "此路径只接收推送", now)),
    }
}

fn text<'a>(message: &'a Json, name: &str) -> &'a str {
    message.at("data").map_or("", |data| data.text_at(name))
}

/// Checks the header signature: all headers there, the clock near, the signature right and not seen before.
fn signature(request: &Request, world: &World) -> Result<(), (ErrorRow, &'static str)> {
    let [app_key, timestamp, nonce, sign] =
        ["x-app-key", "x-timestamp", "x-nonce", "x-sign"].map(|name| request.header(name));
    if [app_key, timestamp, nonce, sign].contains(&"") {
        return Err((register::AUTH_FAILED, "缺少签名头 X-App-Key、X-Timestamp、X-Nonce 或 X-Sign"));
    }
    let near = |sent: i64| (world.now().saturating_sub(sent)).saturating_abs() <= CLOCK_WINDOW_MS;
    if !timestamp.parse().is_ok_and(near) {
        return Err((register::SIGN_INVALID, "X-Timestamp 不是毫秒数，或与本机时钟相差过大"));
    }
    let digest = sm::digest(&request.body);
    let method = request.method.as_str();
    let computed = sm::header_signature(world.secret.reveal(), method, &request.path, timestamp, nonce, &digest);
    if !sm::unhex(sign).is_some_and(|given| sm::verify(&computed, &given)) {
        return Err((register::SIGN_INVALID, register::SIGN_INVALID.text));
    }
    if !world.signature_is_new(&sm::hex(&computed)) {
        return Err((register::SIGN_INVALID, "同一签名已用过，疑为重放"));
    }
    Ok(())
}

fn answer(service: &Service, message: &Json, key: &str, behaviour: &Behaviour, world: &World) -> Reply {
    let now = world.now();
    let mut problems = Vec::new();
    check::objects(message, &messages::envelope(service.data), "$", &mut problems);
    if message.text_at("head.serviceCode") != service.code {
        problems.push((Trouble::Form, "$.head.serviceCode".to_owned()));
    }
    if !text(message, "matterCode").starts_with(service.matter) {
        problems.push((Trouble::Form, "$.data.matterCode".to_owned()));
    }
    if let Some(data) = message.at("data") {
        (service.rules)(data, &mut problems);
    }
    if let Some(refusal) = refused(&problems, behaviour, key, now) {
        return refusal;
    }
    let data = message.at("data").unwrap_or(&Json::Null);
    let asked = Asked { data, message: key, refuse: *behaviour == Behaviour::Refuse, world };
    match (service.answer)(&asked) {
        Ok(mut data) => {
            match behaviour {
                Behaviour::Missing => {
                    data.remove(service.vital);
                }
                Behaviour::UnknownCode => {
                    if let Some(value) = data.find_mut(service.coded.0) {
                        *value = Json::text(service.coded.1);
                    }
                }
                _ => {}
            }
            reply(Json::whole(200), "success", key, now, data)
        }
        Err(row) => refuse(key, row.hunan, row.text, now),
    }
}

/// A push is only acknowledged; members that we do not know are the sender's business.
fn pushed(message: &Json, key: &str, behaviour: &Behaviour, now: i64) -> Reply {
    let mut problems = Vec::new();
    check::objects(message, messages::PUSH, "$", &mut problems);
    problems.retain(|(trouble, path)| !(*trouble == Trouble::Unknown && path.starts_with("$.data.")));
    let refuse_it = (*behaviour == Behaviour::Refuse).then(|| Behaviour::Error(register::NOT_FOUND.hunan.to_owned()));
    let receipt = || answers::receipt(message.at("data").unwrap_or(&Json::Null));
    refused(&problems, refuse_it.as_ref().unwrap_or(behaviour), key, now)
        .unwrap_or_else(|| reply(Json::whole(200), "success", key, now, receipt()))
}

fn refused(problems: &[Problem], behaviour: &Behaviour, key: &str, now: i64) -> Option<Reply> {
    if let Some(first) = problems.first() {
        let row = match first.0 {
            Trouble::Missing => register::MISSING_FIELD,
            Trouble::Code => register::CODE_UNMAPPED,
            Trouble::Form | Trouble::Unknown | Trouble::Order => register::BAD_FORMAT,
        };
        let told: Vec<String> = problems.iter().map(check::told).collect();
        return Some(refuse(key, row.hunan, &told.join("；"), now));
    }
    match behaviour {
        Behaviour::Error(code) if code.is_empty() => {
            Some(refuse(key, register::PEER_BUSY.hunan, register::PEER_BUSY.text, now))
        }
        Behaviour::Error(code) => Some(refuse(key, code, register::error_text(code), now)),
        Behaviour::NotKnown(marker) => {
            Some(refuse(key, register::BAD_FORMAT.hunan, &format!("未知的模拟标记：{marker}"), now))
        }
        _ => None,
    }
}

/// The error shape: the code is a number where it is one.
fn refuse(key: &str, code: &str, text: &str, now: i64) -> Reply {
    let code = code.parse().map_or_else(|_| Json::text(code), Json::whole);
    reply(code, text, key, now, Json::Null)
}

fn reply(code: Json, text: &str, key: &str, now: i64, data: Json) -> Reply {
    let answer = Json::object([
        ("code", code),
        ("msg", Json::text(text)),
        ("msgId", Json::text(key)),
        ("timestamp", Json::whole(now)),
        ("data", data),
    ]);
    Reply { status: 200, content_type: "application/json;charset=UTF-8", bytes: answer.write() }
}
