//! 荆州专窗 `jingzhou-window`: withdrawals (KSTB_SQ) and queries (KSTB_CX) in the PACKAGE dialect.
//!
//! It deliberately decides nothing about the person: an application that is right in form is accepted.

use crate::edge::pretend::check;
use crate::edge::pretend::check::Kind;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
use crate::edge::pretend::check::Shape;
use crate::edge::pretend::check::Trouble;
use crate::edge::pretend::check::may;
use crate::edge::pretend::check::must;
use crate::edge::pretend::element::Element;
use crate::edge::pretend::package;
use crate::edge::pretend::package::Case;
use crate::edge::pretend::package::Service;
use crate::edge::pretend::register;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::times;
use crate::edge::pretend::world::Request;
use crate::edge::pretend::world::Turn;
use crate::edge::pretend::world::World;

/// Document types of GA/T 517 that this city takes.
pub const DOCUMENTS: &[&str] = &["111", "112", "113", "114", "115", "118", "414", "511", "516", "553", "990"];

const REASONS: &[&str] = &[
    "001", "002", "003", "004", "005", "006", "007", "008", "009", "010", "011", "013", "015", "021", "022", "023",
    "024", "025", "026", "030", "101", "102", "103", "104", "105", "106", "107", "108",
];

const BANKS: &[&str] = &[
    "102", "103", "104", "105", "301", "302", "303", "304", "305", "306", "308", "309", "310", "313", "314", "316",
    "318", "402", "403",
];

const SERVICES: &[Service] = &[
    Service {
        operation: "KSTB_SQ",
        method: "KSTB_GJJTQ",
        record: WITHDRAWAL,
        materials: None,
        texts: &["BZ"],
        numbers: &["TQJE"],
        rules: withdrawal_rules,
        answer: withdrawal,
        vital: "SLZTDM",
        coded: ("SLZTDM", "7"),
    },
    Service {
        operation: "KSTB_CX",
        method: "KSTB_YYZZCX",
        record: LICENCE_QUERY,
        materials: None,
        texts: &["CXYT"],
        numbers: &[],
        rules: licence_rules,
        answer: licence,
        vital: "TYSHXYDM",
        coded: ("JYZT", "状态不明"),
    },
];

const WITHDRAWAL: &[Member] = &[
    must("SXBM", Kind::Matter),
    must("YWLSH", Kind::Text(50)),
    must("SQSJ", Kind::Moment14),
    must("SLD_XZQHDM", Kind::Division),
    must("BLD_XZQHDM", Kind::Division),
    must("XM", Kind::Text(30)),
    must("ZJLX", Kind::Code(DOCUMENTS)),
    must("ZJHM", Kind::Text(30)),
    may("XBDM", Kind::Code(&["0", "1", "2", "9"])),
    may("MZDM", Kind::Digits(2, 2)),
    must("LXDH", Kind::Phone),
    may("HYZKDM", Kind::Code(&["10", "20", "30", "40", "90"])),
    may("POXM", Kind::Text(30)),
    may("POZJLX", Kind::Code(DOCUMENTS)),
    may("POZJHM", Kind::Text(30)),
    must("GRZH", Kind::Digits(6, 20)),
    must("TQYY", Kind::Code(REASONS)),
    must("TQFS", Kind::Code(&["1", "2", "9"])),
    must("TQJE", Kind::Fen),
    must("SFXH", Kind::Code(&["0", "1"])),
    may("ZLBAH", Kind::Text(40)),
    may("ZLQSNY", Kind::Month6),
    may("ZLJZNY", Kind::Month6),
    may("YZJ", Kind::Fen),
    may("FWZL_SSXQDM", Kind::Division),
    may("FWZL_QHNXXDZ", Kind::Text(200)),
    may("ZYZFTS", Kind::Digits(1, 2)),
    may("YHZH", Kind::Digits(8, 32)),
    may("YHDM", Kind::Code(BANKS)),
    may("KHYH", Kind::Text(100)),
    Member {
        name: "CLLB",
        required: false,
        shape: Shape::Group(&[Member { name: "CL", required: true, shape: Shape::Each(package::MATERIAL) }]),
    },
    may("BZ", Kind::Text(500)),
];

const LICENCE_QUERY: &[Member] = &[
    must("SXBM", Kind::Exactly("SC014")),
    may("TYSHXYDM", Kind::Credit),
    may("DWMC", Kind::Text(100)),
    must("CXYT", Kind::Text(200)),
    must("SQBH", Kind::Text(40)),
];

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    package::turn(request, world, SERVICES)
}

