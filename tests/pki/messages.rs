//! Signed and sealed messages: both ways with every partner's profile, and each bit of them changed.

use crate::support::DAY;
use crate::support::NOW;
use crate::support::Party;
use crate::support::Wish;
use crate::support::issue;
use crate::support::one_bit_of_each_byte;
use crate::support::root;
use jingyue::domain::envelope;
use jingyue::domain::envelope::EnvelopeFault;
use jingyue::domain::envelope::Message;
use jingyue::domain::envelope::PROFILES;
use jingyue::domain::envelope::Profile;
use jingyue::domain::envelope::Secrets;
use jingyue::domain::envelope::Signing;
use jingyue::domain::envelope::cipher;
use jingyue::domain::key::Key;
use jingyue::domain::x509::CertificateFault;
use jingyue::domain::x509::Kind;
use jingyue::domain::x509::Level;
use jingyue::domain::x509::Revocation;
use jingyue::domain::x509::Trust;
use jingyue::domain::x509::When;
use zeroize::Zeroizing;

const CONTENT: &[u8] = "提取公积金，金额 100.00 元".as_bytes();

fn office(root: &Party) -> Party {
    issue(Some(root), Wish::new(Kind::Signer, "CN=Office,O=Test,C=CN"))
}

fn trust(root: &Party) -> Trust {
    let revocation = Revocation { level: Level::Off, age_max: None };
    Trust::new(vec![root.certificate.clone()], Vec::new(), revocation).unwrap()
}

fn sign(party: &Party, profile: &Profile, attached: bool, time: Option<i64>) -> Vec<u8> {
    let certificates = [party.certificate.clone()];
    let signing = Signing { profile, certificates: &certificates, attached, time };
    envelope::sign(&party.key, signing, CONTENT).unwrap()
}

#[test]
fn what_is_signed_is_verified_in_every_way() {
    let root = root();
    let (office, trust) = (office(&root), trust(&root));
    for profile in PROFILES {
        for (attached, time) in [(true, None), (true, Some(NOW)), (false, None), (false, Some(NOW))] {
            let der = sign(&office, profile, attached, time);
            let message = Message::read(&der).unwrap();
            let beside = (!attached).then_some(CONTENT);
            let signers = message.verify(profile, beside, &[], &trust, When::now(NOW)).unwrap();
            assert_eq!(signers[0].0.time, time, "{}", profile.name);
            assert_eq!(signers[0].0.certificate, office.certificate);
            let other = message.check(profile, Some(b"another content"), &[]).unwrap_err();
            let changed = matches!(other, EnvelopeFault::ContentChanged | EnvelopeFault::SignatureInvalid);
            assert!(changed, "{}: {other:?}", profile.name);
            if !attached {
                assert_eq!(message.check(profile, None, &[]).unwrap_err(), EnvelopeFault::NoContent);
            }
        }
    }
    // What GmSSL signs is not what the standard says.
    let der = sign(&office, Profile::named("gmssl").unwrap(), true, None);
    let message = Message::read(&der).unwrap();
    assert_eq!(message.check(Profile::STANDARD, None, &[]).unwrap_err(), EnvelopeFault::SignatureInvalid);
}

