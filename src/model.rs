//! The values that every module shares: entries, events, addresses, ids, times.
//!
//! Field meanings follow RFC 4287 (Atom) where it has a word for them. Nothing in here does
//! I/O or asks the time; a value that was built is a value that is right.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate};
use serde::{Deserialize, Serialize};
use url::Url;

/// A moment with the offset its author wrote, or the site's where the author gave a date alone.
pub type Timestamp = DateTime<FixedOffset>;

/// Permanent IRI of an entry; unchanged when the page moves (RFC 4287, 4.2.6).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntryId(String);

impl EntryId {
    /// Takes an IRI as it is; whoever makes one checks it first.
    pub fn new(iri: impl Into<String>) -> Self {
        Self(iri.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Language tag (BCP 47), as `en` or `zh-Hans`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Language(String);

/// Why a text is no language tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language tag such as `en` or `zh-Hans`")]
pub struct LanguageError(String);

impl Language {
    /// Whether it is `range`, or a narrower one, as `zh-Hans` is a kind of `zh` (RFC 4647, 3.3.1).
    pub fn is_kind_of(&self, range: &Self) -> bool {
        let (tag, range) = (self.0.as_str(), range.0.as_str());
        let is_head = tag.get(..range.len()).is_some_and(|head| head.eq_ignore_ascii_case(range));
        is_head && matches!(tag.as_bytes().get(range.len()), None | Some(b'-'))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    /// Checks the shape of RFC 5646 section 2.1: parts of 1 to 8 letters or digits joined by
    /// hyphens, the first of letters alone. `_`, as in `zh_CN`, is read as a hyphen.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let tag = text.trim().replace('_', "-");
        let mut parts = tag.split('-');
        let first = parts.next().unwrap_or_default();
        let first_fits =
            (2..=8).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic());
        let rest_fits = parts
            .all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()));
        if first_fits && rest_fits && tag.len() <= 35 {
            Ok(Self(tag))
        } else {
            Err(LanguageError(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Language {
    type Error = LanguageError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.0
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an author wrote, as far as it is ever published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Release,
    Event,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Event => "event",
        }
    }
}

impl FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "release" => Ok(Self::Release),
            "event" => Ok(Self::Event),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Grows with every accepted version of an entry; a digest names the revision it carries.
pub type Revision = i64;

/// Number of a line in the catalogue of changes: rises in commit order, never reused.
pub type Seq = i64;

/// One published item, in the shape every feed format and digest shares.
///
/// Field meanings follow RFC 4287 section 4.1.2. RSS 2.0 and JSON Feed are mapped from this
/// type; nothing format-specific is added to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: EntryId,
    pub kind: Kind,
    /// Plain text, no markup.
    pub title: String,
    /// Absolute address of the page on the site.
    pub link: Url,
    /// As the author gave it (RFC 4287, 4.2.9); shown, never used to plan.
    pub published: Timestamp,
    /// Last significant change; never before `published` (RFC 4287, 4.2.15).
    pub updated: Timestamp,
    pub revision: Revision,
    /// When this revision was accepted; absent for the first, which is as old as `updated`.
    #[serde(default)]
    pub revised: Option<Timestamp>,
    /// How often a calendar had to be told of another title, time, place or status
    /// (RFC 5545, 3.8.7.4).
    #[serde(default)]
    pub sequence: u32,
    pub language: Language,
    /// Shared by the translations of one text.
    pub translation_key: Option<String>,
    /// As the author wrote them, in the author's order.
    pub categories: Vec<String>,
    pub tags: Vec<String>,
    pub agency: Option<String>,
    /// Plain text, whole words, never blank.
    pub summary: String,
    /// Sanitised, well nested, every link absolute; without the notice of `notes`.
    pub content_html: String,
    /// The same as plain text, paragraphs set apart by a blank line.
    pub content_text: String,
    pub image: Option<Url>,
    pub enclosures: Vec<Enclosure>,
    /// Present for events whose start is known.
    pub event: Option<Event>,
    pub notes: Notes,
    /// Mailed at once to every subscriber of a feed that selects it.
    pub urgent: bool,
}

impl Entry {
    /// The last change of any kind, also of one that leaves `updated` as it was.
    pub fn modified(&self) -> Timestamp {
        self.revised.unwrap_or(self.updated).max(self.updated)
    }
}

/// A file offered with an entry (RFC 4287, 4.2.7.2; RSS 2.0 `enclosure`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enclosure {
    pub url: Url,
    pub media_type: String,
    /// Length in bytes; absent where the file is not at hand.
    pub length_bytes: Option<u64>,
}

/// What the author says about a version of an entry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notes {
    /// What is new; makes an edit a major one.
    pub change: Option<String>,
    /// What was wrong and is right now.
    pub correction: Option<String>,
    /// Why the text was taken back.
    pub withdrawn: Option<String>,
    /// What stands in its place.
    pub replaced_by: Option<Url>,
}

/// Where and when something happens (RFC 5545 section 3.6.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub start: EventTime,
    /// For days alone: the last day, included.
    pub end: Option<EventTime>,
    pub venue: Option<String>,
    pub online_url: Option<Url>,
    pub registration_url: Option<Url>,
    pub status: EventStatus,
}

/// A start or an end: a moment, or a whole day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EventTime {
    At(Timestamp),
    Day(NaiveDate),
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    #[default]
    Confirmed,
    Cancelled,
    Postponed,
}

/// An e-mail address that SMTP can carry, built only by [`Address::from_str`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address(String);

