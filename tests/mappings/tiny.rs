//! The engine on a mapping set made here: what is absent, lists, what nobody declared, duplicates, codes and their
//! days, nested documents, and a charset that lacks a character.

use crate::support::NOW;
use crate::support::context;
use crate::support::request;
use jingyue::domain::fault::Fault;
use jingyue::domain::fault::FieldFaultKind;
use jingyue::domain::mapping::Files;
use jingyue::domain::mapping::Program;
use jingyue::domain::mapping::Translated;
use jingyue::domain::mapping::Workspace;
use serde_json::Value;
use serde_json::json;
use std::collections::BTreeMap;

/// Two cities, one matter: `left` speaks JSON, `right` speaks XML.
pub(crate) struct Set {
    files: Files,
    left: String,
    right: String,
}

const HOUR: i64 = 3_600_000;
const HEAD: &str = "path,field,convert,need,absent,default,if,note\n";

impl Set {
    pub(crate) fn new() -> Self {
        let mut files = Files::default();
        let mut put = |path: &str, text: &str| files.0.insert(path.to_owned(), text.to_owned());
        put(
            "fields.csv",
            "id,title,type,length_max,table,privacy,mask,source\nno,编号,text,40,,L1,,x\na,甲,text,40,,L1,,x\n\
             b,乙,text,40,,L1,,x\nkind,种类,code,,kind,L1,,x\nitems,明细,list,,,L1,,x\nx,项,text,40,,L1,,x\n\
             rows,行,list,,,L1,,x\n",
        );
        put(
            "matters.csv",
            "code,title,department,archetype,mode,money,idempotent,promised_workdays,source\nT1,试,某局,QRY,x,no,yes,0,x\n",
        );
        put("rules.csv", "matter,step,message,rule,note\n");
        put("calendar.csv", "date,kind,holiday\n");
        put("cities/east.toml", "name = \"east\"\ntitle = \"东\"\ndivision = \"110000\"\nprofiles = [\"left\"]\n");
        put("cities/west.toml", "name = \"west\"\ntitle = \"西\"\ndivision = \"120000\"\nprofiles = [\"right\"]\n");
        let json = "format = \"json\"\ncharset = \"utf-8\"\ncontent_type = \"application/json\"\n";
        put(
            "profiles/left.toml",
            &format!("name = \"left\"\ntitle = \"左\"\n[request]\n{json}[answer]\n{json}[identify]\nkey = [\"no\"]\n"),
        );
        let xml = "format = \"xml\"\ncharset = \"utf-8\"\ncontent_type = \"text/xml\"\nroot = \"R\"\n";
        put(
            "profiles/right.toml",
            &format!("name = \"right\"\ntitle = \"右\"\n[request]\n{xml}[answer]\n{xml}[identify]\nkey = [\"NO\"]\n"),
        );
        for name in ["left", "right"] {
            put(
                &format!("messages/{name}/services.csv"),
                &format!("matter,step,service,variant,operation,path,request,answer\nT1,main,,,,/{name},ask,told\n"),
            );
        }
        put("messages/left/told.csv", &format!("{HEAD}no,no,,,,,,\n"));
        put("messages/right/told.csv", &format!("{HEAD}NO,no,,,,,,\n"));
        put("codes/kind.csv", "canonical,title,l,r\n1,一,1,A\n");
        Self { files, left: String::new(), right: String::new() }
    }

    pub(crate) fn left(mut self, rows: &str) -> Self {
        self.left = format!("{HEAD}no,no,,required,,,,\n{rows}");
        self
    }

    pub(crate) fn right(mut self, rows: &str) -> Self {
        self.right = format!("{HEAD}NO,no,,required,,,,\n{rows}");
        self
    }

    fn codes(mut self, text: &str) -> Self {
        self.files.0.insert("codes/kind.csv".into(), text.into());
        self
    }

    pub(crate) fn edit(mut self, file: &str, from: &str, to: &str) -> Self {
        let text = self.files.0.get_mut(file).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        *text = text.replace(from, to);
        self
    }

    pub(crate) fn try_compile(mut self) -> Result<Program, String> {
        self.files.0.insert("messages/left/ask.csv".into(), self.left);
        self.files.0.insert("messages/right/ask.csv".into(), self.right);
        let told = |faults: Vec<_>| faults.iter().map(ToString::to_string).collect::<Vec<String>>().join("\n");
        Program::compile(&self.files).map_err(told)
    }

