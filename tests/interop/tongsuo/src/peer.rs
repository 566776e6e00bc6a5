//! Tongsuo's side: contexts with the certificates of `tests/keys/tlcp`, and a line in memory.

use crate::support::tests_folder;
use jingyue::domain::tlcp::Suite;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::rc::Rc;
use tongsuo::ssl::{
    HandshakeError, MidHandshakeSslStream, SslContext, SslContextBuilder, SslFiletype, SslMethod, SslStream,
    SslVerifyMode, SslVersion,
};

/// Both directions of a line in memory, as Tongsuo sees it.
#[derive(Clone, Default, Debug)]
pub(crate) struct Line(Rc<RefCell<Ends>>);

#[derive(Default, Debug)]
struct Ends {
    to_peer: VecDeque<u8>,
    from_peer: Vec<u8>,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut ends = self.0.borrow_mut();
        if ends.to_peer.is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        ends.to_peer.read(buffer)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().from_peer.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Line {
    pub(crate) fn give(&self, bytes: &[u8]) {
        self.0.borrow_mut().to_peer.extend(bytes);
    }

    pub(crate) fn said(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.borrow_mut().from_peer)
    }
}

fn path(name: &str) -> PathBuf {
    tests_folder().join("keys/tlcp").join(name)
}

fn context(method: SslMethod, suite: Suite, identity: Option<&str>) -> SslContextBuilder {
    let mut context = SslContext::builder(method).unwrap();
    context.enable_ntls();
    context
        .set_cipher_list(match suite {
            Suite::EccSm4CbcSm3 => "ECC-SM2-SM4-CBC-SM3",
            Suite::EccSm4GcmSm3 => "ECC-SM2-SM4-GCM-SM3",
        })
        .unwrap();
    context.set_ca_file(path("root.pem")).unwrap();
    if let Some(name) = identity {
        let pem = SslFiletype::PEM;
        context.set_sign_certificate_file(path(&format!("{name}-sign.pem")), pem).unwrap();
        context.set_sign_private_key_file(path(&format!("{name}-sign.key")), pem).unwrap();
        context.set_enc_certificate_file(path(&format!("{name}-encrypt.pem")), pem).unwrap();
        context.set_enc_private_key_file(path(&format!("{name}-encrypt.key")), pem).unwrap();
        let sub = std::fs::read(path("sub.pem")).unwrap();
        context.add_extra_chain_cert(tongsuo::x509::X509::from_pem(&sub).unwrap()).unwrap();
    }
    context
}

pub(crate) fn peer_client(suite: Suite, identity: Option<&str>) -> SslContext {
    let mut context = context(SslMethod::ntls_client(), suite, identity);
    context.set_verify(SslVerifyMode::PEER);
    context.build()
}

pub(crate) fn peer_server(suite: Suite, is_mutual: bool) -> SslContext {
    let mut context = context(SslMethod::ntls_server(), suite, Some("server"));
    context.set_session_id_context(b"jingyue").unwrap();
    if is_mutual {
        context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    context.build()
}

pub(crate) enum Peer {
    Shaking(MidHandshakeSslStream<Line>),
    Ready(SslStream<Line>),
}

pub(crate) fn sorted(result: Result<SslStream<Line>, HandshakeError<Line>>) -> Result<Peer, String> {
    match result {
        Ok(stream) => Ok(Peer::Ready(stream)),
        Err(HandshakeError::WouldBlock(mid)) => Ok(Peer::Shaking(mid)),
        Err(error) => Err(format!("{error:?}")),
    }
}

/// What the peer asks of our side in TLS 1.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asks {
    Nothing,
    Certificate,
}

/// TLS 1.3 with the algorithms of RFC 8998 and, where `offers_all`, the usual ones before them.
pub(crate) fn tls13_context(method: SslMethod, identity: Option<&str>, asks: Asks, offers_all: bool) -> SslContext {
    let mut context = SslContext::builder(method).unwrap();
    context.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
    if offers_all {
        context.set_ciphersuites("TLS_AES_128_GCM_SHA256:TLS_SM4_GCM_SM3").unwrap();
        context.set_sigalgs_list("ECDSA+SHA256:sm2sig_sm3").unwrap();
        context.set_groups_list("X25519:SM2").unwrap();
    } else {
        context.set_ciphersuites("TLS_SM4_GCM_SM3").unwrap();
        context.set_sigalgs_list("sm2sig_sm3").unwrap();
        context.set_groups_list("SM2").unwrap();
        context.enable_sm_tls13_strict();
    }
    context.set_ca_file(path("root.pem")).unwrap();
    context.set_session_id_context(b"jingyue").unwrap();
    if let Some(name) = identity {
        let pem = SslFiletype::PEM;
        context.set_certificate_file(path(&format!("{name}-sign.pem")), pem).unwrap();
        context.set_private_key_file(path(&format!("{name}-sign.key")), pem).unwrap();
        let sub = std::fs::read(path("sub.pem")).unwrap();
        context.add_extra_chain_cert(tongsuo::x509::X509::from_pem(&sub).unwrap()).unwrap();
    }
    match asks {
        Asks::Nothing => context.set_verify(SslVerifyMode::NONE),
        Asks::Certificate => context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT),
    }
    context.build()
}
