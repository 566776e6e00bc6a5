//! One table of peers to be judged, over every protocol and in both roles: whoever one of them refuses, the others refuse
//! too, but where the table says so. Certificates and lists are composed here (自拟) and judged at a time of the test.

use crate::support::{Failed, connect};
use crate::tlcp::{Fallen, Seeded, shake};
use jingyue::domain::asn;
use jingyue::domain::asn::{Reader, tag};
use jingyue::domain::key::Key as Handle;
use jingyue::domain::key::file::{pem, public_algorithm};
use jingyue::domain::tlcp::{CertificateFault, Connection, TlcpFault};
use jingyue::domain::x509::{Issue, Kind, ListIssue, Revoked, SM2_SM3_ALGORITHM, assemble, name, sign};
use jingyue::edge::keys::SoftwareKey;
use jingyue::edge::tls::{
    ClientCertificate, Family, Fault, Key, Own, Pair, Trust, Versions, client_config, server_config, signing_key,
    tlcp_client_config, tlcp_server_config,
};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, Error};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const NOW: i64 = 1_800_000_000;
const DAY: i64 = 86_400;
/// ecdsa-with-SHA256 (RFC 5758), and a key on P-256 (RFC 5480).
const ECDSA_SHA256: &[u8] = &[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const P256: &[u8] = &[0x30, 19, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// A key pair of one of the two worlds.
enum Signer {
    Sm(Arc<SoftwareKey>),
    P256(Box<EcdsaKeyPair>, Vec<u8>),
}

impl Signer {
    fn new(is_national: bool) -> Self {
        if is_national {
            return Self::Sm(Arc::new(SoftwareKey::generate().unwrap()));
        }
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &SystemRandom::new()).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref(), &SystemRandom::new()).unwrap();
        Self::P256(Box::new(pair), pem("PRIVATE KEY", pkcs8.as_ref()).as_bytes().to_vec())
    }

    fn point(&self) -> Vec<u8> {
        match self {
            Self::Sm(key) => key.public().to_bytes().to_vec(),
            Self::P256(pair, _) => pair.public_key().as_ref().to_vec(),
        }
    }

    fn algorithms(&self) -> (&'static [u8], Vec<u8>) {
        match self {
            Self::Sm(_) => (SM2_SM3_ALGORITHM, public_algorithm()),
            Self::P256(..) => (ECDSA_SHA256, P256.to_vec()),
        }
    }

    fn sign(&self, content: &[u8]) -> Vec<u8> {
        match self {
            Self::Sm(key) => sign(&**key, content).unwrap(),
            Self::P256(pair, _) => {
                assemble(content, ECDSA_SHA256, pair.sign(&SystemRandom::new(), content).unwrap().as_ref())
            }
        }
    }

    fn own<'a>(&'a self, certificate: &'a str) -> Own<'a> {
        let key = match self {
            Self::Sm(key) => Key::Handle(Arc::clone(key) as Arc<dyn Handle>),
            Self::P256(_, pem) => Key::Pem(pem),
        };
        Own { certificate: certificate.as_bytes(), key }
    }
}

/// Who is to be judged. Times in days from now, for which it begins and ends.
#[derive(Clone, Copy)]
struct Case {
    root: (i64, i64),
    own: (i64, i64),
    /// When the list was made, and when the next one was promised.
    list: Option<(i64, i64)>,
    is_revoked: bool,
    is_listed_elsewhere: bool,
    has_key_usage: bool,
}

const GOOD: Case = Case {
    root: (-900, 900),
    own: (-90, 90),
    list: Some((-1, 1)),
    is_revoked: false,
    is_listed_elsewhere: false,
    has_key_usage: true,
};

/// PEM texts for a case.
struct Made {
    issuers: String,
    lists: Option<String>,
    sign: (Signer, String),
    encrypt: (Signer, String),
}

