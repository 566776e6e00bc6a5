//! Grammar of the handshake messages (GB/T 38636-2020 clause 6.4.5), read and written.
//!
//! Reading checks the whole grammar and every bound; what the values mean is judged by the two handshakes.

use crate::domain::tlcp::TlcpFault;
use crate::domain::tlcp::VERSION;
use crate::domain::tlcp::config::CERTIFICATES_MAX;
use crate::domain::tlcp::schedule::Random;
use crate::domain::tlcp::wire::{Reader, vector};
use rustls_pki_types::{CertificateDer, DnsName};

pub(super) const HEADER_BYTES: usize = 4;

/// Kinds of handshake messages.
pub(super) mod kind {
    pub(crate) const HELLO_REQUEST: u8 = 0;
    pub(crate) const CLIENT_HELLO: u8 = 1;
    pub(crate) const SERVER_HELLO: u8 = 2;
    pub(crate) const CERTIFICATE: u8 = 11;
    pub(crate) const SERVER_KEY_EXCHANGE: u8 = 12;
    pub(crate) const CERTIFICATE_REQUEST: u8 = 13;
    pub(crate) const SERVER_HELLO_DONE: u8 = 14;
    pub(crate) const CERTIFICATE_VERIFY: u8 = 15;
    pub(crate) const CLIENT_KEY_EXCHANGE: u8 = 16;
    pub(crate) const FINISHED: u8 = 20;
}

/// The longest body that a message of this kind may have. Certificates are the longest that a caller can need; all
/// others are small, and nobody who has proved nothing makes us hold more.
pub(super) const fn body_bytes_max(kind: u8) -> usize {
    match kind {
        kind::CERTIFICATE => 0x1_0000,
        kind::CERTIFICATE_REQUEST => 0x1_0200,
        kind::CLIENT_HELLO => 0x4000,
        _ => 0x0400,
    }
}

const SERVER_NAME: u16 = 0;
const PROTOCOLS: u16 = 16;

/// What a client may say in extensions, as far as we listen. The server's answer has the same form.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions<'a> {
    /// The extension of the server's name is there, be it empty as in the server's answer.
    pub(super) is_named: bool,
    /// The host name in it.
    pub(super) server_name: Option<String>,
    pub(super) protocols: Option<Vec<&'a [u8]>>,
    /// Something else is there too.
    pub(super) others: bool,
}

impl<'a> Extensions<'a> {
    /// The rest of a hello; nothing is no extensions.
    fn read(mut reader: Reader<'a>, from_client: bool) -> Result<Self, TlcpFault> {
        let mut found = Self::default();
        if reader.is_empty() {
            return Ok(found);
        }
        let mut list = Reader::new(reader.vector16()?);
        while !list.is_empty() {
            let (number, body) = (list.short()?, list.vector16()?);
            match number {
                SERVER_NAME if !found.is_named => {
                    found.is_named = true;
                    found.server_name = if from_client { host_name(body)? } else { None };
                }
                PROTOCOLS if found.protocols.is_none() => found.protocols = Some(protocols(body)?),
                SERVER_NAME | PROTOCOLS => return Err(TlcpFault::Illegal),
                _ => found.others = true,
            }
        }
        reader.end()?;
        Ok(found)
    }
}

/// RFC 6066 clause 3. A name that is no host name counts as none.
fn host_name(body: &[u8]) -> Result<Option<String>, TlcpFault> {
    let mut reader = Reader::new(body);
    let mut list = Reader::new(reader.vector16()?);
    reader.end()?;
    let mut name = None;
    while !list.is_empty() {
        let (kind, bytes) = (list.byte()?, list.vector16()?);
        if kind == 0 {
            let text = std::str::from_utf8(bytes).ok().and_then(|text| DnsName::try_from(text).ok());
            name = name.or(text.map(|text| text.as_ref().to_ascii_lowercase()));
        }
    }
    Ok(name)
}

/// RFC 7301 clause 3.1.
fn protocols(body: &[u8]) -> Result<Vec<&[u8]>, TlcpFault> {
    let mut reader = Reader::new(body);
    let mut list = Reader::new(reader.vector16()?);
    reader.end()?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let name = list.vector8()?;
        if name.is_empty() {
            return Err(TlcpFault::Decode);
        }
        names.push(name);
    }
    if names.is_empty() { Err(TlcpFault::Decode) } else { Ok(names) }
}

fn write_extensions(out: &mut Vec<u8>, name: Option<&[u8]>, protocols: &[&[u8]]) {
    if name.is_none() && protocols.is_empty() {
        return;
    }
    vector::<2>(out, |out| {
        if let Some(name) = name {
            out.extend_from_slice(&SERVER_NAME.to_be_bytes());
            vector::<2>(out, |out| {
                // An empty name is the server's word that it has heard one: its body is empty too.
                if !name.is_empty() {
                    vector::<2>(out, |out| {
                        out.push(0);
                        vector::<2>(out, |out| out.extend_from_slice(name));
                    });
                }
            });
        }
        if !protocols.is_empty() {
            out.extend_from_slice(&PROTOCOLS.to_be_bytes());
            vector::<2>(out, |out| {
                vector::<2>(out, |out| {
                    for name in protocols {
                        vector::<1>(out, |out| out.extend_from_slice(name));
                    }
                });
            });
        }
    });
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientHello<'a> {
    pub(super) version: [u8; 2],
    pub(super) random: Random,
    pub(super) session: &'a [u8],
    pub(super) suites: Vec<u16>,
    pub(super) extensions: Extensions<'a>,
}

