//! The made-up registers behind the pretend cities: fund accounts, enterprises, error codes, and how they number.
//!
//! Persons and companies do not exist; citizens' numbers use the sequences 996 to 999 as the sample messages do.
//! It deliberately holds each fact once, in no side's dialect: every system writes it in its own.

use jiff::civil::Date;
use jiff::civil::date;

/// A person's account at the fund centre.
#[derive(Clone, Copy, Debug)]
pub struct Account {
    pub holder: &'static str,
    pub citizen: &'static str,
    pub number: &'static str,
    pub unit: &'static str,
    /// The centre's own codes: those of JGJ/T 320 and 06 (frozen).
    pub status: &'static str,
    pub base_fen: i64,
    /// Unit's and person's rate in hundredths of a percent.
    pub rate: i64,
    pub month_fen: i64,
    pub balance_fen: i64,
    pub paid_to: Date,
    pub opened: Date,
}

/// All accounts; one person's in the order of the answer.
pub const ACCOUNTS: &[Account] = &[
    Account {
        holder: "刘𬱖",
        citizen: "430602199003079989",
        number: "421000650012",
        unit: "荆州示例物流有限公司",
        status: "06",
        base_fen: 850_000,
        rate: 1200,
        month_fen: 102_000,
        balance_fen: 4_532_154,
        paid_to: date(2026, 10, 1),
        opened: date(2015, 4, 8),
    },
    Account {
        holder: "刘𬱖",
        citizen: "430602199003079989",
        number: "421000120077",
        unit: "荆州旧厂（已注销）",
        status: "04",
        base_fen: 0,
        rate: 800,
        month_fen: 0,
        balance_fen: 0,
        paid_to: date(2015, 3, 1),
        opened: date(2011, 9, 1),
    },
    Account {
        holder: "欧阳娜仁·其其格",
        citizen: "421023198506309970",
        number: "421000650013",
        unit: "荆州示例物流有限公司",
        status: "01",
        base_fen: 610_000,
        rate: 850,
        month_fen: 51_850,
        balance_fen: 1_200_000,
        paid_to: date(2026, 10, 1),
        opened: date(2019, 7, 15),
    },
    Account {
        holder: "王㛃",
        citizen: "421002199105129998",
        number: "421000650014",
        unit: "荆州示例食品有限公司",
        status: "02",
        base_fen: 420_000,
        rate: 500,
        month_fen: 21_000,
        balance_fen: 99,
        paid_to: date(2025, 12, 1),
        opened: date(2022, 3, 1),
    },
];

/// The accounts of a person, or the one with that number if a number is asked for.
pub fn accounts(name: &str, citizen: &str, number: &str) -> Vec<&'static Account> {
    ACCOUNTS
        .iter()
        .filter(|account| account.holder == name && account.citizen == citizen)
        .filter(|account| number.is_empty() || account.number == number)
        .collect()
}

/// An enterprise as the market supervision offices register it.
#[derive(Clone, Copy, Debug)]
pub struct Enterprise {
    pub credit: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub economic: &'static str,
    pub legal_person: &'static str,
    pub capital_fen: i64,
    pub established: Date,
    /// End of the business term; none: without end.
    pub until: Option<Date>,
    /// Code and text of the state.
    pub status: (&'static str, &'static str),
    pub office: &'static str,
    /// Codes of province, city, county; their names in one text; street; detail.
    pub divisions: [&'static str; 3],
    pub division_names: &'static str,
    pub street: &'static str,
    pub detail: &'static str,
    pub scope: &'static str,
    /// Name, whether a person, fen, ratio in hundredths of a percent.
    pub shareholders: &'static [(&'static str, bool, i64, i64)],
    pub licence: &'static str,
}

