//! The handshake as the server goes it (GB/T 38636-2020 clause 6.4.5).
//!
//! ```text
//! ClientHello              →
//!                          ← ServerHello, Certificate, ServerKeyExchange, [CertificateRequest], ServerHelloDone
//! [Certificate], ClientKeyExchange, [CertificateVerify], ChangeCipherSpec, Finished →
//!                          ← ChangeCipherSpec, Finished
//!
//! resumed:
//! ClientHello with a known session id →
//!                          ← ServerHello with the same, ChangeCipherSpec, Finished
//! ChangeCipherSpec, Finished →
//! ```

use crate::domain::sm::sm2;
use crate::domain::tlcp::certificate::{Use, check_pair, key, read_all};
use crate::domain::tlcp::config::{ClientAuthentication, Identity, ServerConfig};
use crate::domain::tlcp::handshake::{Desk, Finishing, Transcript};
use crate::domain::tlcp::message::{self, ClientHello, kind};
use crate::domain::tlcp::schedule::{self, Random, Side};
use crate::domain::tlcp::session::{ID_BYTES, Session};
use crate::domain::tlcp::trust::Judge;
use crate::domain::tlcp::{CertificateFault, Suite, TlcpFault};
use crate::domain::x509::Purpose;
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

pub(super) struct Server {
    config: Arc<ServerConfig>,
    now: u64,
    transcript: Transcript,
    step: Step,
    /// The id under which this handshake will be remembered, or was.
    session: Vec<u8>,
}

/// What is waited for.
enum Step {
    Hello,
    Certificate(Exchange),
    KeyExchange(Exchange, Option<sm2::PublicKey>),
    Verify(Finishing, sm2::PublicKey),
    /// ChangeCipherSpec, then Finished.
    Finished(Finishing),
    /// None of the above any more.
    Over,
}

/// What was said in the hellos and is needed until the keys are there.
struct Exchange {
    identity: Arc<Identity>,
    suite: Suite,
    version: [u8; 2],
    client: Random,
    server: Random,
}

impl Server {
    pub(super) fn new(config: Arc<ServerConfig>, now: u64) -> Self {
        Self { config, now, transcript: Transcript::default(), step: Step::Hello, session: Vec::new() }
    }

    /// Takes one whole message; true when the handshake is over.
    pub(super) fn message(&mut self, desk: &mut Desk<'_>, kind: u8, message: &[u8]) -> Result<bool, TlcpFault> {
        let body = &message[message::HEADER_BYTES..];
        self.step = match (std::mem::replace(&mut self.step, Step::Over), kind) {
            (Step::Hello, kind::CLIENT_HELLO) => {
                let hello = ClientHello::read(body)?;
                self.transcript.hear(message);
                self.hello(desk, &hello)?
            }
            (Step::Certificate(exchange), kind::CERTIFICATE) => {
                self.transcript.hear(message);
                let key = self.certificate(desk, body)?;
                Step::KeyExchange(exchange, key)
            }
            (Step::KeyExchange(exchange, key), kind::CLIENT_KEY_EXCHANGE) => {
                self.transcript.hear(message);
                let finishing = key_exchange(desk, &exchange, body)?;
                match key {
                    Some(key) => Step::Verify(finishing, key),
                    None => Step::Finished(finishing),
                }
            }
            (Step::Verify(finishing, key), kind::CERTIFICATE_VERIFY) => {
                // The signature is over the digest of the messages, not over the messages.
                let signature =
                    sm2::Signature::from_der(message::read_single(body)?).map_err(|_| TlcpFault::Signature)?;
                let judge = self.config.client.judge().ok_or(TlcpFault::Unexpected)?;
                judge.verify(&key, &[&self.transcript.digest()], &signature).map_err(|_| TlcpFault::Signature)?;
                self.transcript.hear(message);
                Step::Finished(finishing)
            }
            (Step::Finished(mut finishing), kind::FINISHED) if finishing.is_changed() => {
                finishing.hear(&mut self.transcript, body, message)?;
                if !desk.about.is_resumed {
                    finishing.say(desk, &mut self.transcript)?;
                    self.keep(desk, finishing);
                }
                return Ok(true);
            }
            _ => return Err(TlcpFault::Unexpected),
        };
        Ok(false)
    }