fn withdrawal_rules(case: &Case<'_>, problems: &mut Vec<Problem>) {
    let text = |name: &str| case.record.text_at(name);
    for (kind, number) in [("ZJLX", "ZJHM"), ("POZJLX", "POZJHM")] {
        if text(kind) == "111" && !check::citizen(text(number)) {
            problems.push((Trouble::Form, format!("RECORD[1]/{number}")));
        }
    }
    let mut needed = Vec::new();
    if text("TQYY") == "006" {
        needed.extend(["ZLQSNY", "ZLJZNY", "YZJ", "FWZL_SSXQDM", "FWZL_QHNXXDZ"]);
    }
    if text("TQFS") == "2" {
        needed.extend(["YHZH", "YHDM", "KHYH"]);
    }
    if !text("POXM").is_empty() {
        needed.extend(["POZJLX", "POZJHM"]);
    }
    for name in needed {
        if text(name).is_empty() {
            problems.push((Trouble::Missing, format!("RECORD[1]/{name}")));
        }
    }
    if text("ZLQSNY") > text("ZLJZNY") {
        problems.push((Trouble::Form, "RECORD[1]/ZLJZNY".to_owned()));
    }
    if let Some(list) = case.record.child("CLLB") {
        package::material_rules(&list.children, problems);
    }
}

/// The acceptance was a second before the answer is sent.
#[expect(clippy::unnecessary_wraps, reason = "the type that Service::answer asks for")]
fn withdrawal(case: &Case<'_>, world: &World) -> Result<Element, ErrorRow> {
    if case.refuse {
        return Ok(Element::leaves("RECORD", &[("SLZTDM", "2"), ("BSLYY", "个人账户状态为冻结（06），不能提取")]));
    }
    let accepted = times::beijing(world.now().saturating_sub(1000));
    let password = (482_912 + register::serial(case.number)) % 1_000_000;
    Ok(Element::leaves(
        "RECORD",
        &[
            ("BJBH", &register::remote_case("421000", &times::date8(accepted), case.number)),
            ("SLZTDM", "1"),
            ("SLSJ", &times::moment14(accepted)),
            ("CNBJR", "3"),
            ("CXMM", &format!("{password:06}")),
            ("SLDW", "荆州住房公积金中心"),
        ],
    ))
}

fn licence_rules(case: &Case<'_>, problems: &mut Vec<Problem>) {
    if case.record.text_at("TYSHXYDM").is_empty() && case.record.text_at("DWMC").is_empty() {
        problems.push((Trouble::Missing, "RECORD[1]/TYSHXYDM".to_owned()));
    }
}

fn licence(case: &Case<'_>, _: &World) -> Result<Element, ErrorRow> {
    let found = register::enterprise(case.record.text_at("TYSHXYDM"), case.record.text_at("DWMC"));
    let Some(one) = found.filter(|_| !case.refuse) else {
        return Err(register::NOT_FOUND);
    };
    let day = |date: jiff::civil::Date| date.strftime("%Y%m%d").to_string();
    let shareholders = one
        .shareholders
        .iter()
        .map(|(name, person, fen, ratio)| {
            Element::leaves(
                "GD",
                &[
                    ("GDMC", name),
                    ("GDLX", if *person { "1" } else { "2" }),
                    ("RJCZE", &fen.to_string()),
                    ("CZBL", &register::fraction(*ratio)),
                ],
            )
        })
        .collect();
    let mut record = Element::leaves(
        "RECORD",
        &[
            ("TYSHXYDM", one.credit),
            ("DWMC", one.name),
            ("DWLX", one.kind),
            ("JJLXDM", one.economic),
            ("FDDBR", one.legal_person),
            ("ZCZB", &one.capital_fen.to_string()),
            ("ZCZBBZ", "CNY"),
            ("CLRQ", &day(one.established)),
            ("YYQXQ", &day(one.established)),
            ("YYQXZ", &one.until.map_or_else(|| "99991231".to_owned(), day)),
            ("JYZT", one.status.1),
            ("DJJG", one.office),
            ("ZS", &[one.division_names, one.street, one.detail].concat()),
            ("JYFW", one.scope),
        ],
    );
    record.children.push(Element::branch("GDXX", shareholders));
    record.children.push(Element::leaf("ZZBS", one.licence));
    Ok(record)
}
