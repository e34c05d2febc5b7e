//! What outer-boundary tests share: an SMTP server that keeps what it accepts, and a press
//! office in a temporary folder. Each test file takes what it needs.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

pub mod office;
pub mod sink;