    #[track_caller]
    pub(crate) fn compile(self) -> Program {
        self.try_compile().unwrap_or_else(|faults| panic!("{faults}"))
    }
}

pub(crate) fn translate(program: &Program, from: &str, input: &[u8], now: i64) -> Result<Translated, Fault> {
    let to = if from == "left" { "right" } else { "left" };
    request(program, program.pair(from, to, "T1", "main").unwrap(), input, now)
}

#[track_caller]
fn to_xml(program: &Program, input: &Value) -> String {
    let translated = translate(program, "left", input.to_string().as_bytes(), NOW).unwrap();
    let text = String::from_utf8(translated.bytes).unwrap();
    text.strip_prefix("<R><NO>1</NO>")
        .and_then(|text| text.strip_suffix("</R>"))
        .unwrap_or_else(|| panic!("{text}"))
        .to_owned()
}

#[track_caller]
fn to_json(program: &Program, inside: &str) -> Value {
    let input = format!("<R><NO>1</NO>{inside}</R>");
    let translated = translate(program, "right", input.as_bytes(), NOW).unwrap();
    serde_json::from_slice(&translated.bytes).unwrap()
}

/// The faults of the fields of a request.
#[track_caller]
pub(crate) fn faults(result: Result<Translated, Fault>) -> Vec<(String, FieldFaultKind)> {
    match result {
        Err(Fault::Fields { faults, more: 0 }) => faults.into_iter().map(|fault| (fault.path, fault.what)).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn null_missing_empty_and_the_word_null_are_four_things() {
    // XML has no null of its own. `A` is written only where there is something, so that null and empty stay apart.
    let program = Set::new()
        .left("a,a,,,,,,\nb,b,,,,,,\n")
        .right("A,a,,,missing:omit null:omit empty:empty,,,\nB,b,,,,,,\n")
        .compile();
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "x", "b": "y"})), "<A>x</A><B>y</B>");
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": null, "b": "y"})), "<B>y</B>");
    assert_eq!(to_xml(&program, &json!({"no": "1", "b": "y"})), "<B>y</B>");
    let empty = to_xml(&program, &json!({"no": "1", "a": "", "b": "y"}));
    assert!(["<A/><B>y</B>", "<A></A><B>y</B>"].contains(&empty.as_str()), "{empty}");
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "null", "b": "y"})), "<A>null</A><B>y</B>");
    // By default a null is an empty element, a missing member is no element.
    let null = to_xml(&program, &json!({"no": "1", "a": "x", "b": null}));
    assert!(["<A>x</A><B/>", "<A>x</A><B></B>"].contains(&null.as_str()), "{null}");
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "x"})), "<A>x</A>");

    // And back: what XML can tell apart stays apart.
    assert_eq!(to_json(&program, "<A>x</A>"), json!({"no": "1", "a": "x"}));
    assert_eq!(to_json(&program, "<A/>"), json!({"no": "1", "a": ""}));
    assert_eq!(to_json(&program, "<A></A>"), json!({"no": "1", "a": ""}));
    assert_eq!(to_json(&program, ""), json!({"no": "1"}));
    assert_eq!(to_json(&program, "<A>null</A>"), json!({"no": "1", "a": "null"}), "a person may be called that");
}

#[test]
fn four_things_there_and_back() {
    // A side that writes its nulls as the word and reads the word as null, and one that omits them.
    let program = Set::new()
        .left("a,a,,,missing:omit null:null empty:empty text_null:null,,,\n")
        .right("A,a,,,missing:omit null:empty empty:empty,,,\n")
        .compile();
    let null = to_xml(&program, &json!({"no": "1", "a": "null"}));
    assert_eq!(null, to_xml(&program, &json!({"no": "1", "a": null})), "text_null reads the word as null");
    assert_eq!(to_xml(&program, &json!({"no": "1"})), "");
    let program = Set::new().left("a,a,,,null,,,\n").right("A,a,,,,,,\n").compile();
    for inside in ["", "<A/>", "<A></A>"] {
        assert_eq!(to_json(&program, inside), json!({"no": "1", "a": null}), "a side that writes null for all three");
    }
    let program = Set::new().left("a,a,,,omit,,,\n").right("A,a,,,,,,\n").compile();
    for inside in ["", "<A/>"] {
        assert_eq!(to_json(&program, inside), json!({"no": "1"}));
    }
}