/// Why a text is not taken as an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{address}` is not an e-mail address: {reason}")]
pub struct AddressError {
    pub address: String,
    pub reason: AddressFault,
}

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    #[error("it holds a control character")]
    Control,
    #[error("it has no `@`")]
    NoAt,
    #[error("the part before the `@` has letters that most mail hosts refuse")]
    Letters,
    #[error("the part before the `@` is not a plain name")]
    Name,
    #[error("an address literal is no home of a reader")]
    Literal,
    #[error("the part after the `@` is not a domain name")]
    Domain,
    #[error("the domain has no dot")]
    NoDot,
    #[error("it is longer than SMTP carries")]
    Long,
}

impl Address {
    /// The address as it is written in an envelope, its domain in ASCII and lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// Form under which two spellings count as one person: all in lower case.
    ///
    /// RFC 5321 section 2.4 lets a host tell the case of local parts apart; none that
    /// people use does, and two mails to one person are the greater harm.
    pub fn normalised(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// The same without what stands behind a `+` (RFC 5233, section 1): the mailbox that such
    /// addresses mostly lead to.
    pub fn mailbox(&self) -> String {
        let whole = self.normalised();
        let (local, domain) = whole.rsplit_once('@').unwrap_or((&whole, ""));
        match local.split_once('+') {
            Some((name, _)) if !name.is_empty() => format!("{name}@{domain}"),
            _ => whole,
        }
    }

    /// The address with most of its local part hidden, for pages and reports.
    pub fn masked(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or((&self.0, ""));
        let head: String = local.chars().take(1).collect();
        format!("{head}***@{domain}")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    /// Takes a dot-atom local part and a domain with a dot, within the limits of RFC 5321
    /// section 4.5.3.1. Quoted local parts, encoded words, address literals, control characters
    /// and non-ASCII local parts are refused; a domain in other scripts becomes its A-labels.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |reason| AddressError { address: text.escape_debug().to_string(), reason };
        let text_trimmed = text.trim();
        if text_trimmed.chars().any(char::is_control) {
            return Err(refuse(AddressFault::Control));
        }
        let (local, domain) =
            text_trimmed.rsplit_once('@').ok_or_else(|| refuse(AddressFault::NoAt))?;
        if !local.is_ascii() {
            return Err(refuse(AddressFault::Letters));
        }
        let is_atom_byte = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
        // RFC 2047, section 5 (3): readers of headers that are less strict than it would decode it.
        let is_encoded_word = local.contains("=?");
        if local.is_empty()
            || is_encoded_word
            || !local.split('.').all(|a| !a.is_empty() && a.bytes().all(is_atom_byte))
        {
            return Err(refuse(AddressFault::Name));
        }
        if domain.starts_with('[') {
            return Err(refuse(AddressFault::Literal));
        }
        let domain =
            idna::domain_to_ascii_strict(domain).map_err(|_| refuse(AddressFault::Domain))?;
        let labels: Vec<&str> = domain.split('.').collect();
        if labels.len() < 2 {
            return Err(refuse(AddressFault::NoDot));
        }
        let is_label = |l: &&str| {
            !l.is_empty()
                && l.len() <= 63
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if !labels.iter().all(is_label)
            || labels.last().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(refuse(AddressFault::Domain));
        }
        if local.len() > 64 || domain.len() > 255 || local.len() + domain.len() + 1 > 254 {
            return Err(refuse(AddressFault::Long));
        }
        Ok(Self(format!("{local}@{domain}")))
    }
}

impl fmt::Debug for Address {
    /// Hides the person: an address must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        text.parse::<Address>().unwrap_err().reason.to_string()
    }

    #[test]
    fn an_address_keeps_its_local_part_and_lowers_its_domain() {
        let address: Address = " Mei.Tan+news@Example.ORG ".parse().unwrap();
        assert_eq!(address.as_str(), "Mei.Tan+news@example.org");
        assert_eq!(address.domain(), "example.org");
        assert_eq!(address.normalised(), "mei.tan+news@example.org");
    }

    #[test]
    fn a_domain_in_another_script_becomes_a_labels() {
        let address: Address = "mei@例え.jp".parse().unwrap();
        assert_eq!(address.as_str(), "mei@xn--r8jz45g.jp");
    }

    #[test]
    fn an_address_that_smtp_cannot_carry_is_refused_with_its_reason() {
        assert_eq!(reason("mei"), "it has no `@`");
        assert_eq!(reason("mei@localhost"), "the domain has no dot");
        assert_eq!(reason("mei@example.org\r\nBcc: x@y.zz"), "it holds a control character");
        assert_eq!(reason("mei@[127.0.0.1]"), "an address literal is no home of a reader");
        assert_eq!(reason("mei@127.0.0.1"), "the part after the `@` is not a domain name");
        assert_eq!(reason("\"a b\"@example.org"), "the part before the `@` is not a plain name");
        let word = reason("=?utf-8?q?a=0d=0abcc=3a?=@example.org");
        assert_eq!(word, "the part before the `@` is not a plain name");
        assert_eq!(
            reason("美@example.org"),
            "the part before the `@` has letters that most mail hosts refuse"
        );
        assert_eq!(
            reason(&format!("{}@example.org", "a".repeat(65))),
            "it is longer than SMTP carries"
        );
    }

    #[test]
    fn debug_output_hides_the_person() {
        let address: Address = "mei.tan@example.org".parse().unwrap();
        assert_eq!(format!("{address:?}"), "Address(m***@example.org)");
    }

    #[test]
    fn a_language_tag_is_checked_and_its_underscore_mended() {
        assert_eq!("zh_CN".parse::<Language>().unwrap().as_str(), "zh-CN");
        assert!("english please".parse::<Language>().is_err());
        assert!("e".parse::<Language>().is_err());
    }
}
