//! The handshake as the client goes it; the picture stands in [`crate::domain::tlcp::server`].

use crate::domain::sm::sm2;
use crate::domain::tlcp::certificate::{Use, check_pair, key, read_all};
use crate::domain::tlcp::config::ClientConfig;
use crate::domain::tlcp::handshake::{Desk, Finishing, Transcript};
use crate::domain::tlcp::message::{self, ServerHello, kind};
use crate::domain::tlcp::schedule::{self, Random, Side};
use crate::domain::tlcp::session::Session;
use crate::domain::tlcp::{CertificateFault, Suite, TlcpFault, VERSION};
use crate::domain::x509::Purpose;
use rustls_pki_types::{CertificateDer, ServerName};
use std::sync::Arc;

pub(super) struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    now: u64,
    transcript: Transcript,
    random: Random,
    /// What we asked to resume.
    offered: Option<Session>,
    step: Step,
}

/// What is waited for.
enum Step {
    Hello,
    Certificate(Exchange),
    KeyExchange(Exchange, ServerKeys),
    /// CertificateRequest or ServerHelloDone; then ServerHelloDone.
    Done {
        exchange: Exchange,
        encryption: sm2::PublicKey,
        is_asked: bool,
    },
    /// ChangeCipherSpec, then Finished; with the id under which the session can be resumed.
    Finished(Finishing, Vec<u8>),
    /// None of the above any more.
    Over,
}

struct Exchange {
    suite: Suite,
    server: Random,
    session: Vec<u8>,
}

struct ServerKeys {
    signing: sm2::PublicKey,
    encryption: sm2::PublicKey,
    /// The encryption certificate, which the server's signature covers.
    certificate: CertificateDer<'static>,
}

impl Client {
    /// Says the first message. `resume` is a session of this very server and configuration.
    pub(super) fn start(
        desk: &mut Desk<'_>,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        resume: Option<Session>,
        now: u64,
    ) -> Result<Self, TlcpFault> {
        let text = match &name {
            ServerName::DnsName(text) => Some(text.as_ref().to_ascii_lowercase()),
            _ => None,
        };
        let offered = resume
            .filter(|session| session.is_fresh(now, config.session_seconds) && config.suites.contains(&session.suite));
        let random = desk.random()?;
        let suites: Vec<u16> = config.suites.iter().map(|suite| suite.number()).collect();
        let protocols: Vec<&[u8]> = config.protocols.iter().map(Vec::as_slice).collect();
        let session = offered.as_ref().map_or(&[][..], |session| &session.id);
        let mut transcript = Transcript::default();
        transcript.say(desk, kind::CLIENT_HELLO, |out| {
            let sent = text.as_deref().filter(|_| config.sends_name);
            message::write_client_hello(out, &random, session, &suites, sent, &protocols);
        })?;
        desk.about.server_name = text;
        Ok(Self { config, name, now, transcript, random, offered, step: Step::Hello })
    }

    /// Takes one whole message; true when the handshake is over.
    pub(super) fn message(&mut self, desk: &mut Desk<'_>, kind: u8, message: &[u8]) -> Result<bool, TlcpFault> {
        let body = &message[message::HEADER_BYTES..];
        if kind != kind::FINISHED {
            self.transcript.hear(message);
        }
        self.step = match (std::mem::replace(&mut self.step, Step::Over), kind) {
            (Step::Hello, kind::SERVER_HELLO) => self.hello(desk, &ServerHello::read(body)?)?,
            (Step::Certificate(exchange), kind::CERTIFICATE) => {
                let keys = self.certificates(desk, body)?;
                Step::KeyExchange(exchange, keys)
            }
            (Step::KeyExchange(exchange, keys), kind::SERVER_KEY_EXCHANGE) => {
                self.check_key_exchange(&exchange, &keys, body)?;
                Step::Done { exchange, encryption: keys.encryption, is_asked: false }
            }
            (Step::Done { exchange, encryption, is_asked: false }, kind::CERTIFICATE_REQUEST) => {
                message::check_certificate_request(body)?;
                Step::Done { exchange, encryption, is_asked: true }
            }
            (Step::Done { exchange, encryption, is_asked }, kind::SERVER_HELLO_DONE) => {
                if !body.is_empty() {
                    return Err(TlcpFault::Decode);
                }
                self.answer(desk, exchange, &encryption, is_asked)?
            }
            (Step::Finished(mut finishing, session), kind::FINISHED) if finishing.is_changed() => {
                finishing.hear(&mut self.transcript, body, message)?;
                if desk.about.is_resumed {
                    finishing.say(desk, &mut self.transcript)?;
                    desk.about.session = self.offered.take();
                } else if !session.is_empty() {
                    desk.about.session = self.session(desk, finishing, session);
                }
                return Ok(true);
            }
            _ => return Err(TlcpFault::Unexpected),
        };
        Ok(false)
    }

    pub(super) fn change_cipher(&mut self, desk: &mut Desk<'_>) -> Result<(), TlcpFault> {
        match &mut self.step {
            Step::Finished(finishing, _) => finishing.change_cipher(desk.records),
            _ => Err(TlcpFault::Unexpected),
        }
    }