#[test]
fn required_means_a_value() {
    let program = Set::new().left("a,a,,,,,,\n").right("A,a,,required,,,,\n").compile();
    for value in [json!({"no": "1"}), json!({"no": "1", "a": null}), json!({"no": "1", "a": ""})] {
        let found = faults(translate(&program, "left", value.to_string().as_bytes(), NOW));
        assert_eq!(found, [("a".to_owned(), FieldFaultKind::Missing)], "{value}");
    }
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "0"})), "<A>0</A>");
}

#[test]
fn no_one_and_many_items() {
    let program = Set::new()
        .left("total,,count items,,,,,\nitems[],items[],list,,keep,,,\nitems[].x,items[].x,,,,,,\n")
        .right("ZS,,count items,,,,,\nROWS/ROW[],items[],list,,,,,\nROWS/ROW[]/X,items[].x,,,,,,\n")
        .compile();
    for count in [0, 1, 2, 50] {
        let items: Vec<Value> = (0..count).map(|number| json!({"x": format!("x{number}")})).collect();
        let xml = to_xml(&program, &json!({"no": "1", "total": count, "items": items}));
        assert_eq!(xml.matches("<ROW>").count(), count, "{xml}");
        assert!(xml.starts_with(&format!("<ZS>{count}</ZS>")), "{xml}");
        assert_eq!(
            to_json(&program, &xml),
            json!({"no": "1", "total": count.to_string().parse::<u64>().unwrap(), "items": items})
        );
    }
    // The list left out, null, or not a list.
    assert!(to_xml(&program, &json!({"no": "1"})).matches("<ROW>").next().is_none());
    assert!(to_xml(&program, &json!({"no": "1", "items": null})).matches("<ROW>").next().is_none());
    let wrong = json!({"no": "1", "total": 3, "items": [{"x": "1"}]}).to_string();
    let found = faults(translate(&program, "left", wrong.as_bytes(), NOW));
    assert_eq!(found, [("total".to_owned(), FieldFaultKind::CountDiffers { declared: "3".into(), found: 1 })]);
}

#[test]
fn a_list_that_is_no_list() {
    let program = Set::new()
        .left("items[],items[],list,required,,,,\nitems[].x,items[].x,,required,,,,\n")
        .right("ROW[],items[],list,required,,,,\nROW[]/X,items[].x,,required,,,,\n")
        .compile();
    for items in [json!("x"), json!(3), json!({"x": "1"}), json!([]), json!(null)] {
        let input = json!({"no": "1", "items": items}).to_string();
        assert!(translate(&program, "left", input.as_bytes(), NOW).is_err(), "{input}");
    }
    for items in [json!([null]), json!(["x"]), json!([[]]), json!([{"x": {"y": 1}}]), json!([{"x": ["1"]}])] {
        let input = json!({"no": "1", "items": items}).to_string();
        let result = translate(&program, "left", input.as_bytes(), NOW);
        assert!(result.is_err(), "{input}: {}", String::from_utf8_lossy(&result.unwrap().bytes));
    }
}

#[test]
fn what_nobody_declared_is_dropped_and_counted() {
    let program = Set::new().left("a,a,,,,,,\n").right("A,a,,,,,,\n").compile();
    let input = json!({"no": "1", "secret": "s", "a": "x", "more": {"deep": [1, 2, {"b": 1}]}, "last": null});
    let translated = translate(&program, "left", input.to_string().as_bytes(), NOW).unwrap();
    assert_eq!(translated.bytes, b"<R><NO>1</NO><A>x</A></R>");
    assert_eq!(translated.dropped, 3);
    let translated = translate(&program, "right", b"<R><NO>1</NO><S>s</S><A>x</A><T><U>1</U></T></R>", NOW).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&translated.bytes).unwrap(), json!({"no": "1", "a": "x"}));
    assert_eq!(translated.dropped, 2);
}

