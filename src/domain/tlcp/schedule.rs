//! From the premaster secret to the keys of the records (GB/T 38636-2020 clause 6.5).
//!
//! ```text
//! master    = PRF(premaster, "master secret", client random + server random)[0..48]
//! key block = PRF(master, "key expansion", server random + client random)
//!             GCM: client key 16, server key 16, client IV 4, server IV 4
//!             CBC: client MAC 32, server MAC 32, client key 16, server key 16 (the IV stands in each record)
//! Finished  = PRF(master, "client finished" or "server finished", SM3 of the messages so far)[0..12]
//! ```
//! PRF is the one of TLS 1.2 (RFC 5246 clause 5) over HMAC-SM3.

use crate::domain::sm::mac::MacKey;
use crate::domain::tlcp::Suite;
use crate::domain::tlcp::protect::Protection;
use zeroize::Zeroizing;

pub(super) const MASTER_BYTES: usize = 48;
pub(super) const FINISHED_BYTES: usize = 12;
pub(super) type Master = Zeroizing<[u8; MASTER_BYTES]>;
pub(super) type Random = [u8; 32];

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

fn expand(secret: &[u8], label: &[u8], seed: &[&[u8]], out: &mut [u8]) {
    let key = MacKey::new(secret);
    let (first, second) = (seed.first().copied().unwrap_or_default(), seed.get(1).copied().unwrap_or_default());
    let mut chain = Zeroizing::new(key.tag(&[label, first, second]));
    for piece in out.chunks_mut(chain.len()) {
        let block = Zeroizing::new(key.tag(&[&chain[..], label, first, second]));
        piece.copy_from_slice(&block[..piece.len()]);
        chain = Zeroizing::new(key.tag(&[&chain[..]]));
    }
}

pub(super) fn master(premaster: &[u8; 48], client: &Random, server: &Random) -> Master {
    let mut master = Master::new([0; MASTER_BYTES]);
    expand(premaster, b"master secret", &[client, server], &mut master[..]);
    master
}

pub(super) fn finished(master: &Master, speaker: Side, messages: &[u8; 32]) -> [u8; FINISHED_BYTES] {
    let label: &[u8] = match speaker {
        Side::Client => b"client finished",
        Side::Server => b"server finished",
    };
    let mut out = [0; FINISHED_BYTES];
    expand(&master[..], label, &[messages], &mut out);
    out
}

/// What the client writes with, and what the server writes with.
pub(super) fn protections(suite: Suite, master: &Master, client: &Random, server: &Random) -> (Protection, Protection) {
    let mut block = Zeroizing::new([0; 96]);
    match suite {
        Suite::EccSm4GcmSm3 => {
            expand(&master[..], b"key expansion", &[server, client], &mut block[..40]);
            let (client_key, rest) = first(&block[..]);
            let (server_key, rest) = first(rest);
            let (client_iv, rest) = first(rest);
            let (server_iv, _) = first(rest);
            (Protection::gcm(client_key, *client_iv), Protection::gcm(server_key, *server_iv))
        }
        Suite::EccSm4CbcSm3 => {
            expand(&master[..], b"key expansion", &[server, client], &mut block[..]);
            let (client_mac, rest) = first::<32>(&block[..]);
            let (server_mac, rest) = first::<32>(rest);
            let (client_key, rest) = first(rest);
            let (server_key, _) = first(rest);
            (Protection::cbc(client_key, client_mac), Protection::cbc(server_key, server_mac))
        }
    }
}

fn first<const COUNT: usize>(bytes: &[u8]) -> (&[u8; COUNT], &[u8]) {
    bytes.split_first_chunk().expect("the key block has the bytes that the suites need")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with Python 3 `hmac` over `hashlib.new("sm3")`, by the formula of RFC 5246 clause 5.
    #[test]
    fn expands_as_an_independent_reckoning() {
        let mut out = [0; 80];
        expand(b"secret", b"label", &[b"se", b"ed"], &mut out);
        let mut whole = [0; 80];
        expand(b"secret", b"label", &[b"seed"], &mut whole);
        assert_eq!(out, whole);
        assert_eq!(crate::domain::sm::hex(&out), EXPANDED);
    }

    const EXPANDED: &str = "6bbf1bdaf82815d0abc339bd25396265ade241d8f27e03d9aa2d94ebe1eda0e2b4b532a0d2324725c32045f7e1b85c2eaf9d49de6e5985c3feed359ca1bd0110641c8cc3031d5ccd968eb7346188e74b";
}
