//! The sample trust lists, one a province, and the folder that licences are verified with: `lists/` and `trust/`.

use super::DAYS;
use super::DAYS_BEFORE;
use crate::cli::pki::authority::DAY_SECONDS;
use crate::cli::pki::authority::about;
use crate::cli::pki::authority::moment;
use crate::cli::pki::trust_list;
use crate::cli::sm::Told;
use crate::cli::sm::certificates;
use crate::cli::sm::private;
use crate::cli::sm::write_new;
use crate::domain::licence::Trust;
use crate::edge::trust;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

/// Each trust list: its province, its authority, its office's code, name and seal.
const LISTS: &[(&str, &str, &str, &str, &str)] = &[
    ("430000", "hunan", "11430600MY0000012M", "岳阳样例局", "43060000009991"),
    ("420000", "hubei", "11421000MY0000012Y", "荆州样例局", "42100000009991"),
];

const LISTS_FOLDER: &str = "lists";
const TRUST_FOLDER: &str = "trust";

/// Whether both folders are there, belong together and are good until then.
pub(super) fn fits(folder: &Path, until: i64) -> bool {
    let read = trust::read(&folder.join(TRUST_FOLDER)).ok().and_then(|files| Trust::of_files(&files).ok());
    read.is_some_and(|read| {
        let is_in_force = |province: &str| {
            let mut lists = read.lists().iter();
            lists.any(|list| list.province() == province && list.next_update() >= until)
        };
        LISTS.iter().all(|(province, ..)| {
            let list = folder.join(LISTS_FOLDER).join(format!("{province}.json"));
            is_in_force(province) && list.is_file() && list.with_extension("sig").is_file()
        })
    })
}

/// Makes both anew from the certificates, revocation lists and keys that lie in `folder`.
pub(super) fn make(folder: &Path, now: i64) -> Result<(), Told> {
    for part in [LISTS_FOLDER, TRUST_FOLDER] {
        let part = folder.join(part);
        let _ = fs::remove_dir_all(&part);
        fs::create_dir_all(&part).map_err(|error| about(&part, &error))?;
    }
    let mut files = vec![("signers/list-operator.pem".to_owned(), "list-operator.cer".to_owned())];
    for authority in ["root", "hunan", "hubei"] {
        files.push((format!("ca/{authority}.pem"), format!("{authority}.cer")));
        files.push((format!("crl/{authority}.crl"), format!("{authority}.crl")));
    }
    for (province, authority, code, office, seal) in LISTS {
        make_list(folder, province, authority, (code, office, seal), now)?;
        for ending in ["json", "sig"] {
            files.push((format!("{LISTS_FOLDER}/{province}.{ending}"), format!("{province}.{ending}")));
        }
    }
    for (from, to) in files {
        let source = folder.join(from);
        let bytes = fs::read(&source).map_err(|error| about(&source, &error))?;
        write_new(&folder.join(TRUST_FOLDER).join(to), &bytes, false)?;
    }
    Ok(())
}

fn make_list(
    folder: &Path,
    province: &str,
    authority: &str,
    (code, office, seal): (&str, &str, &str),
    now: i64,
) -> Result<(), Told> {
    let content = trust_list::Content {
        province: province.to_owned(),
        sequence: 1,
        days: u16::try_from(DAYS).unwrap_or(u16::MAX),
        anchors: vec![PathBuf::from("ca/root.pem")],
        seal_makers: vec![PathBuf::from(format!("signers/{authority}-seal-maker.pem"))],
        time_stampers: Vec::new(),
        anchors_dated: Vec::new(),
        seal_makers_dated: Vec::new(),
        time_stampers_dated: Vec::new(),
        next_operator: None,
        offices: vec![trust_list::Office {
            uscc: code.to_owned(),
            name: office.to_owned(),
            seal_ids: vec![seal.to_owned()],
            // Since the certificates are good: the sample licences were signed before the list is made.
            from: Some(moment(now - DAYS_BEFORE * DAY_SECONDS)),
            ..trust_list::Office::default()
        }],
        // None: nobody can make a newer revocation list of the sample authorities, whose keys are gone.
        crls: Vec::new(),
    };
    let operator = certificates(&folder.join("signers/list-operator.pem"))?.swap_remove(0);
    let key = private(&folder.join("signers/list-operator.key"), None)?;
    let out = folder.join(LISTS_FOLDER).join(format!("{province}.json"));
    trust_list::make(&content, folder, &*key, &operator, &out, now)
}
