//! placeholder

pub mod notation;
pub mod source;
