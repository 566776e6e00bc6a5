//! What is kept about licences: when a file was first seen to be good, one-time codes, reports, usage receipts.
//!
//! Nothing here holds licence content: identifiers, holders and operators come in as HMAC-SM3 values, codes as digests.
//! A receipt's digest covers every field and the digest of the receipt before it, so that a changed, removed or added
//! row breaks the chain.

use crate::domain::sm;
use crate::edge::clock::Milliseconds;
use std::pin::Pin;

/// An SM3 or HMAC-SM3 value.
pub type Digest = [u8; sm::DIGEST_BYTES];

/// The answer of a store, when it comes.
pub type Pending<T> = Pin<Box<dyn Future<Output = Result<T, StoreFault>> + Send>>;

/// The store takes no more work: a write failed, or its queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreFault;

/// A usage receipt (用证凭据) before it has its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// 32 hexadecimal digits, random.
    pub id: String,
    pub at: Milliseconds,
    /// Name of the calling system.
    pub caller: String,
    /// HMAC-SM3 of the operator's identification.
    pub operator: Digest,
    pub window: String,
    pub matter: String,
    pub case_number: String,
    /// `consent`, `entrust` or `duty`.
    pub ground: String,
    /// HMAC-SM3 of the licence identifier, where it became known.
    pub licence: Option<Digest>,
    /// Licence type code, or empty.
    pub kind: String,
    /// HMAC-SM3 of the holder's code, where it became known.
    pub holder: Option<Digest>,
    /// The call, such as `verify`.
    pub call: String,
    /// `ACCEPT`, `REVIEW`, `REJECT` or the result of the call.
    pub decision: String,
    /// SM3 of the report, where there is one.
    pub report: Option<Digest>,
}

/// A receipt in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// From 1, without gaps.
    pub sequence: i64,
    pub entry: ReceiptEntry,
    /// Digest of the receipt before; zeros for the first.
    pub previous: Digest,
    pub digest: Digest,
}

impl Receipt {
    /// Puts `entry` behind the receipt with the digest `previous`.
    pub fn chain(sequence: i64, entry: ReceiptEntry, previous: Digest) -> Self {
        let digest = digest(sequence, &entry, &previous);
        Self { sequence, entry, previous, digest }
    }

    /// Whether the digest is the one of the fields.
    pub fn is_whole(&self) -> bool {
        digest(self.sequence, &self.entry, &self.previous) == self.digest
    }
}

/// SM3 over the fields in their order: numbers as 8 bytes, texts and digests behind their length in 4 bytes, all with
/// the highest byte first; a digest that is not there has length 0.
fn digest(sequence: i64, entry: &ReceiptEntry, previous: &Digest) -> Digest {
    let mut bytes = Vec::with_capacity(512);
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes.extend_from_slice(&entry.at.to_be_bytes());
    let optional = |digest: &Option<Digest>| digest.map_or_else(Vec::new, |digest| digest.to_vec());
    let (licence, holder, report) = (optional(&entry.licence), optional(&entry.holder), optional(&entry.report));
    for part in [
        entry.id.as_bytes(),
        entry.caller.as_bytes(),
        &entry.operator,
        entry.window.as_bytes(),
        entry.matter.as_bytes(),
        entry.case_number.as_bytes(),
        entry.ground.as_bytes(),
        &licence,
        entry.kind.as_bytes(),
        &holder,
        entry.call.as_bytes(),
        entry.decision.as_bytes(),
        &report,
        previous,
    ] {
        bytes.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    sm::digest(&bytes)
}

/// A one-time code (用证码) as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCode {
    /// SM3 of the code.
    pub digest: Digest,
    /// What it is good for: `use` (用证码) or `download`.
    pub purpose: &'static str,
    pub binding: Binding,
    /// HMAC-SM3 of the holder's code, where it is known.
    pub holder: Option<Digest>,
    /// Last moment of use.
    pub expires_at: Milliseconds,
}

/// What a code is bound to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    pub caller: String,
    pub matter: String,
    pub case_number: String,
    /// HMAC-SM3 of the licence identifier.
    pub licence: Digest,
}

/// A wish to use a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeUse {
    pub digest: Digest,
    pub purpose: &'static str,
    pub binding: Binding,
    pub now: Milliseconds,
}

/// What a code is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeState {
    Good,
    /// There is none such for this caller, case and licence.
    Unknown,
    /// Given for another matter.
    OtherMatter,
    Used,
    Expired,
}

/// A report as it is kept: without licence content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportEntry {
    /// 32 hexadecimal digits, random.
    pub id: String,
    /// JSON.
    pub text: String,
}

