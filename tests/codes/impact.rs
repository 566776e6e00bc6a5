//! `jingyue matters impact`.

use crate::support::Copy;
use serde_json::Value;
use std::collections::BTreeMap;
use std::collections::BTreeSet;

fn impact(copy: &Copy, arguments: &[&str]) -> (i32, Value) {
    let output = copy.run(&[&["matters", "impact", "--format", "json"], arguments].concat(), b"");
    (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

#[test]
fn a_table_shows_every_matter_and_side_it_touches() {
    let copy = Copy::whole();
    let (code, shown) = impact(&copy, &["--table", "sex"]);
    assert_eq!(code, 0);
    let uses = shown["uses"].as_array().unwrap();
    let has = |profile: &str, path: &str| {
        uses.iter().any(|place| place["profile"] == profile && place["path"].as_str().unwrap().ends_with(path))
    };
    assert!(has("yueyang-window", "data.applicant.sex") && has("jingzhou-window", "XBDM"), "{shown:#}");
    for place in uses.iter().filter(|place| place["role"] == "code") {
        // The place is where it says: the row of that line names the table.
        let file = copy.text(place["file"].as_str().unwrap());
        let line = file.lines().nth(usize::try_from(place["line"].as_u64().unwrap()).unwrap() - 1).unwrap();
        assert!(line.contains("sex"), "{line}");
    }
}

#[test]
fn one_code_leads_to_the_places_that_can_hold_it() {
    let copy = Copy::whole();
    let (code, shown) = impact(&copy, &["--table", "pf-person-status", "--code", "06"]);
    assert_eq!((code, &shown["rows"][0]["title"]), (0, &Value::from("冻结")));
    let uses = shown["uses"].as_array().unwrap();
    // A condition names the frozen account, no other code of the table.
    assert!(uses.iter().any(|place| place["role"] == "named" && place["code"] == "06"), "{shown:#}");
    let (_, other) = impact(&copy, &["--table", "pf-person-status", "--code", "02"]);
    assert!(!other["uses"].as_array().unwrap().iter().any(|place| place["role"] == "named"), "{other:#}");
    // A return code of one side: the row is found by it, and the answers that bring it.
    let (code, shown) = impact(&copy, &["--table", "fault", "--code=-10"]);
    assert_eq!((code, &shown["rows"][0]["canonical"]), (0, &Value::from("bad_format")));
    assert!(shown["uses"].as_array().unwrap().iter().any(|place| place["role"] == "result" && place["set"] == "hb"));
}

#[test]
fn what_there_is_not_is_said() {
    let copy = Copy::whole();
    assert_eq!(impact(&copy, &["--table", "sexx"]).0, 1);
    assert_eq!(impact(&copy, &["--table", "sex", "--code", "77"]).0, 1);
    let output = copy.run(&["matters", "impact", "--table", "sexx"], b"");
    assert!(String::from_utf8(output.stderr).unwrap().contains("是否想写“sex”"));
}

/// Matter, step, profiles of caller and handling side, profile of the message, kind, file, line: one place.
type Place = (String, String, String, String, String, &'static str, String, u64);

type Row = BTreeMap<String, String>;

/// The mapping files read a second time, without the program's own readers: what the documents say and no more.
struct Second<'c> {
    copy: &'c Copy,
    /// Rows of every file by column name, with their lines.
    files: BTreeMap<String, Vec<(u64, Row)>>,
    matters: BTreeMap<String, Row>,
    archetypes: BTreeMap<String, Row>,
}

impl<'c> Second<'c> {
    fn new(copy: &'c Copy) -> Self {
        let files = jingyue::edge::library::Library::load(&copy.mappings()).unwrap().files.0;
        let files = files.into_iter().filter(|(path, _)| path.strip_suffix(".csv").is_some());
        let files: BTreeMap<_, _> = files.map(|(path, text)| (path, rows(&text))).collect();
        let by_code = |path: &str| files[path].iter().map(|(_, row)| (row["code"].clone(), row.clone())).collect();
        Self { copy, matters: by_code("matters.csv"), archetypes: by_code("archetypes.csv"), files }
    }

    /// The fields that a `*` stands for.
    fn fields(&self, matter: &str, request: bool) -> Vec<String> {
        let column = if request { "fields" } else { "answer_fields" };
        let matter = &self.matters[matter];
        let archetype = &self.archetypes[&matter["archetype"]];
        let lists = format!("{}|{}", archetype[column], matter[column]);
        let mut fields: Vec<String> = Vec::new();
        for field in lists.split('|').map(str::trim).filter(|field| !field.is_empty()) {
            if !fields.iter().any(|known| known == field) {
                fields.push(field.to_owned());
            }
        }
        fields
    }

    /// File, line, canonical field and converter of each place of a message.
    fn message(&self, profile: &str, name: &str, matter: &str, request: bool) -> Vec<(String, u64, String)> {
        let (mut own, mut stars) = (Vec::new(), 0);
        self.file(profile, name, &mut own, &mut stars);
        // `house_addr.city` is named by `house_addr`, an item's field by its list.
        let base = |field: &str| field.split(['.', '[']).next().unwrap_or_default().to_owned();
        let named: BTreeSet<String> = own.iter().map(|(_, _, field, _)| base(field)).collect();
        let mut places: Vec<_> = own.into_iter().map(|(file, line, _, convert)| (file, line, convert)).collect();
        let names = format!("messages/{profile}/names.csv");
        for _ in 0..stars {
            for field in self.fields(matter, request).iter().filter(|field| !named.contains(*field)) {
                for (line, row) in &self.files[&names] {
                    if base(&row["field"]) == *field && !row["path"].is_empty() {
                        places.push((names.clone(), *line, row["convert"].clone()));
                    }
                }
            }
        }
        places
    }

    fn file(&self, profile: &str, name: &str, own: &mut Vec<(String, u64, String, String)>, stars: &mut usize) {
        let path = format!("messages/{profile}/{name}.csv");
        for (line, row) in &self.files[&path] {
            if let Some(included) = row["path"].strip_prefix('+') {
                self.file(profile, included, own, stars);
            } else if row["field"] == "*" {
                *stars += 1;
            } else {
                own.push((path.clone(), *line, row["field"].clone(), row["convert"].clone()));
            }
        }
    }

    /// The places at which a code of one of the sets of a table stands.
    fn places(&self, table: &str, is_set: &dyn Fn(&str) -> bool) -> BTreeSet<Place> {
        let profiles_of = |city: &str| {
            let city: toml::Table = self.copy.text(&format!("cities/{city}.toml")).parse().unwrap();
            let profiles = city["profiles"].as_array().unwrap().iter();
            profiles.map(|profile| profile.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let (mut found, mut messages) = (BTreeSet::new(), BTreeMap::new());
        for (caller, handler) in [("yueyang", "jingzhou"), ("jingzhou", "yueyang")] {
            for from in &profiles_of(caller) {
                for to in &profiles_of(handler) {
                    let services = |profile: &str| &self.files[&format!("messages/{profile}/services.csv")];
                    for (_, asked) in services(from) {
                        let key = (asked["matter"].clone(), asked["step"].clone());
                        let other = services(to)
                            .iter()
                            .find(|(_, other)| (&other["matter"], &other["step"]) == (&key.0, &key.1));
                        let Some((_, other)) = other else { continue };
                        for (profile, service) in [(from, asked), (to, other)] {
                            for kind in ["request", "answer"] {
                                let message = (profile.clone(), service[kind].clone(), key.0.clone(), kind);
                                let places = messages.entry(message).or_insert_with(|| {
                                    self.message(profile, &service[kind], &key.0, kind == "request")
                                });
                                for (file, line, convert) in places {
                                    let set = convert.strip_prefix(&format!("code {table}:"));
                                    let set = set.map(|rest| rest.split(' ').next().unwrap_or_default());
                                    if set.is_some_and(is_set) {
                                        let (matter, step) = key.clone();
                                        let (from, to, profile) = (from.clone(), to.clone(), profile.clone());
                                        found.insert((matter, step, from, to, profile, kind, file.clone(), *line));
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
        found
    }
}

/// None of the files that are looked at has a line break inside a cell.
fn rows(text: &str) -> Vec<(u64, Row)> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        let line = record.position().unwrap().line();
        let cells = header.iter().zip(record.iter());
        (line, cells.map(|(name, cell)| (name.to_owned(), cell.trim().to_owned())).collect())
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

#[test]
fn it_is_exactly_what_a_second_reading_counts() {
    let copy = Copy::whole();
    let second = Second::new(&copy);
    let told = |shown: &Value| {
        let uses = shown["uses"].as_array().unwrap().iter().filter(|place| place["role"] == "code");
        uses.map(|place| {
            let text = |name: &str| place[name].as_str().unwrap().to_owned();
            let kind = if place["message"] == "request" { "request" } else { "answer" };
            let line = place["line"].as_u64().unwrap();
            (text("matter"), text("step"), text("from"), text("to"), text("profile"), kind, text("file"), line)
        })
        .collect::<BTreeSet<Place>>()
    };
    let (_, shown) = impact(&copy, &["--table", "id-doc"]);
    let all = second.places("id-doc", &|_| true);
    assert!(told(&shown) == all, "{} told, {} counted", told(&shown).len(), all.len());
    let named = shown["uses"].as_array().unwrap().iter().map(|place| place["matter"].as_str().unwrap());
    assert_eq!(shown["matters"], named.collect::<BTreeSet<_>>().len());
    // The household register (户口簿) has a code on the police's side and the fund's, none in the sets of the platform
    // and of the licences.
    let (_, shown) = impact(&copy, &["--table", "id-doc", "--code", "hukou"]);
    let expected = second.places("id-doc", &|set| !["platform", "gb36903"].contains(&set));
    assert!(!expected.is_empty() && expected.len() < all.len());
    assert!(told(&shown) == expected, "{} told, {} counted", told(&shown).len(), expected.len());
}
