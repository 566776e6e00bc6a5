//! Out to the other side, once.

use super::Exchange;
use super::admit::Admitted;
use super::state::State;
use super::translate::Outward;
use crate::domain::fault::Fault;
use crate::domain::headers::Family;
use crate::domain::headers::Signature;
use crate::domain::mapping::Service;
use crate::domain::sm;
use crate::edge::clock;
use crate::edge::ledger::Opened;
use crate::edge::metrics::UpstreamCode;
use crate::edge::upstream::Failure;
use crate::edge::upstream::NotDelivered;
use crate::edge::upstream::Outbound;
use crate::edge::upstream::Pool;
use crate::edge::upstream::Reply;
use crate::edge::upstream::Unknown;
use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::Method;
use http::header::CONTENT_TYPE;

impl Exchange {
    /// Sends the message. `_opened` is the ledger's proof that the opening entry is durable.
    ///
    /// # Errors
    /// Not delivered, or unknown; never sent a second time once a byte may have left.
    pub(super) async fn forward(
        &self,
        state: &State,
        admitted: &Admitted<'_>,
        _opened: &Opened,
        outward: &Outward,
    ) -> Result<Reply, Fault> {
        let target = &state.targets[admitted.target];
        let service = &admitted.pair.to_service;
        let mut headers = HeaderMap::with_capacity(8);
        if let Ok(value) = HeaderValue::from_str(&outward.content_type) {
            headers.insert(CONTENT_TYPE, value);
        }
        for (name, value) in &admitted.pair.headers {
            if let Ok((name, value)) = HeaderName::try_from(name)
                .map_err(drop)
                .and_then(|name| Ok((name, HeaderValue::from_str(value).map_err(drop)?)))
            {
                headers.insert(name, value);
            }
        }
        if let Some(signature) = &target.sign {
            self.sign(signature, service, &outward.digest, &mut headers)?;
        }
        let outbound =
            Outbound { method: Method::POST, path: service.path.clone(), headers, body: outward.body.clone() };
        self.send(state, admitted.target, outbound).await
    }

    /// Sends through this worker's pool and counts what came of it.
    pub(super) async fn send(&self, state: &State, target: usize, outbound: Outbound) -> Result<Reply, Fault> {
        let pool = self.pool(state, target);
        let target = &state.targets[target];
        let _held = target.metrics.started();
        let began = self.clock.monotonic();
        let was_open = target.breaker.is_open();
        let sent = pool.send(outbound, target.deadline).await;
        let code = match &sent {
            Ok(reply) => UpstreamCode::of_status(reply.status.as_u16()),
            Err(Failure::NotDelivered(_)) => UpstreamCode::NotDelivered,
            Err(Failure::Unknown(_)) => UpstreamCode::Unknown,
        };
        target.metrics.finished(code, self.clock.monotonic().saturating_sub(began));
        match (was_open, target.breaker.is_open()) {
            (false, true) => {
                let settings = target.breaker.settings();
                target.metrics.circuit_opened(settings.failures, settings.open.as_secs());
            }
            (true, false) => target.metrics.circuit_closed(),
            _ => {}
        }
        sent.map_err(fault)
    }

    /// The pool of a target; pools are made anew when a reload has changed the generation. Those in use live on until
    /// their exchanges end.
    fn pool(&self, state: &State, target: usize) -> Pool {
        let mut pools = self.pools.borrow_mut();
        if pools.0 != state.generation || pools.1.len() != state.targets.len() {
            let made = state.targets.iter().map(|target| Pool::new(target.upstream.clone(), target.breaker.clone()));
            *pools = (state.generation, made.collect());
        }
        pools.1[target].clone()
    }

    fn sign(
        &self,
        signature: &Signature,
        service: &Service,
        digest: &[u8; 32],
        headers: &mut HeaderMap,
    ) -> Result<(), Fault> {
        let (key, secret) = (signature.key.as_str(), signature.secret.reveal());
        let timestamp = self.clock.now().to_string();
        let mut put = |name: &str, value: &str| {
            // What the configuration took as key and prefix can stand in a header field; so can numbers and codes.
            if let Ok((name, value)) = HeaderName::try_from(name)
                .map_err(drop)
                .and_then(|name| Ok((name, HeaderValue::from_str(value).map_err(drop)?)))
            {
                headers.insert(name, value);
            }
        };
        match &signature.family {
            Family::Window => {
                let mut random = [0u8; 16];
                clock::random(&mut random).map_err(|_| Fault::Internal { reason: "no random numbers" })?;
                let nonce = sm::hex(&random);
                let sign = sm::header_signature_with(&signature.mac, "POST", &service.path, &timestamp, &nonce, digest);
                put("x-app-key", key);
                put("x-timestamp", &timestamp);
                put("x-nonce", &nonce);
                put("x-sign", &sm::hex(&sign));
            }
            Family::Exchange(fields) => {
                put(&fields.requester, key);
                put(&fields.service, &service.service);
                put(&fields.time, &timestamp);
                put(&fields.sign, &fields.sign(secret, &service.service, key, &timestamp));
            }
        }
        Ok(())
    }
}

/// What a failure says, in the words of the fault table.
fn fault(failure: Failure) -> Fault {
    match failure {
        Failure::NotDelivered(NotDelivered::BreakerOpen { retry_after_seconds }) => {
            Fault::BreakerOpen { retry_after_seconds }
        }
        Failure::NotDelivered(not_delivered) => Fault::NotDelivered {
            reason: match not_delivered {
                NotDelivered::ConnectFailed => "connection refused or failed",
                NotDelivered::ConnectTimeout => "connection timed out",
                NotDelivered::PoolFull => "all connections are busy",
                NotDelivered::RequestInvalid => "request cannot be written as HTTP",
                NotDelivered::TlsFailed => "TLS handshake failed",
                NotDelivered::BreakerOpen { .. } => "breaker open",
            },
        },
        Failure::Unknown(Unknown::AnswerTooLarge { limit }) => Fault::AnswerTooLarge { limit },
        Failure::Unknown(Unknown::BadHttp) => Fault::AnswerUnreadable { reason: "answer is not HTTP" },
        Failure::Unknown(Unknown::ConnectionLost) => Fault::ConnectionLost,
        Failure::Unknown(Unknown::DeadlinePassed) => Fault::DeadlinePassed,
    }
}
