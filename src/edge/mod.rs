//! What touches the world: thin.

pub mod aside;
pub mod clock;
pub mod trouble;

pub mod keys;
pub mod metrics;
pub mod tlcp;
pub mod tls;

pub mod drift;
pub mod ledger;
pub mod library;
pub mod licences;
pub mod limit;
pub mod nonces;
pub mod sheet;
pub mod trust;
pub mod upstream;

pub mod platform;

pub mod admin;
pub mod pretend;
pub mod server;

pub mod config;
