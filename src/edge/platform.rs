//! The sharing platform (共享平台) of the other province as a source of licences, over HTTP.
//!
//! ```text
//!  find: queryCertInfo, queryCertInfoByHolderCode ─► answer under our SM2 key ─► what there is, and the platform's word
//!  fetch: downloadFile ─► the file, base64
//! ```
//!
//! Calls come from threads that may wait; one thread of its own carries them all over the pool of an upstream system,
//! with that system's TLS, deadline, bounds and breaker. It deliberately believes nothing: what it brings is judged by
//! `domain::licence`, and its word confirms a licence only there.

use crate::domain::envelope::cipher;
use crate::domain::envelope::cipher::Form;
use crate::domain::key::Key;
use crate::domain::licence::Answer;
use crate::domain::licence::AnswerFault;
use crate::domain::licence::FILE_BYTES_MAX;
use crate::domain::licence::Live;
use crate::domain::licence::State;
use crate::domain::masked::Masked;
use crate::domain::sm::sm2::Order;
use crate::edge::clock::Clock;
use crate::edge::licences::Found;
use crate::edge::licences::LicenceSource;
use crate::edge::licences::SourceFault;
use crate::edge::licences::Wanted;
use crate::edge::upstream;
use crate::edge::upstream::Breaker;
use crate::edge::upstream::BreakerSettings;
use crate::edge::upstream::Failure;
use crate::edge::upstream::Outbound;
use crate::edge::upstream::Pool;
use crate::edge::upstream::Reply;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::HeaderMap;
use http::HeaderValue;
use http::Method;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use serde_json::json;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// Calls that wait for the platform's thread.
const WAITING_MAX: usize = 256;
/// What is encrypted, as the platforms write it.
const FORM: Form = Form::Raw { order: Order::C1C3C2, marked: true };
/// What the platform is told that the licence is for (用证事由), where nothing else is known.
const CAUSE: &str = "跨省通办证照核验";

/// How the platform is reached, and who we are there.
pub struct Settings {
    pub upstream: upstream::Settings,
    pub breaker: BreakerSettings,
    /// From the beginning of a call to its whole answer.
    pub deadline: Duration,
    pub access_id: String,
    pub access_token: Masked<Vec<u8>>,
    /// The key under which answers come.
    pub key: Arc<dyn Key>,
    pub clock: Clock,
}

type Sent = Result<Reply, Failure>;

/// A call on its way to the platform's thread.
struct Call {
    outbound: Outbound,
    answer: oneshot::Sender<Sent>,
}

/// The platform.
pub struct Platform {
    calls: mpsc::Sender<Call>,
    access_id: String,
    access_token: Masked<Vec<u8>>,
    key: Arc<dyn Key>,
    clock: Clock,
}

impl Platform {
    /// Starts its thread; it ends when the platform is dropped. Nothing is connected before the first call.
    ///
    /// # Errors
    /// When there is no thread or runtime to be had.
    pub fn start(settings: Settings) -> io::Result<Self> {
        let Settings { upstream, breaker, deadline, access_id, access_token, key, clock } = settings;
        let (calls, mut waiting) = mpsc::channel::<Call>(WAITING_MAX);
        let breaker = Arc::new(Breaker::new(breaker, clock.clone()));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("licence-source".to_owned()).spawn(move || {
            tokio::task::LocalSet::new().block_on(&runtime, async {
                let pool = Pool::new(upstream, breaker);
                while let Some(Call { outbound, answer }) = waiting.recv().await {
                    let pool = pool.clone();
                    tokio::task::spawn_local(async move {
                        // Whoever asked may have given up.
                        let _ = answer.send(pool.send(outbound, deadline).await);
                    });
                }
            });
        })?;
        Ok(Self { calls, access_id, access_token, key, clock })
    }

    /// The body of the platform's answer to a call.
    fn call(&self, name: &str, cause: Option<&str>, mut data: Value) -> Result<Bytes, SourceFault> {
        let token = String::from_utf8_lossy(self.access_token.reveal());
        if let Some(data) = data.as_object_mut() {
            data.insert("useCause".to_owned(), json!(cause.unwrap_or(CAUSE)));
        }
        let body = json!({ "head": { "accessId": self.access_id, "accessToken": token }, "data": data });
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json;charset=UTF-8"));
        let outbound = Outbound {
            method: Method::POST,
            path: format!("/CertShare/{name}"),
            headers,
            body: Bytes::from(body.to_string()),
        };
        let (answer, answered) = oneshot::channel();
        self.calls.try_send(Call { outbound, answer }).map_err(|_| SourceFault::Unavailable)?;
        match answered.blocking_recv() {
            Ok(Ok(reply)) if reply.status.is_success() => Ok(reply.body),
            Ok(Ok(_) | Err(Failure::NotDelivered(_) | Failure::Unknown(_))) | Err(_) => Err(SourceFault::Unavailable),
        }
    }

