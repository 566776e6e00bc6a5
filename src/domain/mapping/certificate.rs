//! The coverage certificate: for every matter, direction and message what is proved.

use super::catalogue::City;
use super::compile::MessageKind;
use super::compile::Shared;
use super::enumerate::Tried;
use super::program::Compiler;
use super::program::Pair;
use super::program::Program;
use super::prove::Grade;
use super::prove::Party;
use super::prove::Proof;
use super::prove::Question;
use super::prove::prove;
use super::source::Files;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

/// One line: a message of a matter's step in one direction.
#[derive(Clone, Debug)]
pub struct Line {
    pub matter: String,
    pub title: String,
    pub step: String,
    /// Names of the calling and the handling city.
    pub from_city: String,
    pub to_city: String,
    /// Profiles of the side that sends this message and of the one that gets it.
    pub from: String,
    pub to: String,
    pub kind: MessageKind,
    pub proof: Proof,
}

/// What is proved of a whole mapping directory.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    pub version: String,
    pub lines: Vec<Line>,
    /// Matters of the catalogue that nothing translates.
    pub unserved: Vec<String>,
}

/// Sums over lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    pub matters: usize,
    pub lines: usize,
    pub green: usize,
    pub amber: usize,
    pub red: usize,
    pub codes: usize,
    pub refused: usize,
    pub folded: usize,
    pub generated: usize,
    pub shared: usize,
}

impl Certificate {
    /// The sums.
    pub fn totals(&self) -> Totals {
        let mut totals = Totals { lines: self.lines.len(), ..Totals::default() };
        let mut matters = BTreeSet::new();
        for line in &self.lines {
            matters.insert(&line.matter);
            match line.proof.grade() {
                Grade::Green => totals.green += 1,
                Grade::Amber => totals.amber += 1,
                Grade::Red => totals.red += 1,
            }
            totals.codes += line.proof.codes;
            totals.refused += line.proof.refused.len();
            totals.folded += line.proof.folded.len();
            totals.generated += line.proof.generated;
            totals.shared += line.proof.shared;
        }
        totals.matters = matters.len();
        totals
    }

    /// The worst grade of a matter.
    pub fn grade(&self, matter: &str) -> Option<Grade> {
        self.lines.iter().filter(|line| line.matter == matter).map(|line| line.proof.grade()).max()
    }
}

impl Program {
    /// Proves everything. `progress` is told how many of how many pairs are done.
    pub fn certificate(&self, files: &Files, progress: &mut dyn FnMut(usize, usize)) -> Certificate {
        let catalogue = self.catalogue();
        let mut compiler = Compiler::new(files, catalogue);
        let shared = Shared::new(catalogue);
        let total = self.pairs().count();
        let mut tried = Tried::default();
        let mut lines = Vec::new();
        for (done, pair) in self.pairs().enumerate() {
            progress(done, total);
            if let Some((from, to)) = self.cities_of(pair) {
                lines.extend(prove_pair(self, &shared, &mut compiler, &mut tried, pair, (from, to)));
            }
        }
        progress(total, total);
        let served: BTreeSet<&str> = lines.iter().map(|line| line.matter.as_str()).collect();
        let unserved = catalogue.matters.keys().filter(|code| !served.contains(code.as_str())).cloned().collect();
        lines.sort_by(|left, right| {
            let key = |line: &Line| (line.matter.clone(), line.step.clone(), line.from_city.clone(), line.kind as u8);
            key(left).cmp(&key(right))
        });
        Certificate { version: self.version().to_string(), lines, unserved }
    }

    /// The first two cities between which a pair stands.
    fn cities_of(&self, pair: &Pair) -> Option<(&City, &City)> {
        let cities = &self.catalogue().cities;
        let runs = |city: &City, profile: &str| city.profiles.iter().any(|name| name == profile);
        let pairs = cities.iter().flat_map(|from| cities.iter().map(move |to| (from, to)));
        let mut pairs = pairs.filter(|(from, to)| from.name != to.name);
        pairs.find(|(from, to)| runs(from, &pair.from) && runs(to, &pair.to))
    }
}

fn prove_pair(
    program: &Program,
    shared: &Shared<'_>,
    compiler: &mut Compiler<'_>,
    tried: &mut Tried,
    pair: &Pair,
    (from, to): (&City, &City),
) -> Vec<Line> {
    let systems = program.system(&pair.from).zip(program.system(&pair.to));
    let Some((caller, handler)) = systems else { return Vec::new() };
    let mut messages = BTreeMap::new();
    for (name, system, service) in [("from", caller, &pair.from_service), ("to", handler, &pair.to_service)] {
        for request in [true, false] {
            let file = if request { &service.request } else { &service.answer };
            let Some(message) = compiler.of_matter(&system.profile, file, service, request, &pair.matter) else {
                return Vec::new();
            };
            messages.insert((name, request), message);
        }
    }
    let mut line = |kind: MessageKind| {
        let request = kind == MessageKind::Request;
        let caller =
            Party { profile: &caller.profile, service: &pair.from_service, message: &messages[&("from", request)] };
        let handler =
            Party { profile: &handler.profile, service: &pair.to_service, message: &messages[&("to", request)] };
        let (sender, receiver, plan) =
            if request { (caller, handler, &pair.request) } else { (handler, caller, &pair.answer) };
        let kept = pair.request.kept_names().map(str::to_owned).collect();
        let question = Question { kind, from: sender, to: receiver, cities: (from, to), plan, kept };
        let proof = prove(shared, &question, tried);
        Line {
            matter: pair.matter.code.to_string(),
            title: pair.matter.title.clone(),
            step: pair.step.to_string(),
            from_city: from.name.clone(),
            to_city: to.name.clone(),
            from: sender.profile.name.clone(),
            to: receiver.profile.name.clone(),
            kind,
            proof,
        }
    };
    vec![line(MessageKind::Request), line(MessageKind::Answer)]
}
