//! Jingyue (荆岳通办网关): the gateway between the business systems of Yueyang and Jingzhou.
//!
//! One exchange, from the caller's bytes to the caller's bytes:
//!
//! ```text
//!  arrive → identify → admit → translate → record(open) → forward → translate back → record(close) → answer
//!           edge::     edge::  domain::    edge::         edge::    domain::          edge::
//!           config     limit   mapping     ledger         upstream  mapping           ledger
//! ```
//!
//! [`domain`] decides what is right and touches nothing; [`exchange`] tells the story above;
//! [`edge`] touches the world; [`app`] wires them together and [`cli`] is the command line.
//! The order in which modules may use one another is held by `tests/tidy.rs`.

pub mod domain;
pub mod edge;
pub mod exchange;

pub mod app;

pub mod cli;
