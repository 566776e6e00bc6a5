//! Sample licences of both provinces: each form of signature occurs. Persons, offices and numbers are made up.

use crate::cli::licence_issue::draft;
use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::about;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::private;
use crate::cli::sm::write_new;
use crate::domain::issuing::Form;
use crate::domain::issuing::SealDraft;
use crate::domain::issuing::Signer;
use crate::domain::issuing::issue;
use crate::domain::issuing::seal_picture;
use crate::domain::recognition::Recognition;
use crate::edge::library::Library;
use std::fs;
use std::path::Path;

/// Each licence: its file, the office, the seal maker, the form, what it says.
const LICENCES: &[(&str, &str, &str, Form, &str)] = &[
    ("hunan-marriage", "yueyang-office", "hunan-seal-maker", Form::Seal4, include_str!("licences/hunan-marriage.toml")),
    ("hunan-business", "yueyang-office", "hunan-seal-maker", Form::Seal5, include_str!("licences/hunan-business.toml")),
    ("hunan-idcard", "yueyang-office", "hunan-seal-maker", Form::Seal1, include_str!("licences/hunan-idcard.toml")),
    ("hunan-land", "yueyang-office", "hunan-seal-maker", Form::SignContent, include_str!("licences/hunan-land.toml")),
    (
        "hubei-marriage",
        "jingzhou-office",
        "hubei-seal-maker",
        Form::Seal4,
        include_str!("licences/hubei-marriage.toml"),
    ),
    (
        "hubei-business",
        "jingzhou-office",
        "hubei-seal-maker",
        Form::SignAttributes,
        include_str!("licences/hubei-business.toml"),
    ),
    ("hubei-idcard", "jingzhou-office", "hubei-seal-maker", Form::Seal5, include_str!("licences/hubei-idcard.toml")),
    ("hubei-land", "jingzhou-office", "hubei-seal-maker", Form::Seal4, include_str!("licences/hubei-land.toml")),
];

/// The folder of the licences below `sm/`.
const FOLDER: &str = "licences";
/// Days before the samples are made on which the licences were signed: tests live in the weeks before.
const SIGNED_DAYS_BEFORE: i64 = 30;

/// Whether all of them are there.
pub(super) fn are_there(folder: &Path) -> bool {
    LICENCES.iter().all(|(name, ..)| folder.join(FOLDER).join(format!("{name}.ofd")).is_file())
}

/// Makes them, with the certificates that lie in `folder` already.
pub(super) fn make(folder: &Path, now: i64, validity: (i64, i64)) -> Result<(), Told> {
    let library = Library::carried().map_err(Told::ours)?;
    let recognition = Recognition::compile(&library.files).map_err(|_| Told::ours("程序所带的证照目录有误"))?;
    let out = folder.join(FOLDER);
    fs::create_dir_all(&out).map_err(|error| about(&out, &error))?;
    for (name, office, maker, form, text) in LICENCES {
        let of = |name: &str| folder.join(format!("signers/{name}"));
        let (key, chain) =
            (private(&of(office).with_extension("key"), None)?, certificates(&of(office).with_extension("pem"))?);
        let (draft, number) = draft(text, &recognition).map_err(|faults| Told::ours(faults.join("；")))?;
        let picture = seal_picture(&number);
        let seal = match form.seal_version() {
            None => Vec::new(),
            Some(version) => {
                let seal = SealDraft {
                    version,
                    id: &number,
                    name: &format!("{}电子证照专用章", draft.authority),
                    holders: &[chain[0].der()],
                    picture: &picture,
                    made: validity.0,
                    valid_from: validity.0,
                    valid_until: validity.1,
                };
                let certificate = certificates(&of(maker).with_extension("pem"))?.swap_remove(0);
                seal.make(&*private(&of(maker).with_extension("key"), None)?, certificate.der())?
            }
        };
        let at = now - SIGNED_DAYS_BEFORE * DAY_SECONDS;
        let signer = Signer { key: &*key, certificates: &chain, form: *form, seal: &seal, picture: &picture, at };
        write_new(&out.join(format!("{name}.ofd")), &issue(&draft, &signer)?, false)?;
    }
    Ok(())
}
