//! The keys that say which header fields carry a signature: the same under `[[caller]]` and `[system.sign]`.

use crate::domain::headers::{Digest, Family, Fields, PREFIX_BYTES_MAX};
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::Section;

/// Prefix of the national data-sharing exchange (国家数据共享交换平台).
const NATIONAL: &str = "gjgxjhpt";

/// Reads `signature`, `header_prefix` and `header_digest`; the latter two belong to the exchange family.
pub(super) fn check_family(section: &mut Section<'_, '_>) -> Option<Family> {
    let document = section.document();
    let exchange = section.choice("signature", &[("window", false), ("exchange", true)], false);
    let digest = section.choice("header_digest", &[("sha256", Digest::Sha256), ("sm3", Digest::Sm3)], Digest::Sha256);
    let prefix = section.text("header_prefix");
    if !exchange {
        let mut stray = false;
        for key in ["header_prefix", "header_digest"].into_iter().filter(|key| section.has(key)) {
            let found = format!("写了 {key}，却没有写 signature = \"exchange\"");
            document.error(&section.place_of(key), Kind::Conflict, found, "二者同时写", "");
            stray = true;
        }
        return (!stray).then_some(Family::Window);
    }
    let fields = Fields::new(prefix.as_ref().map_or(NATIONAL, |prefix| &prefix.value), digest);
    if let Some(prefix) = prefix.filter(|_| fields.is_none()) {
        let expected = format!("1 到 {PREFIX_BYTES_MAX} 个字母、数字、- 或 _");
        document.error(&prefix.place, Kind::BadName, format!("header_prefix = \"{}\"", prefix.value), expected, "");
    }
    fields.map(Family::Exchange)
}
