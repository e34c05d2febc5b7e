//! Replies of a relay (RFC 5321, 4.2), with their enhanced codes (RFC 3463).
//!
//! [`ReplyReader`] takes bytes as they come and gives whole replies. What a relay says goes
//! into the store and the log only as [`Reply`]: without addresses, without control
//! characters, and no longer than a line or two.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr;

/// Longest line with its end. RFC 5321, 4.5.3.1.5 allows 512 octets; some relays write more.
pub const MAX_LINE_BYTES: usize = 1_000;

/// Longest reply, all lines together.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// Longest text that is kept of a reply.
const MAX_TEXT_BYTES: usize = 500;

/// Code and text of a reply, fit for the store and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 599.
    pub code: u16,
    pub enhanced: Option<Enhanced>,
    /// All lines as one, without codes and masked.
    pub text: String,
}

impl Reply {
    /// 5yz: the same attempt will fail again (RFC 5321, 4.2.1).
    pub fn is_permanent(&self) -> bool {
        self.code >= 500
    }

    /// The codes alone, as `550 5.1.1`.
    pub fn codes(&self) -> String {
        match self.enhanced {
            Some(enhanced) => format!("{} {enhanced}", self.code),
            None => self.code.to_string(),
        }
    }

    /// Hides the whole text where it repeats one of `secrets`.
    pub(super) fn conceal(&mut self, secrets: &[&str]) {
        if secrets.iter().any(|secret| !secret.is_empty() && self.text.contains(secret)) {
            self.text = "…".into();
        }
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(f, " {enhanced}")?;
        }
        if !self.text.is_empty() {
            write!(f, " {}", self.text)?;
        }
        Ok(())
    }
}

/// Enhanced status code: class, subject and detail (RFC 3463, section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Enhanced {
    /// 2, 4 or 5.
    pub class: u8,
    pub subject: u16,
    pub detail: u16,
}

impl Enhanced {
    /// Reads the code at the beginning of a line's text (RFC 2034, section 4), and gives what
    /// stands behind it.
    pub fn split(text: &[u8]) -> Option<(Self, &[u8])> {
        let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let mut parts = word.split(|byte| *byte == b'.');
        let class = number(parts.next()?, 1)?;
        let subject = number(parts.next()?, 3)?;
        let detail = number(parts.next()?, 3)?;
        if parts.next().is_some() {
            return None;
        }
        let class = u8::try_from(class).ok().filter(|class| matches!(class, 2 | 4 | 5))?;
        Some((Self { class, subject, detail }, rest))
    }
}

impl fmt::Display for Enhanced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// A decimal number of 1 to `most` digits.
fn number(digits: &[u8], most: usize) -> Option<u16> {
    if digits.is_empty() || digits.len() > most || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0')))
}

/// Why bytes are no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    #[error("a line of the reply is longer than {MAX_LINE_BYTES} octets")]
    LongLine,
    #[error("the reply is longer than {MAX_REPLY_BYTES} octets")]
    LongReply,
    #[error("a line of the reply has no code from 200 to 599")]
    NoCode,
    #[error("the lines of one reply have different codes")]
    MixedCodes,
}

/// A whole reply as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawReply<'a> {
    pub code: u16,
    /// Whole lines, with their ends.
    bytes: &'a [u8],
}

impl<'a> RawReply<'a> {
    /// The texts behind the codes, line by line.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.bytes.split_inclusive(|byte| *byte == b'\n').map(|line| {
            let line = line.strip_suffix(b"\n").unwrap_or(line);
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            line.get(4..).unwrap_or_default()
        })
    }

    /// The text of all lines, enhanced codes included.
    pub fn text(&self) -> String {
        plain_text(self.lines())
    }

    pub fn to_reply(&self) -> Reply {
        let enhanced = self.lines().next().and_then(Enhanced::split).map(|(enhanced, _)| enhanced);
        // Most relays repeat the enhanced code on every line.
        let text = self.lines().map(|line| match Enhanced::split(line) {
            Some((repeated, rest)) if Some(repeated) == enhanced => rest,
            _ => line,
        });
        Reply { code: self.code, enhanced, text: plain_text(text) }
    }
}

/// Reads replies from bytes in pieces of any size.
///
/// It holds one reply at most, and what was pushed behind it, if the owner takes all whole
/// replies before it pushes more.
#[derive(Debug, Default)]
pub struct ReplyReader {
    buffer: Vec<u8>,
    /// Where the reply under way begins.
    start: usize,
    /// Up to here its lines are whole.
    read: usize,
    /// Up to here there is no further line end.
    searched: usize,
    code: Option<u16>,
    is_whole: bool,
    fault: Option<ReplyError>,
}