/// The newest edition of a province's trust list that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSeen {
    /// As in `430000`.
    pub province: String,
    pub sequence: u64,
    /// SM3 of its bytes.
    pub digest: Digest,
    /// Certificates, in DER, of those who may sign the next.
    pub operators: Vec<Vec<u8>>,
    /// SM3 over the files of the operators that were pinned then.
    pub pins: Digest,
}

/// Where the chain of receipts begins: the last one that was pruned; number 0 and zeros where none was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Anchor {
    pub sequence: i64,
    pub digest: Digest,
}

/// What ends a call: all of it is durable together, or nothing of it.
#[derive(Clone, Debug)]
pub struct Conclusion {
    pub receipt: ReceiptEntry,
    pub report: Option<ReportEntry>,
    /// SM3 of a file that was just found to be good.
    pub proof: Option<Digest>,
    /// The code that is used up.
    pub spent: Option<CodeUse>,
    /// The code that is given out.
    pub minted: Option<NewCode>,
}

/// Receipts in their order, and whether their chain holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub receipts: Vec<Receipt>,
    /// Number of the first receipt of the page that does not fit: changed, or not behind the one before it.
    pub broken_at: Option<i64>,
    /// Number of the last receipt that there is.
    pub last: i64,
    pub anchor: Anchor,
}

/// Keeps all this. One value serves all threads.
pub trait Store: Send + Sync {
    /// When the file with this SM3 was first found to be good.
    fn known_since(&self, file: Digest) -> Pending<Option<Milliseconds>>;

    /// What a code is worth now, without using it.
    fn look(&self, code: CodeUse) -> Pending<CodeState>;

    /// Ends a call. Anything but [`CodeState::Good`] means that the code could not be spent and nothing was written.
    fn conclude(&self, conclusion: Conclusion) -> Pending<CodeState>;

    /// The text of a report that `caller` had made.
    fn report(&self, id: String, caller: String) -> Pending<Option<String>>;

    /// Up to `most` receipts behind number `since`; whoever asks has those up to `since`.
    fn receipts(&self, since: i64, most: usize) -> Pending<Page>;

    /// The trust lists that were taken. It waits: not for an event loop, but at a start and on threads that may.
    ///
    /// # Errors
    /// Where the store takes no work.
    fn lists(&self) -> Result<Vec<ListSeen>, StoreFault>;

    /// Keeps that these lists were taken; a lower number than the one that is kept changes nothing. It waits too.
    ///
    /// # Errors
    /// Where the store takes no work.
    fn remember(&self, lists: Vec<ListSeen>) -> Result<(), StoreFault>;

    /// Takes away reports and receipts from before these moments, when their turn comes; nobody waits for it. The digest
    /// of the last receipt that goes is kept, so that the chain of the others can still be checked.
    fn prune(&self, reports_before: Milliseconds, receipts_before: Milliseconds);

    /// Receipts that nobody has taken yet.
    fn waiting(&self) -> i64;

    /// False once a write has failed: no further work is taken then.
    fn healthy(&self) -> bool;

    /// Ends after what is queued; the file is free then.
    fn shut_down(&self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_under_the_digest() {
        let entry = ReceiptEntry {
            id: "a".into(),
            at: 1,
            caller: "b".into(),
            operator: [1; 32],
            window: "c".into(),
            matter: "d".into(),
            case_number: "e".into(),
            ground: "duty".into(),
            licence: None,
            kind: "f".into(),
            holder: Some([2; 32]),
            call: "verify".into(),
            decision: "ACCEPT".into(),
            report: None,
        };
        let receipt = Receipt::chain(1, entry, [0; 32]);
        assert!(receipt.is_whole());
        let changes: [fn(&mut Receipt); 16] = [
            |receipt| receipt.sequence += 1,
            |receipt| receipt.previous[0] ^= 1,
            |receipt| receipt.entry.id.push('x'),
            |receipt| receipt.entry.at += 1,
            |receipt| receipt.entry.caller.push('x'),
            |receipt| receipt.entry.operator[0] ^= 1,
            |receipt| receipt.entry.window.push('x'),
            |receipt| receipt.entry.matter.push('x'),
            |receipt| receipt.entry.case_number.push('x'),
            |receipt| receipt.entry.ground.push('x'),
            |receipt| receipt.entry.licence = Some([0; 32]),
            |receipt| receipt.entry.kind.push('x'),
            |receipt| receipt.entry.holder = None,
            |receipt| receipt.entry.call.push('x'),
            |receipt| receipt.entry.decision.push('x'),
            |receipt| receipt.entry.report = Some([0; 32]),
        ];
        for change in changes {
            let mut changed = receipt.clone();
            change(&mut changed);
            assert!(!changed.is_whole());
        }
    }
}
