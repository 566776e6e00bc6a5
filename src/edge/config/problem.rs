//! What is wrong with a configuration, told so that an operator can put it right without the source code.
//!
//! It deliberately never shows what stands in a key, secret or settings file, only what was expected of it.

use std::fmt;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// 错误: the configuration is not taken.
    Error,
    /// 警告: taken, but hardly meant so.
    Warning,
}

/// One problem. The texts are Chinese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Name of the file as the operator gave it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    pub level: Level,
    /// Stable number of the kind, shown as `C` and three digits.
    pub number: u16,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
    /// What to do, or empty.
    pub hint: String,
}

macro_rules! kinds {
    ($($name:ident = $number:literal $title:literal;)*) => {
        /// The kinds of problems.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($name = $number,)*
        }

        /// Each number and what kind of problem it is, in Chinese. `docs/faults.md` is made from it.
        pub const NUMBERS: &[(u16, &str)] = &[$(($number, $title)),*];
    };
}

// Numbers are never reused.
kinds! {
    Syntax = 1 "不合 TOML 语法";
    UnknownKey = 2 "不认识的键";
    MissingKey = 3 "缺少必填的键";
    WrongType = 4 "值的类型不对";
    OutOfRange = 5 "数值超出范围";
    NotAChoice = 6 "不是可选的词";
    BadName = 7 "名称或主机名不合规定";
    Duplicate = 8 "重复：名称、应用标识或证书";
    Undeclared = 9 "引用了没有声明的名称";
    BadAddress = 10 "监听地址不对";
    BadUrl = 11 "网址不对";
    FileUnreadable = 12 "文件读不出来";
    SecretTooShort = 13 "签名密钥太短";
    BadCertificate = 14 "证书、私钥或信任证书不能用";
    TlsMismatch = 15 "网址与 [system.tls] 不相配";
    BadFingerprint = 16 "证书指纹不是 64 位十六进制";
    NoCredential = 17 "来文系统没有可用的身份凭据";
    Conflict = 18 "两处设置互相矛盾";
    Exposed = 19 "入口暴露过大，或明文监听在本机之外";
    BadPattern = 20 "事项通配或路径前缀不对";
    KeyUnusable = 21 "私钥、口令或密码设备不能用";
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "错误",
            Level::Warning => "警告",
        };
        let Self { file, line, column, number, found, expected, hint, .. } = self;
        write!(formatter, "{file}:{line}:{column} {level} C{number:03}：{found}；预期：{expected}")?;
        if hint.is_empty() { Ok(()) } else { write!(formatter, "。{hint}") }
    }
}

/// The sentence that offers the word of `known` nearest to `word`, or an empty one where none is near.
pub(super) fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let length = word.chars().count();
    let near = known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= (length.max(candidate.chars().count()) / 3).max(1))
        .min();
    near.map_or_else(String::new, |(_, candidate)| format!("是否想写 {candidate}？"))
}

/// Edits (insert, drop, replace) from one word to the other.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, character) in from.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for column in 1..=to.len() {
            let replaced = diagonal + usize::from(to[column - 1] != character);
            diagonal = row[column];
            row[column] = replaced.min(diagonal + 1).min(row[column - 1] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_near_words_are_offered() {
        assert_eq!(suggest("dealine_ms", ["deadline_ms", "drain_ms"]), "是否想写 deadline_ms？");
        assert_eq!(suggest("whatever", ["deadline_ms", "drain_ms"]), "");
        assert_eq!(suggest("", ["name"]), "");
    }
}
