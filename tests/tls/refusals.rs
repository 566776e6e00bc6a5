//! Whatever must not connect.

use crate::roots;
use crate::support::{Failed, Pair, Server, client, connect, connect_to, file};
use jingyue::domain::key::{Key as Handle, KeyFault};
use jingyue::domain::sm::sm2::{DEFAULT_ID, PrivateKey, PublicKey, Signature};
use jingyue::edge::keys::SoftwareKey;
use jingyue::edge::tls::{ClientCertificate, Family, Key, Own, SM2SIG_SM3, Trust, client_config};
use jingyue::edge::tls::{server_config, signing_key, sm_provider};
use rustls::sign::{CertifiedKey, Signer, SigningKey, SingleCertAndKey};
use rustls::{CertificateError, ClientConfig, Error, InvalidMessage, PeerIncompatible, ServerConfig};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::io::{Read, Write};
use std::sync::Arc;
use zeroize::Zeroizing;

#[track_caller]
fn client_refuses(expected: &CertificateError, name: &'static str, client: ClientConfig, server: &Server) {
    match connect_to(name, &Arc::new(client), &server.config()) {
        Err(Failed::Client(Error::InvalidCertificate(found))) => assert!(same(&found, expected), "{found:?}"),
        other => panic!("{:?}", other.err()),
    }
}

#[track_caller]
fn server_refuses(expected: &CertificateError, client: ClientConfig, server: &Server) {
    match connect(&Arc::new(client), &server.config()) {
        Err(Failed::Server(Error::InvalidCertificate(found))) => assert!(same(&found, expected), "{found:?}"),
        other => panic!("{:?}", other.err()),
    }
}

/// The same kind: details such as times are left out.
fn same(found: &CertificateError, expected: &CertificateError) -> bool {
    let kind = |error: &CertificateError| {
        let text = format!("{error:?}").replace("Context", "");
        text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
    };
    kind(found) == kind(expected)
}

/// A client that shows whatever it is told to, without looking at it first.
fn careless(name: &str) -> ClientConfig {
    let chain = CertificateDer::pem_slice_iter(&file(&format!("{name}.pem"))).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&file(&format!("{name}.key"))).unwrap();
    let certified = CertifiedKey::from_der(chain, key, &sm_provider()).unwrap();
    ClientConfig::builder_with_provider(Arc::new(sm_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots())
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(certified)))
}

#[test]
fn servers_that_are_not_who_they_should_be() {
    let own = |own| Server { own, ..Server::default() };
    client_refuses(&CertificateError::NotValidForName, "elsewhere.example", client(None), &own("sm/gateway"));
    // Its issuer bears the root's name, but has another key.
    client_refuses(&CertificateError::BadSignature, "localhost", client(None), &own("sm/unknown"));
    client_refuses(&CertificateError::Expired, "localhost", client(None), &own("sm/expired"));
    client_refuses(&CertificateError::InvalidPurpose, "localhost", client(None), &own("sm/yueyang-system"));
}

#[test]
fn callers_that_are_not_who_they_should_be() {
    let server = Server::default();
    server_refuses(&CertificateError::BadSignature, careless("sm/unknown"), &server);
    server_refuses(&CertificateError::Expired, careless("sm/expired"), &server);
    // extendedKeyUsage says for servers only; keyUsage says not for signatures; the issuer may not issue.
    server_refuses(&CertificateError::InvalidPurpose, careless("sm/server-only"), &server);
    server_refuses(&CertificateError::InvalidPurpose, careless("sm/encryption"), &server);
    server_refuses(&CertificateError::InvalidPurpose, careless("sm/under-mute"), &server);
}

#[test]
fn revocation_lists() {
    let lists = file("sm/lists.pem");
    let server = Server { lists: Some(lists.clone()), ..Server::default() };
    for _ in 0..2 {
        connect(&Arc::new(client(Some("sm/yueyang-system"))), &server.config()).unwrap();
        server_refuses(&CertificateError::Revoked, client(Some("sm/revoked")), &server);
    }
    // Without the lists nobody knows; with the root's list alone, the issuer's own certificates are not covered.
    connect(&Arc::new(client(Some("sm/revoked"))), &Server::default().config()).unwrap();
    let text = String::from_utf8(lists).unwrap();
    let end = text.find("-----END X509 CRL-----\n").unwrap() + "-----END X509 CRL-----\n".len();
    let half = Server { lists: Some(text[..end].into()), ..Server::default() };
    server_refuses(&CertificateError::UnknownRevocationStatus, client(Some("sm/yueyang-system")), &half);
}

