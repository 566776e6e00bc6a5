//! What the operating system's refusals are called in the language of those who read them.
//!
//! Standard texts of such errors are English, whatever the locale. What this program says itself in an [`io::Error`] stays
//! as it is.

use std::io;

/// `error` in Chinese, without a full stop; the system's own number where there is no word for it.
pub fn in_words(error: &io::Error) -> String {
    let Some(number) = error.raw_os_error() else {
        // Either this program's own words, or a kind without any.
        return match error.get_ref() {
            Some(own) => own.to_string(),
            None => word(error.kind()).unwrap_or("读写失败").to_owned(),
        };
    };
    word(error.kind()).map_or_else(|| format!("读写失败，系统错误号 {number}"), ToOwned::to_owned)
}

const fn word(kind: io::ErrorKind) -> Option<&'static str> {
    Some(match kind {
        io::ErrorKind::AddrInUse => "地址已被占用",
        io::ErrorKind::AddrNotAvailable => "本机没有这个地址",
        io::ErrorKind::AlreadyExists => "已经有这个文件，不覆盖",
        io::ErrorKind::BrokenPipe => "对方不再读取",
        io::ErrorKind::DirectoryNotEmpty => "目录不是空的",
        io::ErrorKind::InvalidData => "内容不是 UTF-8 文本",
        io::ErrorKind::IsADirectory => "这是目录，不是文件",
        io::ErrorKind::NotADirectory => "路径中有一段不是目录",
        io::ErrorKind::NotFound => "没有这个文件或目录",
        io::ErrorKind::PermissionDenied => "没有权限，请检查属主与权限",
        io::ErrorKind::QuotaExceeded => "磁盘配额已用完",
        io::ErrorKind::ReadOnlyFilesystem => "文件系统是只读的",
        io::ErrorKind::StorageFull => "磁盘已满",
        io::ErrorKind::TimedOut => "超过时限",
        io::ErrorKind::UnexpectedEof => "内容不完整",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_english_is_told() {
        let no_letters = |error: &io::Error| {
            let told = in_words(error).replace("UTF-8", "");
            assert!(!told.is_empty() && !told.chars().any(|character| character.is_ascii_alphabetic()), "{told}");
        };
        for number in 1..134 {
            no_letters(&io::Error::from_raw_os_error(number));
        }
        let missing = std::fs::read("/no/such/file").unwrap_err();
        assert_eq!(in_words(&missing), "没有这个文件或目录");
        assert_eq!(in_words(&io::Error::other("口令文件是空的")), "口令文件是空的");
        no_letters(&std::fs::read_to_string("/bin/sh").unwrap_err());
        no_letters(&io::ErrorKind::Interrupted.into());
    }
}
