//! Values of another kind than declared, blank ones, and rules for single fields: nothing is lost or passed on in
//! silence.

use crate::support::Example;
use crate::support::NOW;
use crate::tiny::Set;
use crate::tiny::faults;
use crate::tiny::translate;
use jingyue::domain::fault::Fault;
use jingyue::domain::fault::FieldFaultKind;
use jingyue::domain::mapping::Program;
use serde_json::Value;
use serde_json::json;

const LIST: &str = "列表";
const OBJECT: &str = "对象（含下级字段）";

fn wrong(path: &str, expected: &str) -> (String, FieldFaultKind) {
    (path.to_owned(), FieldFaultKind::WrongForm { expected: expected.to_owned() })
}

/// An object with a required member, and an optional list of objects in which lies another list.
fn set() -> Program {
    Set::new()
        .left("o.a,a,,required,,,,\nitems[],items[],list,,,,,\nitems[].p.x,items[].x,,,,,,\n")
        .right("O/A,a,,required,,,,\nL/M[],items[],list,,,,,\nL/M[]/P/X,items[].x,,,,,,\n")
        .compile()
}

fn told(program: &Program, from: &str, input: &str) -> Vec<(String, FieldFaultKind)> {
    faults(translate(program, from, input.as_bytes(), NOW))
}

#[test]
fn what_is_no_list_or_no_object_is_told_as_that() {
    let program = set();
    let with = |key: &str, value: Value| {
        let mut input = json!({"no": "1", "o": {"a": "x"}, "items": [{"p": {"x": "1"}}]});
        input[key] = value;
        input.to_string()
    };
    assert!(translate(&program, "left", with("no", json!("1")).as_bytes(), NOW).is_ok());
    for value in [json!({"p": {"x": "1"}}), json!({}), json!("x"), json!(""), json!(0), json!(false)] {
        assert_eq!(told(&program, "left", &with("items", value)), [wrong("items", LIST)]);
    }
    for value in [json!([{"a": "x"}]), json!([]), json!("x"), json!(1)] {
        // The member inside is not said to be missing: nobody looked for it.
        assert_eq!(told(&program, "left", &with("o", value)), [wrong("o", OBJECT)]);
    }
    for value in [json!("x"), json!([]), json!(7)] {
        let items = json!([{"p": {"x": "1"}}, value]);
        assert_eq!(told(&program, "left", &with("items", items)), [wrong("items[1]", OBJECT)]);
        let items = json!([{"p": {"x": "1"}}, {}, {"p": value}]);
        assert_eq!(told(&program, "left", &with("items", items)), [wrong("items[2].p", OBJECT)]);
    }
    // Nothing and null are absence, as ever.
    for value in [json!(null), json!([])] {
        assert!(translate(&program, "left", with("items", value).as_bytes(), NOW).is_ok());
    }
    let missing = [("o.a".to_owned(), FieldFaultKind::Missing)];
    assert_eq!(told(&program, "left", &with("o", json!(null))), missing);
    assert_eq!(told(&program, "left", &with("o", json!({}))), missing);
}

#[test]
fn text_in_the_place_of_elements_is_told_as_that() {
    let program = set();
    let with = |inside: &str| format!("<R><NO>1</NO>{inside}</R>");
    let list = "<L>\n <M><P><X>1</X></P></M>\n</L>";
    assert!(translate(&program, "right", with(&format!("<O><A>x</A></O>{list}")).as_bytes(), NOW).is_ok());
    assert_eq!(told(&program, "right", &with(&format!("<O>x</O>{list}"))), [wrong("R/O", OBJECT)]);
    assert_eq!(told(&program, "right", &with("<O><A>x</A></O><L>x</L>")), [wrong("R/L", OBJECT)]);
    assert_eq!(told(&program, "right", &with("<O><A>x</A></O><L><![CDATA[x]]></L>")), [wrong("R/L", OBJECT)]);
    let items = "<L><M><P><X>1</X></P></M><M>x</M><M><P>y<X>1</X></P></M></L>";
    let found = told(&program, "right", &with(&format!("<O><A>x</A></O>{items}")));
    assert_eq!(found, [wrong("R/L/M[1]", OBJECT), wrong("R/L/M[2]/P", OBJECT)]);
    // Blanks, comments and what nobody declared are no text.
    let quiet = "<O> <!-- x --> <A>x</A><![CDATA[ ]]></O><Z>text</Z>";
    assert!(translate(&program, "right", with(quiet).as_bytes(), NOW).is_ok());
}

#[test]
fn what_occurs_twice_is_told_with_its_path() {
    let program = set();
    let twice = |path: &str| (path.to_owned(), FieldFaultKind::Duplicate);
    let input = r#"{"no":"1","o":{},"o":{"a":"x"},"items":[{"p":{"x":"1"}},{"p":{"x":"1","x":"2"}}]}"#;
    assert_eq!(told(&program, "left", input), [twice("o"), twice("items[1].p.x")]);
    let input = "<R><NO>1</NO><O><A>x</A></O><L><M><P/><P/></M></L><L/></R>";
    assert_eq!(told(&program, "right", input), [twice("R/L/M[0]/P"), twice("R/L")]);
}

