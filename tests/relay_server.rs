//! The SMTP server of the tests, itself tested: over plain sockets what it plays, and with a
//! made store what its checker finds.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

#[path = "support/relay.rs"]
mod relay;

#[path = "relay_server/checker.rs"]
mod checker;
#[path = "relay_server/client.rs"]
mod client;
#[path = "relay_server/plays.rs"]
mod plays;
#[path = "relay_server/tls.rs"]
mod tls;
