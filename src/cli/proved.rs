//! Only a proved mapping set is served. A proof takes seconds, so its result is kept beside the ledger, keyed by the
//! set's content hash and the program's version: a set that changed in a letter is proved anew.

use super::coverage;
use crate::app::Source;
use crate::domain::mapping::Grade;
use crate::domain::mapping::Program;
use crate::edge::config::Config;
use crate::edge::config::LedgerChoice;
use crate::edge::library::Library;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

/// Where the proof of a configuration is kept; nowhere while the ledger is in memory.
fn file(config: &Config) -> Option<PathBuf> {
    match &config.ledger {
        LedgerChoice::Sqlite { file, .. } => Some(file.with_extension("proof.json")),
        LedgerChoice::Memory => None,
    }
}

/// The same source, refused where its mappings are not proved.
pub(super) fn proved(source: Source) -> Source {
    Box::new(move || {
        let (config, library) = source()?;
        prove(&config, &library)?;
        Ok((config, library))
    })
}

fn prove(config: &Config, library: &Library) -> Result<(), Vec<String>> {
    let file = file(config);
    let version = library.files.version();
    if file.as_deref().is_some_and(|file| is_kept(file, &version)) {
        tracing::info!(version, "mapping set proved before");
        return Ok(());
    }
    let program = Program::compile(&library.files)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let certificate = coverage::certificate(&program, library);
    let red = certificate.lines.iter().filter(|line| line.proof.grade() == Grade::Red);
    let red: Vec<String> = red
        .map(|line| {
            format!("{} {} {}→{}：{}", line.matter, line.step, line.from, line.to, line.proof.faults.join("、"))
        })
        .collect();
    if !red.is_empty() {
        return Err(red);
    }
    let totals = certificate.totals();
    tracing::info!(
        version = &**program.version(),
        lines = totals.lines,
        generated = totals.generated,
        "mapping set proved"
    );
    if let Some(Err(error)) = file.map(|file| keep(&file, program.version())) {
        // The next start proves again; nothing else is lost.
        tracing::warn!(%error, "proof not kept");
    }
    Ok(())
}

fn is_kept(file: &Path, version: &str) -> bool {
    let kept = std::fs::read(file).ok().and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    kept.is_some_and(|kept| {
        kept["mapping_version"] == version && kept["program_version"] == env!("CARGO_PKG_VERSION") && kept["red"] == 0
    })
}

fn keep(file: &Path, version: &str) -> std::io::Result<()> {
    let body = json!({ "mapping_version": version, "program_version": env!("CARGO_PKG_VERSION"), "red": 0 });
    let fresh = file.with_extension("proof.new");
    let mut handle = std::fs::File::create(&fresh)?;
    handle.write_all(body.to_string().as_bytes())?;
    handle.sync_all()?;
    std::fs::rename(fresh, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_of_one_set_and_one_program() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("ledger.proof.json");
        assert!(!is_kept(&file, "a"));
        keep(&file, "a").unwrap();
        assert!(is_kept(&file, "a"));
        assert!(!is_kept(&file, "b"));
        let good = std::fs::read_to_string(&file).unwrap();
        let other_program = good.replace(env!("CARGO_PKG_VERSION"), "0.0.0");
        let red = good.replace("\"red\":0", "\"red\":1");
        for stale in ["", "{", "[]", "{\"mapping_version\":\"a\"}", &other_program, &red] {
            assert_ne!(stale, good);
            std::fs::write(&file, stale).unwrap();
            assert!(!is_kept(&file, "a"), "{stale}");
        }
    }
}
