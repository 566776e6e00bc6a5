//! What the demo shows: the sample messages, and what must come of them.

/// Who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// 荆州窗口: known by its client certificate.
    Jingzhou,
    /// 岳阳窗口: known by its header signature.
    Yueyang,
}

/// What must come of an exchange.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    /// This HTTP status, and these words somewhere in the answer.
    Fault { status: u16, words: &'static str },
    /// The same document as this file, `ignored` places aside.
    Document { file: &'static str, ignored: &'static [&'static str] },
}

/// One exchange.
pub(super) struct Scene {
    pub title: &'static str,
    pub side: Side,
    pub matter: &'static str,
    pub path: &'static str,
    pub content_type: &'static str,
    /// Input, a file of the examples.
    pub input: &'static str,
    /// Replacements in the input: other numbers, and the markers that the pretend cities act on.
    pub edits: &'static [(&'static str, &'static str)],
    /// System that is called, and the file that must reach it; `None`: nothing may reach it.
    pub target: &'static str,
    pub forwarded: Option<&'static str>,
    /// Places of the forwarded message that are made of time and running number.
    pub forwarded_ignored: &'static [&'static str],
    pub answer: Expected,
}

const JSON: &str = "application/json;charset=UTF-8";
const SOAP: &str = "text/xml;charset=UTF-8";
const CLOCKED: &[&str] = &["timestamp", "data.acceptTime", "data.dueDate"];

/// The exchanges in order.
pub(super) const SCENES: &[Scene] = &[
    Scene {
        title: "公积金账户查询：岳阳 JSON → 荆州中心 表单里的 GB18030 XML",
        side: Side::Yueyang,
        matter: "GJ01",
        path: "/gateway/api/gjj/account",
        content_type: JSON,
        input: "01-pf-query/yueyang.request.json",
        edits: &[],
        target: "jingzhou-fund",
        forwarded: Some("01-pf-query/jingzhou.request.form"),
        forwarded_ignored: &["FSRQ", "FSSJ", "LSH"],
        answer: Expected::Document { file: "01-pf-query/yueyang.response.json", ignored: CLOCKED },
    },
    Scene {
        title: "租房提取公积金，受理：岳阳 JSON → 荆州窗口 SOAP",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[],
        target: "jingzhou-window",
        forwarded: Some("02-pf-withdraw-rent/jingzhou.request.soap.xml"),
        forwarded_ignored: &["PACKAGEHEAD/FSSJ"],
        answer: Expected::Document {
            file: "02-pf-withdraw-rent/yueyang.response.json",
            ignored: &["timestamp", "data.acceptTime", "data.dueDate", "data.remoteCaseNo"],
        },
    },
    Scene {
        title: "同一编号再来一次：答复相同，不再转发",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[],
        target: "jingzhou-window",
        forwarded: None,
        forwarded_ignored: &[],
        answer: Expected::Document {
            file: "02-pf-withdraw-rent/yueyang.response.json",
            ignored: &["timestamp", "data.acceptTime", "data.dueDate", "data.remoteCaseNo"],
        },
    },
    Scene {
        title: "同一编号换了内容：拒绝",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[("\"withdrawAmount\": \"8400.00\"", "\"withdrawAmount\": \"8500.00\"")],
        target: "jingzhou-window",
        forwarded: None,
        forwarded_ignored: &[],
        answer: Expected::Fault { status: 409, words: "J603" },
    },
    Scene {
        title: "租房提取公积金，不予受理：接口成功而业务拒绝",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[("-20261123-000001", "-20261123-000011"), ("按季付]]>", "按季付]]>【模拟:拒绝】")],
        target: "jingzhou-window",
        forwarded: Some("02-pf-withdraw-rent/jingzhou.request.soap.xml"),
        forwarded_ignored: &["PACKAGEHEAD/FSSJ", "YWLSH", "BZ"],
        answer: Expected::Document { file: "02-pf-withdraw-rent/yueyang.response.refused.json", ignored: CLOCKED },
    },
    Scene {
        title: "营业执照查询，反方向：荆州 SOAP → 岳阳 JSON",
        side: Side::Jingzhou,
        matter: "SC014",
        path: "/kstb/ws",
        content_type: SOAP,
        input: "04-bizlic-query/jingzhou.request.soap.xml",
        edits: &[],
        target: "yueyang-window",
        forwarded: Some("04-bizlic-query/yueyang.request.json"),
        forwarded_ignored: &[],
        answer: Expected::Document {
            file: "04-bizlic-query/jingzhou.response.soap.xml",
            ignored: &["PACKAGEHEAD/FSSJ"],
        },
    },
    Scene {
        title: "开具户籍证明，准予：岳阳 JSON → 荆州公安 PACKAGE",
        side: Side::Yueyang,
        matter: "GA007",
        path: "/gateway/api/police/hukou-cert",
        content_type: JSON,
        input: "05-household-cert/yueyang.request.json",
        edits: &[],
        target: "jingzhou-police",
        forwarded: Some("05-household-cert/jingzhou.request.soap.xml"),
        forwarded_ignored: &["PACKAGEHEAD/FSSJ"],
        answer: Expected::Document {
            file: "05-household-cert/yueyang.response.json",
            ignored: &["timestamp", "data.issueDate", "data.certificateNo"],
        },
    },
    Scene {
        title: "开具户籍证明，许可证校验错误：对方换了一种报错格式",
        side: Side::Yueyang,
        matter: "GA007",
        path: "/gateway/api/police/hukou-cert",
        content_type: JSON,
        input: "05-household-cert/yueyang.request.json",
        edits: &[
            ("430602000003Q", "430602000013P"),
            ("变更为监利市容城镇的情况", "变更为监利市容城镇的情况【模拟:错误 -50】"),
        ],
        target: "jingzhou-police",
        forwarded: Some("05-household-cert/jingzhou.request.soap.xml"),
        forwarded_ignored: &["PACKAGEHEAD/FSSJ", "YWXTBH", "YWLSH", "ZMSXNR_JYQK"],
        answer: Expected::Fault { status: 422, words: "4010" },
    },
    Scene {
        title: "两处代码没有对应、一处漏填：一次列全，什么也不转发",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[
            ("-20261123-000001", "-20261123-000021"),
            ("\"withdrawReason\": \"07\"", "\"withdrawReason\": \"77\""),
            ("\"maritalStatus\": \"21\"", "\"maritalStatus\": \"88\""),
            ("\"gjjAccountNo\": \"421000650012\"", "\"gjjAccountNo\": null"),
        ],
        target: "jingzhou-window",
        forwarded: None,
        forwarded_ignored: &[],
        answer: Expected::Fault { status: 422, words: "3 处" },
    },
    Scene {
        title: "对方收到后断线：结果未知，如实告知",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[("-20261123-000001", "-20261123-000031"), ("按季付]]>", "按季付]]>【模拟:断开】")],
        target: "jingzhou-window",
        forwarded: Some("02-pf-withdraw-rent/jingzhou.request.soap.xml"),
        forwarded_ignored: &["PACKAGEHEAD/FSSJ", "YWLSH", "BZ"],
        answer: Expected::Fault { status: 504, words: "J504" },
    },
    Scene {
        title: "结果未知的编号再来一次：绝不重发",
        side: Side::Yueyang,
        matter: "GJ12",
        path: "/gateway/api/gjj/withdraw",
        content_type: JSON,
        input: "02-pf-withdraw-rent/yueyang.request.json",
        edits: &[("-20261123-000001", "-20261123-000031"), ("按季付]]>", "按季付]]>【模拟:断开】")],
        target: "jingzhou-window",
        forwarded: None,
        forwarded_ignored: &[],
        answer: Expected::Fault { status: 504, words: "J604" },
    },
];
