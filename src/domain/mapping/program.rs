//! A whole mapping directory, compiled: what the gateway runs and what is swapped at a reload.

use super::catalogue::Catalogue;
use super::catalogue::City;
use super::catalogue::Matter;
use super::compile::MessageKind;
use super::compile::Order;
use super::compile::Shared;
use super::compile::Side;
use super::compile::compile;
use super::context::Context;
use super::context::FaultWords;
use super::identify::Arrival;
use super::identify::HeaderFields;
use super::identify::Identifier;
use super::message::Message;
use super::message::Sheets;
use super::message::Subject;
use super::plan::Plan;
use super::profile;
use super::profile::Profile;
use super::profile::Service;
use super::run::Workspace;
use super::source::DIAGNOSTICS_MAX;
use super::source::Diagnostic;
use super::source::FILE_BYTES_MAX;
use super::source::Files;
use super::source::Level;
use super::source::Place;
use crate::domain::fault::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A profile with what is compiled for it alone.
#[derive(Debug)]
pub struct System {
    pub profile: Profile,
    identifier: Identifier,
    /// Fault plans by operation.
    faults: BTreeMap<String, Plan>,
}

/// The translations of one matter's step between two profiles.
#[derive(Debug)]
pub struct Pair {
    /// Names of the profiles: caller's and handling side's.
    pub from: String,
    pub to: String,
    pub matter: Matter,
    pub step: Arc<str>,
    pub request: Plan,
    pub answer: Plan,
    /// The caller's and the handling side's row in `services.csv`.
    pub from_service: Service,
    pub to_service: Service,
    /// HTTP headers of the message that goes out.
    pub headers: Vec<(String, String)>,
}

/// A fault in the caller's dialect.
#[derive(Debug)]
pub struct Rendered {
    pub status: u16,
    pub content_type: Arc<str>,
    pub bytes: Vec<u8>,
}

/// By the profile that asks, the one that answers, matter and step: one map in another, so that looking up needs no
/// owned key.
type Pairs = BTreeMap<String, BTreeMap<String, BTreeMap<String, BTreeMap<String, Arc<Pair>>>>>;

/// A compiled mapping directory.
#[derive(Debug)]
pub struct Program {
    version: Arc<str>,
    catalogue: Catalogue,
    systems: BTreeMap<String, System>,
    pairs: Pairs,
    warnings: Vec<Diagnostic>,
}

