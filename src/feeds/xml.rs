//! XML 1.0 (fifth edition): the characters it allows, and a check as strict as libxml2's.
//!
//! Readers built on libxml2 drop a whole feed for one fault, so nothing is put in place that
//! [`check`] refuses. It is stricter where our own output never needs more: no document type,
//! hence no entities but the five predefined ones, and no encoding but UTF-8. It leaves out
//! libxml2's limits on size and depth, which no feed of ours comes near, and the syntax of
//! namespace names, which are constants of the crates that write.

use std::borrow::Cow;
use std::collections::BTreeSet;

use quick_xml::NsReader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{QName, ResolveResult};

/// Where a document is not well-formed, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct XmlError {
    pub line: usize,
    pub fault: String,
}

/// The text without characters that no XML document can hold, not even by reference
/// (XML 1.0 section 2.2).
pub fn legal<'a>(text: impl Into<Cow<'a, str>>) -> Cow<'a, str> {
    let text = text.into();
    if has_illegal_byte(text.as_bytes()) {
        Cow::Owned(text.chars().filter(|&c| is_legal(c)).collect())
    } else {
        text
    }
}

/// Whether UTF-8 holds a control character or, in three bytes, U+FFFE or U+FFFF. Most bodies
/// hold none, and whole blocks of bytes are looked at many times faster than characters.
fn has_illegal_byte(bytes: &[u8]) -> bool {
    let is_control = |byte: u8| byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    let has_control = |block: &[u8]| block.iter().fold(false, |found, &b| found | is_control(b));
    bytes.chunks(4096).any(has_control)
        || memchr::memmem::find_iter(bytes, b"\xEF\xBF")
            .any(|at| matches!(bytes.get(at + 2), Some(0xBE | 0xBF)))
}

/// XML 1.0 section 2.2, production 2.
fn is_legal(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{FFFD}' | '\u{10000}'..)
}

/// Refuses what is not a well-formed document with one root and declared prefixes.
pub fn check(bytes: &[u8]) -> Result<(), XmlError> {
    let text = std::str::from_utf8(bytes).map_err(|error| XmlError {
        line: line_at(bytes, error.valid_up_to()),
        fault: "bytes that are not UTF-8".to_owned(),
    })?;
    if has_illegal_byte(bytes)
        && let Some((position, character)) = text.char_indices().find(|&(_, c)| !is_legal(c))
    {
        return Err(XmlError {
            line: line_at(bytes, position),
            fault: format!("illegal character `{}`", character.escape_unicode()),
        });
    }
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let mut reader = NsReader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    check_events(&mut reader).map_err(|fault| {
        let position = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
        XmlError { line: line_at(text.as_bytes(), position), fault }
    })
}

fn line_at(bytes: &[u8], position: usize) -> usize {
    bytes[..position.min(bytes.len())].split(|&byte| byte == b'\n').count()
}

fn check_events(reader: &mut NsReader<&[u8]>) -> Result<(), String> {
    let mut depth = 0_usize;
    let mut roots = 0_usize;
    loop {
        let position = reader.buffer_position();
        let event = reader.read_event().map_err(|error| error.to_string())?;
        match event {
            Event::Start(tag) => {
                roots += usize::from(depth == 0);
                depth += 1;
                check_tag(&tag, reader)?;
            }
            Event::Empty(tag) => {
                roots += usize::from(depth == 0);
                check_tag(&tag, reader)?;
            }
            // That it closes the open element is checked by the reader.
            Event::End(_) => depth -= 1,
            Event::Text(text) => check_text(&text, depth)?,
            Event::CData(_) if depth == 0 => return Err("CDATA outside the root element".into()),
            Event::GeneralRef(_) if depth == 0 => {
                return Err("a reference outside the root element".into());
            }
            Event::GeneralRef(reference) => check_reference(&reference)?,
            // Section 2.5: no `--`, and no `-` before the end.
            Event::Comment(comment) if comment.ends_with(b"-") => {
                return Err("a comment that ends with `--->`".into());
            }
            Event::CData(_) | Event::Comment(_) => {}
            Event::Decl(declaration) if position == 0 => check_declaration(&declaration)?,
            Event::Decl(_) => return Err("an XML declaration that is not at the start".into()),
            Event::PI(instruction) => check_instruction(instruction.target())?,
            Event::DocType(_) => return Err("a document type, which we never write".into()),
            Event::Eof => break,
        }
        if roots > 1 {
            return Err("a second root element".into());
        }
    }
    match (roots, depth) {
        (0, _) => Err("no root element".into()),
        (_, 0) => Ok(()),
        _ => Err("an element that is not closed".into()),
    }
}