impl Made {
    fn of(case: Case, is_national: bool) -> Self {
        let root = Signer::new(is_national);
        let root_name = name("CN=composed root").unwrap();
        let at = |days: i64| NOW + days * DAY;
        let certificate = |kind, serial: u8, subject: &[u8], holder: &Signer, (from, until): (i64, i64)| {
            let content = Issue {
                kind,
                algorithm: root.algorithms().0,
                issuer: &root_name,
                issuer_point: &root.point(),
                subject,
                point: &holder.point(),
                point_algorithm: &holder.algorithms().1,
                serial: &[serial],
                not_before: at(from),
                not_after: at(until),
                names: &["localhost".to_owned()],
                list_point: None,
            }
            .to_be_signed();
            let is_bare = !case.has_key_usage && serial == 2;
            let content = if is_bare { without_key_usage(&content) } else { content };
            pem("CERTIFICATE", &root.sign(&content)).to_string()
        };
        let issuers = certificate(Kind::Authority { path_length: None }, 1, &root_name, &root, case.root);
        let peer = name("CN=composed peer").unwrap();
        let pair = |kind, serial| {
            let key = Signer::new(is_national);
            let text = certificate(kind, serial, &peer, &key, case.own);
            (key, text)
        };
        let (sign, encrypt) = (pair(Kind::TlsSign, 2), pair(Kind::TlsEncryption, 3));
        let elsewhere = name("CN=composed elsewhere").unwrap();
        let entry = (vec![2], Revoked { since: at(-2), reason: 0 });
        let lists = case.list.map(|(this, next)| {
            let content = ListIssue {
                algorithm: root.algorithms().0,
                issuer: if case.is_listed_elsewhere { &elsewhere } else { &root_name },
                issuer_point: &root.point(),
                number: 1,
                this_update: at(this),
                next_update: at(next),
                revoked: if case.is_revoked { std::slice::from_ref(&entry) } else { &[] },
            }
            .to_be_signed();
            pem("X509 CRL", &root.sign(&content)).to_string()
        });
        Self { issuers, lists, sign, encrypt }
    }

    fn trust(&self) -> Trust<'_> {
        Trust { issuers: self.issuers.as_bytes(), revocation: self.lists.as_ref().map(String::as_bytes) }
    }

    fn own(&self) -> Own<'_> {
        self.sign.0.own(&self.sign.1)
    }

    fn pair(&self) -> Pair<'_> {
        Pair { signing: self.own(), encryption: self.encrypt.0.own(&self.encrypt.1) }
    }
}

/// The same content, the extension keyUsage left out.
fn without_key_usage(content: &[u8]) -> Vec<u8> {
    const KEY_USAGE: &[u8] = &[0x06, 3, 0x55, 0x1d, 0x0f];
    let (mut parts, mut kept) = (Reader::of_sequence(content).unwrap(), Vec::new());
    while let Some(next) = parts.next_tag() {
        if next != tag::context(3) {
            kept.extend_from_slice(parts.raw().unwrap());
            continue;
        }
        let (mut list, mut extensions) = (Reader::of_sequence(parts.value(next).unwrap()).unwrap(), Vec::new());
        while !list.is_empty() {
            let extension = list.raw().unwrap();
            if !extension.windows(KEY_USAGE.len()).any(|window| window == KEY_USAGE) {
                extensions.extend_from_slice(extension);
            }
        }
        kept.extend(asn::explicit(3, &asn::sequence(&[&extensions])));
    }
    asn::sequence(&[&kept])
}

/// Who is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    Client,
    Server,
}

/// A clock that the test moves.
#[derive(Clone, Debug)]
struct Moved(Arc<AtomicU64>);

impl TimeProvider for Moved {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(self.0.load(Ordering::Relaxed))))
    }
}

fn moment(now: i64) -> Moved {
    Moved(Arc::new(AtomicU64::new(u64::try_from(now).unwrap())))
}

