//! The sections `[[system]]`: which systems are called, where, and how we show who we are.
//!
//! It deliberately connects to nothing; `jingyue probe` does.

use crate::domain::headers::Signature;
use crate::domain::masked::Masked;
use crate::edge::config::credentials::{Credentials, INTERNATIONAL_MISMATCH, Keys, SM_MISMATCH, has_encryption};
use crate::edge::config::files::Files;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::{Document, Placed, Section};
use crate::edge::config::signatures::check_family;
use crate::edge::config::{Names, identifier, milliseconds, size};
use crate::edge::tls::{Family, Versions, client_config, tlcp_client_config};
use crate::edge::upstream::{BreakerSettings, ClientProtocol, ClientTls, Settings, TlcpClient};
use rustls_pki_types::ServerName;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const SERVER_KEYS: Keys = Keys { trust: "ca_file", revocation: "crl_file", national: true };

/// A system that is called.
#[derive(Clone, Debug)]
pub struct System {
    pub name: String,
    pub city: String,
    pub profile: String,
    /// Where and how to connect.
    pub upstream: Settings,
    pub breaker: BreakerSettings,
    /// From the beginning of forwarding to the whole answer.
    pub deadline: Duration,
    /// Values of `@setting.xxx` in mappings; a settings file wins over the text.
    pub settings: BTreeMap<String, Masked<String>>,
    /// Header signature towards the system.
    pub sign: Option<Signature>,
}

/// Where a URL points.
struct Target {
    https: bool,
    host: String,
    port: u16,
    authority: http::uri::Authority,
}

/// `cities` gets the system's city even where something else of the system is wrong, so that callers may name it.
pub(super) fn check(
    mut section: Section<'_, '_>,
    files: &Files<'_>,
    names: &mut Names,
    cities: &mut Vec<String>,
) -> Option<System> {
    let document = section.document();
    let name = names.declare(&mut section);
    let city = identifier(&mut section, "city");
    cities.extend(city.as_ref().map(|city| city.value.clone()));
    let profile = identifier(&mut section, "profile");
    let url = section.text_required("url");
    let target = url.as_ref().and_then(|url| check_url(document, url));
    let http2 = section.flag("http2", false);
    let connect_timeout = milliseconds(&mut section, "connect_timeout_ms", 3_000);
    let deadline = milliseconds(&mut section, "deadline_ms", 15_000);
    let idle_timeout = milliseconds(&mut section, "idle_timeout_ms", 25_000);
    let connections_max = size(section.number("connections_max", 1..65_537, 64));
    let answer_bytes_max = size(section.number("answer_bytes_max", 1_024..(1 << 30) + 1, 16 << 20));
    let failures = u32::try_from(section.number("breaker_failures", 1..1_000_001, 5)).unwrap_or(u32::MAX);
    let open = Duration::from_secs(section.number("breaker_open_seconds", 1..3_601, 10));
    warn_of_times(&section, connect_timeout, deadline, idle_timeout);
    let settings = check_settings(&mut section, files);
    let sign = section.section("sign").map(|sign| check_sign(sign, files));
    let tls = section.section("tls").map(|tls| check_tls(tls, files, http2, target.as_ref()));
    check_scheme(&section, target.as_ref());
    section.finish();
    let tls = match tls {
        None => None,
        Some(checked) => Some(checked?),
    };
    let sign = match sign {
        None => None,
        Some(checked) => Some(checked?),
    };
    let (name, Target { host, port, authority, .. }) = (name?, target?);
    let upstream = Settings {
        name: name.clone(),
        host,
        port,
        authority,
        tls,
        http2,
        connect_timeout,
        idle_timeout,
        connections_max,
        answer_bytes_max,
    };
    let (city, profile) = (city?.value, profile?.value);
    Some(System {
        name,
        city,
        profile,
        upstream,
        breaker: BreakerSettings { failures, open },
        deadline,
        settings: settings?,
        sign,
    })
}

/// Times that can be taken, but hardly mean what their author thinks.
fn warn_of_times(section: &Section<'_, '_>, connect_timeout: Duration, deadline: Duration, idle_timeout: Duration) {
    let document = section.document();
    if connect_timeout >= deadline {
        document.warning(
            &section.place_of("connect_timeout_ms"),
            Kind::Conflict,
            format!("connect_timeout_ms（{}）不短于 deadline_ms", connect_timeout.as_millis()),
            "比 deadline_ms 短的时间",
            "连接时限包含在总时限之内",
        );
    }
    if idle_timeout > Duration::from_mins(1) {
        document.warning(
            &section.place_of("idle_timeout_ms"),
            Kind::Conflict,
            format!("idle_timeout_ms（{}）长于常见服务器的空闲时限", idle_timeout.as_millis()),
            "比对方空闲时限短的时间，一般不超过 60000",
            "否则对方先关闭连接时，正好送出的请求会变成结果未知",
        );
    }
}

/// A URL with https and `[system.tls]` go together.
fn check_scheme(section: &Section<'_, '_>, target: Option<&Target>) {
    if let Some(target) = target
        && target.https != section.has("tls")
    {
        let (found, hint) = if target.https {
            ("url 为 https，但没有 [system.tls]", "至少写明 ca_file：签发对方证书的机构")
        } else {
            ("url 为 http，却有 [system.tls]", "对方启用了 TLS 时，url 应以 https:// 开头")
        };
        let place = section.place_of(if target.https { "url" } else { "tls" });
        section.document().error(&place, Kind::TlsMismatch, found, "https 与 [system.tls] 同时使用", hint);
    }
}

