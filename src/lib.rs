//! Tidings publishes what a press office writes: it watches a folder of press releases and
//! events, keeps feeds, and e-mails digests.
//!
//! The modules stand in the order data flows; `ARCHITECTURE.md` is the map.

pub mod model;

pub mod content;

pub mod feeds;

pub mod publish;

pub mod digest;

pub mod dates;

pub mod templates;
