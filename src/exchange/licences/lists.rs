//! The trust lists: which are in use, and a new edition, which its operator has signed.

use super::Called;
use super::refusal::FieldFault;
use super::refusal::Kind;
use super::refusal::Refusal;
use super::uses::time_text;
use crate::domain::licence::LIST_BYTES_MAX;
use crate::domain::licence::Trust;
use crate::domain::licence::TrustWhat;
use crate::domain::sm;
use crate::edge::trust;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use serde_json::json;
use std::sync::Arc;

/// The field with the operator's signature: base64 of a DER SM2 signature over the body as it is sent.
const SIGNATURE: &str = "x-list-signature";

impl Called<'_> {
    /// `GET /v1/trust/lists`.
    pub(super) fn lists(&self) -> Value {
        let trust = self.desk.trust.load();
        let lists = trust.lists().iter().map(|list| {
            json!({
                "province": list.province(),
                "sequence": list.sequence(),
                "nextUpdate": time_text(list.next_update().saturating_mul(1000)),
                "sm3": sm::hex(list.digest()),
            })
        });
        let revocations = trust
            .revocation_lists()
            .map(|(issuer, issued)| json!({ "issuer": issuer, "thisUpdate": time_text(issued.saturating_mul(1000)) }));
        json!({ "lists": lists.collect::<Vec<_>>(), "crls": revocations.collect::<Vec<_>>() })
    }

    /// `PUT /v1/trust/lists/{province}`: taken when the whole folder with the new list in it is right, and its number is
    /// higher; else everything stays as it was.
    pub(super) async fn put_list(&self, province: &str, headers: &HeaderMap, body: Bytes) -> Result<Value, Refusal> {
        if !self.access.trust_lists {
            return Err(Refusal::with(Kind::Matter, "没有为本系统开通信任清单的提交"));
        }
        if body.len() > LIST_BYTES_MAX {
            return Err(Kind::TooLarge.into());
        }
        let is_province = province.len() == 6 && province.bytes().all(|byte| byte.is_ascii_digit());
        if !is_province {
            return Err(Refusal::field("province", "应为 6 位省级行政区划代码"));
        }
        let signature = headers.get(SIGNATURE).and_then(|value| STANDARD.decode(value.as_bytes()).ok());
        let signature = signature.ok_or_else(|| Refusal::field(SIGNATURE, "必填：清单运营者签名的 base64"))?;
        let (desk, province) = (Arc::clone(self.desk), province.to_owned());
        let taken = self.turn(move || {
            // One at a time: what one reads and checks, no other may change meanwhile.
            let _turn = trust::turn();
            let failed = |_| Refusal::with(Kind::Internal, "信任目录无法读写");
            let mut files = trust::read(&desk.trust_directory).map_err(failed)?;
            let known = desk.known(&files)?;
            let before = known.get(&province).map_or(0, |memory| memory.sequence);
            let digest = known.get(&province).and_then(|memory| memory.digest);
            let stem = files
                .iter()
                .filter(|(_, bytes)| Some(sm::digest(bytes)) == digest)
                .find_map(|(name, _)| name.strip_suffix(".json"))
                .map_or_else(|| province.clone(), str::to_owned);
            let names = [format!("{stem}.json"), format!("{stem}.sig")];
            files.retain(|(name, _)| !names.contains(name));
            let [list_name, signature_name] = names;
            files.push((list_name.clone(), body.to_vec()));
            files.push((signature_name.clone(), signature.clone()));
            let read = Trust::of_folder(&files, &known).map_err(|faults| Refusal {
                faults: faults
                    .iter()
                    .map(|fault| FieldFault { field: fault.file.clone(), text: told(&fault.what) })
                    .collect(),
                ..Kind::ListRefused.into()
            })?;
            let list =
                read.lists().iter().find(|list| list.province() == province && *list.digest() == sm::digest(&body));
            let list = list.ok_or_else(|| Refusal::with(Kind::ListRefused, "清单不是这个省的"))?;
            let sequence = list.sequence();
            if sequence <= before {
                let detail = format!("序号应大于使用中的第 {before} 版");
                return Err(Refusal::with(Kind::ListRefused, detail));
            }
            trust::replace(&desk.trust_directory, &[(&signature_name, &signature), (&list_name, &body)])
                .map_err(failed)?;
            desk.take(read, &files)?;
            Ok((province, sequence))
        });
        let (province, sequence) = taken.await??;
        tracing::info!(province, sequence, "trust list taken");
        Ok(json!({ "province": province, "sequence": sequence }))
    }
}

fn told(what: &TrustWhat) -> String {
    match what {
        TrustWhat::File(what) => (*what).to_owned(),
        TrustWhat::List(fault) => fault.to_string(),
    }
}