    fn found(&self, name: &str, wanted: &Wanted, data: Value) -> Result<Option<Arc<Found>>, SourceFault> {
        let body = self.call(name, wanted.cause.as_deref(), data)?;
        let answer = match Answer::open(&*self.key, &body) {
            Ok(answer) => answer,
            Err(fault) => {
                tracing::warn!(call = name, code = fault.code(), "answer of a sharing platform is no use");
                return Err(match fault {
                    AnswerFault::Refused(_) => SourceFault::Unavailable,
                    _ => SourceFault::BadAnswer,
                });
            }
        };
        // No match: the platform does not have it.
        if answer.state() == State::Unknown {
            return Ok(None);
        }
        let value = |name: &str| answer.get(name).unwrap_or_default().to_owned();
        let asked = wanted.identifier.clone().unwrap_or_default();
        let identifier = answer.get("ZZBS").map_or(asked, str::to_owned);
        let word = answer.word(&identifier, self.clock.now().div_euclid(1000));
        let live = Live::Answered(word);
        let found = Found::remote(identifier, value("CZZTDM"), value("ZZLXDM"), value("ZZBH"), live);
        Ok(Some(Arc::new(found.for_cause(wanted.cause.clone()))))
    }
}

impl LicenceSource for Platform {
    fn find(&self, wanted: &Wanted) -> Result<Vec<Arc<Found>>, SourceFault> {
        let found = match (&wanted.identifier, &wanted.holder, &wanted.kind) {
            (Some(identifier), _, _) => self.found("queryCertInfo", wanted, json!({ "certIdentifier": identifier }))?,
            (None, Some(holder), Some(kind)) => {
                let mut data = json!({ "holderCode": holder, "certTypeCode": kind });
                // 001 统一社会信用代码, 111 公民身份号码: which of the two follows from the number (GB/T 36903 annex A).
                let is_credit = crate::domain::ids::CreditCode::parse(holder).is_ok();
                data["holderTypeCode"] = json!(if is_credit { "001" } else { "111" });
                if let Some(number) = &wanted.number {
                    data["certNo"] = json!(number);
                }
                self.found("queryCertInfoByHolderCode", wanted, data)?
            }
            _ => None,
        };
        let fits = |found: &Arc<Found>| {
            let same = |wanted: &Option<String>, value: &str| {
                value.is_empty() || wanted.as_ref().is_none_or(|wanted| wanted == value)
            };
            same(&wanted.identifier, &found.identifier) && same(&wanted.kind, &found.kind)
        };
        Ok(found.into_iter().filter(fits).collect())
    }

    fn fetch(&self, found: &Found) -> Result<Vec<u8>, SourceFault> {
        let cause = found.cause().unwrap_or(CAUSE);
        let data = json!({ "certIdentifier": found.identifier, "certificateCopyCause": cause });
        let body = self.call("downloadFile", Some(cause), data)?;
        let bad = |_| SourceFault::BadAnswer;
        let mut answer: Value = serde_json::from_slice(&body).map_err(|_| SourceFault::BadAnswer)?;
        if answer.pointer("/head/status").and_then(Value::as_i64) != Some(0) {
            return Err(SourceFault::BadAnswer);
        }
        let mut data = answer.get_mut("data").map(Value::take).unwrap_or_default();
        if let Some(hidden) = data.as_str() {
            let plain = cipher::open_hex(&*self.key, FORM, hidden.trim()).map_err(|_| SourceFault::BadAnswer)?;
            data = serde_json::from_slice(&plain).map_err(|_| SourceFault::BadAnswer)?;
        }
        let text = data.get("content").and_then(Value::as_str).ok_or(SourceFault::BadAnswer)?;
        if text.len() / 4 * 3 > FILE_BYTES_MAX + 3 {
            return Err(SourceFault::BadAnswer);
        }
        STANDARD.decode(text).map_err(bad)
    }

    fn can_confirm(&self) -> bool {
        true
    }

    fn confirm(&self, identifier: &str) -> Option<Live> {
        let wanted = Wanted { identifier: Some(identifier.to_owned()), ..Wanted::default() };
        let found = self.find(&wanted).ok().and_then(|mut found| found.pop());
        // One that the platform does not have is not confirmed, and not refuted either.
        Some(found.and_then(|found| found.live.clone()).unwrap_or(Live::Unavailable))
    }
}
