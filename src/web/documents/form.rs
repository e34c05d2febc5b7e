//! One document in the forms it can be sent in, each with its header fields ready.
//!
//! A form is a coding and a media type. Each has a strong tag of its own (RFC 9110, 8.8.3.3):
//! `"HASH"`, `"HASH-gz"`, `"HASH-br"`, and `"HASH-xml…"` for the bytes that a browser shows.

use std::path::PathBuf;

use axum::http::{HeaderMap, HeaderValue, header};
use bytes::Bytes;

use super::coding::{Accepted, Coding};
use super::fresh::LastModified;
use super::styled::prefers_html;

/// Pages load styles, the script of the copy buttons and pictures; nobody may frame them.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; \
     script-src 'self'; img-src * data:; base-uri 'none'; form-action 'self'; \
     frame-ancestors 'none'";

/// A feed as a browser shows it: its style sheet and nothing else.
const STYLED_POLICY: &str = "default-src 'none'; style-src 'self'; frame-ancestors 'none'";

const STYLED_TYPE: &str = "application/xml; charset=utf-8";

/// What all forms of a document have in common.
#[derive(Debug)]
pub(super) struct Description {
    pub(super) media_type: &'static str,
    /// The tag without quotes and coding.
    pub(super) tag: String,
    pub(super) last_modified: LastModified,
    /// `Link` of a topic (W3C WebSub, section 4).
    pub(super) link: Option<HeaderValue>,
    /// Whether a browser gets it as `application/xml`.
    pub(super) is_styled: bool,
}

#[derive(Debug)]
pub(super) struct Forms {
    last_modified: LastModified,
    plain: Codings,
    styled: Option<Codings>,
}

/// By coding; identity is always there.
type Codings = [Option<Form>; 3];

#[derive(Debug)]
pub(super) struct Form {
    etag: HeaderValue,
    /// Fields of a 200.
    pub(super) whole: HeaderMap,
    /// Fields of a 304: those that a cache needs (RFC 9110, 15.4.5).
    pub(super) not_modified: HeaderMap,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Memory(Bytes),
    /// Read when it is asked for.
    Disk(PathBuf),
}

/// By coding, each with its length in bytes.
pub(super) type Contents = [Option<(Content, u64)>; 3];

/// What answers a request.
#[derive(Debug)]
pub(super) enum Choice<'a> {
    /// The reader has this form already.
    Fresh(&'a Form),
    Whole(&'a Form),
    /// No coding that the reader accepts is there.
    Nothing,
}

impl Forms {
    pub(super) fn new(description: &Description, contents: &Contents) -> Self {
        let codings = |is_styled: bool| {
            Coding::ALL.map(|coding| {
                let (content, length_bytes) = contents[coding as usize].clone()?;
                let fields = Fields { description, coding, is_styled };
                Some(fields.form(content, length_bytes))
            })
        };
        Self {
            last_modified: description.last_modified.clone(),
            plain: codings(false),
            styled: description.is_styled.then(|| codings(true)),
        }
    }

    /// Negotiates, then looks whether the reader has what was chosen (RFC 9110, 13.2.2).
    pub(super) fn choose(&self, headers: &HeaderMap) -> Choice<'_> {
        let forms = match &self.styled {
            Some(styled) if prefers_html(headers) => styled,
            _ => &self.plain,
        };
        let accepted = Accepted::of(headers);
        let best = accepted.best(|coding| forms[coding as usize].is_some());
        let Some(chosen) = best.and_then(|coding| forms[coding as usize].as_ref()) else {
            return Choice::Nothing;
        };
        // `If-None-Match` alone decides where it is given.
        if headers.contains_key(header::IF_NONE_MATCH) {
            return known(forms, chosen, accepted, headers)
                .map_or(Choice::Whole(chosen), Choice::Fresh);
        }
        if self.last_modified.is_unmodified(headers) {
            return Choice::Fresh(chosen);
        }
        Choice::Whole(chosen)
    }
}

/// The form that `If-None-Match` names, compared weakly (RFC 9110, 13.1.2).
///
/// The tag of another coding counts as long as this request accepts that coding: we are free
/// to choose the form that the reader has. Where the request does not accept it, a cache
/// between us must not take it for an answer, and the tag does not count.
fn known<'a>(
    forms: &'a Codings,
    chosen: &'a Form,
    accepted: Accepted,
    headers: &HeaderMap,
) -> Option<&'a Form> {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let mut tags = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tags.find_map(|tag| {
        let tag = tag.trim_ascii();
        let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
        if tag == b"*" || tag == chosen.etag.as_bytes() {
            return Some(chosen);
        }
        let acceptable = Coding::ALL.into_iter().filter(|coding| accepted.accepts(*coding));
        acceptable
            .filter_map(|coding| forms[coding as usize].as_ref())
            .find(|form| tag == form.etag.as_bytes())
    })
}

/// What the header fields of one form are made from.
struct Fields<'a> {
    description: &'a Description,
    coding: Coding,
    is_styled: bool,
}

impl Fields<'_> {
    fn form(&self, content: Content, length_bytes: u64) -> Form {
        let etag = self.etag();
        let whole = self.whole(&etag, length_bytes);
        Form { not_modified: self.shared(&etag), whole, etag, content }
    }

    fn etag(&self) -> HeaderValue {
        let tag = &self.description.tag;
        let styled = if self.is_styled { "-xml" } else { "" };
        let text = match self.coding.ending() {
            Some(ending) => format!("\"{tag}{styled}-{ending}\""),
            None => format!("\"{tag}{styled}\""),
        };
        HeaderValue::from_str(&text).expect("a tag is ASCII")
    }

    /// Fields that a 304 has too.
    fn shared(&self, etag: &HeaderValue) -> HeaderMap {
        let vary =
            if self.description.is_styled { "Accept-Encoding, Accept" } else { "Accept-Encoding" };
        HeaderMap::from_iter([
            (header::ETAG, etag.clone()),
            (header::CACHE_CONTROL, HeaderValue::from_static(crate::feeds::CACHE_CONTROL)),
            (header::VARY, HeaderValue::from_static(vary)),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*")),
        ])
    }

    fn whole(&self, etag: &HeaderValue, length_bytes: u64) -> HeaderMap {
        let mut fields = self.shared(etag);
        let media_type = if self.is_styled { STYLED_TYPE } else { self.description.media_type };
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length_bytes));
        fields.insert(header::LAST_MODIFIED, self.description.last_modified.value.clone());
        fields.insert(header::ACCEPT_RANGES, HeaderValue::from_static("none"));
        let exposed = HeaderValue::from_static("ETag, Link");
        fields.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(coding) = self.coding.name() {
            fields.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
        }
        if let Some(link) = &self.description.link {
            fields.insert(header::LINK, link.clone());
        }
        let policy = match media_type {
            STYLED_TYPE => Some(STYLED_POLICY),
            media_type if media_type.starts_with("text/html") => Some(PAGE_POLICY),
            _ => None,
        };
        if let Some(policy) = policy {
            fields.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        }
        fields
    }
}
