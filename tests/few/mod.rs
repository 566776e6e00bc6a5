//! The mapping files with the matters of the examples only: everything a test wants to see is in them, and
//! an unoptimized build compiles and proves them in a moment. Shared by several test programs by `#[path]`.

use std::path::Path;

/// The matters of the examples.
const MATTERS: [&str; 7] = ["DZ002", "GA007", "GJ01", "GJ12", "GJ14", "PJ001", "SC014"];

/// Copies the mapping files to a folder; `services.csv` keeps the rows of these matters.
pub(crate) fn copy(to: &Path) {
    folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("mappings"), to);
}

fn folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            folder(&path, &target);
        } else if path.ends_with("services.csv") {
            let text = std::fs::read_to_string(&path).unwrap();
            let mut lines = text.lines();
            let header = lines.next().unwrap();
            let kept = lines.filter(|line| line.split(',').next().is_some_and(|matter| MATTERS.contains(&matter)));
            let kept: Vec<&str> = std::iter::once(header).chain(kept).collect();
            std::fs::write(target, kept.join("\n") + "\n").unwrap();
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}