impl Program {
    /// Compiles all files.
    ///
    /// # Errors
    /// All diagnostics, warnings included, where one is an error.
    pub fn compile(files: &Files) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = Vec::new();
        for (path, text) in &files.0 {
            if text.len() > FILE_BYTES_MAX {
                let place = Place { file: path.clone(), line: 1, column: 1 };
                return Err(vec![Diagnostic::error(109, &place, format!("文件超过 {FILE_BYTES_MAX} 字节"))]);
            }
        }
        let catalogue = Catalogue::read(files, &mut faults);
        let profiles = profile::read_all(files, &mut faults);
        let mut compiler = Compiler { faults, ..Compiler::new(files, &catalogue) };
        compiler.check_names(&profiles);
        let shared = Shared::new(&catalogue);
        let mut pairs = Pairs::new();
        for (from, to) in directions(&catalogue, &profiles) {
            let compiled = pairs.entry(from.name.clone()).or_default().entry(to.name.clone()).or_default();
            for service in &from.services {
                let other =
                    to.services.iter().find(|other| other.matter == service.matter && other.step == service.step);
                let Some((other, matter)) = other.zip(catalogue.matters.get(&service.matter)) else { continue };
                if let Some(pair) = compiler.pair(&shared, (from, service), (to, other), matter) {
                    let steps = compiled.entry(service.matter.clone()).or_default();
                    steps.insert(service.step.clone(), Arc::new(pair));
                }
            }
        }
        let mut systems = BTreeMap::new();
        for profile in &profiles {
            let faults = compiler.faults_of(&shared, profile);
            let system = System { identifier: Identifier::new(profile), faults, profile: profile.clone() };
            systems.insert(profile.name.clone(), system);
        }
        compiler.check_unused(&profiles);
        let mut faults = compiler.faults;
        faults.sort_by(|left, right| {
            (left.level, &left.place, left.number).cmp(&(right.level, &right.place, right.number))
        });
        faults.dedup();
        faults.truncate(DIAGNOSTICS_MAX);
        if faults.iter().any(|fault| fault.level == Level::Error) {
            return Err(faults);
        }
        Ok(Self { version: files.version().into(), catalogue, systems, pairs, warnings: faults })
    }

    /// SM3 of all files in their canonical form, in hex: the version that every receipt names.
    pub const fn version(&self) -> &Arc<str> {
        &self.version
    }

    /// What somebody should look at though the set works.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Fields, matters, cities and tables.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// A city by its name.
    pub fn city(&self, name: &str) -> Option<&City> {
        self.catalogue.cities.iter().find(|city| city.name == name)
    }

    /// A system profile by its name.
    pub fn system(&self, profile: &str) -> Option<&System> {
        self.systems.get(profile)
    }

    /// All system profiles.
    pub fn systems(&self) -> impl Iterator<Item = &System> {
        self.systems.values()
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = &Arc<Pair>> {
        self.pairs.values().flat_map(BTreeMap::values).flat_map(BTreeMap::values).flat_map(BTreeMap::values)
    }

    /// The pair of two profiles for a matter's step.
    pub fn pair(&self, from: &str, to: &str, matter: &str, step: &str) -> Option<&Arc<Pair>> {
        self.pairs.get(from)?.get(to)?.get(matter)?.get(step)
    }

    /// What a request to a profile's HTTP path says of itself, in its header fields and its body.
    ///
    /// # Errors
    /// Faults of the form, [`Fault::UnknownPath`], [`Fault::UnknownMatter`], [`Fault::KeyMissing`].
    pub fn arrive(
        &self,
        system: &System,
        path: &str,
        fields: HeaderFields<'_>,
        body: &[u8],
        workspace: &mut Workspace,
    ) -> Result<Arrival, Fault> {
        system.identifier.look(&system.profile, path, fields, body, workspace)
    }

    /// The message number of a request that [`Self::arrive`] refused just now with the same workspace, where it has one.
    pub fn message_of(&self, system: &System, body: &[u8], workspace: &Workspace) -> Option<String> {
        system.identifier.message(body, &workspace.scratch)
    }

    /// The city that handles a request, and the pair that translates it.
    ///
    /// # Errors
    /// [`Fault::NotServed`].
    pub fn route(&self, caller: &City, system: &System, arrival: &Arrival) -> Result<(&City, &Arc<Pair>), Fault> {
        let service = &system.profile.services[arrival.service];
        let mut others = self.catalogue.cities.iter().filter(|city| city.name != caller.name);
        // Only a request that names no city goes to the only other one: a wrong name must not move money elsewhere.
        let city = match &arrival.target {
            None => others.next().filter(|_| others.next().is_none()),
            Some(target) => area(target).and_then(|wanted| others.find(|city| area(&city.division) == Some(wanted))),
        };
        let not_served = |city: &str| Fault::NotServed { matter: service.matter.clone(), city: city.to_owned() };
        let city = city.ok_or_else(|| not_served(arrival.target.as_deref().unwrap_or("未写明的城市")))?;
        let pair =
            city.profiles.iter().find_map(|to| self.pair(&system.profile.name, to, &service.matter, &service.step));
        Ok((city, pair.ok_or_else(|| not_served(&city.title))?))
    }

    /// A fault in the dialect of a profile. `operation` is the one that was called, where it is known.
    pub fn render(
        &self,
        system: &System,
        operation: Option<&str>,
        fault: &Fault,
        context: &Context<'_>,
        workspace: &mut Workspace,
    ) -> Rendered {
        let words = FaultWords::new(fault);
        let context = Context { fault: Some(&words), ..*context };
        let plan =
            operation.and_then(|operation| system.faults.get(operation)).or_else(|| system.faults.values().next());
        let status = system
            .profile
            .fault_status
            .filter(|_| !matches!(fault.entry().status, 429 | 503))
            .unwrap_or(fault.entry().status);
        match plan.map(|plan| plan.write_fault(&context, workspace)) {
            Some(Ok(translated)) => Rendered { status, content_type: translated.content_type, bytes: translated.bytes },
            // A fault message that cannot be written must not hide the fault.
            _ => Rendered { status, content_type: "text/plain;charset=UTF-8".into(), bytes: words.told.into_bytes() },
        }
    }
}

