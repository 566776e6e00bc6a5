//! The `data` of the pretend Yueyang's answers, from the made-up registers.
//!
//! It deliberately computes amounts in whole fen and rates in hundredths of a percent, never in floating point.

use crate::edge::pretend::json::Json;
use crate::edge::pretend::register;
use crate::edge::pretend::register::Account;
use crate::edge::pretend::register::ErrorRow;
use crate::edge::pretend::times;
use crate::edge::pretend::world::World;
use jiff::civil::Date;

/// A message that is right.
pub struct Asked<'a> {
    pub data: &'a Json,
    /// `msgId` of its head.
    pub message: &'a str,
    /// Whether a business refusal is asked for.
    pub refuse: bool,
    pub world: &'a World,
}

/// The accounts of a person. Frozen (06) is 01 and a flag here.
pub fn accounts(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    let name = asked.data.text_at("applicantName");
    let found = register::accounts(name, asked.data.text_at("certNo"), asked.data.text_at("gjjAccountNo"));
    if found.is_empty() || asked.refuse {
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
pub fn withdrawal(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    let case = asked.data.text_at("caseNo");
    if asked.refuse {
        return Ok(Json::object([
            ("caseNo", Json::text(case)),
            ("remoteCaseNo", Json::Null),
            ("status", Json::text("not_accepted")),
            ("reason", Json::text("个人账户状态为冻结，不能提取")),
        ]));
    }
    let accepted = times::beijing(asked.world.now().saturating_add(999).div_euclid(1000).saturating_mul(1000));
    let division = asked.data.text_at("handleRegion");
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

/// A transfer letter. The samples have no answer to it in this dialect; this one and the next two are composed.
pub fn transfer(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    if asked.refuse {
        return Err(register::IN_PROCESS);
    }
    let letter = asked.data.text_at("letterNo");
    asked.world.open_letter(&own(letter), asked.message).map_err(|_| register::DUPLICATE)?;
    let day = times::date8(times::beijing(asked.world.now()));
    Ok(Json::object([
        ("caseNo", Json::text(asked.data.text_at("caseNo"))),
        ("letterNo", Json::text(letter)),
        ("status", Json::text("submitted")),
        ("platformSeqNo", Json::Text(register::platform_number(&day, letter))),
    ]))
}

/// The end of a transfer.
pub fn closing(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    if asked.refuse {
        return Err(register::IN_PROCESS);
    }
    let progress = if asked.data.text_at("status") == "completed" { "00" } else { "40" };
    asked.world.move_letter(&own(asked.data.text_at("letterNo")), progress);
    Ok(receipt(asked.data))
}

/// How far a transfer has come.
pub fn progress(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    let letter = asked.data.text_at("letterNo");
    let old = (letter == register::OLD_LETTER).then_some("02");
    let found = asked.world.letter_progress(&own(letter)).or(old).ok_or(register::NOT_FOUND)?;
    let (text, status) = register::progress(if asked.refuse { "13" } else { found });
    Ok(Json::object([
        ("letterNo", Json::text(letter)),
        ("status", Json::text(status)),
        ("statusText", Json::text(text)),
        ("contactName", Json::text("张示例")),
        ("contactPhone", Json::text("0716-8000002")),
    ]))
}

/// What acknowledges a push: case and letter number, as far as it named them.
pub fn receipt(data: &Json) -> Json {
    let named = |name: &str| match data.at(name) {
        Some(Json::Text(text)) => Some((name.to_owned(), Json::text(text))),
        _ => None,
    };
    Json::Object(["caseNo", "letterNo"].into_iter().filter_map(named).collect())
}

/// The window keeps its own letters apart from those of the transfer platform.
fn own(letter: &str) -> String {
    format!("岳阳 {letter}")
}

/// A business licence.
pub fn licence(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    let found = register::enterprise(asked.data.text_at("uniscId"), asked.data.text_at("entName"));
    let Some(one) = found.filter(|_| !asked.refuse) else {
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
pub fn household(asked: &Asked<'_>) -> Result<Json, ErrorRow> {
    let case = asked.data.text_at("caseNo");
    let now = times::beijing(asked.world.now());
    let office = register::police_office(asked.data.text_at("householdAddr.county")).unwrap_or("岳阳市公安局");
    if asked.refuse {
        return Ok(Json::object([
            ("caseNo", Json::text(case)),
            ("status", Json::text("refused")),
            ("resultCode", Json::text("refused")),
            ("reasonCode", Json::text("99")),
            ("reason", Json::text("申请事项可凭户口簿直接证明，不再另行开具")),
            ("handleOrg", Json::text(office)),
            ("handleTime", Json::Text(times::moment19(now))),
        ]));
    }
    let (digest, content) = register::DOCUMENT;
    Ok(Json::object([
        ("caseNo", Json::text(case)),
        ("status", Json::text("completed")),
        ("resultCode", Json::text("granted")),
        ("certificateNo", Json::Text(register::certificate(now.year(), case))),
        ("issueDate", Json::Text(times::date10(now.date()))),
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
