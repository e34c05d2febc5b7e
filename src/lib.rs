//! Tidings publishes what a press office writes: it watches a folder of press releases and
//! events, keeps feeds, and e-mails digests.
//!
//! The modules stand in the order data flows; `ARCHITECTURE.md` is the map.

pub mod model;

pub mod config;

pub mod clock;

pub mod words;

mod answers;

mod failpoint;

pub mod dates;

mod hash;

mod link_text;

pub mod audit;

pub mod content;

pub mod catalogue;

pub mod feeds;

mod private;
pub mod publish;

pub mod templates;

pub mod digest;

pub mod mail;

pub mod outbox;

pub mod subscribers;

pub mod store;

pub mod pipeline;

pub mod web;

pub mod daemon;

pub mod cli;