impl<'a> ClientHello<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, TlcpFault> {
        let mut reader = Reader::new(body);
        let version = reader.array()?;
        if version[0] != VERSION[0] || version[1] < VERSION[1] {
            return Err(TlcpFault::Version);
        }
        let random = reader.array()?;
        let session = reader.vector8()?;
        let (suites, odd) = reader.vector16()?.as_chunks::<2>();
        let compressions = reader.vector8()?;
        if session.len() > 32 || suites.is_empty() || !odd.is_empty() || compressions.is_empty() {
            return Err(TlcpFault::Decode);
        }
        if !compressions.contains(&0) {
            return Err(TlcpFault::Illegal);
        }
        let suites = suites.iter().map(|suite| u16::from_be_bytes(*suite)).collect();
        Ok(Self { version, random, session, suites, extensions: Extensions::read(reader, true)? })
    }
}

/// What goes into the body of a ClientHello. `name` and `protocols` make extensions, and nothing else does.
pub(super) fn write_client_hello(
    out: &mut Vec<u8>,
    random: &Random,
    session: &[u8],
    suites: &[u16],
    name: Option<&str>,
    protocols: &[&[u8]],
) {
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(random);
    vector::<1>(out, |out| out.extend_from_slice(session));
    vector::<2>(out, |out| suites.iter().for_each(|suite| out.extend_from_slice(&suite.to_be_bytes())));
    out.extend_from_slice(&[1, 0]);
    write_extensions(out, name.map(str::as_bytes), protocols);
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerHello<'a> {
    pub(super) random: Random,
    pub(super) session: &'a [u8],
    pub(super) suite: u16,
    pub(super) extensions: Extensions<'a>,
}

impl<'a> ServerHello<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, TlcpFault> {
        let mut reader = Reader::new(body);
        if reader.array()? != VERSION {
            return Err(TlcpFault::Version);
        }
        let random = reader.array()?;
        let session = reader.vector8()?;
        let suite = reader.short()?;
        let compression = reader.byte()?;
        if session.len() > 32 {
            return Err(TlcpFault::Decode);
        }
        if compression != 0 {
            return Err(TlcpFault::Illegal);
        }
        Ok(Self { random, session, suite, extensions: Extensions::read(reader, false)? })
    }
}

/// What goes into the body of a ServerHello.
pub(super) fn write_server_hello(
    out: &mut Vec<u8>,
    random: &Random,
    session: &[u8],
    suite: u16,
    heard_name: bool,
    protocol: Option<&[u8]>,
) {
    out.extend_from_slice(&VERSION);
    out.extend_from_slice(random);
    vector::<1>(out, |out| out.extend_from_slice(session));
    out.extend_from_slice(&suite.to_be_bytes());
    out.push(0);
    let protocols: Vec<&[u8]> = protocol.into_iter().collect();
    write_extensions(out, heard_name.then_some(&[][..]), &protocols);
}

