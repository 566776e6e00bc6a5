//! What the operating system says about this process, read at each scrape from `/proc`.
//!
//! On systems without `/proc` these metrics are absent, never zero.

use crate::edge::metrics::describe::{self, Description, Kind};
use crate::edge::metrics::timing::{desc, family};
use prometheus::core::{Collector, Desc};
use prometheus::proto;
use std::fs;

/// Clock ticks of `/proc/self/stat` per second: fixed at 100 in the interface between Linux and programs.
const TICKS_PER_SECOND: f64 = 100.0;

const TABLE: &[&Description] = &[
    &describe::PROCESS_CPU,
    &describe::PROCESS_MEMORY,
    &describe::PROCESS_VIRTUAL,
    &describe::PROCESS_OPEN_FDS,
    &describe::PROCESS_MAX_FDS,
    &describe::PROCESS_THREADS,
    &describe::PROCESS_START,
];

/// Reads the process's own figures.
#[derive(Debug)]
pub(super) struct Process {
    descs: Vec<Desc>,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { descs: TABLE.iter().map(|description| desc(description)).collect() }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let figures = Figures::read();
        let values = [
            figures.cpu_seconds,
            figures.resident_bytes,
            figures.virtual_bytes,
            figures.open_fds,
            figures.max_fds,
            figures.threads,
            figures.start_seconds,
        ];
        TABLE.iter().zip(values).filter_map(|(description, value)| Some(single(description, value?))).collect()
    }
}

fn single(description: &Description, value: f64) -> proto::MetricFamily {
    let mut metric = proto::Metric::default();
    if description.kind == Kind::Counter {
        let mut counter = proto::Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = proto::Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    family(description, vec![metric])
}

#[derive(Debug, Default, PartialEq)]
struct Figures {
    cpu_seconds: Option<f64>,
    resident_bytes: Option<f64>,
    virtual_bytes: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    threads: Option<f64>,
    start_seconds: Option<f64>,
}

impl Figures {
    fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let [stat, status, limits, machine] =
            ["/proc/self/stat", "/proc/self/status", "/proc/self/limits", "/proc/stat"].map(text);
        let mut figures = Self::parse(&stat, &status, &limits, &machine);
        // One entry is the directory handle that counts them.
        figures.open_fds = fs::read_dir("/proc/self/fd").ok().map(|entries| count(entries.count().saturating_sub(1)));
        figures
    }

    fn parse(stat: &str, status: &str, limits: &str, machine: &str) -> Self {
        // The second field is the program's name in brackets and may hold blanks and brackets of its own.
        let fields: Vec<&str> =
            stat.rsplit_once(')').map(|(_, rest)| rest.split_ascii_whitespace().collect()).unwrap_or_default();
        // Numbered from 3, as proc(5) does.
        let field = |number: usize| fields.get(number - 3).and_then(|text| text.parse::<f64>().ok());
        let kilobytes = |name: &str| word_after(status, name, 1).map(|kilobytes| kilobytes * 1024.0);
        Self {
            cpu_seconds: field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS_PER_SECOND),
            resident_bytes: kilobytes("VmRSS:"),
            virtual_bytes: kilobytes("VmSize:"),
            open_fds: None,
            max_fds: word_after(limits, "Max open files", 3),
            threads: field(20),
            start_seconds: field(22)
                .zip(word_after(machine, "btime", 1))
                .map(|(ticks, boot)| boot + ticks / TICKS_PER_SECOND),
        }
    }
}

/// The word at `index` of the line that begins with `start`, as a number.
fn word_after(text: &str, start: &str, index: usize) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with(start))?;
    line.split_ascii_whitespace().nth(index)?.parse().ok()
}

#[expect(clippy::cast_precision_loss, reason = "a count of descriptors lies far below 2^52")]
const fn count(number: usize) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_the_kernels_texts() {
        let stat = "42 (a b) c) S 1 42 42 0 -1 4194560 100 0 0 0 250 150 0 0 20 0 7 0 1000 1 1";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max open files            1024                 524288               files\n";
        let figures = Figures::parse(stat, status, limits, "cpu 1 2\nbtime 1700000000\n");
        let expected = Figures {
            cpu_seconds: Some(4.0),
            resident_bytes: Some(1_048_576.0),
            virtual_bytes: Some(2_097_152.0),
            open_fds: None,
            max_fds: Some(1024.0),
            threads: Some(7.0),
            start_seconds: Some(1_700_000_010.0),
        };
        assert_eq!(figures, expected);
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        assert_eq!(Figures::parse("", "VmRSS: many kB", "Max open files unlimited", "btime"), Figures::default());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_all_figures() {
        assert_eq!(Process::new().collect().len(), TABLE.len());
    }
}
