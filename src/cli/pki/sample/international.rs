//! The samples with ECDSA P-256, for TLS 1.2 and 1.3 towards whoever has no national algorithms.

use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::about;
use crate::cli::pki::authority::replace;
use crate::cli::pki::authority::serial;
use crate::cli::pki::name;
use crate::cli::pki::now;
use crate::cli::sm::Told;
use crate::domain::asn;
use crate::domain::asn::ObjectIdentifier;
use crate::domain::key::file;
use crate::domain::key::file::EC_PUBLIC_KEY;
use crate::domain::x509::Certificate;
use crate::domain::x509::Issue;
use crate::domain::x509::Kind;
use crate::domain::x509::assemble;
use crate::edge::tls::ClientCertificate;
use crate::edge::tls::Family;
use crate::edge::tls::Key;
use crate::edge::tls::Own;
use crate::edge::tls::Trust;
use crate::edge::tls::Versions;
use crate::edge::tls::server_config;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use ring::signature::KeyPair;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use zeroize::Zeroizing;

const LEAVES: &[(&str, &str)] = &[
    ("gateway", "CN=gateway.jingyue.example,O=Jingyue sample,C=CN"),
    ("yueyang-system", "CN=yueyang-system,O=Jingyue sample,C=CN"),
    ("jingzhou-system", "CN=jingzhou-system,O=Jingyue sample,C=CN"),
];

/// Secrets of header signatures, without a line end, because every byte of the file is the key.
const SECRETS: &[(&str, &str)] =
    &[("yy-kstb-01.secret", "test-secret-yueyang"), ("jy-gateway.secret", "test-secret-gateway-0001")];

const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const ECDSA_WITH_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");

/// Whether every file is there, belongs together and is good until then.
pub(super) fn fits(folder: &Path, until: i64) -> bool {
    let read = |name: &str| fs::read(folder.join(name)).unwrap_or_default();
    let is_good =
        |bytes: &[u8]| Certificate::all(bytes).is_ok_and(|all| all.iter().all(|one| one.not_after() >= until));
    let trust = read("ca.pem");
    is_good(&trust)
        && SECRETS.iter().all(|(file, text)| read(file) == text.as_bytes())
        && LEAVES.iter().all(|(leaf, _)| {
            let (certificate, key) = (read(&format!("{leaf}.pem")), read(&format!("{leaf}.key")));
            let issued = Certificate::all(&certificate).ok().zip(Certificate::all(&trust).ok());
            is_good(&certificate)
                && issued.is_some_and(|(leaf, authority)| leaf[0].issuer() == authority[0].subject())
                && serves(&certificate, &key, &trust)
        })
}

/// Whether a listener that asks for client certificates starts with them.
fn serves(certificate: &[u8], key: &[u8], issuers: &[u8]) -> bool {
    let own = Own { certificate, key: Key::Pem(key) };
    let trust = Trust { issuers, revocation: None };
    server_config(Family::International(Versions::Tls12And13), &own, ClientCertificate::Required, trust).is_ok()
}

/// A P-256 key pair, and its PKCS#8 form.
struct Pair {
    pair: EcdsaKeyPair,
    pkcs8: Zeroizing<Vec<u8>>,
}

impl Pair {
    fn generate(random: &SystemRandom) -> Result<Self, Told> {
        let fault = |_| Told::ours("生成 P-256 密钥失败");
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, random).map_err(fault)?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8.as_ref(), random)
            .map_err(|_| Told::ours("生成 P-256 密钥失败"))?;
        Ok(Self { pair, pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()) })
    }
}

pub(super) fn make(folder: &Path, not_after: i64) -> Result<(), Told> {
    let random = SystemRandom::new();
    let authority = Pair::generate(&random)?;
    let authority_name = name("CN=Jingyue sample CA,O=Jingyue sample,C=CN")?;
    let issue = |kind, subject: &[u8], holder: &Pair, names: &[String], end: i64| -> Result<String, Told> {
        let algorithm = asn::sequence(&[&asn::oid(ECDSA_WITH_SHA256)]);
        let issue = Issue {
            kind,
            algorithm: &algorithm,
            issuer: &authority_name,
            issuer_point: authority.pair.public_key().as_ref(),
            subject,
            point: holder.pair.public_key().as_ref(),
            point_algorithm: &asn::sequence(&[&asn::oid(EC_PUBLIC_KEY), &asn::oid(P256)]),
            serial: &serial()?,
            not_before: now() - super::DAYS_BEFORE * DAY_SECONDS,
            not_after: end,
            names,
            list_point: None,
        };
        let content = issue.to_be_signed();
        let signature = authority.pair.sign(&random, &content).map_err(|_| Told::ours("P-256 签名失败"))?;
        Ok(file::pem("CERTIFICATE", &assemble(&content, &algorithm, signature.as_ref())).to_string())
    };
    let kind = Kind::Authority { path_length: Some(0) };
    let certificate = issue(kind, &authority_name, &authority, &[], not_after)?;
    replace(&folder.join("ca.pem"), certificate.as_bytes())?;
    for (leaf, subject) in LEAVES {
        let pair = Pair::generate(&random)?;
        let names = if *leaf == "gateway" { vec!["localhost".to_owned(), "127.0.0.1".to_owned()] } else { vec![] };
        let certificate = issue(Kind::TlsSign, &name(subject)?, &pair, &names, not_after)?;
        let key_file = folder.join(format!("{leaf}.key"));
        replace(&key_file, file::pem("PRIVATE KEY", &pair.pkcs8).as_bytes())?;
        fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).map_err(|error| about(&key_file, &error))?;
        replace(&folder.join(format!("{leaf}.pem")), certificate.as_bytes())?;
    }
    SECRETS.iter().try_for_each(|(file, text)| replace(&folder.join(file), text.as_bytes()))
}
