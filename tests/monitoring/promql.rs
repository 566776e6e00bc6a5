//! What an expression reads, and whether the program has it.

use crate::rules;
use jingyue::edge::metrics::{Kind, Metrics};
use promql_parser::label::Labels;
use promql_parser::parser::{self, AggregateExpr, BinaryExpr, Call, Expr, VectorSelector};
use std::collections::{BTreeMap, BTreeSet};

/// Labels of a series or of an expression's result.
pub(crate) type LabelNames = BTreeSet<String>;

/// A name that may be read.
#[derive(Clone, Debug)]
struct Series {
    labels: LabelNames,
    /// `None`: made by a recording rule.
    kind: Option<Kind>,
}

/// All names that may be read: of the program, of the scrape, of recording rules.
pub(crate) struct Known(BTreeMap<String, Series>);

impl Known {
    /// Names of the program and of the scrape.
    pub(crate) fn program() -> Self {
        let mut known = BTreeMap::new();
        let target = || ["job", "instance"].map(str::to_owned);
        known.insert("up".to_owned(), Series { labels: target().into(), kind: Some(Kind::Gauge) });
        for description in Metrics::describe() {
            let suffixes: &[&str] = match description.kind {
                Kind::Counter | Kind::Gauge => &[""],
                Kind::Histogram => &["_bucket", "_sum", "_count"],
                Kind::Summary => &["_sum", "_count"],
            };
            for suffix in suffixes {
                let mut labels: LabelNames = description.labels.iter().map(|label| (*label).to_owned()).collect();
                labels.extend(target());
                if *suffix == "_bucket" {
                    labels.insert("le".to_owned());
                }
                known.insert(format!("{}{suffix}", description.name), Series { labels, kind: Some(description.kind) });
            }
        }
        Self(known)
    }

    /// The same with the names that the recording rules make.
    pub(crate) fn all() -> Self {
        let mut known = Self::program();
        for rule in rules::all().iter().filter(|rule| rule.is_record) {
            let (labels, _) = known.check(&rule.expression);
            known.0.insert(rule.name.clone(), Series { labels, kind: None });
        }
        known
    }

    /// The labels that the expression gives, and what is wrong with it.
    pub(crate) fn check(&self, expression: &str) -> (LabelNames, Vec<String>) {
        let mut faults = Vec::new();
        let labels = match parser::parse(expression) {
            Ok(parsed) => self.walk(&parsed, &mut faults),
            Err(error) => {
                faults.push(format!("does not parse: {error}"));
                LabelNames::new()
            }
        };
        let faults = faults.into_iter().map(|fault| format!("{fault}: {expression}")).collect();
        (labels, faults)
    }