/// All enterprises.
pub const ENTERPRISES: &[Enterprise] = &[
    Enterprise {
        credit: "91430600MA0000007J",
        name: "岳阳示例科技有限公司",
        kind: "91",
        economic: "173",
        legal_person: "欧阳娜仁·其其格",
        capital_fen: 500_000_000,
        established: date(2020, 5, 6),
        until: None,
        status: ("01", "存续（在营、开业、在册）"),
        office: "岳阳市市场监督管理局",
        divisions: ["430000", "430600", "430602"],
        division_names: "湖南省岳阳市岳阳楼区",
        street: "王家河街道",
        detail: "南湖大道100号A栋12层",
        scope: "软件开发；信息系统集成服务（依法须经批准的项目，经相关部门批准后方可开展经营活动）",
        shareholders: &[
            ("欧阳娜仁·其其格", true, 300_000_000, 6000),
            ("岳阳示例投资中心（有限合伙）", false, 200_000_000, 4000),
        ],
        licence: "1.2.156.3005.2.11100000MB0143028R001.11430600006000001A.20261123000001.001.H",
    },
    Enterprise {
        credit: "91430600MA0000226W",
        name: "岳阳示例建材有限公司",
        kind: "91",
        economic: "173",
        legal_person: "刘𬱖",
        capital_fen: 12_345_600,
        established: date(2021, 3, 18),
        until: Some(date(2041, 3, 17)),
        status: ("02", "吊销未注销"),
        office: "岳阳市市场监督管理局",
        divisions: ["430000", "430600", "430611"],
        division_names: "湖南省岳阳市君山区",
        street: "柳林洲街道",
        detail: "示例路8号",
        scope: "建筑材料销售",
        shareholders: &[("刘𬱖", true, 12_345_600, 10_000)],
        licence: "1.2.156.3005.2.11100000MB0143028R001.11430600006000001A.20210318000233.001.X",
    },
    Enterprise {
        credit: "91421000MA00001110",
        name: "荆州示例物流有限公司",
        kind: "91",
        economic: "173",
        legal_person: "王㛃",
        capital_fen: 1_000_000_000,
        established: date(2014, 12, 31),
        until: None,
        status: ("01", "存续（在营、开业、在册）"),
        office: "荆州市市场监督管理局",
        divisions: ["420000", "421000", "421002"],
        division_names: "湖北省荆州市沙市区",
        street: "胜利街街道",
        detail: "示例大道1号",
        scope: "道路货物运输；仓储服务",
        shareholders: &[("王㛃", true, 333_333_333, 3333), ("荆州示例控股有限公司", false, 666_666_667, 6667)],
        licence: "1.2.156.3005.2.11100000MB0143028R001.11421000006000001K.20260105000017.001.Q",
    },
];

/// The enterprise with that code or, where no code is given, that name.
pub fn enterprise(credit: &str, name: &str) -> Option<&'static Enterprise> {
    ENTERPRISES
        .iter()
        .find(|one| if credit.is_empty() { one.name == name } else { one.credit == credit })
        .filter(|one| name.is_empty() || one.name == name)
}

/// An error of an interface in the three sets of codes.
#[derive(Clone, Copy, Debug)]
pub struct ErrorRow {
    /// 湖南: four digits.
    pub hunan: &'static str,
    /// 湖北: negative.
    pub hubei: &'static str,
    /// 公积金: five digits.
    pub fund: &'static str,
    /// Text.
    pub text: &'static str,
}

const fn row(hunan: &'static str, hubei: &'static str, fund: &'static str, text: &'static str) -> ErrorRow {
    ErrorRow { hunan, hubei, fund, text }
}

pub const BAD_FORMAT: ErrorRow = row("4001", "-10", "10001", "报文格式错误");
pub const MISSING_FIELD: ErrorRow = row("4002", "-11", "10002", "必填项缺失");
pub const CODE_UNMAPPED: ErrorRow = row("4221", "-21", "10021", "代码无法转换");
pub const AUTH_FAILED: ErrorRow = row("4010", "-50", "20001", "许可证校验错误");
pub const SIGN_INVALID: ErrorRow = row("4011", "-51", "20002", "签名验证失败");
pub const FORBIDDEN: ErrorRow = row("4030", "-52", "20003", "无此事项权限");
pub const NOT_FOUND: ErrorRow = row("4040", "-40", "30001", "未查询到记录");
pub const DUPLICATE: ErrorRow = row("4090", "-60", "30002", "重复提交");
pub const IN_PROCESS: ErrorRow = row("4091", "-61", "30003", "业务在途");
pub const PEER_BUSY: ErrorRow = row("5030", "-80", "40002", "对方系统繁忙");

/// All rows, to find the text of a code that a marker asks for.
const ERRORS: &[ErrorRow] = &[
    BAD_FORMAT,
    MISSING_FIELD,
    CODE_UNMAPPED,
    AUTH_FAILED,
    SIGN_INVALID,
    FORBIDDEN,
    NOT_FOUND,
    DUPLICATE,
    IN_PROCESS,
    row("4290", "-70", "40001", "请求过于频繁"),
    PEER_BUSY,
    row("5040", "-81", "40003", "对方系统超时（结果未知）"),
    row("5020", "-90", "40004", "对方系统异常"),
    row("5000", "-99", "99999", "网关内部错误"),
];

/// The text of an error code of any of the three sets.
pub fn error_text(code: &str) -> &'static str {
    let known = ERRORS.iter().find(|row| [row.hunan, row.hubei, row.fund].contains(&code));
    known.map_or("模拟的错误", |row| row.text)
}

