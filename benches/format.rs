//! Time per document of the readers and of the escapes: `cargo bench --bench format`.

use criterion::Criterion;
use criterion::Throughput;
use criterion::criterion_group;
use criterion::criterion_main;
use jingyue::domain::format::Action;
use jingyue::domain::format::Key;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Naming;
use jingyue::domain::format::Node;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::Tree;
use jingyue::domain::format::charset::Charset;
use jingyue::domain::format::escape;
use jingyue::domain::format::json;
use jingyue::domain::format::xml;
use std::hint::black_box;

/// Texts as an application has them: names, numbers, dates, addresses.
const TEXTS: [&str; 6] = [
    "刘𬱖",
    "430602199003079989",
    "2026-11-23",
    "荆州示例物流有限公司",
    "湖北省荆州市沙市区燎原路9号3栋2单元501室",
    "07",
];

/// Places of a document: 6 groups of 10.
fn places() -> impl Iterator<Item = (usize, usize, String, &'static str)> {
    (0..60)
        .map(|place| (place / 10, place % 10, format!("field{}{}", place, "Name".repeat(place % 3)), TEXTS[place % 6]))
}

fn key(name: &str, action: Action) -> Key {
    Key { name: name.as_bytes().into(), namespace: None, action }
}

/// The tree of the groups; under XML the root element `R` stands above.
fn tree(under_root: bool) -> Tree {
    let mut nodes = vec![Node::default(), Node::default()];
    let top = usize::from(under_root);
    if under_root {
        nodes[0].keys.push(key("R", Action::Enter { slot: 0, node: 1 }));
    }
    for (slot, (group, within, name, _)) in (1..).zip(places()) {
        if within == 0 {
            let node = u16::try_from(nodes.len()).expect("a few nodes");
            nodes[top].keys.push(key(&format!("group{group}"), Action::Enter { slot: 0, node }));
            nodes.push(Node::default());
        }
        nodes.last_mut().expect("a group").keys.push(key(&name, Action::Leaf(slot)));
    }
    Tree { nodes, frame: 61, ..Tree::default() }
}

fn json_document() -> String {
    let mut groups = vec![Vec::new(); 6];
    for (group, _, name, text) in places() {
        groups[group].push(format!("\"{name}\":\"{text}\""));
    }
    let groups: Vec<_> = groups
        .iter()
        .enumerate()
        .map(|(number, members)| format!("\"group{number}\":{{{}}}", members.join(",")))
        .collect();
    format!("{{{}}}", groups.join(","))
}

fn xml_document(fields: bool) -> String {
    let mut lines = vec!["<?xml version=\"1.0\" encoding=\"GBK\"?>\n<R>".to_string()];
    for (group, within, name, content) in places() {
        if within == 0 {
            lines.push(format!("<group{group}>"));
        }
        lines.push(if fields {
            format!("<field name=\"{name}\">{content}</field>")
        } else {
            format!("<{name}>{content}</{name}>")
        });
        if within == 9 {
            lines.push(format!("</group{group}>"));
        }
    }
    lines.push("</R>".to_string());
    lines.join("\n")
}

fn readers(criterion: &mut Criterion) {
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    let mut group = criterion.benchmark_group("read");

    let (shape, text) = (tree(false), json_document());
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("json, 60 places", |bencher| {
        bencher.iter(|| json::read(&shape, 0, black_box(text.as_bytes()), &mut scratch, &limits));
    });
    assert!(scratch.undeclared == 0 && scratch.slot(0, 60).len > 0);
    let pretty = text.replace(",\"", ",\n    \"").replace("\":", "\": ");
    group.throughput(Throughput::Bytes(pretty.len() as u64));
    group.bench_function("json, indented", |bencher| {
        bencher.iter(|| json::read(&shape, 0, black_box(pretty.as_bytes()), &mut scratch, &limits));
    });
    let skipped = Tree { nodes: vec![Node::default()], frame: 1, ..Tree::default() };
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("json, nothing asked for", |bencher| {
        bencher.iter(|| json::read(&skipped, 0, black_box(text.as_bytes()), &mut scratch, &limits));
    });

    let (mut shape, text) = (tree(true), xml_document(false));
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("xml, 60 places", |bencher| {
        bencher.iter(|| xml::read(&shape, 0, black_box(text.as_bytes()), &mut scratch, &limits));
    });
    assert!(scratch.undeclared == 0 && scratch.slot(0, 60).len > 0);
    group.bench_function("xml, nothing asked for", |bencher| {
        bencher.iter(|| xml::read(&skipped, 0, black_box(text.as_bytes()), &mut scratch, &limits));
    });
    let fields = xml_document(true);
    shape.naming = Naming::Attribute { elements: vec![b"field"[..].into()], attribute: b"name"[..].into() };
    group.throughput(Throughput::Bytes(fields.len() as u64));
    group.bench_function("xml, fields named by attribute", |bencher| {
        bencher.iter(|| xml::read(&shape, 0, black_box(fields.as_bytes()), &mut scratch, &limits));
    });
    assert!(scratch.undeclared == 0 && scratch.slot(0, 60).len > 0);
    group.finish();
}

fn texts(criterion: &mut Criterion) {
    let text = xml_document(false);
    let mut out = Vec::new();
    let mut group = criterion.benchmark_group("text");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("escape 60 texts for xml", |bencher| {
        bencher.iter(|| {
            out.clear();
            places_texts(|text| escape::xml_text(&mut out, text.as_bytes()).expect("texts of the bench"));
        });
    });
    group.bench_function("escape 60 texts for json", |bencher| {
        bencher.iter(|| {
            out.clear();
            places_texts(|text| escape::json(&mut out, text.as_bytes()));
        });
    });
    let mut encoded = Vec::new();
    Charset::Gb18030.encode(&text, &mut encoded).expect("texts of the bench");
    group.bench_function("decode GB18030", |bencher| {
        bencher.iter(|| {
            out.clear();
            Charset::Gb18030.decode(black_box(&encoded), &mut out)
        });
    });
    group.bench_function("encode GB18030", |bencher| {
        bencher.iter(|| {
            out.clear();
            Charset::Gb18030.encode(black_box(&text), &mut out)
        });
    });
    group.finish();
}

fn places_texts(mut write: impl FnMut(&str)) {
    for place in 0..60 {
        write(black_box(TEXTS[place % 6]));
    }
}

criterion_group!(benches, readers, texts);
criterion_main!(benches);
