//! The section `[listen]`: addresses, limits of time and size. TLS is `listen_tls`'s.
//!
//! It deliberately binds nothing.

use crate::edge::clock::Clock;
use crate::edge::config::files::Files;
use crate::edge::config::problem::Kind;
use crate::edge::config::reader::Section;
use crate::edge::config::{listen_tls, milliseconds, size};
use crate::edge::server::Settings;
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes of bodies in hand, where nothing is said: sixteen of the largest at their usual limit.
const BODIES_BYTES: u64 = 256 << 20;

/// Where and how to listen.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Data address.
    pub data: SocketAddr,
    /// Admin address.
    pub admin: SocketAddr,
    /// Settings of the data listener.
    pub server: Settings,
    /// True where a caller can be known by its certificate.
    pub asks_for_certificates: bool,
}

pub(super) fn check(mut section: Section<'_, '_>, files: &Files<'_>) -> Option<Listen> {
    let data = address(&mut section, "data", SocketAddr::from(([127, 0, 0, 1], 8443)));
    let admin = address(&mut section, "admin", SocketAddr::from(([127, 0, 0, 1], 9443)));
    let workers = match section.number("workers", 0..257, 0) {
        0 => std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get),
        workers => size(workers),
    };
    let header_timeout = milliseconds(&mut section, "header_timeout_ms", 5_000);
    let body_timeout = milliseconds(&mut section, "body_timeout_ms", 15_000);
    let idle_timeout = milliseconds(&mut section, "idle_timeout_ms", 60_000);
    let body_bytes_max = size(section.number("body_bytes_max", 1_024..(1 << 30) + 1, 16 << 20));
    let bodies_bytes_max =
        size(section.number("bodies_bytes_max", 1_024..(1 << 40) + 1, BODIES_BYTES.max(body_bytes_max as u64)));
    let connections_max = size(section.number("connections_max", 1..1_000_001, 4_096));
    let exchanges_max = size(section.number("exchanges_max", 1..1_000_001, 1_024));
    let drain = Duration::from_millis(section.number("drain_ms", 0..3_600_001, 20_000));
    let document = section.document();
    let tls = section.section("tls").map(|tls| listen_tls::check(tls, files));
    if let (Some(data), None) = (data, &tls)
        && !data.ip().is_loopback()
    {
        document.warning(
            &section.place_of("data"),
            Kind::Exposed,
            format!("业务入口 {data} 对外监听而没有 [listen.tls]"),
            "对外监听时使用 TLS",
            "只有前置密码机或专网网关已经做了加密，才可以不用",
        );
    }
    if let (Some(data), Some(admin)) = (data, admin) {
        let same_host = data.ip() == admin.ip() || data.ip().is_unspecified() || admin.ip().is_unspecified();
        if data.port() == admin.port() && data.port() != 0 && same_host {
            let found = format!("业务入口与管理入口都用 {}", data.port());
            document.error(&section.place_of("admin"), Kind::Conflict, found, "两个不同的端口", "");
        }
        if admin.ip().is_unspecified() {
            document.warning(
                &section.place_of("admin"),
                Kind::Exposed,
                format!("管理入口 {admin} 对所有网段开放"),
                "只对运维网段开放的地址",
                "管理入口不做身份鉴别，请绑定运维网卡的地址",
            );
        }
    }
    if bodies_bytes_max < body_bytes_max {
        document.error(
            &section.place_of("bodies_bytes_max"),
            Kind::Conflict,
            format!("bodies_bytes_max（{bodies_bytes_max}）小于 body_bytes_max（{body_bytes_max}）"),
            "不小于 body_bytes_max",
            "否则最大的报文永远收不下",
        );
    }
    let has_client_ca = tls.as_ref().is_some_and(|tls| tls.as_ref().is_none_or(|(_, asks)| *asks));
    section.finish();
    let tls = match tls {
        None => None,
        Some(checked) => Some(checked?.0),
    };
    let server = Settings {
        workers,
        header_timeout,
        body_timeout,
        idle_timeout,
        body_bytes_max,
        bodies_bytes_max,
        connections_max,
        exchanges_max,
        drain,
        tls,
        clock: Clock::System,
        metrics: None,
    };
    Some(Listen { data: data?, admin: admin?, server, asks_for_certificates: has_client_ca })
}

fn address(section: &mut Section<'_, '_>, key: &'static str, default: SocketAddr) -> Option<SocketAddr> {
    let Some(text) = section.text(key) else {
        // A wrong type was reported already.
        return if section.has(key) { None } else { Some(default) };
    };
    let address = text.value.parse().ok();
    if address.is_none() {
        section.document().error(
            &text.place,
            Kind::BadAddress,
            format!("{key} = \"{}\"", text.value),
            "“IP:端口”，如 \"0.0.0.0:8443\" 或 \"[::]:8443\"",
            "监听地址写 IP，不写域名",
        );
    }
    address
}