impl ReplyReader {
    pub fn push(&mut self, bytes: &[u8]) {
        // What was taken goes first; usually that is all.
        self.buffer.drain(..self.start);
        self.read -= self.start;
        self.searched -= self.start;
        self.start = 0;
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a whole reply can be taken. After an error there is none any more.
    pub fn is_ready(&mut self) -> Result<bool, ReplyError> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        while !self.is_whole {
            let Some(at) = memchr(b'\n', &self.buffer[self.searched..]) else {
                self.searched = self.buffer.len();
                if self.searched - self.read > MAX_LINE_BYTES {
                    return Err(self.fail(ReplyError::LongLine));
                }
                return Ok(false);
            };
            let end = self.searched + at + 1;
            match self.line_is_last(end) {
                Ok(is_last) => self.is_whole = is_last,
                Err(fault) => return Err(self.fail(fault)),
            }
            self.read = end;
            self.searched = end;
        }
        Ok(true)
    }

    /// Looks at the line that ends at `end`.
    fn line_is_last(&mut self, end: usize) -> Result<bool, ReplyError> {
        let line = &self.buffer[self.read..end];
        if line.len() > MAX_LINE_BYTES {
            return Err(ReplyError::LongLine);
        }
        if end - self.start > MAX_REPLY_BYTES {
            return Err(ReplyError::LongReply);
        }
        let code = line.get(..3).and_then(|digits| number(digits, 3)).ok_or(ReplyError::NoCode)?;
        if !(200..600).contains(&code) {
            return Err(ReplyError::NoCode);
        }
        // RFC 5321, 4.2.1: a hyphen behind the code of every line but the last. A line of the
        // code alone counts as last (4.2, "SHOULD … accept").
        let is_last = match line[3..] {
            [b'-', ..] => false,
            [b' ', ..] | [b'\n'] | [b'\r', b'\n'] => true,
            _ => return Err(ReplyError::NoCode),
        };
        if self.code.is_some_and(|first| first != code) {
            return Err(ReplyError::MixedCodes);
        }
        self.code = Some(code);
        Ok(is_last)
    }

    fn fail(&mut self, fault: ReplyError) -> ReplyError {
        self.fault = Some(fault);
        self.buffer = Vec::new();
        (self.start, self.read, self.searched) = (0, 0, 0);
        fault
    }

    /// Takes the oldest whole reply.
    pub fn take(&mut self) -> Result<Option<RawReply<'_>>, ReplyError> {
        if !self.is_ready()? {
            return Ok(None);
        }
        let bytes = &self.buffer[self.start..self.read];
        self.start = self.read;
        self.is_whole = false;
        Ok(self.code.take().map(|code| RawReply { code, bytes }))
    }

    /// Bytes that were pushed and not taken.
    pub fn pending_bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Whether every byte that came was part of a reply that was taken.
    pub fn is_empty(&self) -> bool {
        self.fault.is_none() && self.pending_bytes() == 0
    }
}

/// Lines as one line for the store and the log, where people are named by number alone:
/// words that could be addresses are masked, control characters are blanks.
fn plain_text<'a>(lines: impl Iterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for line in lines {
        for word in decoded(line).split(is_blank).filter(|word| !word.is_empty()) {
            let word = if is_address(word) { "…" } else { word };
            if !text.is_empty() {
                text.push(' ');
            }
            if text.len() + word.len() > MAX_TEXT_BYTES {
                let room = MAX_TEXT_BYTES.saturating_sub(text.len());
                text.push_str(&word[..word.floor_char_boundary(room)]);
                text.push('…');
                return text;
            }
            text.push_str(word);
        }
    }
    text
}

/// UTF-8 where it is (RFC 6531), else Latin-1, which any bytes are.
fn decoded(line: &[u8]) -> Cow<'_, str> {
    match str::from_utf8(line) {
        Ok(text) => text.into(),
        Err(_) => line.iter().copied().map(char::from).collect::<String>().into(),
    }
}

/// Blanks, and what a terminal or an editor would take for more than a character.
fn is_blank(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_address(word: &str) -> bool {
    word.contains('@') || word.contains("%40")
}

#[cfg(test)]
mod tests;