/// What the judge finds under TLS: the kind of fault without its details.
fn over_tls(family: Family, judged: Judged, made: &Made, peer: &Made, clocks: &[Moved]) -> Vec<Option<String>> {
    // The one that is not judged has a good certificate, and trusts without lists.
    let everyone = Trust { revocation: None, ..peer.trust() };
    let asks = ClientCertificate::Required;
    let ((server_own, server_trust), (client_own, client_trust)) = match judged {
        Judged::Server => ((made.own(), everyone), (peer.own(), made.trust())),
        Judged::Client => ((peer.own(), made.trust()), (made.own(), everyone)),
    };
    let mut server = server_config(family, &server_own, asks, server_trust).unwrap();
    let mut client = client_config(family, client_trust, Some(&client_own), false).unwrap();
    // Nothing is resumed: every handshake is judged.
    client.resumption = rustls::client::Resumption::disabled();
    let now = moment(NOW);
    (server.time_provider, client.time_provider) = (Arc::new(now.clone()), Arc::new(now.clone()));
    let (client, server) = (Arc::new(client), Arc::new(server));
    let judge = |at: &Moved| {
        now.0.store(at.0.load(Ordering::Relaxed), Ordering::Relaxed);
        let fault = match (connect(&client, &server), judged) {
            (Ok(_), _) => return None,
            (Err(Failed::Client(fault)), Judged::Server) | (Err(Failed::Server(fault)), Judged::Client) => fault,
            (Err(other), _) => panic!("the wrong side refused: {other:?}"),
        };
        let Error::InvalidCertificate(fault) = fault else { panic!("{fault:?}") };
        Some(kind(&fault))
    };
    clocks.iter().map(judge).collect()
}

