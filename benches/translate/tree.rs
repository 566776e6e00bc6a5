//! The usual way to write a converter, as the measure for ours: a `serde_json::Value`, an element tree, `HashMap`
//! code tables. It is made from the same mapping files, so both do the same work; it checks nothing more than it must.

use jingyue::domain::mapping::Files;
use quick_xml::Writer;
use quick_xml::escape::partial_escape;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::BytesDecl;
use quick_xml::events::BytesEnd;
use quick_xml::events::BytesStart;
use quick_xml::events::BytesText;
use quick_xml::events::Event;
use serde_json::Map;
use serde_json::Value;
use std::collections::HashMap;

/// One element.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    text: String,
}

impl Element {
    fn new(name: &str) -> Self {
        Self { name: name.to_owned(), ..Self::default() }
    }

    fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The last child of that name, made where there is none.
    fn descend(&mut self, name: &str) -> &mut Self {
        let found = self.children.iter().rposition(|child| child.name == name);
        let place = found.unwrap_or_else(|| {
            self.children.push(Self::new(name));
            self.children.len() - 1
        });
        &mut self.children[place]
    }
}

#[derive(Clone, Copy)]
enum Convert {
    Amount,
    Code(usize),
    Date,
    DateTime,
    Int,
    Text,
}

/// A place of one side and the same place of the other, as path segments.
struct Row {
    json: Vec<String>,
    xml: Vec<String>,
    convert: Convert,
}

/// Rows of one message; those of the list stand apart.
struct Message {
    rows: Vec<Row>,
    list_json: String,
    list_xml: (String, String),
    items: Vec<Row>,
}

/// Both directions.
pub(crate) struct Tree {
    request: Message,
    answer: Message,
    tables: Vec<HashMap<String, String>>,
}

fn sheet<'f>(files: &'f Files, path: &str) -> Vec<Vec<&'f str>> {
    files.0[path].lines().skip(1).map(|line| line.split(',').collect()).collect()
}

impl Tree {
    /// Joins the rows of both sides by their canonical fields.
    pub(crate) fn new(files: &Files) -> Self {
        let mut tables = Vec::new();
        let request = message(files, "request", &mut tables);
        let answer = message(files, "answer", &mut tables);
        Self { request, answer, tables }
    }

    pub(crate) fn request(&self, json: &[u8]) -> Vec<u8> {
        let document: Value = serde_json::from_slice(json).unwrap();
        let mut root = Element::new("AcceptApplication");
        root.attributes.push(("xmlns".to_owned(), "urn:jz:kstb:v1".to_owned()));
        self.write_rows(&self.request.rows, &document, &mut root);
        let mut list = Element::new(&self.request.list_xml.0);
        for item in document[&self.request.list_json].as_array().unwrap() {
            let mut element = Element::new(&self.request.list_xml.1);
            self.write_rows(&self.request.items, item, &mut element);
            list.children.push(element);
        }
        root.children.push(list);
        let mut body = Element::new("soapenv:Body");
        body.children.push(root);
        let mut envelope = Element::new("soapenv:Envelope");
        envelope.attributes.push(("xmlns:soapenv".to_owned(), "http://schemas.xmlsoap.org/soap/envelope/".to_owned()));
        envelope.children.push(Element::new("soapenv:Header"));
        envelope.children.push(body);
        let mut writer = Writer::new(Vec::new());
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None))).unwrap();
        write(&envelope, &mut writer);
        writer.into_inner()
    }

    pub(crate) fn answer(&self, xml: &[u8]) -> Vec<u8> {
        let envelope = parse(xml);
        let root = &envelope.find("Body").unwrap().children[0];
        let mut document = self.read_rows(&self.answer.rows, root);
        let list = root.find(&self.answer.list_xml.0).unwrap();
        let items = list.children.iter().filter(|child| child.name == self.answer.list_xml.1);
        let items = items.map(|item| self.read_rows(&self.answer.items, item)).collect();
        document.as_object_mut().unwrap().insert(self.answer.list_json.clone(), Value::Array(items));
        serde_json::to_vec(&document).unwrap()
    }

    fn write_rows(&self, rows: &[Row], source: &Value, target: &mut Element) {
        for row in rows {
            let value = row.json.iter().try_fold(source, |value, name| value.get(name)).unwrap();
            let text = self.to_xml(row.convert, value);
            row.xml.iter().fold(&mut *target, |element, name| element.descend(name)).text = text;
        }
    }

    fn read_rows(&self, rows: &[Row], source: &Element) -> Value {
        let mut object = Map::new();
        for row in rows {
            let element = row.xml.iter().try_fold(source, |element, name| element.find(name)).unwrap();
            let value = self.to_json(row.convert, &element.text);
            let (last, path) = row.json.split_last().unwrap();
            let parent = path.iter().fold(&mut object, |object, name| {
                object.entry(name).or_insert_with(|| Value::Object(Map::new())).as_object_mut().unwrap()
            });
            parent.insert(last.clone(), value);
        }
        Value::Object(object)
    }

    fn to_xml(&self, convert: Convert, value: &Value) -> String {
        match convert {
            Convert::Amount => format!("{:.0}", value.as_f64().unwrap() * 100.0),
            Convert::Code(table) => self.tables[table][value.as_str().unwrap()].clone(),
            Convert::Date => value.as_str().unwrap().replace('-', ""),
            Convert::DateTime => value.as_str().unwrap()[..19].chars().filter(char::is_ascii_digit).collect(),
            Convert::Int => value.as_i64().unwrap().to_string(),
            Convert::Text => value.as_str().unwrap().to_owned(),
        }
    }

    fn to_json(&self, convert: Convert, text: &str) -> Value {
        match convert {
            #[allow(clippy::cast_precision_loss, reason = "floating point is part of the usual way")]
            Convert::Amount => Value::from(text.parse::<i64>().unwrap() as f64 / 100.0),
            Convert::Code(table) => Value::from(self.tables[table][text].clone()),
            Convert::Date => Value::from(format!("{}-{}-{}", &text[..4], &text[4..6], &text[6..8])),
            Convert::DateTime => Value::from(format!(
                "{}-{}-{}T{}:{}:{}+08:00",
                &text[..4],
                &text[4..6],
                &text[6..8],
                &text[8..10],
                &text[10..12],
                &text[12..14]
            )),
            Convert::Int => Value::from(text.parse::<i64>().unwrap()),
            Convert::Text => Value::from(text),
        }
    }
}

