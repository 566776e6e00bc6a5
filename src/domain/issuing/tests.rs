//! What is issued: its identifier, its bytes, its picture.

use super::*;

fn draft() -> Draft {
    Draft {
        name: "安全生产管理人员考核合格证书".to_owned(),
        kind: "11100000000013338W011".to_owned(),
        authority: "样例厅".to_owned(),
        authority_code: "11430000MY0000012N".to_owned(),
        serial: "20230000403".to_owned(),
        version: 1,
        entries: vec![Entry {
            name: "ZZBH".to_owned(), title: "证照编号".to_owned(), value: "<1>&\"2\"".to_owned()
        }],
        remark: String::new(),
    }
}

#[test]
fn identifiers_have_their_check_character() {
    // A real identifier on public display, taken apart.
    let real = Draft { authority_code: "11430000006122244L".to_owned(), ..draft() };
    let expected = "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U";
    assert_eq!(real.identifier().unwrap(), expected);
    let wrong = |draft: Draft| draft.identifier().unwrap_err();
    assert_eq!(wrong(Draft { serial: "a-1".to_owned(), ..draft() }), IssueFault::Field("serial".to_owned()));
    assert_eq!(wrong(Draft { version: 1000, ..draft() }), IssueFault::Field("version".to_owned()));
    assert_eq!(wrong(Draft { kind: "1".to_owned(), ..draft() }), IssueFault::Field("ZZLXDM".to_owned()));
    assert_eq!(wrong(Draft { authority_code: "x".repeat(18), ..draft() }), IssueFault::Field("ZZBFJGDM".to_owned()));
}

#[test]
fn values_are_bounded_and_escaped() {
    let text = String::from_utf8(page::entry(&draft().metadata().unwrap(), "20240315020000Z")).unwrap();
    assert!(text.contains("<ofd:CustomData Name=\"ZZBH\">&lt;1&gt;&amp;&quot;2&quot;</ofd:CustomData>"), "{text}");
    assert!(text.contains("<ofd:CreationDate>2024-03-15</ofd:CreationDate>"));
    for value in ["", "a\u{0}b", &"长".repeat(342)] {
        let mut bad = draft();
        value.clone_into(&mut bad.entries[0].value);
        assert_eq!(bad.metadata(), Err(IssueFault::Field("ZZBH".to_owned())));
    }
    let mut many = draft();
    many.entries = vec![many.entries[0].clone(); 60];
    assert_eq!(many.metadata(), Err(IssueFault::TooLarge));
}

#[test]
fn the_picture_is_a_png_of_its_size() {
    let picture = seal_picture("43060000009991");
    assert!(picture.starts_with(b"\x89PNG\r\n\x1a\n") && picture.len() < 32 << 10, "{}", picture.len());
    assert_eq!(picture[16..24], [0, 0, 1, 0x90, 0, 0, 1, 0x90]);
    assert_eq!(picture, seal_picture("43060000009991"));
    assert_ne!(picture, seal_picture("43060000009992"));
}

#[test]
fn containers_do_not_depend_on_the_time() {
    let members = || [Member::packed("OFD.xml", b"<a/>".repeat(100)), Member::stored("b", vec![1, 2, 3])];
    assert_eq!(package::pack(&members()), package::pack(&members()));
}
