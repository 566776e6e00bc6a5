//! The one table of metrics: what is registered, documented and drawn is what stands here.
//!
//! It holds names, labels and help; it counts nothing. No label ever holds a case number, a person or free text:
//! every label takes its values from the configuration, the mapping files or a fixed list.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only rises; starts at zero with the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Durations in buckets: `_bucket`, `_sum`, `_count`.
    Histogram,
    /// Durations without buckets: `_sum`, `_count`.
    Summary,
}

impl Kind {
    /// The word of the exposition format.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// Name as it is scraped, without the suffixes of histograms and summaries.
    pub name: &'static str,
    pub kind: Kind,
    /// Label names, in the order in which values are given.
    pub labels: &'static [&'static str],
    /// Upper bounds of the buckets in microseconds; empty except for histograms.
    pub buckets: &'static [u64],
    /// What it says, for people who operate the gateway.
    pub help_zh: &'static str,
    /// The same, as the scrape says it.
    pub help_en: &'static str,
}

/// Bounds for durations that a window feels: 5 ms to 10 s.
const WHOLE: &[u64] =
    &[5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000];

/// Bounds for the steps of an exchange: most take microseconds, forwarding takes seconds.
const STEP: &[u64] = &[10, 50, 100, 500, 1_000, 5_000, 25_000, 100_000, 500_000, 2_500_000, 10_000_000];

/// Bounds for writes to the ledger: a disk's flush takes 0.1 ms to 1 s.
const WRITE: &[u64] = &[100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_500_000];

macro_rules! table {
    ($($constant:ident = $name:literal $kind:ident [$($label:literal),*] $buckets:expr, $zh:literal, $en:literal;)*) => {
        $(pub(super) const $constant: Description = Description {
            name: $name, kind: Kind::$kind, labels: &[$($label),*], buckets: $buckets, help_zh: $zh, help_en: $en,
        };)*
        /// Every metric, in the order in which the docs list them.
        pub(super) const TABLE: &[Description] = &[$($constant),*];
    };
}