fn message(files: &Files, name: &str, tables: &mut Vec<HashMap<String, String>>) -> Message {
    let window = sheet(files, &format!("messages/window/apply.{name}.csv"));
    let soap = sheet(files, &format!("messages/soap/apply.{name}.csv"));
    let mut message = Message { rows: vec![], list_json: String::new(), list_xml: Default::default(), items: vec![] };
    let (from, order) = if name == "request" { ("window", &soap) } else { ("soap", &window) };
    for field in order.iter().map(|row| row[1]).filter(|field| !field.is_empty()) {
        let of = |sheet: &Vec<Vec<&str>>| sheet.iter().find(|row| row[1] == field).unwrap()[0].replace("jz:", "");
        let (json, xml) = (of(&window), of(&soap));
        let convert = window.iter().find(|row| row[1] == field).unwrap()[2];
        let convert = match convert.split([' ', ':']).collect::<Vec<_>>()[..] {
            ["code", table, _] => {
                tables.push(table_of(files, table, from));
                Convert::Code(tables.len() - 1)
            }
            ["amount", ..] => Convert::Amount,
            ["date", ..] => Convert::Date,
            ["datetime", ..] => Convert::DateTime,
            ["int"] => Convert::Int,
            _ => Convert::Text,
        };
        let segments = |path: &str, separator| path.split(separator).map(str::to_owned).collect::<Vec<_>>();
        match (json.split_once("[]."), xml.split_once("[]/")) {
            (Some((list, json)), Some((outer, xml))) => {
                list.clone_into(&mut message.list_json);
                let (outer, each) = outer.split_once('/').unwrap();
                message.list_xml = (outer.to_owned(), each.to_owned());
                message.items.push(Row { json: segments(json, '.'), xml: segments(xml, '/'), convert });
            }
            _ => message.rows.push(Row { json: segments(&json, '.'), xml: segments(&xml, '/'), convert }),
        }
    }
    message
}

fn table_of(files: &Files, table: &str, from: &str) -> HashMap<String, String> {
    let path = format!("codes/{table}.csv");
    let head: Vec<_> = files.0[&path].lines().next().unwrap().split(',').collect();
    let column = |name: &str| head.iter().position(|column| *column == name).unwrap();
    let (window, soap, way) =
        (column("window"), column("soap"), head.iter().position(|column| column.strip_suffix(".way").is_some()));
    let (read, written) = if from == "window" { (window, soap) } else { (soap, window) };
    let rows = sheet(files, &path).into_iter();
    // A folded code (`out`) is no key on the way back.
    let keys = rows.filter(|row| way.is_none_or(|way| row[way] != "out" || !head[way].starts_with(from)));
    keys.map(|row| (row[read].to_owned(), row[written].to_owned())).collect()
}

fn write(element: &Element, writer: &mut Writer<Vec<u8>>) {
    let mut start = BytesStart::new(element.name.as_str());
    for (name, value) in &element.attributes {
        start.push_attribute((name.as_str(), value.as_str()));
    }
    if element.children.is_empty() && element.text.is_empty() {
        writer.write_event(Event::Empty(start)).unwrap();
        return;
    }
    writer.write_event(Event::Start(start)).unwrap();
    if !element.text.is_empty() {
        writer.write_event(Event::Text(BytesText::from_escaped(partial_escape(element.text.as_str())))).unwrap();
    }
    for child in &element.children {
        write(child, writer);
    }
    writer.write_event(Event::End(BytesEnd::new(element.name.as_str()))).unwrap();
}

fn parse(xml: &[u8]) -> Element {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut open = vec![Element::default()];
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer).unwrap() {
            Event::Start(start) => open.push(Element::new(start.local_name().as_ref())),
            Event::Empty(start) => {
                let element = Element::new(start.local_name().as_ref());
                open.last_mut().unwrap().children.push(element);
            }
            Event::End(_) => {
                let element = open.pop().unwrap();
                open.last_mut().unwrap().children.push(element);
            }
            Event::Text(text) => open.last_mut().unwrap().text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().unwrap();
                let text = &mut open.last_mut().unwrap().text;
                match character {
                    Some(character) => text.push(character),
                    None => text.push_str(resolve_predefined_entity(&reference.xml10_content()).unwrap()),
                }
            }
            Event::Eof => return open.remove(0).children.remove(0),
            _ => {}
        }
        buffer.clear();
    }
}
