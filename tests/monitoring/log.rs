//! The log line that stands beside the counters. It needs a subscriber for the whole process, so it lives here.

use jingyue::domain::fault::{Fault, FieldFault, FieldFaultKind};
use jingyue::edge::metrics::{Finished, Metrics, Stage};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_exchange_writes_one_line_with_its_fault() {
    let lines = Lines::default();
    let writer = lines.clone();
    tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).without_time().init();
    let field = FieldFault { path: "data.mz".into(), title: "民族".into(), what: FieldFaultKind::Missing };
    let fault = Fault::AnswerWrong { faults: vec![field], more: 0 };
    Metrics::new().matter("GJ03", "PFW", "yueyang_to_jingzhou").finished(&Finished {
        caller: Some("yy-kstb-01"),
        sequence: 7,
        elapsed: Duration::from_millis(20),
        stages: &[(Stage::Identify, Duration::from_micros(30)), (Stage::Forward, Duration::from_millis(15))],
        losses: 0,
        fault: Some(&fault),
        mark: Some("5f0a1c2b3d4e5f60"),
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let about: Vec<&str> = text.lines().filter(|line| line.contains("sequence=7")).collect();
    assert_eq!(about.len(), 1, "{text}");
    for part in [
        "WARN",
        "caller=\"yy-kstb-01\"",
        "matter=\"GJ03\"",
        "outcome=\"upstream_error\"",
        "fault=J507",
        "mark=\"5f0a1c2b3d4e5f60\"",
        "J201 data.mz",
        "stages=identify=30 forward=15000",
        "elapsed_us=20000",
    ] {
        assert!(about[0].contains(part), "{part} in {}", about[0]);
    }
}