table! {
    // exchanges
    REQUESTS = "jingyue_requests_total" Counter ["matter", "direction", "outcome"] &[],
        "办结的请求数，按事项、方向和结果", "Requests answered, by matter, direction and outcome.";
    OUTCOMES = "jingyue_outcomes_total" Counter ["direction", "outcome"] &[],
        "办结的请求数，只分方向和结果；每个序列从 0 开始，服务水平目标用它计算",
        "Requests answered, by direction and outcome only; every series starts at zero, so objectives rest on it.";
    MATTER_DURATION = "jingyue_matter_duration_seconds" Summary ["matter", "direction"] &[],
        "每个事项从收到请求到答复的总用时与次数，用来算平均", "Time from request to answer by matter, without buckets.";
    REQUEST_DURATION = "jingyue_request_duration_seconds" Histogram ["direction", "class"] WHOLE,
        "从收到请求到答复的用时分布，按事项类别", "Time from request to answer by class of matters.";
    STAGE_DURATION = "jingyue_stage_duration_seconds" Histogram ["stage", "direction"] STEP,
        "办理各步骤的用时分布", "Time of each step of an exchange.";
    EXCHANGES_INFLIGHT = "jingyue_exchanges_inflight" Gauge [] &[],
        "正在办理的请求数", "Exchanges under way.";
    CONNECTIONS = "jingyue_connections" Gauge [] &[],
        "业务入口的连接数", "Open connections at the data listener.";
    // translation
    TRANSLATE_FAILURES = "jingyue_translate_failures_total" Counter ["direction", "reason"] &[],
        "翻译中发现的字段错误数，按原因", "Faults found in fields while translating, by reason.";
    CODETABLE_MISSES = "jingyue_codetable_misses_total" Counter ["table", "direction"] &[],
        "码表中没有对应项的次数", "Codes without a counterpart, by code table.";
    TRANSLATE_LOSSES = "jingyue_translate_losses_total" Counter ["direction"] &[],
        "按声明带损失翻译的值的个数，例如精度变粗的代码", "Values translated with a declared loss.";
    FIELDS_DROPPED = "jingyue_fields_dropped_total" Counter ["profile"] &[],
        "系统档案没有声明、因而未转发的字段数", "Fields left out because the profile does not declare them.";
    // trust and limits
    AUTH_FAILURES = "jingyue_auth_failures_total" Counter ["reason"] &[],
        "身份或权限不符而拒绝的请求数，按原因", "Requests refused for identity or permission, by reason.";
    RATELIMIT_DECISIONS = "jingyue_ratelimit_decisions_total" Counter ["client", "decision"] &[],
        "频率限制的裁决数，按来文系统", "Decisions of the rate limits, by caller.";
    // the other city
    UPSTREAM_REQUESTS = "jingyue_upstream_requests_total" Counter ["upstream", "code"] &[],
        "发往对方系统的请求数，按状态类别；not_delivered 为确定未送达，unknown 为结果未知",
        "Requests to other systems, by class of status, or not_delivered, or unknown.";
    UPSTREAM_DURATION = "jingyue_upstream_request_duration_seconds" Histogram ["upstream"] WHOLE,
        "对方系统从开始转发到收完答复的用时分布", "Time from forwarding to the whole answer.";
    UPSTREAM_CIRCUIT = "jingyue_upstream_circuit_open" Gauge ["upstream"] &[],
        "对方系统是否熔断：1 为熔断中", "1 while the circuit breaker keeps requests back.";
    UPSTREAM_INFLIGHT = "jingyue_upstream_inflight" Gauge ["upstream"] &[],
        "正等候对方系统答复的请求数", "Requests waiting for an answer.";
    // ledger
    LEDGER_WRITES = "jingyue_ledger_writes_total" Counter ["result"] &[],
        "写入台账的记录数，按成败；只查不写的不计", "Entries written to the ledger, by result; a look at an earlier one is none.";
    LEDGER_WRITE_DURATION = "jingyue_ledger_write_duration_seconds" Histogram [] WRITE,
        "台账一次落盘（可含多条记录）的用时分布", "Time of one durable write, which may hold many entries.";
    LEDGER_HEALTHY = "jingyue_ledger_healthy" Gauge [] &[],
        "台账是否可写：0 为已停止接收，须重启网关", "0 once a write has failed: the ledger refuses work until restart.";
    LEDGER_ENTRIES = "jingyue_ledger_entries" Gauge ["outcome", "money"] &[],
        "台账中的记录数，按结果和是否涉及资金；resolved 为结果未知、后来已核实的", "Entries in the ledger, by outcome and whether they move money; resolved: unknown, and found out since.";
    LEDGER_OLDEST_OPEN = "jingyue_ledger_oldest_open_age_seconds" Gauge ["money"] &[],
        "最早一条未办结记录的时长；没有则为 0", "Age of the oldest open entry, 0 if none.";
    LEDGER_OLDEST_UNKNOWN = "jingyue_ledger_oldest_unknown_age_seconds" Gauge ["money"] &[],
        "最早一条结果未知而尚未核实的记录的时长；没有则为 0", "Age of the oldest entry of unknown outcome that nobody has resolved, 0 if none.";
    // licences
    LICENCE_CALLS = "jingyue_licence_calls_total" Counter ["call", "code"] &[],
        "证照接口调用数，按接口与结果码；OK 为已答复", "Licence calls, by call and code; OK is an answer.";
    LICENCE_DURATION = "jingyue_licence_call_duration_seconds" Histogram ["call"] WHOLE,
        "证照接口从收到请求到答复的用时分布", "Time of licence calls from arrival to answer.";
    LICENCE_VERDICTS = "jingyue_licence_verdicts_total" Counter ["decision", "code"] &[],
        "证照核验结论数，按结论与首要原因；没有原因记为 OK", "Verdicts on licences, by decision and first reason.";
    LICENCE_KINDS = "jingyue_licence_kinds_total" Counter ["province", "type", "decision"] &[],
        "证照核验结论数，按颁发机构所在的省、证照类型与结论；目录之外的类型与认不出的省记为 _unknown",
        "Verdicts on licences, by province of the issuing authority, type of the catalogue, and decision.";
    LICENCE_LIMITED = "jingyue_licence_limited_total" Counter ["subject"] &[],
        "因防批量套取而拒绝的证照调用数，按来文系统、操作员、持证主体",
        "Licence calls refused by the limits against harvesting.";
    LICENCE_RECEIPTS = "jingyue_licence_receipts_backlog" Gauge [] &[],
        "尚未被取走的用证凭据数；没有证照业务则没有此项", "Usage receipts that nobody has taken yet.";
    LICENCE_STORE = "jingyue_licence_store_healthy" Gauge [] &[],
        "证照库是否可写：0 为已停止受理证照业务，须重启网关", "0 once a write to the store of licences has failed.";
    LICENCE_LIST_LEFT = "jingyue_licence_trust_list_left_seconds" Gauge ["province"] &[],
        "信任清单距下次更新期限的秒数，负数为已过期，按省", "Time until a trust list is due for its update, below 0 once past.";
    LICENCE_CRL_AGE = "jingyue_licence_crl_age_seconds" Gauge ["issuer"] &[],
        "吊销列表自签发以来的秒数，按签发者", "Age of a revocation list since it was issued.";
    LICENCE_CHAIN = "jingyue_licence_chain_breaks_total" Counter [] &[],
        "查出用证凭据链断裂的次数：有凭据被改动、删除或插入", "Times the chain of usage receipts was found broken.";
    // configuration
    RELOAD_SUCCESSFUL = "jingyue_config_last_reload_successful" Gauge [] &[],
        "最近一次载入配置是否成功", "1 if the last load of the configuration succeeded.";
    RELOAD_TIMESTAMP = "jingyue_config_last_reload_success_timestamp_seconds" Gauge [] &[],
        "最近一次成功载入配置的时间", "When the configuration was last loaded with success.";
    MAPPING_INFO = "jingyue_mapping_info" Gauge ["version"] &[],
        "使用中的映射版本，值恒为 1", "Version of the mapping set in use; always 1.";
    MATTER_INFO = "jingyue_matter_info" Gauge ["matter", "title", "class"] &[],
        "事项的中文名称与类别，值恒为 1，供图表连接", "Title and class of a matter for joins; always 1.";
    CALENDAR_LEFT = "jingyue_calendar_left_seconds" Gauge [] &[],
        "工作日历还能用多久（到已载入的最后一天终了），负数为已过期；没有日历则没有此项",
        "Time until the end of the last day that the loaded calendar covers, below 0 once it is past.";
    HANDSHAKES = "jingyue_tls_handshakes_total" Counter ["protocol", "outcome"] &[],
        "业务入口的握手数，按协议（tlcp、rfc8998、tls13、tls12）和结果；没谈成协议就断开的记为 _unknown",
        "Handshakes at the data listener, by protocol and outcome; _unknown where none was agreed.";
    HANDSHAKE_FAILURES = "jingyue_tls_handshake_failures_total" Counter ["protocol", "reason"] &[],
        "业务入口失败的握手数，按协议和原因；own_key 为本方私钥不可用，如密码设备没有应答",
        "Handshakes at the data listener that failed, by protocol and reason; own_key where our own key did not sign.";
    DEVICE_CALLS = "jingyue_device_calls_total" Counter ["device", "operation", "outcome"] &[],
        "对密码设备的调用数，按操作和结果；refused 为设备连续失败后暂停使用",
        "Calls to cryptographic devices, by operation and outcome; refused while a device rests after failures.";
    DEVICE_DURATION = "jingyue_device_call_duration_seconds" Histogram ["device", "operation"] STEP,
        "密码设备每次调用的用时分布，含排队", "Time of a call to a cryptographic device, waiting included.";
    CERTIFICATE_NOT_AFTER = "jingyue_certificate_not_after_timestamp_seconds" Gauge ["cert"] &[],
        "证书到期时间", "When the certificate expires.";
    CRL_NEXT_UPDATE = "jingyue_crl_next_update_timestamp_seconds" Gauge ["list"] &[],
        "TLS 吊销列表的下次更新时间，按文件，多份取最早；过了它，要它的连接都被拒绝",
        "When the next revocation list is due, by file, the earliest of several; once past, peers are refused.";
    BUILD_INFO = "jingyue_build_info" Gauge ["version"] &[],
        "程序版本，值恒为 1", "Version of the program; always 1.";
    // process, in the names that every Prometheus client uses
    PROCESS_CPU = "process_cpu_seconds_total" Counter [] &[],
        "进程占用的处理器时间", "Processor time, user and system.";
    PROCESS_MEMORY = "process_resident_memory_bytes" Gauge [] &[],
        "进程占用的物理内存", "Resident memory.";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes" Gauge [] &[],
        "进程的虚拟内存", "Virtual memory.";
    PROCESS_OPEN_FDS = "process_open_fds" Gauge [] &[],
        "已打开的文件描述符数", "Open file descriptors.";
    PROCESS_MAX_FDS = "process_max_fds" Gauge [] &[],
        "文件描述符上限", "Limit of open file descriptors.";
    PROCESS_THREADS = "process_threads" Gauge [] &[],
        "线程数", "Threads.";
    PROCESS_START = "process_start_time_seconds" Gauge [] &[],
        "进程启动时间", "When the process started.";
}
