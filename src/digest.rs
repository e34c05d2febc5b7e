//! Digests: when a run is due, who gets which issue, and what the issue looks like.
//!
//! `schedule`, `windows`, `plan` and `render` are functions from values to values.

pub mod holidays;
pub mod plan;
pub mod render;
pub mod schedule;
pub mod windows;
