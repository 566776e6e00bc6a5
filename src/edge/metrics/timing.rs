//! Durations: buckets and a sum in whole nanoseconds, two atomic additions per observation.
//!
//! The histograms of the `prometheus` crate take five atomic operations and a loop per observation, and it has no
//! summary without quantiles. One exchange makes about a dozen observations, so that is worth a page of code.
//! A scrape may see the count of an observation whose sum is not added yet; the next one sees both.

use crate::edge::metrics::describe::{Description, Kind};
use prometheus::core::{Collector, Desc};
use prometheus::proto;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The durations of one series.
#[derive(Debug)]
pub(super) struct Timing {
    /// Upper bounds in nanoseconds.
    bounds: Box<[u64]>,
    /// One count more than there are bounds: the last is for what lies above all.
    counts: Box<[AtomicU64]>,
    nanoseconds: AtomicU64,
}

impl Timing {
    fn new(bounds_microseconds: &[u64]) -> Self {
        Self {
            bounds: bounds_microseconds.iter().map(|bound| bound * 1_000).collect(),
            counts: (0..=bounds_microseconds.len()).map(|_| AtomicU64::new(0)).collect(),
            nanoseconds: AtomicU64::new(0),
        }
    }

    /// Adds one duration.
    pub(super) fn observe(&self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let index = self.bounds.iter().position(|bound| nanoseconds <= *bound).unwrap_or(self.bounds.len());
        self.counts[index].fetch_add(1, Ordering::Relaxed);
        self.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    fn seconds(&self) -> f64 {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed)).as_secs_f64()
    }

    fn write(&self, kind: Kind, metric: &mut proto::Metric) {
        let mut total = 0;
        let mut buckets = Vec::with_capacity(self.bounds.len());
        for (index, count) in self.counts.iter().enumerate() {
            total += count.load(Ordering::Relaxed);
            if let Some(bound) = self.bounds.get(index) {
                let mut bucket = proto::Bucket::default();
                bucket.set_cumulative_count(total);
                bucket.set_upper_bound(Duration::from_nanos(*bound).as_secs_f64());
                buckets.push(bucket);
            }
        }
        if kind == Kind::Summary {
            let mut summary = proto::Summary::default();
            summary.set_sample_count(total);
            summary.set_sample_sum(self.seconds());
            metric.set_summary(summary);
        } else {
            let mut histogram = proto::Histogram::default();
            histogram.set_sample_count(total);
            histogram.set_sample_sum(self.seconds());
            histogram.set_bucket(buckets);
            metric.set_histogram(histogram);
        }
    }
}

/// All series of one metric; clones share them.
#[derive(Clone, Debug)]
pub(super) struct Timings {
    description: &'static Description,
    desc: Desc,
    series: Arc<Mutex<BTreeMap<Vec<String>, Arc<Timing>>>>,
}

impl Timings {
    pub(super) fn new(description: &'static Description) -> Self {
        Self { description, desc: desc(description), series: Arc::default() }
    }

    /// The series with these label values, in the order of the description. Takes a lock: resolve once, keep.
    pub(super) fn with(&self, values: &[&str]) -> Arc<Timing> {
        debug_assert_eq!(values.len(), self.description.labels.len());
        let key = values.iter().map(|value| (*value).to_owned()).collect();
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(series.entry(key).or_insert_with(|| Arc::new(Timing::new(self.description.buckets))))
    }
}

impl Collector for Timings {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<proto::MetricFamily> {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        let metrics = series.iter().map(|(values, timing)| {
            let mut metric = proto::Metric::default();
            let pairs = self.description.labels.iter().zip(values).map(|(name, value)| {
                let mut pair = proto::LabelPair::default();
                pair.set_name((*name).to_owned());
                pair.set_value(value.clone());
                pair
            });
            metric.set_label(pairs.collect());
            timing.write(self.description.kind, &mut metric);
            metric
        });
        vec![family(self.description, metrics.collect())]
    }
}

/// The registry's own form of a description.
pub(super) fn desc(description: &Description) -> Desc {
    let labels = description.labels.iter().map(|label| (*label).to_owned()).collect();
    Desc::new(description.name.to_owned(), description.help_en.to_owned(), labels, HashMap::new())
        .expect("names and labels are fixed in the table, and a test registers them all")
}

/// A family ready to be written out.
pub(super) fn family(description: &Description, metrics: Vec<proto::Metric>) -> proto::MetricFamily {
    let mut family = proto::MetricFamily::default();
    family.set_name(description.name.to_owned());
    family.set_help(description.help_en.to_owned());
    family.set_field_type(match description.kind {
        Kind::Counter => proto::MetricType::COUNTER,
        Kind::Gauge => proto::MetricType::GAUGE,
        Kind::Histogram => proto::MetricType::HISTOGRAM,
        Kind::Summary => proto::MetricType::SUMMARY,
    });
    family.set_metric(metrics);
    family
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::metrics::describe::{MATTER_DURATION, STAGE_DURATION};
    use prometheus::{Registry, TextEncoder};

    fn text(timings: &Timings) -> String {
        let registry = Registry::new();
        registry.register(Box::new(timings.clone())).unwrap();
        TextEncoder::new().encode_to_string(&registry.gather()).unwrap()
    }

    #[test]
    fn buckets_are_cumulative_and_a_bound_belongs_to_its_bucket() {
        let timings = Timings::new(&STAGE_DURATION);
        let series = timings.with(&["forward", "a_to_b"]);
        for microseconds in [10, 11, 60_000_000] {
            series.observe(Duration::from_micros(microseconds));
        }
        let text = text(&timings);
        let labels = r#"stage="forward",direction="a_to_b""#;
        for line in [
            format!("jingyue_stage_duration_seconds_bucket{{{labels},le=\"0.00001\"}} 1\n"),
            format!("jingyue_stage_duration_seconds_bucket{{{labels},le=\"0.00005\"}} 2\n"),
            format!("jingyue_stage_duration_seconds_bucket{{{labels},le=\"10\"}} 2\n"),
            format!("jingyue_stage_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 3\n"),
            format!("jingyue_stage_duration_seconds_sum{{{labels}}} 60.000021\n"),
            format!("jingyue_stage_duration_seconds_count{{{labels}}} 3\n"),
        ] {
            assert!(text.contains(&line), "{line}{text}");
        }
    }

    #[test]
    fn a_summary_has_sum_and_count_only() {
        let timings = Timings::new(&MATTER_DURATION);
        timings.with(&["GJ01", "a_to_b"]).observe(Duration::from_millis(1_500));
        timings.with(&["GJ01", "a_to_b"]).observe(Duration::from_millis(500));
        let text = text(&timings);
        assert!(text.contains("# TYPE jingyue_matter_duration_seconds summary\n"), "{text}");
        assert!(text.contains("_sum{matter=\"GJ01\",direction=\"a_to_b\"} 2\n"), "{text}");
        assert!(text.contains("_count{matter=\"GJ01\",direction=\"a_to_b\"} 2\n"), "{text}");
        assert_eq!(text.lines().count(), 4);
    }
}
