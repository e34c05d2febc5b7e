//! Digests: when a run is due, who gets which issue, and what the issue looks like.
//!
//! `schedule` and `plan` and `render` are functions from values to values.

pub mod plan;
pub mod render;
pub mod schedule;