    fn session(&self, desk: &Desk<'_>, finishing: Finishing, id: Vec<u8>) -> Option<Session> {
        let about = &desk.about;
        Some(Session {
            id,
            suite: about.suite?,
            master: finishing.master,
            peer: Arc::clone(&about.peer),
            server_name: about.server_name.clone(),
            made_at: self.now,
        })
    }

    fn hello(&mut self, desk: &mut Desk<'_>, hello: &ServerHello<'_>) -> Result<Step, TlcpFault> {
        let extensions = &hello.extensions;
        let is_name_sent = self.config.sends_name && desk.about.server_name.is_some();
        if extensions.others || extensions.is_named && !is_name_sent {
            return Err(TlcpFault::Extension);
        }
        match extensions.protocols.as_deref() {
            None => {}
            Some(_) if self.config.protocols.is_empty() => return Err(TlcpFault::Extension),
            Some([one]) if self.config.protocols.iter().any(|ours| ours == one) => {
                desk.about.protocol = Some(one.to_vec());
            }
            Some(_) => return Err(TlcpFault::Illegal),
        }
        let suite =
            Suite::of(hello.suite).filter(|suite| self.config.suites.contains(suite)).ok_or(TlcpFault::Illegal)?;
        desk.about.suite = Some(suite);
        match &self.offered {
            Some(session) if session.id == hello.session => {
                if session.suite != suite {
                    return Err(TlcpFault::Illegal);
                }
                desk.about.is_resumed = true;
                desk.about.peer = Arc::clone(&session.peer);
                let master = session.master.clone();
                let finishing = Finishing::new(Side::Client, suite, master, &self.random, &hello.random);
                Ok(Step::Finished(finishing, Vec::new()))
            }
            _ => Ok(Step::Certificate(Exchange { suite, server: hello.random, session: hello.session.to_vec() })),
        }
    }

    fn certificates(&self, desk: &mut Desk<'_>, body: &[u8]) -> Result<ServerKeys, TlcpFault> {
        let certificates = message::read_certificates(body)?;
        let [_, second, ..] = &certificates[..] else {
            return Err(CertificateFault::Missing.into());
        };
        let read = read_all(&certificates)?;
        let [sign, encrypt, issuers @ ..] = &read[..] else { return Err(CertificateFault::Missing.into()) };
        check_pair(sign, encrypt)?;
        let judge = &self.config.judge;
        judge.judge(sign, issuers, Purpose::TlsServerSign, self.now)?;
        if !sign.is_for(&self.name) {
            return Err(CertificateFault::Name.into());
        }
        // The same subject as the signing certificate, so the name need not stand in this one again.
        judge.judge(encrypt, issuers, Purpose::TlsServerEncryption, self.now)?;
        let keys = ServerKeys {
            signing: key(sign, Use::Sign)?,
            encryption: key(encrypt, Use::Encrypt)?,
            certificate: second.clone(),
        };
        desk.about.peer = certificates.into();
        Ok(keys)
    }

    fn check_key_exchange(&self, exchange: &Exchange, keys: &ServerKeys, body: &[u8]) -> Result<(), TlcpFault> {
        let signature = sm2::Signature::from_der(message::read_single(body)?).map_err(|_| TlcpFault::Signature)?;
        let length = u32::try_from(keys.certificate.len()).map_err(|_| TlcpFault::Decode)?.to_be_bytes();
        let signed: [&[u8]; 4] = [&self.random, &exchange.server, &length[1..], &keys.certificate];
        self.config.judge.verify(&keys.signing, &signed, &signature).map_err(|_| TlcpFault::Signature)
    }

    /// Our flight: certificates if asked, the premaster secret, the proof of our key, Finished.
    fn answer(
        &mut self,
        desk: &mut Desk<'_>,
        exchange: Exchange,
        encryption: &sm2::PublicKey,
        is_asked: bool,
    ) -> Result<Step, TlcpFault> {
        let identity = self.config.identity.clone().filter(|_| is_asked);
        if is_asked {
            self.transcript.say(desk, kind::CERTIFICATE, |out| match &identity {
                Some(identity) => out.extend_from_slice(&identity.message),
                None => out.extend_from_slice(&[0, 0, 0]),
            })?;
        }
        let mut premaster = desk.secret::<48>()?;
        premaster[..2].copy_from_slice(&VERSION);
        let noise = desk.secret()?;
        let cipher_text = encryption.encrypt(&premaster[..], &noise).map_err(|_| TlcpFault::Internal)?;
        self.transcript.say(desk, kind::CLIENT_KEY_EXCHANGE, |out| message::write_single(out, &cipher_text))?;
        if let Some(identity) = identity {
            let noise = desk.secret()?;
            let digest = self.transcript.digest();
            let signature = identity.signing.sign(&[&digest], &noise).map_err(|_| TlcpFault::Internal)?;
            self.transcript.say(desk, kind::CERTIFICATE_VERIFY, |out| message::write_single(out, &signature))?;
        }
        let master = schedule::master(&premaster, &self.random, &exchange.server);
        let mut finishing = Finishing::new(Side::Client, exchange.suite, master, &self.random, &exchange.server);
        finishing.say(desk, &mut self.transcript)?;
        Ok(Step::Finished(finishing, exchange.session))
    }
}
