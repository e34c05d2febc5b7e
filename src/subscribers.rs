//! People: the keys that seal their addresses, the tokens in their mail, and lists of them.

pub mod errand;
pub mod import;
pub mod joining;
pub mod journal;
pub mod keys;
pub mod leaving;
pub mod token;
