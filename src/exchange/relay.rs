//! Paths that are forwarded as they are: nothing is translated and nothing is recorded.

use super::Answer;
use super::Arrived;
use super::Exchange;
use super::Relay;
use super::admit::limit;
use super::answer::Story;
use super::state::State;
use crate::domain::fault::Fault;
use crate::edge::metrics::Stage;
use crate::edge::upstream::Outbound;
use http::HeaderMap;
use http::HeaderName;
use http::header;

/// Fields of one hop only (RFC 9110, 7.6.1), and those that the pool and the server write themselves.
static OF_ONE_HOP: [HeaderName; 10] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    HeaderName::from_static("keep-alive"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

impl Exchange {
    /// Forwards a request and its answer untouched; counted and logged like any other.
    pub(super) async fn relay<'s>(
        &self,
        state: &'s State,
        relay: &Relay,
        arrived: Arrived,
        mut story: Story<'s>,
    ) -> Answer {
        let told = self.relayed(state, relay, arrived, &mut story).await;
        let fault = told.as_ref().err().cloned();
        let mut answer = told.unwrap_or_else(|fault| super::answer::plain(&fault));
        story.add_fields(&mut answer.headers, fault.as_ref());
        state.unidentified().finished(&story.finished(fault.as_ref()));
        answer
    }

    async fn relayed<'s>(
        &self,
        state: &'s State,
        relay: &Relay,
        arrived: Arrived,
        story: &mut Story<'s>,
    ) -> Result<Answer, Fault> {
        if climbs(arrived.uri.path()) {
            return Err(Fault::UnknownPath);
        }
        let body = arrived.body.clone()?;
        if !relay.callers.is_empty() {
            let digest = self.digests.of(&body).await;
            let known = self.identify(state, &arrived, digest)?;
            story.known(known.caller, Stage::Identify);
            if !relay.callers.contains(&known.caller) {
                return Err(Fault::NotPermitted { matter: relay.path.clone() });
            }
            limit(state, known.caller, body.len(), arrived.received_at, story)?;
        }
        let path = arrived.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str).to_owned();
        let outbound = Outbound { method: arrived.method, path, headers: end_to_end(arrived.headers), body };
        let reply = self.send(state, relay.target, outbound).await?;
        story.passed(Stage::Forward);
        Ok(Answer { status: reply.status, headers: end_to_end(reply.headers), body: reply.body })
    }
}

/// True for a path with dot segments, percent-encoded or not: the other side would take it for one outside the relay's
/// own.
fn climbs(path: &str) -> bool {
    let plain = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    plain.split(['/', '\\']).any(|segment| matches!(segment, "." | ".."))
}

/// Fields that go through; those that `Connection` names stay behind too.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    if let Some(named) = headers.get(header::CONNECTION).and_then(|value| value.to_str().ok()).map(str::to_owned) {
        for name in named.split(',').filter_map(|name| HeaderName::try_from(name.trim()).ok()) {
            headers.remove(name);
        }
    }
    for name in &OF_ONE_HOP {
        headers.remove(name);
    }
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dot_segments_are_seen_however_they_are_written() {
        for path in [
            "/relay/../kstb",
            "/relay/%2e%2E/kstb",
            "/relay/.%2e/",
            "/relay/..%2fkstb",
            "/r/..%5ckstb",
            "/r/./a",
            "/r/..",
        ] {
            assert!(climbs(path), "{path}");
        }
        for path in ["/relay/a", "/relay/a.b/..c", "/relay/...", "/"] {
            assert!(!climbs(path), "{path}");
        }
    }
}
