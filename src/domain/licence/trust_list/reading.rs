//! The form of a trust list: JSON to checked entries, all faults at once.

use crate::domain::licence::certificate::Certificate;
use crate::domain::licence::signature::office_code;
use crate::domain::licence::trust_list::Freshness;
use crate::domain::licence::trust_list::Granted;
use crate::domain::licence::trust_list::ListFault;
use crate::domain::licence::trust_list::Office;
use crate::domain::licence::trust_list::Operator;
use crate::domain::licence::trust_list::SCHEME;
use crate::domain::licence::trust_list::Span;
use crate::domain::licence::trust_list::TrustList;
use crate::domain::sm;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Most entries of one kind.
const ENTRIES_MAX: usize = 50_000;
/// Longest time without a newer revocation list that a list may allow, in hours.
const AGE_HOURS_MAX: u32 = 24 * 366;

/// The file as it stands.
pub(super) mod raw {
    use serde::Deserialize;

    /// What is looked at before the signature is.
    #[derive(Deserialize)]
    pub(in crate::domain::licence::trust_list) struct Told {
        pub(in crate::domain::licence::trust_list) province: String,
    }

    /// The whole list.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(in crate::domain::licence::trust_list) struct List {
        pub(super) scheme: String,
        pub(super) province: String,
        pub(super) sequence: u64,
        pub(super) issued: String,
        pub(super) next_update: String,
        #[serde(rename = "operator")]
        pub(super) _operator: serde::de::IgnoredAny,
        pub(super) anchors: Vec<Entry>,
        pub(super) seal_makers: Vec<Entry>,
        pub(super) offices: Vec<Office>,
        pub(super) tsas: Vec<Entry>,
        pub(super) crls: Vec<Crl>,
        pub(super) next_operator_key: Option<Key>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Entry {
        pub(super) sm3: String,
        pub(super) cert: String,
        pub(super) status: Status,
        pub(super) from: String,
        pub(super) until: Option<String>,
    }

    #[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
    #[serde(rename_all = "lowercase")]
    pub(super) enum Status {
        Granted,
        Withdrawn,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(super) struct Office {
        pub(super) uscc: String,
        pub(super) name: String,
        #[serde(default)]
        pub(super) seal_ids: Vec<String>,
        #[serde(default)]
        pub(super) types: Vec<String>,
        pub(super) from: String,
        pub(super) until: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "camelCase")]
    pub(super) struct Crl {
        pub(super) issuer: String,
        #[serde(rename = "url")]
        pub(super) _url: String,
        pub(super) max_age_hours: u32,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Key {
        pub(super) sm3: String,
        pub(super) cert: String,
    }
}

/// Gathers what is wrong with a list.
#[derive(Default)]
pub(super) struct Reading {
    pub(super) faults: Vec<ListFault>,
}

impl Reading {
    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(ListFault::Form(what.into()));
    }

    pub(super) fn list(&mut self, raw: raw::List, bytes: &[u8], signer: &Operator) -> Option<TrustList> {
        if raw.scheme != SCHEME {
            self.fault(format!("格式不是 {SCHEME}"));
        }
        let is_province = raw.province.len() == 6
            && raw.province.ends_with("0000")
            && raw.province.bytes().all(|byte| byte.is_ascii_digit());
        if !is_province {
            self.fault("province 应为省级行政区划代码，如 430000");
        }
        for count in [raw.anchors.len(), raw.seal_makers.len(), raw.tsas.len(), raw.offices.len(), raw.crls.len()] {
            if count > ENTRIES_MAX {
                self.fault("条目过多");
                return None;
            }
        }
        let issued = self.time("issued", &raw.issued);
        let next_update = self.time("nextUpdate", &raw.next_update);
        if let (Some(issued), Some(next_update)) = (issued, next_update) {
            if next_update <= issued {
                self.fault("nextUpdate 应晚于 issued");
            }
            if issued < signer.0.not_before || issued > signer.0.not_after {
                self.faults.push(ListFault::Operator("签发清单时运营者证书不在有效期内"));
            }
        }
        let anchors = self.entries("anchors", &raw.anchors);
        let seal_makers = self.entries("sealMakers", &raw.seal_makers);
        let time_stampers = self.entries("tsas", &raw.tsas);
        let mut offices = Vec::new();
        for office in raw.offices {
            offices.extend(self.office(office, &raw.province));
        }
        let mut freshness = Vec::new();
        for crl in raw.crls {
            if crl.max_age_hours == 0 || crl.max_age_hours > AGE_HOURS_MAX {
                self.fault(format!("crls：maxAgeHours 应为 1 至 {AGE_HOURS_MAX}"));
            }
            freshness.push(Freshness {
                issuer: crl.issuer.to_ascii_lowercase(),
                seconds: i64::from(crl.max_age_hours) * 3_600,
            });
        }
        let next_operator = raw.next_operator_key.and_then(|key| {
            let der = self.certificate("nextOperatorKey", &key.sm3, &key.cert)?;
            Operator::of_bytes(der.der()).map_err(|fault| self.faults.push(fault)).ok()
        });
        Some(TrustList {
            province: raw.province,
            sequence: raw.sequence,
            next_update: next_update?,
            digest: sm::digest(bytes),
            signer: signer.clone(),
            next_operator,
            anchors,
            seal_makers,
            time_stampers,
            offices,
            freshness,
        })
    }

