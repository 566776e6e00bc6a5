//! `jingyue serve`: the gateway.

use super::AT_FAULT;
use super::OURS;
use super::proved::proved;
use crate::app;
use crate::app::App;
use crate::edge::clock::Clock;
use crate::edge::config::Config;
use crate::edge::config::Log;
use crate::edge::trouble::in_words;
use clap::Args;
use std::path::PathBuf;
use tokio::runtime::Builder;
use tokio::runtime::Runtime;
use tokio::signal::unix::Signal;
use tokio::signal::unix::SignalKind;
use tokio::signal::unix::signal;

/// How to serve.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// 配置文件，样例见 deploy/jingyue.toml
    #[arg(long)]
    config: PathBuf,
}

impl Serve {
    pub(super) fn run(&self) -> u8 {
        // The log's own settings are read first, so that everything else can be told in it.
        if let Ok((config, _)) = Config::load(&self.config) {
            log(&config.log);
        }
        // The first proof of a mapping set takes seconds; a hang-up meanwhile must not end what is starting.
        let (runtime, hang_up) = match hear_hang_ups() {
            Ok(heard) => heard,
            Err(error) => return cannot_wait(&error),
        };
        let app = match App::start(proved(app::from_file(self.config.clone())), Clock::System) {
            Ok(app) => app,
            Err(problems) => {
                for problem in &problems {
                    eprintln!("{problem}");
                }
                eprintln!("网关没有启动：{} 处问题", problems.len());
                return AT_FAULT;
            }
        };
        tracing::info!(data = ?app.data_address(), admin = %app.admin_address(), "gateway started");
        match runtime.block_on(wait(&app, hang_up)) {
            Ok(()) => {
                tracing::info!("draining");
                let left = app.drain();
                tracing::info!(left, "gateway stopped");
                0
            }
            Err(error) => cannot_wait(&error),
        }
    }
}

/// Logs to standard error.
pub(super) fn log(settings: &Log) {
    let filter = tracing_subscriber::EnvFilter::new(settings.level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call finds the log set up already; that is as good.
    let _ = if settings.json { builder.json().try_init() } else { builder.with_ansi(false).try_init() };
}

fn cannot_wait(error: &std::io::Error) -> u8 {
    eprintln!("无法等待信号：{}", in_words(error));
    OURS
}

/// A runtime for signals, and SIGHUP kept from now on until it is waited for.
fn hear_hang_ups() -> std::io::Result<(Runtime, Signal)> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let hang_up = {
        let _inside = runtime.enter();
        signal(SignalKind::hangup())?
    };
    Ok((runtime, hang_up))
}

/// Waits for the word to stop; SIGHUP takes the configuration anew.
async fn wait(app: &App, mut hang_up: Signal) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hang_up.recv() => match app.reload() {
                Ok(summary) => tracing::info!(summary, "reloaded"),
                Err(problems) => problems.iter().for_each(|problem| tracing::error!(problem, "reload refused")),
            },
        }
    }
}
