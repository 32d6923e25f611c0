//! A metric: name, help, type and its samples.

use std::time::Duration;

use ccr_engine::Histogram;
use prometheus::proto::{Bucket, Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType, Summary};

/// A metric and its samples. Without samples it is not shown.
#[derive(Clone, Debug)]
pub(super) struct Family {
    pub(super) name: String,
    help: String,
    kind: MetricType,
    samples: Vec<Metric>,
}

/// A number of a sample.
pub(super) trait Number {
    fn value(self) -> f64;
}

impl Number for f64 {
    fn value(self) -> f64 {
        self
    }
}

// Exact up to 2^53, which no commit seq reaches: Doris counts them one by one.
impl Number for u64 {
    fn value(self) -> f64 {
        self as f64
    }
}

impl Number for i64 {
    fn value(self) -> f64 {
        self as f64
    }
}

impl Number for bool {
    fn value(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl Number for Duration {
    fn value(self) -> f64 {
        self.as_secs_f64()
    }
}

/// Labels of a sample.
pub(super) type Label<'a> = (&'static str, &'a str);

impl Family {
    fn new(name: &str, help: &str, kind: MetricType) -> Self {
        Self { name: name.to_owned(), help: help.to_owned(), kind, samples: Vec::new() }
    }

    pub(super) fn gauge(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::GAUGE)
    }

    /// The name ends in `_total`.
    pub(super) fn counter(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::COUNTER)
    }

    pub(super) fn histogram(name: &str, help: &str) -> Self {
        Self::new(name, help, MetricType::HISTOGRAM)
    }

    /// A summary of nothing.
    pub(super) fn empty_summary(name: &str, help: &str) -> Self {
        let mut metric = Metric::from_label(Vec::new());
        metric.set_summary(Summary::default());
        Self { samples: vec![metric], ..Self::new(name, help, MetricType::SUMMARY) }
    }

    /// Adds a sample of a gauge or counter.
    pub(super) fn add<'a>(&mut self, labels: impl IntoIterator<Item = Label<'a>>, number: impl Number) {
        let mut metric = Metric::from_label(pairs(labels));
        if self.kind == MetricType::COUNTER {
            let mut counter = Counter::default();
            counter.set_value(number.value());
            metric.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(number.value());
            metric.set_gauge(gauge);
        }
        self.samples.push(metric);
    }

    /// The same, chained.
    pub(super) fn with<'a>(mut self, labels: impl IntoIterator<Item = Label<'a>>, number: impl Number) -> Self {
        self.add(labels, number);
        self
    }

    /// Adds a sample of a histogram, with the first `bounds` of its bounds; what is longer is in the bucket without one.
    pub(super) fn observe<'a>(
        &mut self,
        labels: impl IntoIterator<Item = Label<'a>>,
        histogram: &Histogram,
        bounds: usize,
    ) {
        let mut shown = prometheus::proto::Histogram::default();
        let mut below = 0;
        let buckets = histogram.buckets().take(bounds).filter_map(|(bound, count)| {
            below += count;
            let mut bucket = Bucket::default();
            bucket.set_upper_bound(bound?.as_secs_f64());
            bucket.set_cumulative_count(below);
            Some(bucket)
        });
        shown.set_bucket(buckets.collect());
        shown.set_sample_count(histogram.count());
        shown.set_sample_sum(histogram.sum().as_secs_f64());
        let mut metric = Metric::from_label(pairs(labels));
        metric.set_histogram(shown);
        self.samples.push(metric);
    }

    /// As the encoder takes it, which refuses metrics without samples.
    pub(super) fn into_proto(self) -> Option<MetricFamily> {
        if self.samples.is_empty() {
            return None;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.name);
        family.set_help(self.help);
        family.set_field_type(self.kind);
        family.set_metric(self.samples);
        Some(family)
    }
}

fn pairs<'a>(labels: impl IntoIterator<Item = Label<'a>>) -> Vec<LabelPair> {
    let pair = |(name, value): Label<'a>| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    labels.into_iter().map(pair).collect()
}
