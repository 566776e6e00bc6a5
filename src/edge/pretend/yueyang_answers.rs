//! The `data` of the pretend Yueyang's answers, from the made-up registers.
//!
//! It deliberately computes amounts in whole fen and rates in hundredths of a percent, never in floating point.

use crate::edge::pretend::json::Json;
use crate::edge::pretend::register;
use crate::edge::pretend::register::Account;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::times;
use jiff::civil::Date;

/// The accounts of a person. Frozen (06) is 01 and a flag here.
pub fn accounts(data: &Json, refuse: bool, _: i64) -> Result<Json, ErrorRow> {
    let name = data.text_at("applicantName");
    let found = register::accounts(name, data.text_at("certNo"), data.text_at("gjjAccountNo"));
    if found.is_empty() || refuse {
        return Err(register::NOT_FOUND);
    }
    let total = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok(Json::object([
        ("applicantName", Json::text(name)),
        ("total", Json::whole(total)),
        ("accounts", Json::List(found.into_iter().map(account).collect())),
    ]))
}

fn account(account: &Account) -> Json {
    let frozen = account.status == "06";
    let (rate, month) = (hundredths(account.rate), hundredths(account.month_fen));
    Json::object([
        ("gjjAccountNo", Json::text(account.number)),
        ("entName", Json::text(account.unit)),
        ("accountStatus", Json::text(if frozen { "01" } else { account.status })),
        ("frozen", Json::Bool(frozen)),
        ("depositBase", Json::Text(hundredths(account.base_fen))),
        ("unitRate", Json::text(&rate)),
        ("personRate", Json::Text(rate)),
        ("unitMonthAmount", Json::text(&month)),
        ("personMonthAmount", Json::Text(month)),
        ("balance", Json::Text(hundredths(account.balance_fen))),
        ("paidTo", Json::Text(account.paid_to.strftime("%Y-%m").to_string())),
        ("openDate", Json::Text(times::date10(account.opened))),
    ])
}

/// An application for withdrawal: accepted at the next full second, promised within three working days.
pub fn withdrawal(data: &Json, refuse: bool, now: i64) -> Result<Json, ErrorRow> {
    let case = data.text_at("caseNo");
    if refuse {
        return Ok(Json::object([
            ("caseNo", Json::text(case)),
            ("remoteCaseNo", Json::Null),
            ("status", Json::text("not_accepted")),
            ("reason", Json::text("个人账户状态为冻结，不能提取")),
        ]));
    }
    let accepted = times::beijing(now.saturating_add(999).div_euclid(1000).saturating_mul(1000));
    let division = data.text_at("handleRegion");
    let office = if division.starts_with("4210") {
        "荆州住房公积金中心"
    } else {
        "岳阳市住房公积金管理中心"
    };
    Ok(Json::object([
        ("caseNo", Json::text(case)),
        ("remoteCaseNo", Json::Text(register::remote_case(division, &times::date8(accepted), case))),
        ("status", Json::text("accepted")),
        ("acceptTime", Json::Text(times::moment19(accepted))),
        ("promiseDays", Json::whole(3)),
        ("dueDate", Json::Text(times::date10(times::after_workdays(accepted.date(), 3)))),
        ("queryPwd", Json::text("******")),
        ("acceptOrg", Json::text(office)),
    ]))
}

/// A transfer letter (the samples have no answer to it in this dialect; this one is composed).
pub fn transfer(data: &Json, refuse: bool, _: i64) -> Result<Json, ErrorRow> {
    if refuse {
        return Err(register::IN_PROCESS);
    }
    Ok(Json::object([
        ("caseNo", Json::text(data.text_at("caseNo"))),
        ("letterNo", Json::text(data.text_at("letterNo"))),
        ("status", Json::text("accepted")),
    ]))
}

/// A business licence.
pub fn licence(data: &Json, refuse: bool, _: i64) -> Result<Json, ErrorRow> {
    let found = register::enterprise(data.text_at("uniscId"), data.text_at("entName"));
    let Some(one) = found.filter(|_| !refuse) else {
        return Err(register::NOT_FOUND);
    };
    let midnight = |date: Date| Json::whole(times::midnight(date));
    let shareholders = one.shareholders.iter().map(|(name, person, fen, ratio)| {
        Json::object([
            ("name", Json::text(name)),
            ("type", Json::text(if *person { "person" } else { "org" })),
            ("subAmount", Json::Text(ten_thousands(*fen))),
            ("ratio", Json::Text(hundredths(*ratio))),
        ])
    });
    let [province, city, county] = one.divisions.map(Json::text);
    Ok(Json::object([
        ("uniscId", Json::text(one.credit)),
        ("entName", Json::text(one.name)),
        ("entType", Json::text(one.kind)),
        ("econType", Json::text(one.economic)),
        ("legalPerson", Json::text(one.legal_person)),
        ("regCapital", Json::Text(ten_thousands(one.capital_fen))),
        ("regCapitalUnit", Json::text("万元")),
        ("currency", Json::text("156")),
        ("estDate", midnight(one.established)),
        ("businessTermFrom", midnight(one.established)),
        ("businessTermTo", one.until.map_or(Json::Null, midnight)),
        ("entStatus", Json::text(one.status.0)),
        ("regOrg", Json::text(one.office)),
        (
            "entAddr",
            Json::object([
                ("province", province),
                ("city", city),
                ("county", county),
                ("street", Json::text(one.street)),
                ("detail", Json::text(one.detail)),
            ]),
        ),
        ("businessScope", Json::text(one.scope)),
        ("shareholders", Json::List(shareholders.collect())),
        ("certIdentifier", Json::text(one.licence)),
    ]))
}

/// A household certificate, or the refusal (which the samples have only in the other dialect; composed).
pub fn household(data: &Json, refuse: bool, now: i64) -> Result<Json, ErrorRow> {
    let case = data.text_at("caseNo");
    if refuse {
        return Ok(Json::object([
            ("caseNo", Json::text(case)),
            ("status", Json::text("refused")),
            ("resultCode", Json::text("refused")),
            ("reason", Json::text("申请事项可凭户口簿直接证明，不再另行开具")),
        ]));
    }
    let today = times::beijing(now).date();
    let office = register::police_office(data.text_at("householdAddr.county")).unwrap_or("岳阳市公安局");
    let (digest, content) = register::DOCUMENT;
    Ok(Json::object([
        ("caseNo", Json::text(case)),
        ("status", Json::text("completed")),
        ("resultCode", Json::text("granted")),
        ("certificateNo", Json::Text(register::certificate(today.year(), case))),
        ("issueDate", Json::Text(times::date10(today))),
        ("issueOrg", Json::text(office)),
        (
            "document",
            Json::object([
                ("format", Json::text("pdf")),
                ("digestSm3", Json::text(digest)),
                ("content", Json::text(content)),
            ]),
        ),
    ]))
}

/// Hundredths as a decimal text: fen as yuan, hundredths of a percent as percent.
fn hundredths(value: i64) -> String {
    format!("{}.{:02}", value / 100, value % 100)
}

/// Fen as 万元 with six decimals.
fn ten_thousands(fen: i64) -> String {
    format!("{}.{:06}", fen / 1_000_000, fen % 1_000_000)
}
