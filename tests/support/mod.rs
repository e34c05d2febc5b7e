//! What outer-boundary tests share: an SMTP server that keeps what it accepts, a press office in
//! a temporary folder, documents behind the router, and the pages with all that works behind
//! them. Each test file takes what it needs.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

pub mod clock;
pub mod counter;
pub mod desk;
pub mod disk;
pub mod office;
pub mod served;
pub mod sink;
