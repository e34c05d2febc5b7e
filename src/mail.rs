//! Mail: what a message looks like, and how it reaches a relay.
//!
//! `message` builds bytes, `dkim` signs them and `lint` checks them, without I/O; `smtp` is the
//! only module that speaks SMTP, `reply` reads what the relay says and `verdict` tells what it
//! means; `maildir` writes rehearsals.

pub mod dkim;
pub mod lint;
pub mod maildir;
pub mod message;
pub mod reply;
pub mod smtp;
pub mod verdict;