#[test]
fn a_signer_must_be_there_and_be_trusted_for_signing() {
    let root = root();
    let der = sign(&office(&root), Profile::STANDARD, true, None);
    let message = Message::read(&der).unwrap();
    let judged = message.verify(Profile::STANDARD, None, &[], &trust(&self::root()), When::now(NOW)).unwrap_err();
    assert!(matches!(judged, EnvelopeFault::Certificate(_)), "{judged:?}");
    let later = message.verify(Profile::STANDARD, None, &[], &trust(&root), When::now(NOW + 400 * DAY)).unwrap_err();
    assert_eq!(later, EnvelopeFault::Certificate(CertificateFault::Expired));
    let encrypting = issue(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Encrypt"));
    let der = sign(&encrypting, Profile::STANDARD, true, None);
    let used = Message::read(&der).unwrap().verify(Profile::STANDARD, None, &[], &trust(&root), When::now(NOW));
    assert_eq!(used.unwrap_err(), EnvelopeFault::Certificate(CertificateFault::KeyUsage));
    assert_eq!(Message::read(&without_signers(&der)).unwrap_err(), EnvelopeFault::NoSigner);
}

/// The same message with an empty SET of signers.
fn without_signers(der: &[u8]) -> Vec<u8> {
    use jingyue::domain::asn;
    use jingyue::domain::asn::Reader;
    use jingyue::domain::asn::tag;
    let mut outer = Reader::of_sequence(der).unwrap();
    let kind = outer.raw().unwrap();
    let mut signed = Reader::of_sequence(outer.value(tag::context(0)).unwrap()).unwrap();
    let parts: Vec<&[u8]> = (0..4).map(|_| signed.raw().unwrap()).collect();
    let signed = asn::sequence(&[parts[0], parts[1], parts[2], parts[3], &asn::set_of(Vec::new())]);
    asn::sequence(&[kind, &asn::explicit(0, &signed)])
}

#[test]
fn a_changed_bit_in_any_byte_of_a_signed_message_is_seen() {
    let root = root();
    let (office, trust) = (office(&root), trust(&root));
    for time in [None, Some(NOW)] {
        let der = sign(&office, Profile::STANDARD, true, time);
        for bit in one_bit_of_each_byte(&der) {
            let mut changed = der.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(message) = Message::read(&changed) else { continue };
            if message.verify(Profile::STANDARD, None, &[], &trust, When::now(NOW)).is_ok() {
                // What is not signed may change: numbers of algorithms that mean the same.
                assert_eq!(message.content(), Some(CONTENT), "bit {bit}");
            }
        }
    }
}

fn secrets(recipients: usize) -> Secrets {
    let noise = (0..recipients).map(|index| Zeroizing::new([u8::try_from(index).unwrap() + 9; 48])).collect();
    Secrets { content_key: Zeroizing::new([3; 16]), initial_vector: [5; 16], noise }
}

#[test]
fn what_is_sealed_is_opened_by_its_recipients_only() {
    let root = root();
    let party = |name| issue(Some(&root), Wish { serial: 1, ..Wish::new(Kind::TlsEncryption, name) });
    let (first, stranger) = (party("CN=First"), issue(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Stranger")));
    let second = issue(Some(&root), Wish { serial: 2, ..Wish::new(Kind::TlsEncryption, "CN=Second") });
    for profile in PROFILES {
        let recipients = [first.certificate.clone(), second.certificate.clone()];
        let der = envelope::seal(profile, &recipients, CONTENT, &secrets(2)).unwrap();
        for party in [&first, &second] {
            let opened = envelope::open(profile, &party.key, &party.certificate, &der).unwrap();
            assert_eq!(opened.as_slice(), CONTENT, "{}", profile.name);
        }
        let not_for = envelope::open(profile, &stranger.key, &stranger.certificate, &der);
        assert_eq!(not_for.unwrap_err(), EnvelopeFault::NotForUs);
        let wrong_key = envelope::open(profile, &stranger.key, &first.certificate, &der);
        assert_eq!(wrong_key.unwrap_err(), EnvelopeFault::NotOpened);
        assert_eq!(envelope::seal(profile, &[], CONTENT, &secrets(0)).unwrap_err(), EnvelopeFault::Unsupported);
    }
}

#[test]
fn a_changed_envelope_opens_to_nothing_or_says_so() {
    let root = root();
    let party = issue(Some(&root), Wish::new(Kind::TlsEncryption, "CN=First"));
    let der =
        envelope::seal(Profile::STANDARD, std::slice::from_ref(&party.certificate), CONTENT, &secrets(1)).unwrap();
    for bit in one_bit_of_each_byte(&der) {
        let mut changed = der.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // SM4-CBC does not protect the content: a changed block may open to something else. Nothing panics.
        let _ = envelope::open(Profile::STANDARD, &party.key, &party.certificate, &changed);
    }
    for cut in 0..der.len() {
        assert!(envelope::open(Profile::STANDARD, &party.key, &party.certificate, &der[..cut]).is_err());
    }
}

#[test]
fn bare_ciphertexts_of_licence_platforms_open_in_their_form_only() {
    let key = crate::support::key(5);
    let der = key.public().encrypt(CONTENT, &[8; 48]).unwrap();
    for (name, form) in cipher::FORMS {
        let bytes = form.of_der(&der).unwrap();
        assert_eq!(cipher::open(&key, *form, &bytes).unwrap().as_slice(), CONTENT, "{name}");
        let hex = jingyue::domain::sm::hex(&bytes);
        for text in [hex.clone(), hex.to_uppercase()] {
            assert_eq!(cipher::open_hex(&key, *form, &text).unwrap().as_slice(), CONTENT, "{name}");
        }
        for (other, wrong) in cipher::FORMS.iter().filter(|(other, _)| other != name) {
            assert!(cipher::open(&key, *wrong, &bytes).is_err(), "{name} as {other}");
        }
        for cut in 0..bytes.len() {
            assert!(cipher::open(&key, *form, &bytes[..cut]).is_err(), "{name}");
        }
        for bit in one_bit_of_each_byte(&bytes) {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(cipher::open(&key, *form, &changed).is_err(), "{name} bit {bit}");
        }
        assert!(cipher::open_hex(&key, *form, &hex[1..]).is_err());
        assert!(cipher::open_hex(&key, *form, "zz").is_err());
    }
}
