//! Signed and sealed messages: both ways with every partner's profile, and each bit of them changed.

use crate::support::DAY;
use crate::support::NOW;
use crate::support::Party;
use crate::support::Wish;
use crate::support::issue;
use crate::support::issue_for;
use crate::support::key;
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
use jingyue::domain::x509::Certificate;
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
    // One whose key may only open, as the message of a careless signer would bring it: key, issuer and number are right.
    let signing = issue_for(Some(&root), Wish::new(Kind::Signer, "CN=Office"), key(5));
    let encrypting = issue_for(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Office"), key(5));
    let der = with_certificate(&sign(&signing, Profile::STANDARD, true, None), &encrypting.certificate);
    let used = Message::read(&der).unwrap().verify(Profile::STANDARD, None, &[], &trust(&root), When::now(NOW));
    assert_eq!(used.unwrap_err(), EnvelopeFault::Certificate(CertificateFault::KeyUsage));
    assert_eq!(Message::read(&without_signers(&der)).unwrap_err(), EnvelopeFault::NoSigner);
}

/// A message put together anew from the elements of its SignedData: version, digests, content, certificates, signers.
fn rebuilt(der: &[u8], change: impl FnOnce(&mut [Vec<u8>; 5])) -> Vec<u8> {
    use jingyue::domain::asn;
    use jingyue::domain::asn::Reader;
    use jingyue::domain::asn::tag;
    let mut outer = Reader::of_sequence(der).unwrap();
    let kind = outer.raw().unwrap();
    let mut signed = Reader::of_sequence(outer.value(tag::context(0)).unwrap()).unwrap();
    let mut parts = std::array::from_fn(|_| signed.raw().unwrap().to_vec());
    change(&mut parts);
    asn::sequence(&[kind, &asn::explicit(0, &asn::sequence(&[&parts.concat()]))])
}

/// The same message with an empty SET of signers.
fn without_signers(der: &[u8]) -> Vec<u8> {
    rebuilt(der, |parts| parts[4] = jingyue::domain::asn::set_of(Vec::new()))
}

/// The same message with another certificate of its signer.
fn with_certificate(der: &[u8], certificate: &Certificate) -> Vec<u8> {
    use jingyue::domain::asn::tag;
    rebuilt(der, |parts| parts[3] = jingyue::domain::asn::tlv(tag::context(0), &[certificate.der()]))
}

#[test]
fn keys_do_only_what_their_certificates_are_for() {
    let root = root();
    let (signer, opener) = (office(&root), issue(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Encrypt")));
    let purpose = |made: Result<Vec<u8>, EnvelopeFault>| assert_eq!(made.unwrap_err(), EnvelopeFault::Purpose);
    let certificates = [opener.certificate.clone()];
    let signing = Signing { profile: Profile::STANDARD, certificates: &certificates, attached: true, time: None };
    purpose(envelope::sign(&opener.key, signing, CONTENT));
    for other in [&signer, &root] {
        let both = [opener.certificate.clone(), other.certificate.clone()];
        purpose(envelope::seal(Profile::STANDARD, &both, CONTENT, &secrets(2)));
    }
    // Sealed by somebody who does not look, for the same key under a certificate for signing.
    let both_ways = issue_for(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Office"), key(5));
    let signs_only = issue_for(Some(&root), Wish::new(Kind::Signer, "CN=Office"), key(5));
    let der = envelope::seal(Profile::STANDARD, std::slice::from_ref(&both_ways.certificate), CONTENT, &secrets(1));
    let opened = envelope::open(Profile::STANDARD, &signs_only.key, &signs_only.certificate, &der.unwrap());
    assert_eq!(opened.unwrap_err(), EnvelopeFault::Purpose);
}

#[test]
fn nothing_is_written_that_is_too_large_to_be_read() {
    let root = root();
    let (signer, opener) = (office(&root), issue(Some(&root), Wish::new(Kind::TlsEncryption, "CN=Encrypt")));
    let recipients = std::slice::from_ref(&opener.certificate);
    let large = vec![0; envelope::MESSAGE_BYTES_MAX + 1];
    let certificates = [signer.certificate.clone()];
    let signing = Signing { profile: Profile::STANDARD, certificates: &certificates, attached: true, time: None };
    assert_eq!(envelope::sign(&signer.key, signing, &large).unwrap_err(), EnvelopeFault::TooLarge);
    assert_eq!(
        envelope::seal(Profile::STANDARD, recipients, &large, &secrets(1)).unwrap_err(),
        EnvelopeFault::TooLarge
    );
    let public = opener.certificate.public().unwrap();
    let large = &large[..cipher::CIPHERTEXT_BYTES_MAX - 90];
    for (name, form) in cipher::FORMS {
        assert_eq!(cipher::seal(public, *form, large, &[1; 48]).unwrap_err(), EnvelopeFault::TooLarge, "{name}");
    }
    assert!(EnvelopeFault::TooLarge.to_string().contains("64 MiB"), "the limit is told");
    assert_eq!(cipher::seal(public, cipher::Form::Der, b"", &[1; 48]).unwrap_err(), EnvelopeFault::NoContent);
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
