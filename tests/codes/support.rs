//! The program on a copy of this repository's mappings.

use jingyue::edge::library::Library;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;

pub(crate) fn mappings() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("mappings")
}

/// A copy of the mappings that a test may spoil.
pub(crate) struct Copy {
    folder: tempfile::TempDir,
}

impl Copy {
    /// With few matters, so that compiling takes a moment.
    pub(crate) fn few() -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        crate::few::copy(&copy.mappings());
        copy
    }

    /// With all matters, without the examples.
    pub(crate) fn whole() -> Self {
        let copy = Self { folder: tempfile::tempdir().unwrap() };
        for (path, text) in Library::load(&mappings()).unwrap().files.0 {
            if !path.starts_with("examples/") {
                copy.put(&path, &text);
            }
        }
        copy
    }

    pub(crate) fn mappings(&self) -> PathBuf {
        self.folder.path().join("mappings")
    }

    /// A file beside the mappings.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn put(&self, path: &str, text: &str) {
        let path = self.mappings().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn text(&self, path: &str) -> String {
        std::fs::read_to_string(self.mappings().join(path)).unwrap()
    }

    /// Imports a CSV text as a table: exit code and what was told.
    pub(crate) fn import(&self, table: &str, csv: &str) -> (i32, String) {
        let file = self.file("edited.csv");
        std::fs::write(&file, csv).unwrap();
        self.import_file(&file, &["--table", table])
    }

    pub(crate) fn import_file(&self, file: &Path, more: &[&str]) -> (i32, String) {
        let output = self.run(&[&["codes", "import", file.to_str().unwrap()], more].concat(), b"");
        let told = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(told).unwrap())
    }

    /// Runs the program on the copy.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_jingyue"))
            .args(arguments)
            .arg("--mappings")
            .arg(self.mappings())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end without having read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap()
    }
}