fn check_url(document: &Document<'_>, url: &Placed<String>) -> Option<Target> {
    if url.value.contains('@') {
        // Not shown: what stands before the sign may be a password.
        document.error(&url.place, Kind::BadUrl, "url 中含有 @", "不带用户名和密码的网址", "");
        return None;
    }
    let fail = |hint: &str| {
        let found = format!("url = \"{}\"", url.value);
        document.error(&url.place, Kind::BadUrl, found, "“http://主机:端口”或“https://主机:端口”", hint);
        None
    };
    let Ok(uri) = url.value.parse::<http::Uri>() else { return fail("") };
    let https = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return fail("协议只能是 http 或 https"),
    };
    if uri.query().is_some() || !matches!(uri.path(), "" | "/") {
        return fail("这里不写路径；各事项的路径写在 services.csv 中");
    }
    let Some(authority) = uri.authority().filter(|authority| !authority.host().is_empty()) else { return fail("") };
    let port = match (authority.port(), authority.port_u16()) {
        (None, _) => {
            if https {
                443
            } else {
                80
            }
        }
        (Some(_), Some(port)) if port != 0 => port,
        _ => return fail("端口应在 1 到 65535 之间"),
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    Some(Target { https, host, port, authority: authority.clone() })
}

fn check_settings(section: &mut Section<'_, '_>, files: &Files<'_>) -> Option<BTreeMap<String, Masked<String>>> {
    let document = section.document();
    let mut settings = BTreeMap::new();
    if let Some(inline) = section.section("settings") {
        settings.extend(inline.any_texts().into_iter().map(|(key, text)| (key, Masked::new(text.value))));
    }
    let Some(file) = section.text("settings_file") else { return Some(settings) };
    let bytes = files.private(document, &file)?;
    // The file's own text may be secret: only its name is told, at the place that names it.
    let text = std::str::from_utf8(bytes.reveal()).ok();
    let table = text.and_then(|text| toml::from_str::<BTreeMap<String, String>>(text).ok());
    let Some(table) = table else {
        let found = format!("设置文件 {} 无法读懂", file.value);
        document.error(&file.place, Kind::Syntax, found, "每行一项“名称 = \"文本\"”的 TOML", "");
        return None;
    };
    settings.extend(table.into_iter().map(|(key, value)| (key, Masked::new(value))));
    Some(settings)
}

fn check_sign(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<Signature> {
    let app_key = section.text_required("app_key");
    let secret = section.text_required("secret_file").and_then(|name| files.secret(section.document(), &name));
    let family = check_family(&mut section);
    section.finish();
    Some(Signature::new(app_key?.value, secret?, family?))
}

fn check_tls(
    mut section: Section<'_, '_>,
    files: &Files<'_>,
    http2: bool,
    target: Option<&Target>,
) -> Option<ClientTls> {
    let document = section.document();
    // `None`: TLCP.
    let families = [
        ("tls", Some(Family::International(Versions::Tls12And13))),
        ("tls12", Some(Family::International(Versions::Tls12))),
        ("tls13", Some(Family::International(Versions::Tls13))),
        ("rfc8998", Some(Family::Sm)),
        ("tlcp", None),
    ];
    let family = section.choice("protocol", &families, Some(Family::International(Versions::Tls12And13)));
    let trusts = section.has(SERVER_KEYS.trust);
    if !trusts {
        section.missing(SERVER_KEYS.trust, "");
    }
    let credentials = Credentials::take(&mut section, files, SERVER_KEYS, false);
    let name = section.text("server_name");
    let lacks_pair = family.is_none() && section.has("certificate_file") && !has_encryption(&section);
    if lacks_pair {
        section.missing("encryption_certificate_file", "TLCP 用双证书：出示证书时，签名证书与加密证书都要写");
    }
    section.finish();
    let wanted = match &name {
        Some(name) => name.value.clone(),
        None => target?.host.clone(),
    };
    let Ok(server_name) = ServerName::try_from(wanted) else {
        let place = name.map_or(0..0, |name| name.place);
        document.error(&place, Kind::BadName, "server_name 不是主机名", "对方证书中的主机名或 IP", "");
        return None;
    };
    let pair = credentials.pair();
    let config = match family {
        None => {
            let made = tlcp_client_config(credentials.trust(), pair.as_ref(), http2);
            let config = credentials.judge(document, made, SM_MISMATCH).filter(|_| !lacks_pair);
            config.map(|config| ClientProtocol::Tlcp(Arc::new(TlcpClient::new(config))))
        }
        Some(family) => {
            let mismatch = if family == Family::Sm { SM_MISMATCH } else { INTERNATIONAL_MISMATCH };
            let made = client_config(family, credentials.trust(), credentials.own().as_ref(), http2);
            credentials.judge(document, made, mismatch).map(|config| ClientProtocol::Tls(Arc::new(config)))
        }
    };
    let stray = matches!(family, Some(Family::International(_))) && credentials.refuse_handles(document);
    if !trusts || stray {
        return None;
    }
    Some(ClientTls { config: config?, server_name, may_wait: credentials.may_wait() })
}
