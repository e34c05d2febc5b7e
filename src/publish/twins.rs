//! Twins: the gzip and brotli codings of a document, made once and kept beside it.
//!
//! RFC 1952 and RFC 7932. `feeds/all.atom.gz` is what nginx's `gzip_static` looks for. The
//! gzip header names no time, so that equal documents have equal twins.

use std::io::{self, Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// A document below this size has no twins: head and packet would outweigh what they save.
const SMALLEST_BYTES: u64 = 200;
/// Half the time of level 6 on feeds that repeat themselves, for half a hundredth more bytes of real text.
const GZIP_LEVEL: u32 = 5;
/// 11 gains a seventh in size and takes fifty times as long.
const BROTLI_QUALITY: i32 = 5;
/// What the decoder reads at a time.
const BROTLI_BUFFER: usize = 4096;

/// A content coding of HTTP (RFC 9110, 8.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    Gzip,
    Brotli,
}

/// Whether a document of this size has twins.
pub fn has_twins(size_bytes: u64) -> bool {
    size_bytes >= SMALLEST_BYTES
}

/// The files a document consists of: itself, then its twins.
pub(super) fn files(path: &str, size_bytes: u64) -> Vec<String> {
    let twins = Coding::ALL.into_iter().filter(|_| has_twins(size_bytes));
    std::iter::once(path.to_owned()).chain(twins.map(|coding| coding.path(path))).collect()
}

/// The document a twin belongs to; `None` for the path of a document.
pub(super) fn document_of(path: &str) -> Option<&str> {
    Coding::ALL.iter().find_map(|coding| path.strip_suffix(coding.suffix()))
}

impl Coding {
    pub const ALL: [Self; 2] = [Self::Gzip, Self::Brotli];

    /// Its name in `Content-Encoding` and `Accept-Encoding`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Brotli => "br",
        }
    }

    pub fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Brotli => ".br",
        }
    }

    /// Where the twin of a document lies.
    pub fn path(self, document: &str) -> String {
        format!("{document}{}", self.suffix())
    }

    /// The twin of a document.
    pub fn encode(self, bytes: &[u8]) -> Vec<u8> {
        let coded = match self {
            Self::Gzip => gzip(bytes),
            Self::Brotli => brotli(bytes),
        };
        coded.expect("writing to memory does not fail")
    }

    /// Whether a file is a twin of these bytes; reads no more than proves the opposite.
    pub(super) fn decodes_to(self, twin: &[u8], bytes: &[u8]) -> bool {
        let limit = bytes.len() as u64 + 1;
        let mut decoded = Vec::with_capacity(bytes.len() + 1);
        let read = match self {
            Self::Gzip => GzDecoder::new(twin).take(limit).read_to_end(&mut decoded),
            Self::Brotli => {
                brotli::Decompressor::new(twin, BROTLI_BUFFER).take(limit).read_to_end(&mut decoded)
            }
        };
        read.is_ok() && decoded == bytes
    }
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn brotli(mut bytes: &[u8]) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality: BROTLI_QUALITY,
        size_hint: bytes.len(),
        lgwin: window_bits(bytes.len()),
        ..Default::default()
    };
    let mut coded = Vec::new();
    brotli::BrotliCompress(&mut bytes, &mut coded, &parameters)?;
    Ok(coded)
}

/// A window that the document fills (RFC 7932, section 9.1). The usual one of 4 MiB costs more
/// to clear than a feed costs to code, and with one below 2^17 the encoder searches harder.
fn window_bits(size_bytes: usize) -> i32 {
    let bits = usize::BITS - size_bytes.leading_zeros();
    i32::try_from(bits.clamp(18, 22)).expect("between 18 and 22")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text() -> Vec<u8> {
        (0..500).flat_map(|n| format!("<entry>{n}</entry>").into_bytes()).collect()
    }

    #[test]
    fn a_twin_is_smaller_and_decodes_to_its_document() {
        for coding in Coding::ALL {
            let twin = coding.encode(&text());
            assert!(twin.len() * 3 < text().len(), "{coding:?}: {}", twin.len());
            assert!(coding.decodes_to(&twin, &text()));
            assert_eq!(twin, coding.encode(&text()), "equal bytes, equal twins");
        }
    }

    #[test]
    fn what_decodes_to_something_else_or_is_cut_is_no_twin() {
        for coding in Coding::ALL {
            let twin = coding.encode(&text());
            assert!(!coding.decodes_to(&twin, &text()[1..]), "longer");
            assert!(!coding.decodes_to(&twin, &[text(), text()].concat()), "shorter");
            assert!(!coding.decodes_to(&twin[..twin.len() / 2], &text()), "cut");
            assert!(!coding.decodes_to(b"", &text()), "empty");
        }
    }

    #[test]
    fn the_gzip_header_names_no_time() {
        assert_eq!(Coding::Gzip.encode(&text())[4..8], [0; 4]);
    }

    #[test]
    fn a_twin_names_its_document() {
        assert_eq!(document_of("feeds/all.atom.gz"), Some("feeds/all.atom"));
        assert_eq!(document_of("feeds/all.atom.br"), Some("feeds/all.atom"));
        assert_eq!(document_of("feeds/all.atom"), None);
    }
}
