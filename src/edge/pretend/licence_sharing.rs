//! The sharing platform of the pretend Hunan, `licence-sharing`: queryCertInfo, queryCertInfoByHolderCode, downloadFile.
//!
//! Answers are encrypted to the gateway's sample certificate. It deliberately knows two made-up licences only, those of
//! the sample certificates, and answers every error with HTTP 200 and a number in the head, as such platforms do.

use crate::domain::sm;
use crate::domain::sm::sm2::Order;
use crate::domain::sm::sm2::PublicKey;
use crate::domain::x509::Certificate;
use crate::edge::clock;
use crate::edge::library;
use crate::edge::pretend::behaviour::Behaviour;
use crate::edge::pretend::json::Json;
use crate::edge::pretend::world::Reply;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;

/// Beginning of the paths.
const PATH: &str = "/CertShare/";
/// Who the gateway is there.
pub const ACCESS_ID: &str = "jy-gateway";
/// What it shows.
pub const ACCESS_TOKEN: &str = "composed-licence-token-0001";

/// A licence that the platform has.
struct Licence {
    identifier: &'static str,
    kind: &'static str,
    name: &'static str,
    number: &'static str,
    holder: &'static str,
    holder_codes: &'static str,
    until: &'static str,
    /// Its file among the sample certificates.
    file: &'static str,
}

const LICENCES: &[Licence] = &[
    Licence {
        identifier: "1.2.156.3005.2.111000000000131433001.11430600MY0000012M.J430602202000012.001.Z",
        kind: "111000000000131433001",
        name: "结婚证",
        number: "J430602-2020-00012",
        holder: "刘样本,王样本",
        holder_codes: "430602199003079989,421002199105129998",
        until: "长期",
        file: "sm/licences/hunan-marriage.ofd",
    },
    Licence {
        identifier: "1.2.156.3005.2.11100000000013127D001.11430600MY0000012M.SFZ430602000001.001.J",
        kind: "11100000000013127D001",
        name: "居民身份证",
        number: "430602199003079989",
        holder: "刘样本",
        holder_codes: "430602199003079989",
        until: "2040-01-01",
        file: "sm/licences/hunan-idcard.ofd",
    },
];

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    let (behaviour, reply) = match Json::parse(&request.body) {
        Ok(body) => (Behaviour::of(&[body.text_at("data.useCause")], &[]), answer(request, &body, world)),
        Err(_) => (Behaviour::Usual, head(12, "报文不是 JSON")),
    };
    let reply = Reply { status: 200, content_type: "application/json;charset=UTF-8", bytes: reply.write() };
    Turn { key: String::new(), behaviour, reply }
}

fn head(status: i64, message: &str) -> Json {
    Json::object([("head", Json::object([("status", Json::whole(status)), ("message", Json::text(message))]))])
}

fn answer(request: &Request, body: &Json, world: &World) -> Json {
    let Some(call) = request.path.strip_prefix(PATH).filter(|_| request.method == Method::POST) else {
        return head(99, "没有这个接口");
    };
    let is_known = body.text_at("head.accessId") == ACCESS_ID && body.text_at("head.accessToken") == ACCESS_TOKEN;
    if !is_known {
        return head(11, "身份验证失败");
    }
    if body.text_at("data.useCause").is_empty() {
        return head(12, "缺少 useCause");
    }
    let at = |name: &str| body.text_at(&format!("data.{name}")).to_owned();
    let found = match call {
        "queryCertInfo" | "downloadFile" => LICENCES.iter().find(|licence| licence.identifier == at("certIdentifier")),
        "queryCertInfoByHolderCode" => LICENCES.iter().find(|licence| {
            let number = at("certNo");
            licence.kind == at("certTypeCode")
                && licence.holder_codes.split(',').any(|code| code == at("holderCode"))
                && (number.is_empty() || number == licence.number)
        }),
        _ => return head(99, "没有这个接口"),
    };
    let Some(licence) = found else { return head(10, "没有符合的证照") };
    let status = world.licence_status(licence.identifier);
    if call == "downloadFile" {
        return match library::sample(licence.file) {
            Some(file) => told(
                0,
                Json::object([("contentType", Json::text("base64")), ("content", Json::text(&STANDARD.encode(file)))]),
            ),
            None => head(99, "文件不在"),
        };
    }
    let values = Json::object([
        ("certName", Json::text(licence.name)),
        ("certTypeCode", Json::text(licence.kind)),
        ("certNo", Json::text(licence.number)),
        ("certIdentifier", Json::text(licence.identifier)),
        ("holder", Json::text(licence.holder)),
        ("holderCode", Json::text(licence.holder_codes)),
        ("expiringDate", Json::text(licence.until)),
    ]);
    match gateway_key().and_then(|key| sealed(&key, &values.write())) {
        Some(hidden) => told(status, Json::object([("certData", Json::text(&hidden))])),
        None => head(99, "答复不能加密"),
    }
}

fn told(status: i64, data: Json) -> Json {
    let Json::Object(mut members) = head(status, if status == 0 { "成功" } else { "证照已失效" }) else {
        return head(99, "");
    };
    members.push(("data".to_owned(), data));
    Json::Object(members)
}

fn gateway_key() -> Option<PublicKey> {
    let pem = library::sample("sm/tls/gateway-encrypt.pem")?;
    Certificate::all(&pem).ok()?.first()?.public().copied()
}

/// C1C3C2 in hexadecimal, with the leading 04.
fn sealed(key: &PublicKey, plain: &[u8]) -> Option<String> {
    let mut noise = [0; 48];
    clock::random(&mut noise).ok()?;
    key.encrypt_raw(plain, &noise, Order::C1C3C2).ok().map(|bytes| sm::hex(&bytes))
}
