//! Session tickets under SM4-GCM, so that resuming needs no memory on the server and works on every worker.
//!
//! A ticket is `key name ‖ nonce ‖ ciphertext ‖ tag`. The keys live in this process only: they change with time, and
//! a reload that brings other certificates or CRLs begins with new ones, so that no ticket outlives the trust it was
//! given under.

use crate::domain::sm::sm4::Gcm;
use crate::edge::clock;
use rustls::Error;
use rustls::crypto::GetRandomFailed;
use rustls::server::ProducesTickets;
use rustls::ticketer::TicketRotator;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key makes tickets for an hour and opens them for one more: so long may a client certificate be over before its
/// bearer has to show it again.
const KEY_SECONDS: u32 = 60 * 60;
const NAME_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
/// A ticket carries the client's chain, which rustls bounds at 64 KiB.
const TICKET_BYTES_MAX: usize = 128 * 1024;

/// Makes and opens the tickets of one server configuration.
pub(super) fn tickets() -> Result<Arc<dyn ProducesTickets>, Error> {
    Ok(Arc::new(TicketRotator::new(KEY_SECONDS, || Ok(Box::new(Tickets::new()?)))?))
}

struct Tickets {
    name: [u8; NAME_BYTES],
    gcm: Gcm,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tickets")
    }
}

impl Tickets {
    fn new() -> Result<Self, GetRandomFailed> {
        let mut key = Zeroizing::new([0; 16]);
        let mut name = [0; NAME_BYTES];
        clock::random(&mut *key).map_err(|_| GetRandomFailed)?;
        clock::random(&mut name).map_err(|_| GetRandomFailed)?;
        Ok(Self { name, gcm: Gcm::new(&key) })
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        KEY_SECONDS * 2
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE_BYTES];
        clock::random(&mut nonce).ok()?;
        let mut ticket = Vec::with_capacity(NAME_BYTES + NONCE_BYTES + plain.len() + TAG_BYTES);
        ticket.extend_from_slice(&self.name);
        ticket.extend_from_slice(&nonce);
        ticket.extend_from_slice(plain);
        let tag = self.gcm.seal(&nonce, &self.name, &mut ticket[NAME_BYTES + NONCE_BYTES..]);
        ticket.extend_from_slice(&tag);
        Some(ticket)
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        if ticket.len() > TICKET_BYTES_MAX {
            return None;
        }
        let (name, rest) = ticket.split_first_chunk::<NAME_BYTES>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (data, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        if *name != self.name {
            return None;
        }
        let mut plain = data.to_vec();
        self.gcm.open(nonce, name, &mut plain, tag).ok()?;
        Some(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_whole_and_under_its_key_only() {
        let tickets = Tickets::new().unwrap();
        let ticket = tickets.encrypt(b"session").unwrap();
        assert_eq!(tickets.decrypt(&ticket).unwrap(), b"session");
        assert_ne!(tickets.encrypt(b"session").unwrap(), ticket);
        assert_eq!(Tickets::new().unwrap().decrypt(&ticket), None);
        for bit in 0..ticket.len() * 8 {
            let mut other = ticket.clone();
            other[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tickets.decrypt(&other), None, "bit {bit}");
        }
        for length in 0..ticket.len() {
            assert_eq!(tickets.decrypt(&ticket[..length]), None, "{length} bytes");
        }
    }
}