#[test]
fn duplicates_are_refused() {
    let program = Set::new().left("a,a,,,,,,\n").right("A,a,,,,,,\n").compile();
    for (from, input) in [
        ("left", r#"{"no":"1","a":"x","a":"y"}"#),
        ("left", r#"{"no":"1","a":"x","a":"x"}"#),
        ("left", r#"{"no":"1","no":"1","a":"x"}"#),
        ("left", "{\"no\":\"1\",\"a\":\"x\",\"\\u0061\":\"y\"}"),
        ("right", "<R><NO>1</NO><A>x</A><A>y</A></R>"),
        ("right", "<R><NO>1</NO><A>x</A><NO>1</NO></R>"),
    ] {
        let told = match translate(&program, from, input.as_bytes(), NOW) {
            Err(fault) => fault.window_text(),
            Ok(translated) => panic!("{input}: {}", String::from_utf8_lossy(&translated.bytes)),
        };
        assert!(told.contains("两次"), "{input}: {told}");
    }
}

#[test]
fn conditional_codes() {
    let program = Set::new()
        .codes("canonical,title,l,l.if,r\n1,一,1,,A\n2,二,1,a = yes,B\n3,三,3,,C\n")
        .left("a,a,,,,,,\nkind,kind,code kind:l,,,,,\n")
        .right("A,a,,,,,,\nK,kind,code kind:r,,,,,\n")
        .compile();
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "yes", "kind": "1"})), "<A>yes</A><K>B</K>");
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "no", "kind": "1"})), "<A>no</A><K>A</K>");
    assert_eq!(to_xml(&program, &json!({"no": "1", "kind": "1"})), "<K>A</K>");
    assert_eq!(to_xml(&program, &json!({"no": "1", "a": "yes", "kind": "3"})), "<A>yes</A><K>C</K>");
    assert_eq!(to_json(&program, "<A>yes</A><K>B</K>"), json!({"no": "1", "a": "yes", "kind": "1"}));
}