fn check_tag(tag: &BytesStart<'_>, reader: &NsReader<&[u8]>) -> Result<(), String> {
    check_name(tag.name())?;
    if let (ResolveResult::Unknown(prefix), _) = reader.resolver().resolve_element(tag.name()) {
        return Err(undeclared(&prefix));
    }
    let mut names = BTreeSet::new();
    for (name, value) in attributes(as_str(tag.attributes_raw()))? {
        check_name(QName(name.as_bytes()))?;
        check_value(value)?;
        if name.starts_with("xmlns:") && value.is_empty() {
            return Err(format!("`{name}` without a namespace"));
        }
        let (namespace, local) = reader.resolver().resolve_attribute(QName(name.as_bytes()));
        // Namespaces in XML section 6.3: unique by name, and by namespace and local name.
        let by_namespace = match namespace {
            ResolveResult::Unknown(prefix) => return Err(undeclared(&prefix)),
            ResolveResult::Bound(namespace) => {
                names.insert((Some(namespace.0.to_vec()), local.as_ref().to_vec()))
            }
            ResolveResult::Unbound => true,
        };
        if !by_namespace || !names.insert((None, name.as_bytes().to_vec())) {
            return Err(format!("attribute `{name}` given twice"));
        }
    }
    Ok(())
}