#[test]
fn a_chain_once_found_good_is_not_good_for_others() {
    // One configuration, so one memory of chains: each caller is still judged by itself.
    let server = Server { lists: Some(file("sm/lists.pem")), ..Server::default() }.config();
    for _ in 0..3 {
        connect(&Arc::new(client(Some("sm/yueyang-system"))), &server).unwrap();
        for name in ["sm/revoked", "sm/unknown", "sm/expired"] {
            assert!(matches!(connect(&Arc::new(careless(name)), &server), Err(Failed::Server(_))), "{name}");
        }
    }
    // The same for the name of a server that is known under another one.
    let client = Arc::new(client(None));
    connect(&client, &Server::default().config()).unwrap();
    let elsewhere = connect_to("elsewhere.example", &client, &Server::default().config());
    assert!(matches!(elsewhere, Err(Failed::Client(Error::InvalidCertificate(_)))));
}

#[test]
fn no_certificate_where_one_is_required() {
    let server = Server { client: ClientCertificate::Required, ..Server::default() }.config();
    connect(&Arc::new(client(Some("sm/yueyang-system"))), &server).unwrap();
    match connect(&Arc::new(client(None)), &server) {
        Err(Failed::Server(Error::NoCertificatesPresented)) => {}
        other => panic!("{:?}", other.err()),
    }
}

/// Signs the handshake under another identity than it should.
#[derive(Debug)]
struct OtherIdentity(PrivateKey, &'static [u8]);

impl SigningKey for OtherIdentity {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(Self(self.0.clone(), self.1)))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::Unknown(8)
    }
}

impl Signer for OtherIdentity {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(self.1, &[message], &[7; 32]).unwrap().to_der())
    }

    fn scheme(&self) -> SignatureScheme {
        SM2SIG_SM3
    }
}

/// A key whose device has failed.
#[derive(Debug)]
struct Broken(PublicKey);

impl Handle for Broken {
    fn public(&self) -> &PublicKey {
        &self.0
    }

    fn sign_digest(&self, _: &[u8; 32]) -> Result<Signature, KeyFault> {
        Err(KeyFault::Unavailable(0))
    }

    fn decrypt(&self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyFault> {
        Err(KeyFault::Unavailable(0))
    }

    fn agree(&self, _: &PublicKey) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        Err(KeyFault::Unavailable(0))
    }
}

/// The gateway's key itself: SEC1 in PKCS#8, where the scalar follows the version and the tag.
fn gateway_key() -> PrivateKey {
    let der = PrivateKeyDer::from_pem_slice(&file("sm/gateway.key")).unwrap();
    let marker = [0x02, 0x01, 0x01, 0x04, 0x20];
    let at = der.secret_der().windows(5).position(|window| window == marker).unwrap() + 5;
    PrivateKey::from_bytes(der.secret_der()[at..at + 32].try_into().unwrap()).unwrap()
}

fn server_with(key: Arc<dyn Handle>) -> Arc<ServerConfig> {
    let (certificate, root) = (file("sm/gateway.pem"), file("sm/root.pem"));
    let own = Own { certificate: &certificate, key: Key::Handle(key) };
    let trust = Trust { issuers: &root, revocation: None };
    Arc::new(server_config(Family::Sm, &own, ClientCertificate::Optional, trust).unwrap())
}

#[test]
fn the_identity_of_the_signature_matters() {
    let right: &[u8] = b"TLSv1.3+GM+Cipher+Suite";
    for (identity, accepted) in [(right, true), (b"TLSv1.3+GM+Cipher+Suitf", false), (DEFAULT_ID, false), (b"", false)]
    {
        let mut server = Arc::unwrap_or_clone(server_with(Arc::new(SoftwareKey::new(gateway_key()))));
        let chain = CertificateDer::pem_slice_iter(&file("sm/gateway.pem")).map(Result::unwrap).collect();
        let certified = CertifiedKey::new(chain, Arc::new(OtherIdentity(gateway_key(), identity)));
        server.cert_resolver = Arc::new(SingleCertAndKey::from(certified));
        let server = Arc::new(server);
        match connect(&Arc::new(client(None)), &server) {
            Ok(mut both) if accepted => both.exchange(b"through a handle"),
            Err(Failed::Client(Error::InvalidCertificate(CertificateError::BadSignature))) if !accepted => {}
            other => panic!("{identity:?}: {:?}", other.err()),
        }
    }
}

#[test]
fn a_key_that_cannot_sign_ends_the_handshake() {
    let server = server_with(Arc::new(Broken(*gateway_key().public())));
    assert!(matches!(connect(&Arc::new(client(None)), &server), Err(Failed::Server(Error::General(_)))));
    // A handle to another key than the certificate's is found out before.
    let other: Arc<dyn Handle> = Arc::new(Broken(*PrivateKey::generate(&[9; 48]).public()));
    let chain = CertificateDer::pem_slice_iter(&file("sm/gateway.pem")).map(Result::unwrap).collect();
    assert!(CertifiedKey::new(chain, signing_key(other)).keys_match().is_err());
}