/// The city's digits, with which divisions and centres begin; nodes have a letter in front.
fn area(text: &str) -> Option<&str> {
    text.trim_start_matches(|c: char| c.is_ascii_alphabetic()).get(..4)
}

/// Ordered pairs of profiles that belong to different cities, each once.
fn directions<'p>(catalogue: &Catalogue, profiles: &'p [Profile]) -> Vec<(&'p Profile, &'p Profile)> {
    let find = |name: &String| profiles.iter().find(|profile| profile.name == *name);
    let mut found: Vec<(&Profile, &Profile)> = Vec::new();
    for from in &catalogue.cities {
        for to in catalogue.cities.iter().filter(|to| to.name != from.name) {
            for pair in from.profiles.iter().flat_map(|from| to.profiles.iter().map(move |to| (from, to))) {
                let Some(pair) = find(pair.0).zip(find(pair.1)) else { continue };
                if !found.iter().any(|known| std::ptr::eq(known.0, pair.0) && std::ptr::eq(known.1, pair.1)) {
                    found.push(pair);
                }
            }
        }
    }
    found
}

/// Profile, request or not, file, operation, matter (empty for fault messages).
type MessageKey = (String, bool, String, String, String);

/// Which message is wanted.
#[derive(Clone, Copy)]
struct Asked<'m> {
    request: bool,
    /// `None` for fault messages.
    matter: Option<&'m Matter>,
}

/// Reads messages, each once, and compiles pairs.
pub(super) struct Compiler<'a> {
    files: &'a Files,
    catalogue: &'a Catalogue,
    messages: BTreeMap<MessageKey, Option<Arc<Message>>>,
    sheets: Sheets,
    faults: Vec<Diagnostic>,
}

impl<'a> Compiler<'a> {
    /// A compiler that has read nothing yet.
    pub(super) fn new(files: &'a Files, catalogue: &'a Catalogue) -> Self {
        Self { files, catalogue, messages: BTreeMap::new(), sheets: Sheets::default(), faults: Vec::new() }
    }

    /// A matter's request or answer in a profile.
    pub(super) fn of_matter(
        &mut self,
        profile: &Profile,
        name: &str,
        service: &Service,
        request: bool,
        matter: &Matter,
    ) -> Option<Arc<Message>> {
        self.message(profile, name, service, Asked { request, matter: Some(matter) })
    }

    fn message(&mut self, profile: &Profile, name: &str, service: &Service, asked: Asked<'_>) -> Option<Arc<Message>> {
        let Asked { request, matter } = asked;
        let code = matter.map_or(String::new(), |matter| matter.code.to_string());
        let key = (profile.name.clone(), request, name.to_owned(), service.operation.clone(), code);
        if let Some(known) = self.messages.get(&key) {
            return known.clone();
        }
        let direction = if request { &profile.request } else { &profile.answer };
        let subject =
            Subject { catalogue: self.catalogue, sheets: &self.sheets, matter, request, operation: &service.operation };
        let message = Message::read(self.files, profile, direction, name, subject, &mut self.faults).map(Arc::new);
        self.messages.insert(key, message.clone());
        message
    }

    fn check_names(&mut self, profiles: &[Profile]) {
        for city in &self.catalogue.cities {
            for name in &city.profiles {
                // A profile that is there and wrong was told already.
                let is_wrong = self.files.text(&format!("profiles/{name}.toml")).is_some();
                if !is_wrong && !profiles.iter().any(|profile| profile.name == *name) {
                    let place = Place { file: format!("cities/{}.toml", city.name), line: 1, column: 1 };
                    let fault = Diagnostic::error(170, &place, format!("系统档案“{name}”不存在"));
                    self.faults.push(fault.near(name, profiles.iter().map(|profile| profile.name.as_str())));
                }
            }
        }
        for (profile, service) in profiles.iter().flat_map(|of| of.services.iter().map(move |service| (of, service))) {
            let matter = self.catalogue.matters.get(&service.matter);
            if profile.identify.key_made && matter.is_some_and(|matter| matter.money || !matter.idempotent) {
                let found = format!("事项“{}”不是幂等的，报文却没有编号", service.matter);
                let fault = Diagnostic::error(139, &service.place, found).expected("来文自带的编号");
                self.faults.push(fault.hint("@message_id 只用于重办一次不改变什么的事项（matters.csv 的 idempotent）"));
            }
            if matter.is_none() {
                let fault =
                    Diagnostic::error(171, &service.place, format!("事项“{}”不在 matters.csv 中", service.matter));
                self.faults.push(fault.near(&service.matter, self.catalogue.matters.keys().map(String::as_str)));
            }
        }
    }