#[test]
fn codes_without_counterpart() {
    let codes = "canonical,title,l,r,parent\n100000,省,100000,P,\n101000,市,101000,C,100000\n101001,县,101001,,101000\n\
                 101002,区,101002,D,101000\n102001,孤县,102001,,\n";
    let with = |right: &str| {
        Set::new()
            .codes(codes)
            .left("kind,kind,code kind:l,,,,,\n")
            .right(&format!("K,kind,code kind:r{right},,,,,lossy: made for the test\n"))
            .compile()
    };
    let kind = |program: &Program, code: &str| {
        let input = json!({"no": "1", "kind": code}).to_string();
        translate(program, "left", input.as_bytes(), NOW).map(|translated| {
            let text = String::from_utf8(translated.bytes).unwrap();
            (text["<R><NO>1</NO><K>".len()..].split('<').next().unwrap().to_owned(), translated.losses)
        })
    };
    let refuse = with("");
    let found = faults(translate(&refuse, "left", br#"{"no":"1","kind":"101001"}"#, NOW));
    let expected = FieldFaultKind::NoCounterpart {
        table: "kind".into(),
        code: "101001".into(),
        from: "left".into(),
        to: "right".into(),
    };
    assert_eq!(found, [("kind".to_owned(), expected)]);
    let otherwise = with(" else X9");
    assert_eq!(kind(&otherwise, "101001").unwrap(), ("X9".into(), 1));
    assert_eq!(kind(&otherwise, "101002").unwrap(), ("D".into(), 0));
    assert!(kind(&otherwise, "999999").is_err(), "a default is for known codes only");
    let parent = with(" else parent");
    assert_eq!(kind(&parent, "101001").unwrap(), ("C".into(), 1));
    assert!(kind(&parent, "102001").is_err(), "no parent");
    let prefix = with(" else prefix4");
    assert_eq!(kind(&prefix, "101001").unwrap().1, 1);
    assert_eq!(kind(&prefix, "101001").unwrap().0, "C");
    assert!(kind(&prefix, "102001").is_err(), "no city above");
}

#[test]
fn codes_hold_from_day_to_day() {
    let program = Set::new()
        .codes("canonical,title,l,r,valid_from,valid_to\n1,旧,1,A,2020-01-01,2026-11-23\n2,新,1,B,2026-11-24,\n3,常,3,C,,\n")
        .left("kind,kind,code kind:l,,,,,\n")
        .right("K,kind,code kind:r,,,,,\n")
        .compile();
    let kind = |now: i64| {
        let translated = translate(&program, "left", br#"{"no":"1","kind":"1"}"#, now);
        translated.map(|translated| String::from_utf8(translated.bytes).unwrap())
    };
    // NOW is half past nine on the last day in Beijing.
    assert!(kind(NOW).unwrap().contains("<K>A</K>"));
    assert!(kind(NOW + 14 * HOUR).unwrap().contains("<K>A</K>"), "half past eleven at night");
    assert!(kind(NOW + 15 * HOUR).unwrap().contains("<K>B</K>"), "half past midnight in Beijing");
    let found = faults(translate(&program, "left", br#"{"no":"1","kind":"1"}"#, 1_500_000_000_000));
    assert!(matches!(found[0].1, FieldFaultKind::NoCounterpart { .. }), "before the first day: {found:?}");
    assert!(translate(&program, "left", br#"{"no":"1","kind":"3"}"#, 0).is_ok());
}

#[test]
fn delimited_lines_inside_text() {
    let program = Set::new()
        .edit("profiles/right.toml", "[request]", "[nested_delimited]\nseparator = \"|\"\ntrailing = true\n[request]")
        .left("rows[],rows[],list,,,,,\nrows[].a,rows[].a,,,,,,\nrows[].b,rows[].b,,,empty:omit,,,\n")
        .right("DATA!ROW[],rows[],list,,,,,\nDATA!ROW[]/1,rows[].a,,,missing:empty,,,\nDATA!ROW[]/2,rows[].b,,,missing:empty,,,\n")
        .compile();
    let xml = to_xml(&program, &json!({"no": "1", "rows": [{"a": "1", "b": "甲<&"}, {"a": "2"}]}));
    let inside = xml.strip_prefix("<DATA>").unwrap().strip_suffix("</DATA>").unwrap();
    let lines: Vec<&str> = inside.lines().collect();
    assert_eq!(lines, ["1|甲&lt;&amp;|", "2||"]);
    assert_eq!(to_json(&program, &xml), json!({"no": "1", "rows": [{"a": "1", "b": "甲<&"}, {"a": "2"}]}));
    // What separates cannot stand inside.
    let found = translate(&program, "left", json!({"no": "1", "rows": [{"a": "1|2"}]}).to_string().as_bytes(), NOW);
    assert!(found.is_err(), "{}", String::from_utf8_lossy(&found.unwrap().bytes));
}

#[test]
fn documents_escaped_inside_text() {
    let program = Set::new()
        .edit("profiles/right.toml", "[request]", "[nested]\nstyle = \"escaped\"\n[request]")
        .left("a,a,,,,,,\n")
        .right("BODY!IN/A,a,,,,,,\n")
        .compile();
    let xml = to_xml(&program, &json!({"no": "1", "a": "x<y>&\"'"}));
    assert!(xml.starts_with("<BODY>&lt;IN") && !xml.contains("CDATA"), "{xml}");
    assert!(xml.contains("x&amp;lt;y"), "twice escaped: {xml}");
    assert_eq!(to_json(&program, &xml), json!({"no": "1", "a": "x<y>&\"'"}));
    // Read as well where the other side used CDATA.
    assert_eq!(to_json(&program, "<BODY><![CDATA[<IN><A>z&lt;</A></IN>]]></BODY>"), json!({"no": "1", "a": "z<"}));
}

#[test]
fn a_message_without_any_field_still_has_its_root() {
    let program = Set::new()
        .edit("messages/left/told.csv", "no,no,,,,,,\n", "a,a,,,,,,\n")
        .edit("messages/right/told.csv", "NO,no,,,,,,\n", "A/B,a,,,,,,\n")
        .left("")
        .right("")
        .compile();
    for (from, input, written) in [("left", "<R/>", "{}"), ("right", "{}", "<R></R>")] {
        let to = if from == "left" { "right" } else { "left" };
        let pair = program.pair(from, to, "T1", "main").unwrap();
        let cities = &program.catalogue().cities;
        let settings = BTreeMap::new();
        let context = context(&cities[0], &cities[1], &settings);
        let told = pair.answer.translate(input.as_bytes(), &context, &mut Workspace::default()).unwrap();
        assert_eq!(String::from_utf8(told.bytes).unwrap(), written);
    }
}

#[test]
fn documents_in_cdata() {
    let program = Set::new()
        .edit("profiles/right.toml", "[request]", "[nested]\nstyle = \"cdata\"\n[request]")
        .left("a,a,,,,,,\n")
        .right("BODY!IN/A,a,,,,,,\n")
        .compile();
    for text in ["x]]>y", "]]]>>", "<![CDATA[z]]>", "a&amp;b"] {
        let xml = to_xml(&program, &json!({"no": "1", "a": text}));
        assert!(xml.starts_with("<BODY><![CDATA["), "{xml}");
        assert_eq!(to_json(&program, &xml), json!({"no": "1", "a": text}), "{xml}");
    }
}

#[test]
fn a_charset_that_lacks_a_character() {
    let gbk = |charset: &str| {
        Set::new()
            .edit("profiles/right.toml", "charset = \"utf-8\"", &format!("charset = \"{charset}\""))
            .left("a,a,,,,,,\nitems[],items[],list,,,,,\nitems[].x,items[].x,,,,,,\n")
            .right("A,a,,,,,,\nROW[],items[],list,,,,,\nROW[]/X,items[].x,,,,,,\n")
            .compile()
    };
    let input = json!({"no": "1", "a": "刘𬱖", "items": [{"x": "好"}, {"x": "𬱖"}]}).to_string();
    let found = faults(translate(&gbk("gbk"), "left", input.as_bytes(), NOW));
    let lacking = FieldFaultKind::Unencodable { character: '𬱖', charset: "GBK" };
    assert_eq!(found, [("a".to_owned(), lacking.clone()), ("items[1].x".to_owned(), lacking)]);
    let text = Fault::Fields {
        faults: vec![jingyue::domain::fault::FieldFault {
            path: found[0].0.clone(),
            title: "甲".into(),
            what: found[0].1.clone(),
        }],
        more: 0,
    };
    assert!(text.window_text().contains("“𬱖”（U+2CC56）"), "{}", text.window_text());

    // GB18030 has it, in four bytes, and it comes back.
    let program = gbk("gb18030");
    let translated = translate(&program, "left", input.as_bytes(), NOW).unwrap();
    assert!(memchr::memmem::find(&translated.bytes, b"\x993\xC36").is_some());
    let back = translate(&program, "right", &translated.bytes, NOW).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&back.bytes).unwrap()["a"], "刘𬱖");
}

#[test]
fn the_compiler_refuses_what_could_go_wrong_later() {
    let source = Set::new().left("").right("A,a,,required,,,,\n").try_compile().unwrap_err();
    assert!(source.contains("messages/right/ask.csv:3:") && source.contains("没有来源"), "{source}");
    let unknown = Set::new().left("a,aa,,,,,,\n").right("A,a,,,,,,\n").try_compile().unwrap_err();
    assert!(unknown.contains("messages/left/ask.csv:3:") && unknown.contains("aa"), "{unknown}");
    let kind = Set::new().left("a,a,amount yuan,,,,,\n").right("A,a,,,,,,\n").try_compile().unwrap_err();
    assert!(kind.contains("类型"), "{kind}");
    let twice = Set::new().left("a,a,,,,,,\na,b,,,,,,\n").right("A,a,,,,,,\n").try_compile().unwrap_err();
    assert!(twice.contains("重复"), "{twice}");
    let lossy = Set::new().left("a,a,,,,,,\n").right("A,a,mask hide,,,,,\n").try_compile().unwrap_err();
    assert!(lossy.contains("note"), "{lossy}");
    let long = Set::new().left("a,a,,,,,,\n").right("A,a,text max 10,,,,,\n").try_compile();
    // A field of up to 40 characters does not fit into ten: told when compiled, or refused when it happens.
    if let Ok(program) = long {
        let input = json!({"no": "1", "a": "0123456789x"}).to_string();
        assert!(matches!(
            faults(translate(&program, "left", input.as_bytes(), NOW))[0].1,
            FieldFaultKind::TooLong { max: 10, .. }
        ));
    }
}

#[test]
fn an_item_of_plain_values_without_its_value_leaves_no_comma() {
    let program =
        Set::new().left("v[],items[].x,,,,,,\n").right("L/M[],items[],list,,,,,\nL/M[]/A,items[].x,,,,,,\n").compile();
    let list = |items: &str| to_json(&program, &format!("<L>{items}</L>"));
    assert_eq!(list("<M><A>p</A></M><M/><M><A>q</A></M>"), json!({"no": "1", "v": ["p", "q"]}));
    assert_eq!(list("<M/><M><A>q</A></M><M/>"), json!({"no": "1", "v": ["q"]}));
    assert_eq!(list("<M/>"), json!({"no": "1", "v": []}));
}
