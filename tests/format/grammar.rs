//! What the readers refuse, wherever it stands, and their limits.

use crate::shape::Shape;
use jingyue::domain::fault::Fault;
use jingyue::domain::format::Action;
use jingyue::domain::format::Limits;
use jingyue::domain::format::Scratch;
use jingyue::domain::format::Tree;
use jingyue::domain::format::json;
use jingyue::domain::format::xml;

fn json_tree() -> Tree {
    let mut shape = Shape::new();
    shape.leaf("leaf");
    shape.leaf("object/leaf");
    shape.leaf("nested!json/leaf");
    shape.list("list", &["x"]);
    shape.leaf("skipped");
    let mut tree = shape.tree;
    tree.nodes[0].keys.last_mut().unwrap().action = Action::Skip;
    tree
}

fn read_json(text: &str, limits: &Limits) -> Result<(), Fault> {
    json::read(&json_tree(), 0, text.as_bytes(), &mut Scratch::default(), limits)
}

#[test]
fn json_grammar_holds_in_skipped_values_too() {
    let wrong = [
        "",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "00",
        "-01",
        "nul",
        "truE",
        "tru",
        "NaN",
        "'a'",
        "\"a",
        "\"\t\"",
        "\"\u{1}\"",
        r#""\x""#,
        r#""\u12""#,
        r#""\ud800""#,
        r#""\udc00\ud800""#,
        r#""\ud800\u0041""#,
        "[1,]",
        "[,1]",
        "[1 2]",
        "{,}",
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        "{a:1}",
        r#"{"a":}"#,
        "[",
        "{",
        "]",
        "[1}",
        r#"{"a":1]"#,
        "\u{B}1",
        "//",
        "1//",
        "1 2",
        r#"{"a":1 "b":2}"#,
        "\u{A0}1",
    ];
    for value in wrong {
        for member in ["leaf", "object", "nested", "list", "skipped", "undeclared"] {
            let text = format!("{{\"{member}\":{value}}}");
            assert!(matches!(read_json(&text, &Limits::default()), Err(Fault::Malformed { .. })), "{text}");
        }
    }
}

