//! The committed files, and what is wrong with spoilt ones.

use super::*;

/// The committed files by their paths.
const COMMITTED: [(&str, &str); 6] = [
    ("licence/catalogue.toml", include_str!("../../../mappings/licence/catalogue.toml")),
    ("licence/dialects/guangdong.toml", include_str!("../../../mappings/licence/dialects/guangdong.toml")),
    ("licence/dialects/hubei.toml", include_str!("../../../mappings/licence/dialects/hubei.toml")),
    ("licence/dialects/hunan.toml", include_str!("../../../mappings/licence/dialects/hunan.toml")),
    ("licence/dialects/sharing.toml", include_str!("../../../mappings/licence/dialects/sharing.toml")),
    ("licence/equivalence.toml", include_str!("../../../mappings/licence/equivalence.toml")),
];

fn files() -> Files {
    Files(COMMITTED.map(|(path, text)| (path.to_owned(), text.to_owned())).into())
}

fn committed() -> Recognition {
    Recognition::compile(&files())
        .unwrap_or_else(|faults| panic!("{}", faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
}

fn day() -> Date {
    Date::new(2026, 11, 23).unwrap()
}

const MARRIAGE: &str = "111000000000131433001";

fn facts(pairs: &[(&str, &str)]) -> Facts {
    Facts(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}

/// Composed persons.
fn marriage() -> Facts {
    facts(&[
        ("ZZMC", "结婚证"),
        ("ZZLXDM", MARRIAGE),
        ("ZZBH", "J430602-2020-000123"),
        ("CZZT", "刘样本"),
        ("CZZT", "王样本"),
        ("CZZTDMLXDM", "111"),
        ("ZZBFRQ", "2020年5月20日"),
        ("ZZYXQJZRQ", "长期"),
        ("ZZZT", "VALID"),
        ("KZ_DJRQ", "1589904000000"),
        ("ZZQZR", "某人"),
    ])
}

#[test]
fn a_marriage_certificate_in_the_other_sides_words() {
    let recognition = committed();
    let from = Side { province: "hunan", dialect: NATIONAL };
    let translated = recognition.translate(&marriage(), from, Side::own("hubei"), day()).unwrap();
    let expected = facts(&[
        ("certificate_type_code", MARRIAGE),
        ("certificate_name", "结婚证"),
        ("certificate_number", "J430602-2020-000123"),
        ("certificate_holder_name", "刘样本,王样本"),
        ("certificate_holder_type", "111"),
        ("certificate_issued_date", "20200520"),
        ("certificate_validate_end", "长期"),
        ("status", "1"),
        ("kz_registration_date", "20200520"),
    ]);
    assert_eq!(translated.facts.0, expected.0);
    assert_eq!(translated.state, Some(State::Valid));
    assert_eq!(translated.dropped, ["ZZQZR"]);
    assert_eq!(translated.qualifiers, ["须经发证方当场确认"]);
    // And back: the holders are a list again.
    let back = recognition.translate(&translated.facts, Side::own("hubei"), Side::own("hunan"), day()).unwrap();
    assert_eq!(back.facts.all("CZZT").collect::<Vec<_>>(), ["刘样本", "王样本"]);
    assert_eq!(back.facts.get("ZZBFRQ"), Some("2020-05-20"));
    assert_eq!(back.facts.get("ZZZT"), Some("01"));
}

#[test]
fn types_fields_and_states_that_differ() {
    let recognition = committed();
    let lease = |state: &str| facts(&[("ZZLXDM", "11430000MY0000012N001"), ("KZ_BAH", "A1"), ("ZZZT", state)]);
    let there = recognition.translate(&lease("01"), Side::own("hunan"), Side::own("hubei"), day()).unwrap();
    assert_eq!(there.kind, "11420000MY0000012J001");
    assert_eq!(there.facts.get("kz_contract_record"), Some("A1"));
    assert_eq!(there.facts.get("certificate_name"), Some("房屋租赁合同备案证明"));
    let business = facts(&[("ZZLXDM", "11100000MB0143028R001"), ("ZZZT", "06")]);
    let there = recognition.translate(&business, Side::own("hunan"), Side::own("hubei"), day()).unwrap();
    assert_eq!((there.state, there.facts.get("status")), (Some(State::Cancelled), Some("4")));
    // Within a province only the words change.
    let sharing = Side { province: "hunan", dialect: "sharing" };
    let there = recognition.translate(&lease("05"), Side::own("hunan"), sharing, day()).unwrap();
    assert_eq!(there.facts.get("certState"), Some("-4"));
    assert_eq!(recognition.dialect("sharing").unwrap().state("-8"), Some(State::Cancelled));
    assert_eq!(recognition.dialect("sharing").unwrap().error_code("SRC.NOT_FOUND"), Some("10"));
    assert_eq!(recognition.dialect("guangdong").unwrap().kind("GD-MZ-0001"), Some(MARRIAGE));
}

#[test]
fn what_has_no_counterpart_is_refused_by_name() {
    let recognition = committed();
    let told = |facts: &[(&str, &str)], to: Side<'_>, day: Date| -> Vec<String> {
        let faults = recognition.translate(&self::facts(facts), Side::own("hunan"), to, day).unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    };
    let hubei = Side::own("hubei");
    let type_ = |code| ("ZZLXDM", code);
    let none = "证照类型“11100000000013338W087”（hunan）在 hubei 没有对应";
    assert_eq!(told(&[type_("11100000000013338W087")], hubei, day()), [none]);
    let repealed = told(&[type_("11100000000013338W001")], hubei, Date::new(2026, 3, 1).unwrap());
    assert_eq!(repealed.len(), 1, "a repealed equivalence does not hold on any day");
    assert_eq!(told(&[type_(MARRIAGE)], hubei, Date::new(2025, 12, 31).unwrap()).len(), 1, "before its first day");
    let all = told(&[type_(MARRIAGE), ("ZZZT", "06"), ("ZZBFRQ", "昨天"), ("CZZTDMLXDM", "777")], hubei, day());
    assert_eq!(
        all,
        [
            "日期写法“ZZBFRQ”（hunan）在 hubei 没有对应",
            "持证主体代码类型“777”（hunan）在 hubei 没有对应",
            "证照状态“TRANSFERRED”（hunan）在 hubei 没有对应",
        ]
    );
    assert_eq!(told(&[], hubei, day()), ["字段名称“ZZLXDM”（hunan）在 hubei 没有对应"]);
    let unknown = Side { province: "hubei", dialect: "klingon" };
    assert_eq!(told(&[type_(MARRIAGE)], unknown, day()), ["方言“klingon”（hunan）在 hubei 没有对应"]);
}

#[test]
fn types_of_a_side_have_codes() {
    let recognition = committed();
    assert!(recognition.types("hunan").all(|kind| kind.code.is_some()));
    let of = |side| recognition.types(side).map(|kind| kind.name.as_str()).collect::<Vec<_>>();
    assert!(of("hunan").contains(&"住房租赁登记备案证明") && !of("hubei").contains(&"住房租赁登记备案证明"));
    assert!(recognition.catalogue().iter().any(|kind| kind.code.is_none() && kind.name == "残疾人证"));
    assert_eq!(recognition.holder_type("111"), Some("公民身份号码"));
}

/// Every fault of a spoilt file is told at once, where it stands.
#[test]
fn faults_are_told_with_their_place() {
    for (file, from, to, expected) in [
        ("catalogue", "\"11100000000013127D001\"", "\"11100000000013127D01\"", "M201"),
        ("catalogue", "kind = \"date\"", "kind = \"moment\"", "M200"),
        ("catalogue", "source = \"自拟\"", "source = \"\"", "M206"),
        ("equivalence", "status = \"REPEALED\"", "status = \"GONE\"", "M200"),
        ("equivalence", "from = \"2026-01-01\"", "from = \"2026-13-01\"", "M200"),
        ("equivalence", "right = \"hubei\"", "right = \"hube\"", "M203"),
        ("equivalence", "left = \"11100000MB0143028R001\"", "left = \"111000000000131433001\"", "M208"),
        ("equivalence", "until = \"2026-06-30\"", "until = \"2025-06-30\"", "M207"),
        ("dialects/hubei", "name = \"hubei\"", "name = \"hunan\"", "M205"),
        ("dialects/hubei", "code = \"2\"", "code = \"1\"", "M204"),
        ("dialects/hubei", "as = \"certificate_name\"", "as = \"certificate_number\"", "M202"),
        ("dialects/hubei", "means = \"VALID\"", "means = \"VALD\"", "M203"),
        ("dialects/hubei", "confirmed = false", "confirm = false", "M107"),
    ] {
        let mut files = files();
        let path = format!("licence/{file}.toml");
        let text = files.0.get_mut(&path).unwrap();
        assert!(text.contains(from), "{file}: {from}");
        *text = text.replacen(from, to, 1);
        let faults = Recognition::compile(&files).unwrap_err();
        let told: Vec<String> = faults.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|one| one.starts_with(&path) && one.contains(expected)), "{file} {to}: {told:#?}");
    }
}

#[test]
fn no_files_are_an_empty_set() {
    let empty = Recognition::compile(&Files::default()).unwrap();
    assert_eq!((empty.catalogue().len(), empty.dialects().count()), (0, 0));
    let mut one = Files::default();
    one.0.insert("licence/dialects/hunan.toml".to_owned(), String::new());
    assert!(Recognition::compile(&one).unwrap_err().iter().any(|fault| fault.number == 108));
}