pub(super) fn read_certificates(body: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlcpFault> {
    let mut reader = Reader::new(body);
    let mut list = Reader::new(reader.vector24()?);
    reader.end()?;
    let mut certificates = Vec::new();
    while !list.is_empty() {
        let certificate = list.vector24()?;
        if certificate.is_empty() || certificates.len() == CERTIFICATES_MAX {
            return Err(TlcpFault::Decode);
        }
        certificates.push(CertificateDer::from(certificate.to_vec()));
    }
    Ok(certificates)
}

/// The body of a CertificateRequest: `ecdsa_sign` stands for SM2, `rsa_sign` beside it because peers look for either.
/// As many names as the message can carry.
pub(super) fn write_certificate_request(out: &mut Vec<u8>, names: &[Vec<u8>]) {
    out.extend_from_slice(&[2, 1, 64]);
    vector::<2>(out, |out| {
        let start = out.len();
        for name in names {
            if u16::try_from(out.len() - start + name.len() + 2).is_ok() {
                vector::<2>(out, |out| out.extend_from_slice(name));
            }
        }
    });
}

/// Reads a CertificateRequest for its grammar: we have one identity and show it or not.
pub(super) fn check_certificate_request(body: &[u8]) -> Result<(), TlcpFault> {
    let mut reader = Reader::new(body);
    if reader.vector8()?.is_empty() {
        return Err(TlcpFault::Decode);
    }
    let mut names = Reader::new(reader.vector16()?);
    while !names.is_empty() {
        names.vector16()?;
    }
    reader.end()
}

/// The one vector that makes up ServerKeyExchange (a signature), ClientKeyExchange (a cipher text) or
/// CertificateVerify (a signature).
pub(super) fn read_single(body: &[u8]) -> Result<&[u8], TlcpFault> {
    let mut reader = Reader::new(body);
    let single = reader.vector16()?;
    reader.end()?;
    Ok(single)
}

pub(super) fn write_single(out: &mut Vec<u8>, single: &[u8]) {
    vector::<2>(out, |out| out.extend_from_slice(single));
}

/// Appends a message of this kind, `body` behind its length.
pub(super) fn write(out: &mut Vec<u8>, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(kind);
    vector::<3>(out, body);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(name: Option<&str>, protocols: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        write_client_hello(&mut out, &[7; 32], &[1, 2], &[0xe053, 0xe013], name, protocols);
        out
    }

    #[test]
    fn client_hello_both_ways() {
        let bytes = hello(Some("gateway.example"), &[b"h2", b"http/1.1"]);
        let read = ClientHello::read(&bytes).unwrap();
        assert_eq!((read.random, read.session, &read.suites[..]), ([7; 32], &[1, 2][..], &[0xe053, 0xe013][..]));
        assert_eq!(read.extensions.server_name, Some("gateway.example".to_owned()));
        assert_eq!(read.extensions.protocols, Some(vec![&b"h2"[..], b"http/1.1"]));
        assert_eq!(ClientHello::read(&hello(None, &[])).unwrap().extensions, Extensions::default());
    }

    #[test]
    fn each_cut_hello_is_a_fault() {
        let bytes = hello(Some("gateway.example"), &[b"h2"]);
        let without_extensions = hello(None, &[]).len();
        for length in (0..bytes.len()).filter(|length| *length != without_extensions) {
            assert!(ClientHello::read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn versions() {
        let mut bytes = hello(None, &[]);
        for (version, right) in [([1, 1], true), ([1, 2], true), ([1, 0], false), ([3, 3], false), ([0, 9], false)] {
            bytes[..2].copy_from_slice(&version);
            assert_eq!(ClientHello::read(&bytes).err(), (!right).then_some(TlcpFault::Version));
        }
    }

    #[test]
    fn unknown_extensions_are_passed_over_and_double_ones_refused() {
        let with = |extensions: &[u8]| {
            let mut bytes = hello(None, &[]);
            vector::<2>(&mut bytes, |out| out.extend_from_slice(extensions));
            ClientHello::read(&bytes).map(|hello| hello.extensions.others)
        };
        assert_eq!(with(&[0xab, 0xcd, 0, 2, 1, 2]), Ok(true));
        assert_eq!(with(&[]), Ok(false));
        let protocols = [0, 16, 0, 5, 0, 3, 2, b'h', b'2'];
        assert_eq!(with(&protocols), Ok(false));
        assert_eq!(with(&[protocols, protocols].concat()), Err(TlcpFault::Illegal));
        assert_eq!(with(&[0, 16, 0, 2, 0, 0]), Err(TlcpFault::Decode));
        assert_eq!(with(&[0, 16, 0, 3, 0, 1, 0]), Err(TlcpFault::Decode));
    }

    #[test]
    fn a_name_that_is_none_counts_as_none() {
        for name in ["127.0.0.1", "", "-", "a b", "汉"] {
            let mut body = Vec::new();
            vector::<2>(&mut body, |out| {
                out.push(0);
                vector::<2>(out, |out| out.extend_from_slice(name.as_bytes()));
            });
            assert_eq!(host_name(&body), Ok(None), "{name}");
        }
        assert_eq!(host_name(b"\x00\x04\x00\x00\x01A"), Ok(Some("a".to_owned())));
    }

    #[test]
    fn server_hello_both_ways() {
        let mut out = Vec::new();
        write_server_hello(&mut out, &[9; 32], &[], 0xe013, true, Some(b"h2"));
        let read = ServerHello::read(&out).unwrap();
        assert_eq!((read.random, read.session, read.suite), ([9; 32], &[][..], 0xe013));
        assert_eq!((read.extensions.is_named, read.extensions.protocols), (true, Some(vec![&b"h2"[..]])));
    }

    #[test]
    fn certificates_are_bounded() {
        let mut body = Vec::new();
        let many = |out: &mut Vec<u8>, count| {
            vector::<3>(out, |out| (0..count).for_each(|_| vector::<3>(out, |out| out.push(1))));
        };
        many(&mut body, CERTIFICATES_MAX);
        assert_eq!(read_certificates(&body).unwrap().len(), CERTIFICATES_MAX);
        body.clear();
        many(&mut body, CERTIFICATES_MAX + 1);
        assert_eq!(read_certificates(&body), Err(TlcpFault::Decode));
        assert_eq!(read_certificates(&[0, 0, 3, 0, 0, 0]), Err(TlcpFault::Decode));
        assert_eq!(read_certificates(&[0, 0, 0]), Ok(vec![]));
    }

    #[test]
    fn a_request_carries_as_many_names_as_fit() {
        let mut out = Vec::new();
        write_certificate_request(&mut out, &vec![vec![0x30; 30_000]; 3]);
        assert_eq!(out.len(), 3 + 2 + 2 * 30_002);
        assert_eq!(check_certificate_request(&out), Ok(()));
        assert_eq!(check_certificate_request(&out[..out.len() - 1]), Err(TlcpFault::Decode));
    }
}