#[test]
fn blank_text_is_no_text() {
    let program = Set::new()
        .edit("rules.csv", "rule,note\n", "rule,note\nT1,main,request,required b if a = x,x\n")
        .left("a,a,,required,,,,\nb,b,,,,,,\n")
        .right("A,a,,,,,,\nB,b,name,,,,,\n")
        .compile();
    for blank in ["", " ", "  ", "\u{3000}", "\t\u{3000}\n", "\\u3000", "\u{a0}"] {
        let input = format!(r#"{{"no":"1","a":"{blank}"}}"#).replace(['\t', '\n'], " ");
        assert_eq!(told(&program, "left", &input), [("a".to_owned(), FieldFaultKind::Missing)], "{input}");
        let input = format!("<R><NO>1</NO><A>{}</A></R>", blank.replace("\\u3000", "&#x3000;"));
        assert_eq!(
            told(&program, "right", &input),
            [("a".to_owned(), FieldFaultKind::Missing)].map(|_| ("R/A".to_owned(), FieldFaultKind::Missing)),
            "{input}"
        );
        let input = format!(r#"{{"no":"1","a":"x","b":"{blank}"}}"#).replace(['\t', '\n'], " ");
        assert_eq!(told(&program, "left", &input), [("b".to_owned(), FieldFaultKind::Missing)], "{input}");
    }
    let spaced = translate(&program, "left", r#"{"no":"1","a":" y ","b":"　甲　"}"#.as_bytes(), NOW).unwrap();
    assert_eq!(String::from_utf8(spaced.bytes).unwrap(), "<R><NO>1</NO><A> y </A><B>甲</B></R>");
}

/// Every list and every object of every JSON sample, as something else.
#[test]
fn no_list_and_no_object_of_a_sample_may_be_another_kind() {
    fn places(value: &Value, at: &str, found: &mut Vec<(String, bool)>) {
        match value {
            Value::Array(items) => {
                found.push((at.to_owned(), true));
                items.iter().enumerate().for_each(|(number, item)| places(item, &format!("{at}/{number}"), found));
            }
            Value::Object(members) => {
                found.push((at.to_owned(), false));
                members.iter().for_each(|(name, member)| places(member, &format!("{at}/{name}"), found));
            }
            _ => {}
        }
    }
    let mut cases = 0;
    for example in Example::all() {
        let Ok(sample) = serde_json::from_slice::<Value>(&Example::file(&example.input)) else { continue };
        let mut found = Vec::new();
        places(&sample, "", &mut found);
        for (at, is_list) in found.into_iter().filter(|(at, _)| !at.is_empty()) {
            let other = if is_list { json!({"a": []}) } else { json!([{}]) };
            for value in [json!("x"), json!(""), json!(7), json!(true), other] {
                let mut input = sample.clone();
                *input.pointer_mut(&at).unwrap() = value;
                let told = example.translate(input.to_string().as_bytes());
                assert!(told.is_err(), "{}: {at} as {}", example.input, input.pointer(&at).unwrap());
                cases += 1;
            }
        }
    }
    assert!(cases > 200, "{cases}");
}

/// The rent withdrawal of the samples with one place changed.
fn withdrawal(pointer: &str, value: Value) -> Result<Vec<u8>, Fault> {
    let example = Example::load("02-request");
    let mut input: Value = serde_json::from_slice(&Example::file(&example.input)).unwrap();
    *input.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value;
    example.translate(input.to_string().as_bytes())
}

#[track_caller]
fn refused(pointer: &str, value: Value) -> (String, FieldFaultKind) {
    match withdrawal(pointer, value) {
        Err(Fault::Fields { mut faults, more: 0 }) if faults.len() == 1 => {
            let fault = faults.remove(0);
            (fault.path, fault.what)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_withdrawal_names_a_person_and_an_amount() {
    let number = "/data/applicant/certNo";
    for value in ["1", "430602199003079988", "４３０６０２１９９００３０７９９８９", "null", "43060219900307998"]
    {
        let (path, what) = refused(number, json!(value));
        assert_eq!(path, "data.applicant.certNo", "{value}");
        assert!(matches!(what, FieldFaultKind::BadIdentifier { kind: "公民身份号码", .. }), "{value}: {what:?}");
    }
    assert_eq!(refused("/data/applicant/applicantName", json!("\u{3000}")).1, FieldFaultKind::Missing);
    for value in ["0.00", "-8400.00"] {
        let (path, what) = refused("/data/withdrawAmount", json!(value));
        assert_eq!(path, "data.withdrawAmount");
        let FieldFaultKind::RuleBroken { rule } = what else { panic!("{what:?}") };
        assert!(rule.contains("大于 0") && rule.contains("data.withdrawAmount"), "{rule}");
    }
    assert_eq!(refused("/data/materials", json!({"materialCode": "x"})), wrong("data.materials", LIST));
}

#[test]
fn a_division_that_nobody_knows_is_told_once_and_at_its_place() {
    let (path, what) = refused("/data/lease/houseAddr/county", json!("421099"));
    assert_eq!(path, "data.lease.houseAddr.county");
    assert!(matches!(&what, FieldFaultKind::NoCounterpart { code, .. } if code == "421099"), "{what:?}");
}

#[test]
fn another_document_has_a_number_of_its_own() {
    let example = Example::load("02-request");
    let mut input: Value = serde_json::from_slice(&Example::file(&example.input)).unwrap();
    input["data"]["applicant"]["certType"] = json!("70");
    input["data"]["applicant"]["certNo"] = json!("E00000001");
    assert!(example.translate(input.to_string().as_bytes()).is_ok(), "a passport");
}

#[test]
fn an_answer_to_another_case_is_no_answer() {
    let example = Example::load("02-answer");
    let answer = String::from_utf8(Example::file(&example.input)).unwrap();
    assert!(example.translate(answer.as_bytes()).is_ok());
    let number = answer.split("<YWXTBH>").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let other = answer.replace(number, "YJ20261123430602000002S");
    let fault = example.translate(other.as_bytes()).unwrap_err();
    assert_eq!(fault, Fault::AnswerUnreadable { reason: "answer to another request" });
    // Without the number nothing speaks against it.
    let without = answer.replace(&format!("<YWXTBH>{number}</YWXTBH>"), "");
    assert!(example.translate(without.as_bytes()).is_ok());
}