/// The client of `provider`, which may offer what is no part of RFC 8998.
fn with(provider: rustls::crypto::CryptoProvider) -> Arc<ClientConfig> {
    let config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots())
        .with_no_client_auth();
    Arc::new(config)
}

#[test]
fn nothing_else_is_negotiated() {
    let server = Server::default().config();
    let ring = rustls::crypto::ring::default_provider;
    let incompatible = |provider| match connect(&with(provider), &server) {
        Err(Failed::Server(Error::PeerIncompatible(why))) => why,
        other => panic!("{:?}", other.err()),
    };
    // AES with everything else right; X25519 alone with everything else right; all of today's usual algorithms.
    let aes = rustls::crypto::CryptoProvider { cipher_suites: ring().cipher_suites, ..sm_provider() };
    assert_eq!(incompatible(aes), PeerIncompatible::NoCipherSuitesInCommon);
    let x25519 = rustls::crypto::CryptoProvider { kx_groups: ring().kx_groups, ..sm_provider() };
    assert_eq!(incompatible(x25519), PeerIncompatible::NoKxGroupsInCommon);
    incompatible(ring());
    let schemes = ring().signature_verification_algorithms;
    let unsigned = rustls::crypto::CryptoProvider { signature_verification_algorithms: schemes, ..sm_provider() };
    assert_eq!(incompatible(unsigned), PeerIncompatible::NoSignatureSchemesInCommon);
}

#[test]
fn a_flipped_bit_in_a_record_ends_the_connection() {
    for bit in [0, 3, 100, 8 * 21 - 1] {
        let mut both = connect(&Arc::new(client(None)), &Server::default().config()).unwrap();
        both.client.writer().write_all(b"12345").unwrap();
        let mut wire = Vec::new();
        both.client.write_tls(&mut wire).unwrap();
        // A header of five bytes, then the text, its type and the tag.
        assert_eq!(wire.len(), 5 + 5 + 1 + 16);
        wire[5 + bit / 8] ^= 1 << (bit % 8);
        both.server.read_tls(&mut &wire[..]).unwrap();
        assert_eq!(both.server.process_new_packets().unwrap_err(), Error::DecryptError);
        assert!(both.server.reader().read(&mut [0; 8]).is_err());
    }
    // A record too short for a tag.
    let mut both = connect(&Arc::new(client(None)), &Server::default().config()).unwrap();
    both.server.read_tls(&mut &[23, 3, 3, 0, 3, 1, 2, 3][..]).unwrap();
    assert_eq!(both.server.process_new_packets().unwrap_err(), Error::DecryptError);
}

#[test]
fn key_shares_that_are_no_points() {
    // A hello whose share is off the curve, of the wrong length, or compressed: no panic, and no secret either.
    let server = Server::default().config();
    let mut hello = Vec::new();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    rustls::ClientConnection::new(Arc::new(client(None)), name).unwrap().write_tls(&mut hello).unwrap();
    let share = hello.windows(5).position(|window| window == [0x00, 0x29, 0x00, 0x41, 0x04]).unwrap() + 4;
    for (place, value) in
        [(share, 0x02), (share, 0x00), (share + 64, hello[share + 64] ^ 1), (share + 1, !hello[share + 1])]
    {
        let mut wrong = hello.clone();
        wrong[place] = value;
        let mut session = rustls::ServerConnection::new(Arc::clone(&server)).unwrap();
        session.read_tls(&mut &wrong[..]).unwrap();
        let refused = session.process_new_packets().unwrap_err();
        assert_eq!(refused, Error::PeerMisbehaved(rustls::PeerMisbehaved::InvalidKeyShare));
    }
    let mut session = rustls::ServerConnection::new(server).unwrap();
    session.read_tls(&mut &hello[..]).unwrap();
    session.process_new_packets().unwrap();
}

#[test]
fn international_and_national_certificates_do_not_mix() {
    // A usual server's chain is not trusted under RFC 8998, even if its CA is named.
    let root = file("ca.pem");
    let trust = Trust { issuers: &root, revocation: None };
    let client = client_config(Family::Sm, trust, Some(&Pair::of("sm/yueyang-system").own()), false).unwrap();
    match connect(&Arc::new(client), &Server::default().config()) {
        Err(Failed::Client(Error::InvalidCertificate(CertificateError::UnknownIssuer))) => {}
        other => panic!("{:?}", other.err()),
    }
}

#[test]
fn garbage_is_refused() {
    let server = Server::default().config();
    let mut session = rustls::ServerConnection::new(server).unwrap();
    session.read_tls(&mut &b"GET / HTTP/1.1\r\n\r\n"[..]).unwrap();
    let refused = session.process_new_packets().unwrap_err();
    assert!(matches!(refused, Error::InvalidMessage(InvalidMessage::InvalidContentType)), "{refused:?}");
}