/// The number at the end of an idempotency or case number: the last six digits of its last run of digits, or 0.
/// The cities derive their own numbers from it, so that the same request always gets the same ones.
pub fn serial(number: &str) -> u64 {
    let digits: Vec<u8> =
        number.bytes().rev().skip_while(|byte| !byte.is_ascii_digit()).take_while(u8::is_ascii_digit).take(6).collect();
    digits.iter().rev().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'))
}

/// The case number of the far side (办件编号): division, business, day, five digits.
pub fn remote_case(division: &str, day: &str, case: &str) -> String {
    format!("{division}GJJ{day}{:05}", (serial(case) + 86) % 100_000)
}

/// The number that the transfer platform gives to a message about a letter.
pub fn platform_number(day: &str, letter: &str) -> String {
    format!("BDC{day}{:06}", serial(letter) % 10_000 + 41)
}

/// What a progress code of the transfer platform means, and the state that Yueyang's window calls it.
pub fn progress(code: &str) -> (&'static str, &'static str) {
    match code {
        "00" => ("正常办结", "completed"),
        "05" => ("转入撤销业务办结", "withdrawn"),
        "08" => ("账户信息复核通过，等待资金划转", "money_wait"),
        "13" => ("转出审核不通过", "transfer_out_refused"),
        "40" => ("转出失败业务办结", "terminated"),
        _ => ("联系函确认接收，转出审核中", "accepted"),
    }
}

/// A letter that the centres know from before the cities were started.
pub const OLD_LETTER: &str = "4306002611230001";

/// The number of a household certificate.
pub fn certificate(year: i16, case: &str) -> String {
    format!("监公户证字〔{year}〕第{:06}号", (serial(case) + 120) % 1_000_000)
}

/// Hundredths of a percent as a fraction without needless zeros: 6000 is `0.6`, 10000 is `1`.
pub fn fraction(ratio: i64) -> String {
    let text = format!("{}.{:04}", ratio / 10_000, ratio % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The police office that a division's household certificates come from; none: not in Jingzhou.
pub fn police_office(division: &str) -> Option<&'static str> {
    Some(match division {
        "421002" => "荆州市公安局沙市区分局胜利街派出所",
        "421003" => "荆州市公安局荆州区分局东城派出所",
        "421022" => "公安县公安局斗湖堤派出所",
        "421024" => "江陵县公安局郝穴派出所",
        "421081" => "石首市公安局绣林派出所",
        "421083" => "洪湖市公安局新堤派出所",
        "421087" => "松滋市公安局新江口派出所",
        "421088" => "监利市公安局容城派出所",
        _ => return None,
    })
}

/// A document that says that it is one: PDF's head and trailer in base64, and its SM3.
pub const DOCUMENT: (&str, &str) = (
    "a68234bc0b9d31663732819f88ca2c304b6eac5bc54a55fb2423887e93e766f8",
    "JVBERi0xLjQKMSAwIG9iajw8Pj5lbmRvYmoKdHJhaWxlcjw8Pj4KJSVFT0YK",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sm;
    use crate::edge::pretend::check;

    #[test]
    fn the_registers_hold_right_identifiers() {
        for account in ACCOUNTS {
            assert!(check::citizen(account.citizen), "{account:?}");
        }
        for enterprise in ENTERPRISES {
            assert!(check::credit(enterprise.credit), "{enterprise:?}");
            assert_eq!(enterprise.shareholders.iter().map(|(_, _, fen, _)| fen).sum::<i64>(), enterprise.capital_fen);
            assert_eq!(enterprise.shareholders.iter().map(|(_, _, _, ratio)| ratio).sum::<i64>(), 10_000);
        }
        assert_eq!(sm::hex(&sm::digest(&check::base64(DOCUMENT.1).unwrap())), DOCUMENT.0);
    }

    #[test]
    fn serials() {
        assert_eq!(serial("YJ20261123430602000001U"), 1);
        assert_eq!(serial("YY-GJ12-20261123-000001"), 1);
        assert_eq!(serial("43060261123000000101"), 101);
        assert_eq!(serial("no digits"), 0);
        assert_eq!(remote_case("421000", "20261123", "YJ20261123430602000001U"), "421000GJJ2026112300087");
        assert_eq!(certificate(2026, "YJ20261123430602000003Q"), "监公户证字〔2026〕第000123号");
    }

    #[test]
    fn finds_by_code_or_name() {
        assert!(accounts("刘𬱖", "430602199003079989", "").len() == 2);
        assert!(accounts("刘某", "430602199003079989", "").is_empty());
        assert!(enterprise("", "岳阳示例建材有限公司").is_some());
        assert!(enterprise("91430600MA0000007J", "岳阳示例建材有限公司").is_none());
        assert_eq!(error_text("-50"), "许可证校验错误");
    }
}
