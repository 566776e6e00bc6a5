//! 荆州公安 `jingzhou-police`: household certificates (ZAGL_SQKJHJZM) in the PACKAGE dialect.
//!
//! It deliberately answers at once, as the samples do; the real one takes hours.

use crate::edge::pretend::check::Kind;
use crate::edge::pretend::check::Member;
use crate::edge::pretend::check::Problem;
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

const SERVICES: &[Service] = &[Service {
    operation: "ZAGL_SQKJHJZM",
    method: "ZAGL_SQKJHJZM",
    record: APPLICATION,
    materials: Some(package::MATERIAL),
    texts: &["ZMSXNR_JYQK", "BZ"],
    numbers: &[],
    rules,
    answer,
    vital: "ZMBH",
    coded: ("CLGS", "ZZZ"),
}];

const APPLICATION: &[Member] = &[
    must("YWXTBH", Kind::Text(50)),
    must("YWLSH", Kind::Text(50)),
    must("XM", Kind::Text(30)),
    must("GMSFHM", Kind::Citizen),
    must("HJDZ_SSXQDM", Kind::Division),
    must("HJDZ_QHNXXDZ", Kind::Text(200)),
    must("LXDH", Kind::Phone),
    must("JMSFZLZFSDM", Kind::Code(&["0", "1", "2", "3", "4"])),
    may("SJR_XM", Kind::Text(30)),
    may("SJR_LXDH", Kind::Phone),
    may("SJR_YZBM", Kind::Digits(6, 6)),
    may("SJR_TXDZ", Kind::Text(200)),
    must("HJZMLXDM", Kind::Code(&["01", "02", "03", "04", "05", "06", "99"])),
    must("ZMSXNR_JYQK", Kind::Text(500)),
    may("BZ", Kind::Text(500)),
    must("SLDW_GAJGJGDM", Kind::Digits(12, 12)),
    must("SLDW_GAJGMC", Kind::Text(100)),
    must("SLR_XM", Kind::Text(30)),
    must("SLSJ", Kind::Moment14),
    must("XTYW_QYFWDM", Kind::Code(&["1", "2", "3"])),
];

/// Answers a request.
pub fn turn(request: &Request, world: &World) -> Turn {
    package::turn(request, world, SERVICES)
}

fn rules(case: &Case<'_>, problems: &mut Vec<Problem>) {
    if case.record.text_at("YWXTBH") != case.number {
        problems.push((Trouble::Form, "RECORD[1]/YWXTBH".to_owned()));
    }
    if case.record.text_at("JMSFZLZFSDM") == "2" {
        for name in ["SJR_XM", "SJR_LXDH", "SJR_TXDZ"] {
            if case.record.text_at(name).is_empty() {
                problems.push((Trouble::Missing, format!("RECORD[1]/{name}")));
            }
        }
    }
    package::material_rules(case.materials, problems);
}

/// The officer signed twelve seconds before the answer is sent.
#[expect(clippy::unnecessary_wraps, reason = "the type that Service::answer asks for")]
fn answer(case: &Case<'_>, world: &World) -> Result<Element, ErrorRow> {
    let signed = times::beijing(world.now().saturating_sub(12_000));
    let office = register::police_office(case.record.text_at("HJDZ_SSXQDM"));
    if case.refuse || office.is_none() {
        let reason = if case.refuse {
            "申请事项可凭户口簿直接证明，不再另行开具"
        } else {
            "户籍地不属本市管辖"
        };
        return Ok(Element::leaves(
            "RECORD",
            &[
                ("BYCJHJZMYYDM", "99"),
                ("BYCJHJZMYY_JYQK", reason),
                ("BLDW_GAJGMC", office.unwrap_or("荆州市公安局")),
                ("BLSJ", &times::moment14(signed)),
            ],
        ));
    }
    let (digest, content) = register::DOCUMENT;
    Ok(Element::leaves(
        "RECORD",
        &[
            ("ZMBH", &register::certificate(signed.year(), case.number)),
            ("KJRQ", &times::date8(signed)),
            ("KJDW_GAJGMC", office.unwrap_or_default()),
            ("CLGS", "PDF"),
            ("CLZY", digest),
            ("CLNR", content),
        ],
    ))
}
