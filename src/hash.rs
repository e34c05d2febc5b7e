//! SHA-256 as the project writes it, to tell versions of a text apart.

use aws_lc_rs::digest::{SHA256, digest};

/// SHA-256 in lower-case hex.
pub(crate) fn hash(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, bytes).as_ref())
}