/// Takes `name="value"` pairs apart. The reader's own iterator is lenient: it takes pairs
/// without a blank between them (XML 1.0 section 3.1, productions 40 and 41).
fn attributes(raw: &str) -> Result<Vec<(&str, &str)>, String> {
    let mut pairs = Vec::new();
    let mut rest = raw;
    loop {
        let after_blank = rest.trim_start_matches(BLANKS);
        if after_blank.is_empty() {
            return Ok(pairs);
        }
        if after_blank.len() == rest.len() {
            return Err(format!("no blank before `{}`", shortened(rest)));
        }
        let malformed = || format!("a malformed attribute `{}`", shortened(after_blank));
        let (name, value) = after_blank.split_once('=').ok_or_else(malformed)?;
        let value = value.trim_start_matches(BLANKS);
        let quote =
            value.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or_else(malformed)?;
        let (value, after) = value[1..].split_once(quote).ok_or_else(malformed)?;
        pairs.push((name.trim_end_matches(BLANKS), value));
        rest = after;
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn as_str(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("a part of a text that was checked to be UTF-8")
}

fn undeclared(prefix: &[u8]) -> String {
    format!("prefix `{}` is not declared", String::from_utf8_lossy(prefix))
}

fn check_value(value: &str) -> Result<(), String> {
    if value.contains('<') {
        return Err(format!("`<` in the attribute value `{}`", shortened(value)));
    }
    for after in value.split('&').skip(1) {
        let (name, _) = after.split_once(';').ok_or("`&` that begins no reference")?;
        check_reference(&BytesRef::new(name))?;
    }
    Ok(())
}

fn check_text(text: &[u8], depth: usize) -> Result<(), String> {
    let text = as_str(text);
    if depth == 0 && !text.trim_matches(BLANKS).is_empty() {
        return Err("text outside the root element".into());
    }
    // Section 2.4: only CDATA may be ended so.
    if text.contains("]]>") { Err("`]]>` in text".into()) } else { Ok(()) }
}

/// Section 4.1: a predefined entity, or a number that names a legal character.
fn check_reference(reference: &BytesRef<'_>) -> Result<(), String> {
    let name = as_str(reference);
    if matches!(name, "amp" | "lt" | "gt" | "apos" | "quot") {
        return Ok(());
    }
    let number = match name.strip_prefix("#x") {
        Some(digits) => only(digits, u8::is_ascii_hexdigit).map(|d| u32::from_str_radix(d, 16)),
        None => name
            .strip_prefix('#')
            .and_then(|digits| only(digits, u8::is_ascii_digit))
            .map(str::parse),
    };
    match number.and_then(Result::ok).and_then(char::from_u32) {
        Some(character) if is_legal(character) => Ok(()),
        _ => Err(format!("unknown or illegal reference `&{};`", shortened(name))),
    }
}

/// Keeps out the sign that number parsing takes.
fn only(digits: &str, allowed: fn(&u8) -> bool) -> Option<&str> {
    digits.as_bytes().iter().all(allowed).then_some(digits)
}

/// Section 2.8: version, then encoding, then standalone.
fn check_declaration(declaration: &[u8]) -> Result<(), String> {
    let raw = as_str(declaration).strip_prefix("xml").ok_or("a malformed XML declaration")?;
    let pairs = attributes(raw)?;
    let [("version", "1.0"), rest @ ..] = pairs.as_slice() else {
        return Err("an XML declaration without version 1.0".into());
    };
    let rest = match rest {
        [("encoding", encoding), rest @ ..] if encoding.eq_ignore_ascii_case("utf-8") => rest,
        rest => rest,
    };
    match rest {
        [] | [("standalone", "yes" | "no")] => Ok(()),
        _ => Err("an XML declaration with more than version, encoding UTF-8, standalone".into()),
    }
}

/// Section 2.6: any name but `xml`; Namespaces in XML section 7: without a colon.
fn check_instruction(target: &[u8]) -> Result<(), String> {
    if is_ncname(as_str(target)) && !target.eq_ignore_ascii_case(b"xml") {
        Ok(())
    } else {
        Err(format!("`{}` is no target of an instruction", as_str(target)))
    }
}

/// Namespaces in XML section 4: a name, or a prefix and a name.
fn check_name(name: QName<'_>) -> Result<(), String> {
    let name = as_str(name.into_inner());
    let (prefix, local) = name.split_once(':').unwrap_or(("x", name));
    if is_ncname(prefix) && is_ncname(local) {
        Ok(())
    } else {
        Err(format!("`{}` is not a name", shortened(name)))
    }
}

/// XML 1.0 section 2.3, productions 4 and 4a, without the colon.
fn is_ncname(name: &str) -> bool {
    let starts = |c: char| {
        matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}'
            | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}'
            | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
            | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
            | '\u{10000}'..='\u{EFFFF}')
    };
    let continues = |c: char| {
        starts(c)
            || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}'
                | '\u{203F}'..='\u{2040}')
    };
    name.starts_with(starts) && name.chars().all(continues)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_xml_forbids_are_left_out() {
        assert_eq!(legal("a\u{0}b\u{B}c\u{1F}d\u{FFFE}e\u{FFFF}f"), "abcdef");
        assert!(matches!(legal("tab\t line\n 😀 \u{85}\u{F0026}"), Cow::Borrowed(_)));
    }

    #[test]
    fn well_formed_documents_pass() {
        for document in [
            "<a/>",
            "\u{FEFF}<?xml version=\"1.0\" encoding=\"UTF-8\" standalone='yes'?>\n<a></a >\n",
            "<!-- c --><?css href='x'?><a b = \"1\"\n c='>'>&amp;&#x26;&#38;<![CDATA[<&]]></a><!---->",
            "<p:a xmlns:p='urn:x' p:b='1' b='2' xml:lang='en'><p:c xmlns='urn:y'/></p:a>",
            "<தமிழ் é='1'/>",
        ] {
            assert_eq!(check(document.as_bytes()), Ok(()), "{document}");
        }
    }

    #[test]
    fn documents_that_libxml2_rejects_are_refused() {
        for document in MALFORMED {
            assert!(check(document.as_bytes()).is_err(), "{document:?}");
        }
        assert!(check(b"<a>\xFF</a>").is_err());
        assert!(check(b"<a>\xED\xA0\x80</a>").is_err());
    }

    /// Each was refused by `xmllint --noout`, or reported by it as a namespace error.
    const MALFORMED: &[&str] = &[
        "",
        " \n",
        "text",
        "<a>",
        "<a></b>",
        "</a>",
        "<a/></a>",
        "<a/><b/>",
        "<a/>text",
        "<a/>&amp;",
        "<a/><![CDATA[x]]>",
        " <?xml version='1.0'?><a/>",
        "<a><?xml version='1.0'?></a>",
        "<?xml encoding='utf-8'?><a/>",
        "<?xml version='1.0'encoding='utf-8'?><a/>",
        "<?xml version='1.0' encoding='no such'?><a/>",
        "<?xml version='1.0' standalone='maybe'?><a/>",
        "<?XML version='1.0'?><a/>",
        "<?1 x?><a/>",
        "<a>&</a>",
        "<a>& b</a>",
        "<a>&nbsp;</a>",
        "<a>&amp</a>",
        "<a>&;</a>",
        "<a>&#;</a>",
        "<a>&#x;</a>",
        "<a>&#0;</a>",
        "<a>&#11;</a>",
        "<a>&#+65;</a>",
        "<a>&#X41;</a>",
        "<a>&#xD800;</a>",
        "<a>&#xFFFE;</a>",
        "<a>&#x110000;</a>",
        "<a>]]></a>",
        "<a>\u{B}</a>",
        "<a b='\u{1}'/>",
        "<a><![CDATA[\u{0}]]></a>",
        "<a>\u{FFFF}</a>",
        "<a><![CDATA[x</a>",
        "<a><!-- x -- y --></a>",
        "<a><!-- x ---></a>",
        "<a><!-- x</a>",
        "<a><b</a>",
        "<a>a < b</a>",
        "<1a/>",
        "<a.b:/>",
        "<a / >",
        "<a b/>",
        "<a b=1/>",
        "<a b='1'c='2'/>",
        "<a b='1' b='2'/>",
        "<a b='<'/>",
        "<a b='&'/>",
        "<a b='&x;'/>",
        "<a b='&#1;'/>",
        "<a b='1/>",
        "<a 1b='1'/>",
        "<a></ a>",
        "<a></a b='1'>",
        "<p:a/>",
        "<a p:b='1'/>",
        "<a xmlns:p=''/>",
        "<a xmlns:xml='urn:x'/>",
        "<a xmlns:xmlns='urn:x'/>",
        "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
        "<p:a xmlns:p='u'><b/></p:a><p:b/>",
        "<!DOCTYPE a [<!ENTITY e '&e;'>]><a>&e;</a>",
    ];

    #[test]
    fn a_fault_is_reported_with_its_line() {
        let error = check(b"<a>\n<b>\n&nbsp;</b></a>").unwrap_err();
        assert_eq!(error.to_string(), "line 3: unknown or illegal reference `&nbsp;`");
    }
}
