//! Digests: when a run is due, who gets which issue, and what the issue looks like.
//!
//! `schedule`, `windows`, `plan`, `receivers`, `reminders` and `render` are functions from values
//! to values.

pub mod holidays;
pub mod plan;
pub mod receivers;
pub mod reminders;
pub mod render;
pub mod schedule;
pub mod windows;

/// Digests of the program itself, which nobody chooses: they go to people for the feeds they
/// follow, whatever their own digests are.
pub const URGENT: &str = "urgent";
pub const CORRECTION: &str = "correction";
pub const REMINDER: &str = "reminder";