    /// Message files that no service names are told: most often a name was mistyped.
    fn check_unused(&mut self, profiles: &[Profile]) {
        for profile in profiles {
            let folder = format!("messages/{}/", profile.name);
            let texts: Vec<&str> =
                self.files.below(&folder, ".csv").filter_map(|(path, _)| self.files.text(path)).collect();
            for (path, name) in self.files.below(&folder, ".csv") {
                let include = format!("+{name}");
                let included =
                    texts.iter().any(|text| text.lines().any(|line| line.split(',').next() == Some(&include)));
                let named = |service: &Service| service.request == name || service.answer == name;
                let fault = profile.fault_message.as_deref() == Some(name);
                if name != "services" && name != "names" && !fault && !included && !profile.services.iter().any(named) {
                    let place = Place { file: path.to_owned(), line: 1, column: 1 };
                    let told = Diagnostic::warning(172, &place, "没有事项使用这个报文文件");
                    self.faults.push(told.hint("检查 services.csv 的 request、answer 列，或删去"));
                }
            }
        }
    }

    fn pair(
        &mut self,
        shared: &Shared<'_>,
        from: (&Profile, &Service),
        to: (&Profile, &Service),
        matter: &Matter,
    ) -> Option<Pair> {
        let (from_profile, from_service) = from;
        let (to_profile, to_service) = to;
        let asked = |request| Asked { request, matter: Some(matter) };
        let caller_request = self.message(from_profile, &from_service.request, from_service, asked(true));
        let caller_answer = self.message(from_profile, &from_service.answer, from_service, asked(false));
        let handler_request = self.message(to_profile, &to_service.request, to_service, asked(true));
        let handler_answer = self.message(to_profile, &to_service.answer, to_service, asked(false));
        let (caller_request, caller_answer) = caller_request.zip(caller_answer)?;
        let (handler_request, handler_answer) = handler_request.zip(handler_answer)?;
        let answer = Order {
            kind: MessageKind::Answer,
            source: Some(Side {
                profile: to_profile,
                direction: &to_profile.answer,
                message: &handler_answer,
                service: to_service,
            }),
            target: Side {
                profile: from_profile,
                direction: &from_profile.answer,
                message: &caller_answer,
                service: from_service,
            },
            request: Some(&caller_request),
            keeps: Vec::new(),
        };
        let (answer, keeps) = compile(shared, &answer, &mut self.faults);
        let request = Order {
            kind: MessageKind::Request,
            source: Some(Side {
                profile: from_profile,
                direction: &from_profile.request,
                message: &caller_request,
                service: from_service,
            }),
            target: Side {
                profile: to_profile,
                direction: &to_profile.request,
                message: &handler_request,
                service: to_service,
            },
            request: None,
            keeps,
        };
        let (request, _) = compile(shared, &request, &mut self.faults);
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in &to_profile.request.headers {
            let value = value.replace("{operation}", &to_service.operation).replace("{service}", &to_service.service);
            headers.push((name.clone(), value));
        }
        Some(Pair {
            from: from_profile.name.clone(),
            to: to_profile.name.clone(),
            matter: matter.clone(),
            step: from_service.step.as_str().into(),
            request,
            answer,
            from_service: from_service.clone(),
            to_service: to_service.clone(),
            headers,
        })
    }

    /// A fault plan for every operation of a profile.
    fn faults_of(&mut self, shared: &Shared<'_>, profile: &Profile) -> BTreeMap<String, Plan> {
        let mut plans = BTreeMap::new();
        let Some(name) = profile.fault_message.clone() else { return plans };
        for service in &profile.services {
            if plans.contains_key(&service.operation) {
                continue;
            }
            let asked = Asked { request: false, matter: None };
            let Some(message) = self.message(profile, &name, service, asked) else {
                continue;
            };
            let target = Side { profile, direction: &profile.answer, message: &message, service };
            let order = Order { kind: MessageKind::Fault, source: None, target, request: None, keeps: Vec::new() };
            plans.insert(service.operation.clone(), compile(shared, &order, &mut self.faults).0);
        }
        plans
    }
}