#[test]
fn json_limits_hold() {
    let deep = |levels: usize| format!("{{\"z\":{}{}}}", "[".repeat(levels), "]".repeat(levels));
    assert!(read_json(&deep(63), &Limits::default()).is_ok());
    let outcome = read_json(&deep(64), &Limits::default());
    assert!(matches!(outcome, Err(Fault::LimitExceeded { limit: 64, .. })));
    let endless = Limits { depth_max: usize::MAX, ..Limits::default() };
    assert!(read_json(&deep(100_000), &endless).is_err());
    let few = Limits { members_max: 3, ..Limits::default() };
    assert!(read_json(r#"{"leaf":1,"list":[{}]}"#, &few).is_ok());
    assert!(read_json(r#"{"leaf":1,"z":[1,2]}"#, &few).is_err());
    assert!(read_json(r#"{"leaf":1,"nested":"{\"a\":1,\"b\":2}"}"#, &few).is_err(), "nested members count too");
    let short = Limits { bytes_max: 10, ..Limits::default() };
    assert!(read_json(r#"{"leaf":1}"#, &short).is_ok());
    assert!(read_json(r#"{"leaf":1} "#, &short).is_err());
    let nested = Limits { depth_max: 2, ..Limits::default() };
    assert!(read_json(r#"{"nested":"{}"}"#, &nested).is_err(), "nested documents count as levels");
}

fn xml_tree() -> Tree {
    let mut shape = Shape::new();
    shape.leaf("R/leaf");
    shape.leaf("R/object/leaf");
    shape.leaf("R/nested!xml/N");
    shape.list("R/list", &["x"]);
    shape.leaf("R/skipped");
    let mut tree = shape.tree;
    tree.nodes[1].keys.last_mut().unwrap().action = Action::Skip;
    tree
}

fn read_xml(text: &str, limits: &Limits) -> Result<(), Fault> {
    xml::read(&xml_tree(), 0, text.as_bytes(), &mut Scratch::default(), limits)
}

#[test]
fn xml_content_must_be_well_formed_in_skipped_elements_too() {
    let wrong = [
        "&",
        "&nbsp;",
        "&#0;",
        "&#xFFFF;",
        "&#x;",
        "&amp",
        "]]>",
        "\u{1}",
        "\u{B}",
        "\u{FFFE}",
        "\u{FFFF}",
        "<",
        "<x>",
        "</x>",
        "<x></y>",
        "<x></x",
        "<x/",
        "<x//>",
        "<1/>",
        "<x a/>",
        "<x a=/>",
        "<x a=1/>",
        "<x a='1/>",
        "<x a='<'/>",
        "<x a='&'/>",
        "<x a='&b;'/>",
        "<x a='\u{1}'/>",
        "<x a='1'b='2'/>",
        "<x a='1' a='2'/>",
        "<x p:a='1'/>",
        "<p:x/>",
        "<x xmlns:p=''/>",
        "<x xmlns:p='u' xmlns:p='u'/>",
        "<x xmlns='u' xmlns='u'/>",
        "<x xmlns:xmlns='u'/>",
        "<x xmlns:xml='u'/>",
        "<x xmlns:p='http://www.w3.org/2000/xmlns/'/>",
        "<xmlns:x/>",
        "<x xmlns:p='u' xmlns:q='u' p:a='1' q:a='2'/>",
        "<a:b:c/>",
        "<:x/>",
        "<x:/>",
        "<x xmlns:p='u'/><p:x/>",
        "<![CDATA[",
        "<![CDATA[]]",
        "<![CDATA[\u{1}]]>",
        "<![cdata[]]>",
        "<!-- -- -->",
        "<!-- --->",
        "<!--",
        "<!-->",
        "<!-- \u{1} -->",
        "<!ELEMENT x>",
        "<?",
        "<?xml version='1.0'?>",
        "<?XML ?>",
        "<?p",
        "<?p:q ?>",
        "<? ?>",
        "<?p\u{1}?>",
        "<x></ x>",
        "< x/>",
        "<x>\u{0}</x>",
        "<x a='1'></x a='1'>",
        "<!DOCTYPE x>",
    ];
    for inside in wrong {
        for element in ["leaf", "object", "nested", "list", "skipped", "undeclared"] {
            let text = format!("<R><{element}>{inside}</{element}></R>");
            assert!(matches!(read_xml(&text, &Limits::default()), Err(Fault::Malformed { .. })), "{text}");
        }
    }
}

#[test]
fn xml_that_is_well_formed() {
    let right = [
        "",
        "a",
        "]]",
        "]>",
        "&lt;&gt;&amp;&quot;&apos;&#10;&#xA;&#x10FFFF;",
        "<x/>",
        "<x />",
        "<x\n></x\t\r\n>",
        "<x a='\"' b=\"'\"/>",
        "<x a = '1'\n b='>'/>",
        "<x xmlns:p='u' p:a='1' a='1'/>",
        "<p:x xmlns:p='u' xmlns:q='v' p:a='' q:a=''/>",
        "<x xml:lang='zh'/>",
        "<x xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<x xmlns=''/>",
        "<姓名/>",
        "<x xmlns:p='u'><p:y><p:z xmlns:p='v'/></p:y></x>",
        "<![CDATA[]]>",
        "<![CDATA[]]]]>",
        "<![CDATA[<&]]>",
        "<!-- - -->",
        "<!---->",
        "<?p?>",
        "<?p <&?>",
        "<?xml-stylesheet x?>",
        "\t\r\n",
        "\u{FFFD}\u{10FFFF}￥\u{85}",
    ];
    for inside in right {
        for element in ["leaf", "object", "list", "skipped", "undeclared"] {
            let text = format!("<R><{element}>{inside}</{element}></R>");
            assert_eq!(read_xml(&text, &Limits::default()), Ok(()), "{text}");
        }
    }
}

#[test]
fn what_may_stand_around_the_root() {
    let declaration = "<?xml version=\"1.0\" encoding='GBK' standalone=\"no\" ?>";
    for text in [
        format!("\u{FEFF}{declaration}\n<!-- c --><?p?><R/>\n<!-- d --><?q?>\n"),
        "<?xml version='1.1'?><R/>".into(),
        "\n<R></R>".into(),
    ] {
        assert_eq!(read_xml(&text, &Limits::default()), Ok(()), "{text}");
    }
    for text in [
        "",
        " ",
        "R",
        "<R/>x",
        "x<R/>",
        "<R/><R/>",
        "<R/>&amp;",
        "<R/><![CDATA[]]>",
        "<!-- c -->",
        "<?xml?><R/>",
        "<?xml version='2.0'?><R/>",
        "<?xml version='1.0' encoding='1'?><R/>",
        "<?xml version='1.0' standalone='maybe'?><R/>",
        "<?xml encoding='GBK'?><R/>",
        "<?xml version='1.0'encoding='GBK'?><R/>",
        " <?xml version='1.0'?><R/>",
        "<R>",
        "<R",
        "</R>",
        "<R></R></R>",
        "<?xml version='1.0'?>",
        "<R/>\u{FEFF}",
    ] {
        assert!(matches!(read_xml(text, &Limits::default()), Err(Fault::Malformed { .. })), "{text}");
    }
}

#[test]
fn a_doctype_is_refused() {
    for (text, offset) in
        [("<!DOCTYPE R><R/>", 0), ("<?xml version='1.0'?>\n<!DOCTYPE R [<!ENTITY a 'b'>]><R>&a;</R>", 22)]
    {
        assert_eq!(read_xml(text, &Limits::default()), Err(Fault::DoctypeRefused { offset }));
    }
    let nested = "<R><nested>&lt;!DOCTYPE N>&lt;N/></nested></R>";
    assert_eq!(read_xml(nested, &Limits::default()), Err(Fault::DoctypeRefused { offset: 0 }));
}

#[test]
fn xml_limits_hold() {
    let deep = |levels: usize| format!("<R>{}{}</R>", "<x>".repeat(levels), "</x>".repeat(levels));
    assert!(read_xml(&deep(63), &Limits::default()).is_ok());
    assert!(matches!(read_xml(&deep(64), &Limits::default()), Err(Fault::LimitExceeded { limit: 64, .. })));
    let endless = Limits { depth_max: usize::MAX, ..Limits::default() };
    assert!(read_xml(&deep(100_000), &endless).is_err());
    let attributes = |count: usize| {
        let all: Vec<_> = (0..count).map(|number| format!("a{number}='1'")).collect();
        format!("<R {}/>", all.join(" "))
    };
    assert!(read_xml(&attributes(32), &Limits::default()).is_ok());
    assert!(matches!(read_xml(&attributes(33), &Limits::default()), Err(Fault::LimitExceeded { limit: 32, .. })));
    let few = Limits { members_max: 3, ..Limits::default() };
    assert!(read_xml("<R><leaf/><x/></R>", &few).is_ok());
    assert!(read_xml("<R><leaf/><x><y/></x></R>", &few).is_err());
    assert!(read_xml("<R><nested><![CDATA[<N><a/></N>]]></nested></R>", &few).is_err());
}