fn kind(fault: &CertificateError) -> String {
    let text = format!("{fault:?}").replace("Context", "");
    text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

/// The same under TLCP.
fn over_tlcp(judged: Judged, made: &Made, peer: &Made, clocks: &[Moved]) -> Vec<Option<CertificateFault>> {
    let everyone = Trust { revocation: None, ..peer.trust() };
    let asks = ClientCertificate::Required;
    let (server, client) = match judged {
        Judged::Server => (
            tlcp_server_config(&made.pair(), asks, everyone),
            tlcp_client_config(made.trust(), Some(&peer.pair()), false),
        ),
        Judged::Client => (
            tlcp_server_config(&peer.pair(), asks, made.trust()),
            tlcp_client_config(everyone, Some(&made.pair()), false),
        ),
    };
    let (server, client) = (Arc::new(server.unwrap()), Arc::new(client.unwrap()));
    let judge = |at: &Moved| {
        let now = at.0.load(Ordering::Relaxed);
        let name = ServerName::try_from("localhost").unwrap();
        let mut server = Connection::server(Arc::clone(&server), Box::new(Seeded::new(1)), now);
        let mut client = Connection::client(Arc::clone(&client), name, None, Box::new(Seeded::new(2)), now).unwrap();
        let expected = if judged == Judged::Server { Fallen::Client } else { Fallen::Server };
        match shake(&mut client, &mut server, 999) {
            Ok(()) => None,
            Err((TlcpFault::Certificate(fault), who)) if who == expected => Some(fault),
            Err(other) => panic!("{other:?}"),
        }
    };
    clocks.iter().map(judge).collect()
}

const INTERNATIONAL: [Versions; 2] = [Versions::Tls12, Versions::Tls13];

/// Judges a case in both roles under every protocol. Expected are the words of rustls for the international ones and for
/// RFC 8998, and the fault of TLCP.
#[track_caller]
fn judge(case: Case, international: Option<&str>, rfc8998: Option<&str>, tlcp: Option<CertificateFault>) {
    let clocks = [moment(NOW)];
    for judged in [Judged::Client, Judged::Server] {
        let (made, peer) = (Made::of(case, false), Made::of(GOOD, false));
        for versions in INTERNATIONAL {
            let found = over_tls(Family::International(versions), judged, &made, &peer, &clocks);
            assert_eq!(found, [international.map(str::to_owned)], "{versions:?} {judged:?}");
        }
        let (made, peer) = (Made::of(case, true), Made::of(GOOD, true));
        let found = over_tls(Family::Sm, judged, &made, &peer, &clocks);
        assert_eq!(found, [rfc8998.map(str::to_owned)], "rfc8998 {judged:?}");
        assert_eq!(over_tlcp(judged, &made, &peer, &clocks), [tlcp], "tlcp {judged:?}");
    }
}

#[test]
fn revocation() {
    let revoked = Some(CertificateFault::Revoked);
    judge(GOOD, None, None, None);
    judge(Case { list: None, ..GOOD }, None, None, None);
    judge(Case { is_revoked: true, ..GOOD }, Some("Revoked"), Some("Revoked"), revoked);
    let over = Case { list: Some((-9, -1)), ..GOOD };
    judge(over, Some("ExpiredRevocationList"), Some("ExpiredRevocationList"), revoked);
    let elsewhere = Case { is_listed_elsewhere: true, ..GOOD };
    judge(elsewhere, Some("UnknownRevocationStatus"), Some("UnknownRevocationStatus"), revoked);
}

#[test]
fn dates() {
    let expired = Some(CertificateFault::Expired);
    judge(Case { own: (-90, -1), ..GOOD }, Some("Expired"), Some("Expired"), expired);
    judge(Case { own: (1, 90), ..GOOD }, Some("NotValidYet"), Some("NotValidYet"), expired);
    // The national protocols check the dates of a root as those of any certificate; to rustls a root is a key and a name.
    judge(Case { root: (-900, -1), ..GOOD }, None, Some("Expired"), expired);
    judge(Case { root: (1, 900), ..GOOD }, None, Some("NotValidYet"), expired);
}

/// Without keyUsage: neither a certificate of ours nor, by the judge that TLCP and RFC 8998 share, one of a peer. To
/// international TLS it is one for everything.
#[test]
fn key_usage() {
    let bare = Case { has_key_usage: false, ..GOOD };
    let (made, peer) = (Made::of(bare, true), Made::of(GOOD, true));
    let off = ClientCertificate::Off;
    assert_eq!(server_config(Family::Sm, &made.own(), off, made.trust()).unwrap_err(), [Fault::NotForSigning]);
    assert_eq!(tlcp_server_config(&made.pair(), off, made.trust()).unwrap_err(), [Fault::NotForSigning]);
    // A server that shows it all the same.
    let certified = |made: &Made| {
        let chain = CertificateDer::pem_slice_iter(made.sign.1.as_bytes()).map(Result::unwrap).collect();
        let Key::Handle(key) = made.own().key else { panic!("a national key is a handle") };
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, signing_key(key))))
    };
    for (shown, fault) in [(&peer, None), (&made, Some("InvalidPurpose".to_owned()))] {
        let mut server = server_config(Family::Sm, &peer.own(), off, peer.trust()).unwrap();
        server.cert_resolver = certified(shown);
        let mut client = client_config(Family::Sm, shown.trust(), None, false).unwrap();
        client.time_provider = Arc::new(moment(NOW));
        let found = match connect(&Arc::new(client), &Arc::new(server)) {
            Ok(_) => None,
            Err(Failed::Client(Error::InvalidCertificate(fault))) => Some(kind(&fault)),
            Err(other) => panic!("{other:?}"),
        };
        assert_eq!(found, fault);
    }
    let (made, peer) = (Made::of(bare, false), Made::of(GOOD, false));
    for (judged, versions) in [(Judged::Client, Versions::Tls13), (Judged::Server, Versions::Tls12)] {
        assert_eq!(over_tls(Family::International(versions), judged, &made, &peer, &[moment(NOW)]), [None]);
    }
}

/// What was found good is not good for longer than it is.
#[test]
fn a_remembered_chain_ends_with_its_list() {
    let clocks = [moment(NOW), moment(NOW + DAY), moment(NOW + DAY + 1), moment(NOW)];
    for judged in [Judged::Client, Judged::Server] {
        let (made, peer) = (Made::of(GOOD, true), Made::of(GOOD, true));
        let found = over_tls(Family::Sm, judged, &made, &peer, &clocks);
        assert_eq!(found, [None, None, Some("ExpiredRevocationList".to_owned()), None]);
        let found = over_tlcp(judged, &made, &peer, &clocks);
        assert_eq!(found, [None, None, Some(CertificateFault::Revoked), None]);
    }
}