    pub(super) fn change_cipher(&mut self, desk: &mut Desk<'_>) -> Result<(), TlcpFault> {
        match &mut self.step {
            Step::Finished(finishing) => finishing.change_cipher(desk.records),
            _ => Err(TlcpFault::Unexpected),
        }
    }

    /// A connection that fails takes its session with it.
    pub(super) fn failed(&self) {
        if let Some(sessions) = self.config.sessions.as_ref().filter(|_| !self.session.is_empty()) {
            sessions.forget(&self.session);
        }
    }

    fn hello(&mut self, desk: &mut Desk<'_>, hello: &ClientHello<'_>) -> Result<Step, TlcpFault> {
        let config = Arc::clone(&self.config);
        desk.about.server_name.clone_from(&hello.extensions.server_name);
        let protocol = match &hello.extensions.protocols {
            Some(offered) if !config.protocols.is_empty() => Some(
                config.protocols.iter().find(|ours| offered.contains(&&ours[..])).ok_or(TlcpFault::NoProtocol)?.clone(),
            ),
            _ => None,
        };
        desk.about.protocol = protocol;
        let server = desk.random()?;
        if let Some(session) = self.remembered(hello, desk.about.server_name.as_deref()) {
            return self.resume(desk, hello, session, &server);
        }
        let offered = |suite: &&Suite| hello.suites.contains(&suite.number());
        let suite = *config.suites.iter().find(offered).ok_or(TlcpFault::NoSuite)?;
        let name = desk.about.server_name.as_ref();
        let identity = Arc::clone(name.and_then(|name| config.named.get(name)).unwrap_or(&config.identity));
        if config.sessions.is_some() {
            self.session = desk.random::<ID_BYTES>()?.to_vec();
        }
        desk.about.suite = Some(suite);
        self.say_hello(desk, hello, suite, &server)?;
        self.transcript.say(desk, kind::CERTIFICATE, |out| out.extend_from_slice(&identity.message))?;
        let noise = desk.secret()?;
        let signed: [&[u8]; 3] = [&hello.random, &server, &identity.encryption_certificate];
        let signature = identity.signing.sign(&signed, &noise).map_err(|_| TlcpFault::Internal)?;
        self.transcript.say(desk, kind::SERVER_KEY_EXCHANGE, |out| message::write_single(out, &signature))?;
        let exchange = Exchange { identity, suite, version: hello.version, client: hello.random, server };
        let step = match config.client.judge() {
            Some(judge) => {
                let names = judge.names();
                self.transcript.say(desk, kind::CERTIFICATE_REQUEST, |out| {
                    message::write_certificate_request(out, &names);
                })?;
                Step::Certificate(exchange)
            }
            None => Step::KeyExchange(exchange, None),
        };
        self.transcript.say(desk, kind::SERVER_HELLO_DONE, |_| ())?;
        Ok(step)
    }

    fn say_hello(
        &mut self,
        desk: &mut Desk<'_>,
        hello: &ClientHello<'_>,
        suite: Suite,
        server: &Random,
    ) -> Result<(), TlcpFault> {
        let protocol = desk.about.protocol.clone();
        let heard_name = hello.extensions.server_name.is_some();
        let session = self.session.clone();
        self.transcript.say(desk, kind::SERVER_HELLO, |out| {
            message::write_server_hello(out, server, &session, suite.number(), heard_name, protocol.as_deref());
        })
    }

