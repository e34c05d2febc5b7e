//! People: the keys that seal their addresses, the tokens in their mail, and lists of them.

pub mod import;
pub mod keys;
pub mod token;