    fn time(&mut self, name: &str, text: &str) -> Option<i64> {
        let time = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second);
        if time.is_none() {
            self.fault(format!("{name} 应写成 2026-11-23T09:30:15+08:00"));
        }
        time
    }

    fn span(&mut self, name: &str, from: &str, until: Option<&str>) -> Option<Span> {
        let from = self.time(&format!("{name} from"), from);
        let until = until.map(|until| self.time(&format!("{name} until"), until));
        Some(Span {
            from: from?,
            until: match until {
                Some(until) => Some(until?),
                None => None,
            },
        })
    }

    fn certificate(&mut self, name: &str, digest: &str, text: &str) -> Option<Certificate> {
        let certificate = STANDARD.decode(text).ok().and_then(|der| Certificate::parse(&der).ok());
        match certificate {
            Some(certificate) if sm::hex(&sm::digest(certificate.der())).eq_ignore_ascii_case(digest) => {
                if certificate.public().is_none() {
                    self.fault(format!("{name} {digest}：公钥不是 SM2 公钥"));
                }
                Some(certificate)
            }
            Some(_) => {
                self.fault(format!("{name} {}：sm3 与证书不符", digest.escape_debug()));
                None
            }
            None => {
                self.fault(format!("{name} {}：cert 不是 base64 的证书", digest.escape_debug()));
                None
            }
        }
    }

    fn entries(&mut self, name: &str, entries: &[raw::Entry]) -> Vec<Granted> {
        let mut granted = Vec::new();
        for entry in entries {
            let span = self.span(name, &entry.from, entry.until.as_deref());
            let certificate = self.certificate(name, &entry.sm3, &entry.cert);
            // Withdrawn without saying when: never granted.
            let is_granted = entry.status == raw::Status::Granted || entry.until.is_some();
            if let (Some(certificate), Some(span), true) = (certificate, span, is_granted) {
                granted.push(Granted { certificate, span });
            }
        }
        granted
    }

    fn office(&mut self, office: raw::Office, province: &str) -> Option<Office> {
        let name = office.uscc.escape_debug().to_string();
        let division = office.uscc.get(2..4);
        if office_code(&office.uscc) != Some(&office.uscc) {
            self.fault(format!("offices {name}：不是统一社会信用代码"));
        } else if division.is_none() || division != province.get(..2) {
            self.faults.push(ListFault::Province(format!("单位 {name} 不属于 {province}")));
        }
        if office.name.is_empty() {
            self.fault(format!("offices {name}：没有名称"));
        }
        for kind in office.types.iter().filter(|kind| kind.len() != 21) {
            self.fault(format!("offices {name}：证照类型代码 {} 不是 21 位", kind.escape_debug()));
        }
        let span = self.span(&format!("offices {name}"), &office.from, office.until.as_deref())?;
        Some(Office { credit_code: office.uscc, name: office.name, seals: office.seal_ids, kinds: office.types, span })
    }
}