    /// The session that the client asks for, if everything that stood behind it still holds.
    fn remembered(&self, hello: &ClientHello<'_>, name: Option<&str>) -> Option<Session> {
        let sessions = self.config.sessions.as_ref().filter(|_| !hello.session.is_empty())?;
        let session = sessions.find(hello.session)?;
        let certificates_fit = match self.config.client {
            ClientAuthentication::Off => session.peer.is_empty(),
            ClientAuthentication::Optional(_) => true,
            ClientAuthentication::Required(_) => !session.peer.is_empty(),
        };
        let fits = session.is_fresh(self.now, self.config.session_seconds)
            && hello.suites.contains(&session.suite.number())
            && self.config.suites.contains(&session.suite)
            && session.server_name.as_deref() == name
            && certificates_fit;
        fits.then_some(session)
    }

    fn resume(
        &mut self,
        desk: &mut Desk<'_>,
        hello: &ClientHello<'_>,
        session: Session,
        server: &Random,
    ) -> Result<Step, TlcpFault> {
        self.session.clone_from(&session.id);
        desk.about.suite = Some(session.suite);
        desk.about.is_resumed = true;
        desk.about.peer = session.peer;
        self.say_hello(desk, hello, session.suite, server)?;
        let mut finishing = Finishing::new(Side::Server, session.suite, session.master, &hello.random, server);
        finishing.say(desk, &mut self.transcript)?;
        Ok(Step::Finished(finishing))
    }

    fn certificate(&self, desk: &mut Desk<'_>, body: &[u8]) -> Result<Option<sm2::PublicKey>, TlcpFault> {
        let certificates = message::read_certificates(body)?;
        if certificates.is_empty() {
            return match self.config.client {
                ClientAuthentication::Required(_) => Err(TlcpFault::NoCertificate),
                _ => Ok(None),
            };
        }
        let judge = self.config.client.judge().ok_or(TlcpFault::Unexpected)?;
        let key = check(judge.as_ref(), &certificates, self.now)?;
        desk.about.peer = certificates.into();
        Ok(Some(key))
    }

    fn keep(&self, desk: &Desk<'_>, finishing: Finishing) {
        if let Some(sessions) = &self.config.sessions {
            let about = &desk.about;
            let Some(suite) = about.suite else { return };
            sessions.keep(Session {
                id: self.session.clone(),
                suite,
                master: finishing.master,
                peer: Arc::clone(&about.peer),
                server_name: about.server_name.clone(),
                made_at: self.now,
            });
        }
    }
}

/// The client's signing key, if its certificates pass. It may send the pair and issuers, or only the signing
/// certificate and issuers: peers differ, and an encryption certificate has no part in the ECC suites.
fn check(judge: &dyn Judge, certificates: &[CertificateDer<'_>], now: u64) -> Result<sm2::PublicKey, CertificateFault> {
    let certificates = read_all(certificates)?;
    let (signing, others) = certificates.split_first().ok_or(CertificateFault::Missing)?;
    let issuers = match others.split_first() {
        Some((encryption, issuers)) if !encryption.is_authority() => {
            check_pair(signing, encryption)?;
            judge.judge(encryption, issuers, Purpose::TlsClientEncryption, now)?;
            issuers
        }
        _ => others,
    };
    judge.judge(signing, issuers, Purpose::TlsClientSign, now)?;
    key(signing, Use::Sign)
}

/// The keys from the client's premaster secret. Whether the cipher text was right shows nowhere: a wrong one makes keys
/// by chance, and then the Finished message does not fit.
fn key_exchange(desk: &mut Desk<'_>, exchange: &Exchange, body: &[u8]) -> Result<Finishing, TlcpFault> {
    let cipher_text = message::read_single(body)?;
    let mut premaster = desk.secret::<48>()?;
    let opened = exchange.identity.decryption.decrypt(cipher_text).unwrap_or_default();
    let mut candidate = Zeroizing::new([0; 48]);
    candidate.iter_mut().zip(opened.iter()).for_each(|(to, from)| *to = *from);
    let good = opened.len().ct_eq(&48) & candidate[..2].ct_eq(&exchange.version);
    premaster.iter_mut().zip(candidate.iter()).for_each(|(to, from)| to.conditional_assign(from, good));
    let master = schedule::master(&premaster, &exchange.client, &exchange.server);
    Ok(Finishing::new(Side::Server, exchange.suite, master, &exchange.client, &exchange.server))
}
