//! What is right: no clock, file, socket, thread or chance in here.

pub mod fault;

pub mod masked;

pub mod ids;
pub mod value;

pub mod asn;
pub mod codes;
pub mod format;
pub mod sm;

pub mod headers;
pub mod key;
pub mod licence;
pub mod mapping;
pub mod tlcp;

pub mod recognition;
pub mod x509;

pub mod envelope;

pub mod issuing;