    fn walk(&self, expression: &Expr, faults: &mut Vec<String>) -> LabelNames {
        match expression {
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, faults),
            Expr::Binary(binary) => self.binary(binary, faults),
            Expr::Call(call) => self.call(call, faults),
            Expr::Unary(unary) => self.walk(&unary.expr, faults),
            Expr::Paren(paren) => self.walk(&paren.expr, faults),
            Expr::Subquery(subquery) => self.walk(&subquery.expr, faults),
            Expr::VectorSelector(selector) => {
                if self.is_counter(selector) {
                    faults.push(format!("counter {} without rate or increase", name(selector)));
                }
                self.selector(selector, faults)
            }
            Expr::MatrixSelector(matrix) => self.selector(&matrix.vs, faults),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => LabelNames::new(),
        }
    }

    fn aggregate(&self, aggregate: &AggregateExpr, faults: &mut Vec<String>) -> LabelNames {
        let given = self.walk(&aggregate.expr, faults);
        // These pick series and keep their labels.
        if ["topk", "bottomk"].contains(&aggregate.op.to_string().as_str()) {
            return given;
        }
        let Some(modifier) = &aggregate.modifier else { return LabelNames::new() };
        subset(modifier.labels(), &given, faults);
        let named: LabelNames = modifier.labels().labels.iter().cloned().collect();
        if modifier.is_include() { named } else { given.difference(&named).cloned().collect() }
    }

    fn binary(&self, binary: &BinaryExpr, faults: &mut Vec<String>) -> LabelNames {
        let left = self.walk(&binary.lhs, faults);
        let right = self.walk(&binary.rhs, faults);
        if let Some(modifier) = &binary.modifier {
            if let Some(matching) = &modifier.matching {
                subset(matching.labels(), &left, faults);
                subset(matching.labels(), &right, faults);
            }
            if let Some(taken) = modifier.card.labels() {
                subset(taken, &right, faults);
            }
        }
        &left | &right
    }

    fn call(&self, call: &Call, faults: &mut Vec<String>) -> LabelNames {
        let mut labels = LabelNames::new();
        for argument in &call.args.args {
            if let Expr::MatrixSelector(matrix) = &**argument
                && ["rate", "increase", "irate"].contains(&call.func.name)
                && !self.is_counter(&matrix.vs)
            {
                faults.push(format!("{} of {}, which is no counter", call.func.name, name(&matrix.vs)));
            }
            // `absent` is the one function that reads a series to see that it is not there.
            labels.extend(self.walk(argument, faults));
        }
        if call.func.name == "histogram_quantile" && !labels.remove("le") {
            faults.push("histogram_quantile without le".to_owned());
        }
        labels
    }

    fn selector(&self, selector: &VectorSelector, faults: &mut Vec<String>) -> LabelNames {
        let Some(series) = self.0.get(name(selector)) else {
            faults.push(format!("no metric {}", name(selector)));
            return LabelNames::new();
        };
        let matchers = selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten());
        let read: BTreeSet<&str> = matchers.map(|matcher| matcher.name.as_str()).collect();
        for label in read.iter().filter(|label| !series.labels.contains(**label)) {
            faults.push(format!("{} has no label {label}", name(selector)));
        }
        if series.kind.is_some() && !read.contains("job") {
            faults.push(format!("{} is not narrowed to a job", name(selector)));
        }
        series.labels.clone()
    }

    fn is_counter(&self, selector: &VectorSelector) -> bool {
        let kind = self.0.get(name(selector)).and_then(|series| series.kind);
        kind.is_some_and(|kind| kind != Kind::Gauge)
    }
}

fn name(selector: &VectorSelector) -> &str {
    selector.name.as_deref().unwrap_or("{}")
}

fn subset(labels: &Labels, given: &LabelNames, faults: &mut Vec<String>) {
    for label in labels.labels.iter().filter(|label| !given.contains(*label)) {
        faults.push(format!("label {label} is not among {given:?}"));
    }
}

#[test]
fn a_wrong_expression_is_seen() {
    let known = Known::program();
    for (expression, fault) in [
        (r#"sum(rate(jingyue_nothing_total{job="jingyue"}[5m]))"#, "no metric jingyue_nothing_total"),
        (r#"rate(jingyue_request_duration_seconds{job="jingyue"}[5m])"#, "no metric"),
        (r#"rate(jingyue_outcomes_total{job="jingyue",matter="GJ01"}[5m])"#, "has no label matter"),
        (r#"sum by (matter) (rate(jingyue_outcomes_total{job="jingyue"}[5m]))"#, "label matter is not among"),
        (r#"sum by (matter) (sum by (direction) (rate(jingyue_requests_total{job="jingyue"}[5m])))"#, "label matter"),
        (r"rate(jingyue_outcomes_total[5m])", "not narrowed to a job"),
        (r#"sum(jingyue_outcomes_total{job="jingyue"})"#, "without rate"),
        (r#"rate(jingyue_connections{job="jingyue"}[5m])"#, "no counter"),
        (r#"histogram_quantile(0.5, sum(rate(jingyue_stage_duration_seconds_bucket{job="jingyue"}[5m])))"#, "le"),
        (r#"up{job="jingyue"} * on (cert) up{job="jingyue"}"#, "label cert"),
        ("sum(", "does not parse"),
    ] {
        let (_, faults) = known.check(expression);
        assert!(faults.iter().any(|found| found.contains(fault)), "{expression}: {faults:?}");
    }
}
