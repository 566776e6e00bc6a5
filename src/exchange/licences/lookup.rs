//! What needs no licence: the types of a side, what a type is on the other side, whether an identifier is well formed.

use super::Called;
use super::fields::Fields;
use super::fields::Form;
use super::refusal::Kind;
use super::refusal::Refusal;
use crate::domain::ids::CreditCode;
use crate::domain::licence::check_character;
use crate::domain::recognition::HolderKind;
use crate::domain::recognition::LicenceType;
use crate::domain::recognition::Status;
use crate::domain::value::Date;
use bytes::Bytes;
use serde_json::Value;
use serde_json::json;

/// Root of licence identifiers (GB/T 36904).
const ROOT: &str = "1.2.156.3005.2.";
/// Beijing time is eight hours ahead of UTC.
const BEIJING_MS: i64 = 8 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

impl Called<'_> {
    /// `GET types?side=`: the types with a code, of one side or of all.
    pub(super) fn types(&self, query: &str) -> Result<Value, Refusal> {
        let recognition = &self.desk.recognition;
        let side = query.split('&').find_map(|part| part.strip_prefix("side=")).filter(|side| !side.is_empty());
        let types: Vec<Value> = match side {
            Some(side) => recognition.types(side).map(told).collect(),
            None => recognition.catalogue().iter().filter(|kind| kind.code.is_some()).map(told).collect(),
        };
        if types.is_empty() {
            return Err(Refusal::with(Kind::NotFound, "目录中没有这一方的证照类型"));
        }
        Ok(json!({ "types": types }))
    }

    /// `GET equivalence/{ZZLXDM}`: what the type is on other sides, today and otherwise.
    pub(super) fn equivalence(&self, code: &str) -> Result<Value, Refusal> {
        let recognition = &self.desk.recognition;
        let days = self.now.saturating_add(BEIJING_MS).div_euclid(DAY_MS);
        let today = Date::from_days(days).ok_or(Kind::Internal)?;
        let mut rows = Vec::new();
        for row in recognition.equivalences() {
            let Some(agreement) = recognition.agreement(&row.agreement) else { continue };
            for (own, other, from, to) in [
                (&row.left, &row.right, &agreement.left, &agreement.right),
                (&row.right, &row.left, &agreement.right, &agreement.left),
            ] {
                if own != code {
                    continue;
                }
                rows.push(json!({
                    "agreement": agreement.title,
                    "from": from,
                    "to": to,
                    "equivalentType": other,
                    "status": if row.status == Status::Enacted { "ENACTED" } else { "REPEALED" },
                    "since": row.from.map(day_text),
                    "until": row.until.map(day_text),
                    "inForce": row.holds(today),
                    "qualifiers": row.qualifiers,
                    "fields": agreement.fields,
                    "composed": agreement.composed,
                }));
            }
        }
        if rows.is_empty() {
            return Err(Refusal::with(Kind::NotFound, "没有这个证照类型的互认对应"));
        }
        Ok(json!({ "ZZLXDM": code, "equivalences": rows }))
    }

    /// `POST id/check`: the parts of an identifier and its check characters. Nothing is looked up and nothing is kept.
    pub(super) async fn check_identifier(&self, content_type: String, body: Bytes) -> Result<Value, Refusal> {
        let mut fields = self.turn(move || Fields::read(&content_type, body)).await??;
        let request_id = fields.optional("requestId", 64, Form::Code);
        let text = fields.required("ZZBS", 128, Form::Free);
        self.request_id.replace(request_id.clone());
        fields.finish()?;
        let mut told = checked(&text);
        if let Some(told) = told.as_object_mut() {
            told.insert("requestId".to_owned(), json!(request_id));
        }
        Ok(told)
    }
}

fn day_text(day: Date) -> String {
    let (year, month, day) = day.parts();
    format!("{year:04}-{month:02}-{day:02}")
}

fn told(kind: &LicenceType) -> Value {
    json!({
        "ZZLXDM": kind.code,
        "name": kind.name,
        "definer": kind.definer,
        "holder": match kind.holder {
            HolderKind::Person => "person",
            HolderKind::Organization => "organization",
            HolderKind::Either => "either",
        },
        "fields": kind.fields,
        "sharing": kind.sharing,
        "sides": kind.sides,
        "confirmed": kind.confirmed,
        "source": kind.source,
    })
}

/// The identifier taken apart, with the code of what is wrong first.
fn checked(text: &str) -> Value {
    let wrong = |code: &str, text: &str| json!({ "valid": false, "code": code, "textZh": text });
    let Some(rest) = text.strip_prefix(ROOT) else {
        return wrong("LIC.ID_SYNTAX", "不以 1.2.156.3005.2. 开头");
    };
    let parts: Vec<&str> = rest.split('.').collect();
    let [kind, authority, serial, version, check] = parts.as_slice() else {
        return wrong("LIC.ID_SYNTAX", "应有类型、颁发机构、流水号、版本号、校验位五部分");
    };
    let is_version = version.len() == 3 && version.bytes().all(|byte| byte.is_ascii_digit());
    if kind.len() != 21 || authority.is_empty() || serial.is_empty() || !is_version || check.chars().count() != 1 {
        return wrong("LIC.ID_SYNTAX", "各部分的位数不对：类型 21 位，版本号 3 位数字，校验位 1 位");
    }
    let computed = check_character(&[*kind, authority, serial, version].concat());
    let (valid, code, sentence) = match computed {
        None => (false, "LIC.ID_UNCOMPUTABLE", "含有不能计算校验位的字符"),
        Some(right) if check.chars().eq([right]) => (true, "OK", "证照标识的格式与校验位正确"),
        Some(_) => (false, "LIC.ID_CHECK_CHAR", "证照标识的校验位不正确"),
    };
    json!({
        "valid": valid,
        "code": code,
        "textZh": sentence,
        "parts": {
            "ZZLXDM": kind, "ZZBFJGDM": authority, "serial": serial, "version": version, "check": check,
        },
        "computed": computed.map(String::from),
        // Codes that are not credit codes were seen, so that this is no fault.
        "authorityIsCreditCode": CreditCode::parse(authority).is_ok(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first is on public display, the second its copy with another check character.
    #[test]
    fn identifiers_are_told_apart() {
        let right = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
        assert_eq!(checked(right)["valid"], true);
        assert_eq!(checked(right)["authorityIsCreditCode"], true);
        let wrong = checked(&right.replace(".U", ".V"));
        assert_eq!((&wrong["valid"], &wrong["code"]), (&json!(false), &json!("LIC.ID_CHECK_CHAR")));
        assert_eq!(wrong["computed"], "U");
        assert_eq!(checked(&right.replace(".2023", ".20_3"))["code"], "LIC.ID_UNCOMPUTABLE");
        for text in ["", "1.2.156.3003.2.a.b.c.001.U", "1.2.156.3005.2.a", &right.replace(".001.", ".1.")] {
            assert_eq!(checked(text)["code"], "LIC.ID_SYNTAX", "{text}");
        }
    }
}
