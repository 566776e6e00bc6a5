//! What the two handshakes share: the messages so far, what comes of them, and how a flight is put together.

use crate::domain::sm::sm3::Sm3;
use crate::domain::tlcp::config::Noise;
use crate::domain::tlcp::message;
use crate::domain::tlcp::protect::Protection;
use crate::domain::tlcp::record::{self, Records};
use crate::domain::tlcp::schedule::{self, FINISHED_BYTES, Master, Random, Side};
use crate::domain::tlcp::session::Session;
use crate::domain::tlcp::{Suite, TlcpFault};
use rustls_pki_types::CertificateDer;
use std::sync::Arc;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What a caller may know of the connection.
#[derive(Default)]
pub(super) struct About {
    pub(super) suite: Option<Suite>,
    pub(super) peer: Arc<[CertificateDer<'static>]>,
    pub(super) server_name: Option<String>,
    pub(super) protocol: Option<Vec<u8>>,
    pub(super) is_resumed: bool,
    pub(super) session: Option<Session>,
}

/// What a step of the handshake works with besides its own state.
pub(super) struct Desk<'a> {
    pub(super) records: &'a mut Records,
    pub(super) noise: &'a mut dyn Noise,
    pub(super) about: &'a mut About,
}

impl Desk<'_> {
    /// Bytes that nobody can foretell and everybody may see.
    pub(super) fn random<const COUNT: usize>(&mut self) -> Result<[u8; COUNT], TlcpFault> {
        let mut bytes = [0; COUNT];
        self.noise.fill(&mut bytes).map_err(|_| TlcpFault::Internal)?;
        Ok(bytes)
    }

    /// Bytes that nobody else may see: they stand in one place, and are wiped.
    pub(super) fn secret<const COUNT: usize>(&mut self) -> Result<Zeroizing<[u8; COUNT]>, TlcpFault> {
        let mut bytes = Zeroizing::new([0; COUNT]);
        self.noise.fill(&mut bytes[..]).map_err(|_| TlcpFault::Internal)?;
        Ok(bytes)
    }
}

/// SM3 over the handshake messages, headers included, in the order in which they were said and heard.
#[derive(Default)]
pub(super) struct Transcript(Sm3);

impl Transcript {
    pub(super) fn hear(&mut self, message: &[u8]) {
        self.0.update(message);
    }

    /// Puts one message into records of its own: some peers read no second message in a record.
    pub(super) fn say(
        &mut self,
        desk: &mut Desk<'_>,
        kind: u8,
        body: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), TlcpFault> {
        let mut message = Vec::with_capacity(256);
        message::write(&mut message, kind, body);
        self.hear(&message);
        desk.records.put(record::kind::HANDSHAKE, &message, desk.noise)
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.0.clone().finish()
    }
}

/// What is known once both randoms and the master secret are there: enough to finish.
pub(super) struct Finishing {
    pub(super) master: Master,
    /// For what the peer sends after its ChangeCipherSpec.
    opener: Option<Protection>,
    /// For what we send after ours.
    sealer: Option<Protection>,
    us: Side,
}

impl Finishing {
    pub(super) fn new(us: Side, suite: Suite, master: Master, client: &Random, server: &Random) -> Self {
        let (from_client, from_server) = schedule::protections(suite, &master, client, server);
        let (sealer, opener) = match us {
            Side::Client => (from_client, from_server),
            Side::Server => (from_server, from_client),
        };
        Self { master, opener: Some(opener), sealer: Some(sealer), us }
    }

    /// ChangeCipherSpec and Finished of our side.
    pub(super) fn say(&mut self, desk: &mut Desk<'_>, transcript: &mut Transcript) -> Result<(), TlcpFault> {
        desk.records.put_one(record::kind::CHANGE_CIPHER_SPEC, &[&[1]], desk.noise)?;
        desk.records.seal_with(self.sealer.take().ok_or(TlcpFault::Internal)?);
        let check = schedule::finished(&self.master, self.us, &transcript.digest());
        transcript.say(desk, message::kind::FINISHED, |out| out.extend_from_slice(&check))
    }

    /// The peer's ChangeCipherSpec, which comes once.
    pub(super) fn change_cipher(&mut self, records: &mut Records) -> Result<(), TlcpFault> {
        records.open_with(self.opener.take().ok_or(TlcpFault::Unexpected)?);
        Ok(())
    }

    /// Whether the peer's ChangeCipherSpec has come.
    pub(super) const fn is_changed(&self) -> bool {
        self.opener.is_none()
    }

    /// The peer's Finished with this body; `message` is the whole.
    pub(super) fn hear(&self, transcript: &mut Transcript, body: &[u8], message: &[u8]) -> Result<(), TlcpFault> {
        let peer = match self.us {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        };
        if body.len() != FINISHED_BYTES {
            return Err(TlcpFault::Decode);
        }
        let check = schedule::finished(&self.master, peer, &transcript.digest());
        if !bool::from(check.ct_eq(body)) {
            return Err(TlcpFault::Finished);
        }
        transcript.hear(message);
        Ok(())
    }
}
