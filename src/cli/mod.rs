//! The command line: what each command is, and what it exits with.
//!
//! 0 right, 1 the input is at fault, 2 undecided, 64 usage, 70 ours. Data goes to standard output, everything else to
//! standard error.

/// Writes a line to standard output. A reader who has seen enough (`… | head`) is no fault.
macro_rules! tell {
    ($($text:tt)*) => {
        crate::cli::out(format_args!($($text)*))
    };
}

mod certificate_page;
mod check;
mod codes;
mod coverage;
mod demo;
mod impact;
mod leaves;
mod ledger;
mod licence;
mod licence_issue;
mod matters;
mod pki;
mod proved;
mod serve;
mod sm;
mod translate;

use crate::edge::keys;
use crate::edge::library::Library;
use crate::edge::library::LoadError;
use crate::edge::trouble::in_words;
use clap::Parser;
use clap::Subcommand;
use std::path::Path;
use std::process::ExitCode;

/// The input is at fault.
const AT_FAULT: u8 = 1;
/// The command line is wrong.
const USAGE: u8 = 64;
/// The fault is ours.
const OURS: u8 = 70;

/// 荆岳通办网关：岳阳、荆州两市业务系统之间的翻译与转发。
#[derive(Debug, Parser)]
#[command(name = "jingyue", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// 离线翻译一条报文：标准输入或文件进，标准输出出
    Translate(translate::Translate),
    /// 检查配置、映射、码表与样例，一次列出所有问题
    Check(check::Check),
    /// 码表：起草、导出到表格、从表格导入
    Codes(codes::Codes),
    /// 在本机演示：两座模拟城市，网关居中，双向办理并逐字段说明
    Demo(demo::Demo),
    /// 台账：结果未知的记录，与核实结果
    Ledger(ledger::Command),
    /// 电子证照：验证、签发
    Licence(licence::Licence),
    /// 事项目录
    Matters(matters::Matters),
    /// 国密证书：建机构、发证书、吊销列表、信任列表
    Pki(pki::Pki),
    /// 运行网关
    Serve(serve::Serve),
    /// SM2、SM3、SM4：摘要、签名、加密、消息、速度
    Sm(sm::Sm),
}

impl Command {
    /// Whether it may open a private key, or tell what a signature is worth.
    const fn opens_keys(&self) -> bool {
        match self {
            Self::Check(_) | Self::Licence(_) | Self::Pki(_) | Self::Serve(_) | Self::Sm(_) => true,
            Self::Translate(_) | Self::Codes(_) | Self::Demo(_) | Self::Ledger(_) | Self::Matters(_) => false,
        }
    }
}

/// What must hold before a private key is opened: the algorithms compute right on this machine, and nobody else reads
/// this process's memory.
fn ready_for_keys() -> Result<(), String> {
    keys::self_test()?;
    keys::keep_memory_private().map_err(|error| format!("无法禁止内存转储：{}", in_words(&error)))
}

fn out(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    if arguments.command.opens_keys()
        && let Err(reason) = ready_for_keys()
    {
        eprintln!("{reason}");
        return ExitCode::from(OURS);
    }
    let code = match arguments.command {
        Command::Translate(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Codes(command) => command.run(),
        Command::Demo(command) => command.run(),
        Command::Ledger(command) => command.run(),
        Command::Licence(command) => command.run(),
        Command::Matters(command) => command.run(),
        Command::Pki(command) => command.run(),
        Command::Serve(command) => command.run(),
        Command::Sm(command) => command.run(),
    };
    ExitCode::from(code)
}

/// Text to standard output. A reader that has seen enough, such as `head`, is no fault.
fn put(text: &str) {
    use std::io::Write;
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// The mapping directory: the one named, else `mappings` where it is, else what the program carries.
fn load(directory: Option<&Path>) -> Result<Library, LoadError> {
    match directory {
        Some(directory) => Library::load(directory),
        None if Path::new("mappings/fields.csv").is_file() => Library::load(Path::new("mappings")),
        None => Library::carried(),
    }
}

/// Which mapping set [`load`] takes, for people.
fn origin(directory: Option<&Path>) -> String {
    match directory {
        Some(directory) => directory.display().to_string(),
        None if Path::new("mappings/fields.csv").is_file() => "当前目录的 mappings".to_owned(),
        None => "程序内置，当前目录没有 mappings".to_owned(),
    }
}

/// The same, its failure told.
fn library(directory: Option<&Path>) -> Result<Library, u8> {
    load(directory).map_err(|error| {
        eprintln!("{error}");
        AT_FAULT
    })
}

/// Compiles a library, telling all faults.
fn program(library: &Library) -> Result<crate::domain::mapping::Program, u8> {
    crate::domain::mapping::Program::compile(&library.files).map_err(|faults| {
        for fault in &faults {
            eprintln!("{fault}");
        }
        let errors = faults.iter().filter(|fault| fault.level == crate::domain::mapping::Level::Error).count();
        eprintln!("映射文件有 {errors} 处错误，未作任何翻译");
        AT_FAULT
    })
}
