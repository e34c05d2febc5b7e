//! Takes a file apart: bytes to text, text to front matter and body.
//!
//! Whatever an editor may have done to it is mended here: a BOM, line endings, blank lines above
//! the first fence. What is no text is refused. TOML (`+++`) is declined.

use super::front_matter::{FrontMatter, starts_with_key};
use super::problem::{Place, Problems};
use super::text::strip_unpublishable;
use super::yaml;

/// The largest file that is read, in bytes.
pub(crate) const FILE_LIMIT: u64 = 5 * 1024 * 1024;
/// The largest front matter, in bytes.
const FRONT_MATTER_LIMIT: usize = 64 * 1024;

/// A file cut in two. Lines end in `\n` alone.
#[derive(Debug)]
pub(crate) struct Source {
    /// Absent where the file does not begin with a fence.
    pub(crate) front_matter: Option<FrontMatter>,
    pub(crate) body: String,
    /// Line of the file where the body begins, from 1.
    pub(crate) body_line: usize,
}

/// Decodes a file and cuts it at its fences. What cannot be read is reported, and `None` given.
pub(crate) fn split(bytes: &[u8], problems: &mut Problems) -> Option<Source> {
    let text = decode(bytes, problems)?;
    // Blank lines above the first fence do no harm.
    let blank_lines = text.lines().take_while(|line| line.trim().is_empty()).count();
    if text.lines().nth(blank_lines).is_some_and(|line| line.trim_end() == "+++") {
        problems.error(
            Place::line(blank_lines + 1),
            "the front matter is TOML (`+++`), which is not read",
            "write it as YAML between two lines of `---`",
        );
        return None;
    }
    let skipped: usize = text.split_inclusive('\n').take(blank_lines).map(str::len).sum();
    let fence_line = blank_lines + 1;
    if !text[skipped..].lines().next().is_some_and(is_fence) {
        return without_front_matter(text, problems);
    }
    let Some((inner, body, lines)) = cut(&text[skipped..]) else {
        problems.error(
            Place::line(fence_line),
            "the front matter that begins here is never closed",
            "put a line of `---` below the last key",
        );
        return None;
    };
    if inner.len() > FRONT_MATTER_LIMIT {
        problems.error(
            longest_line(inner, fence_line + 1),
            format!(
                "the front matter is {} bytes long, more than {FRONT_MATTER_LIMIT}",
                inner.len()
            ),
            "move the text below the closing `---`",
        );
        return None;
    }
    let fields = yaml::parse(inner, fence_line + 1, problems)?;
    let front_matter = FrontMatter::of(inner, fence_line + 1, fields);
    Some(Source {
        front_matter: Some(front_matter),
        body: body.to_owned(),
        body_line: blank_lines + lines,
    })
}

/// A file without a fence is all body, unless it begins with keys whose fence was lost.
fn without_front_matter(text: String, problems: &mut Problems) -> Option<Source> {
    let begins_with_key =
        ["title", "layout", "permalink", "date"].iter().any(|key| starts_with_key(&text, key));
    if begins_with_key && text.lines().any(is_fence) {
        problems.error(
            Place::line(1),
            "the line of `---` above the front matter is missing",
            "put a line of `---` above the first key",
        );
        return None;
    }
    Some(Source { front_matter: None, body: text, body_line: 1 })
}

/// Text between the fences, text after them, and the line where that begins.
fn cut(text: &str) -> Option<(&str, &str, usize)> {
    let mut offset = text.split_inclusive('\n').next()?.len();
    let start = offset;
    for (index, line) in text[start..].split_inclusive('\n').enumerate() {
        let end = offset;
        offset += line.len();
        if is_fence(line) || line.trim_end() == "..." {
            return Some((&text[start..end], &text[offset..], index + 3));
        }
    }
    None
}

/// The line that a too long front matter most likely owes its length to, with its key.
fn longest_line(text: &str, first_line: usize) -> Place {
    let (index, line) =
        text.lines().enumerate().max_by_key(|(_, line)| line.len()).unwrap_or_default();
    let place = Place::line(first_line + index);
    let key = line.split_once(':').map(|(key, _)| key.trim()).unwrap_or_default();
    let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if is_key { place.named(key) } else { place }
}

/// A fence is three hyphens; blanks after them do not count.
fn is_fence(line: &str) -> bool {
    line.trim_end() == "---"
}

pub(crate) fn report_size(size_bytes: u64, problems: &mut Problems) {
    problems.error(
        Place::default(),
        format!("the file is {size_bytes} bytes long, more than {FILE_LIMIT}"),
        "split the text, or offer the long part as a file with `file_url`",
    );
}

/// UTF-8 without BOM, every line ending in `\n`, without characters that XML forbids.
fn decode(bytes: &[u8], problems: &mut Problems) -> Option<String> {
    let size_bytes = bytes.len() as u64;
    if size_bytes > FILE_LIMIT {
        report_size(size_bytes, problems);
        return None;
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        problems.error(
            Place::line(1),
            "the file is written in UTF-16",
            "save it again with the encoding UTF-8",
        );
        return None;
    }
    let line_at = |end: usize| bytes[..end].split(|b| *b == b'\n').count();
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            problems.error(
                Place::line(line_at(error.valid_up_to())),
                "the file is not written in UTF-8",
                "save it again with the encoding UTF-8",
            );
            return None;
        }
    };
    if let Some(at) = text.find('\0') {
        problems.error(
            Place::line(line_at(at)),
            "the file holds a NUL byte, so it is no text",
            "save it again as plain text with the encoding UTF-8",
        );
        return None;
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = if text.contains('\r') {
        text.replace("\r\n", "\n").replace('\r', "\n")
    } else {
        text.into()
    };
    Some(strip_unpublishable(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        let mut problems = Problems::of("a.md");
        split(text.as_bytes(), &mut problems)
            .unwrap_or_else(|| panic!("{:?}", problems.into_list()))
    }

    fn refused(bytes: &[u8]) -> (Option<usize>, String, String) {
        let mut problems = Problems::of("a.md");
        assert!(split(bytes, &mut problems).is_none());
        let problem = problems.into_list().remove(0);
        (problem.line, problem.message, problem.remedy)
    }

    fn title(source: &Source) -> Option<String> {
        source.front_matter.as_ref().and_then(|f| f.text(&["title"]))
    }

    #[test]
    fn fences_may_have_trailing_blanks_a_bom_and_any_line_ending() {
        for text in [
            "---\ntitle: A\n---\nbody\n",
            "\u{feff}---  \r\ntitle: A\r\n---\t\r\nbody\r\n",
            "---\rtitle: A\r---\rbody\r",
        ] {
            let source = source(text);
            assert_eq!(title(&source).as_deref(), Some("A"), "{text:?}");
            assert_eq!(source.body, "body\n");
            assert_eq!(source.body_line, 4);
        }
    }

    #[test]
    fn blank_lines_above_the_first_fence_do_no_harm() {
        let source = source("\n \n---\ntitle: A\n---\nbody\n");
        assert_eq!(source.front_matter.as_ref().unwrap().field("title").unwrap().line, Some(4));
        assert_eq!((source.body.as_str(), source.body_line), ("body\n", 6));
    }

    #[test]
    fn a_fence_in_the_body_is_a_rule_of_the_text() {
        assert_eq!(source("---\ntitle: A\n---\none\n\n---\n\ntwo\n").body, "one\n\n---\n\ntwo\n");
    }

    #[test]
    fn a_file_without_fence_is_all_body() {
        let source = source("# Hello\n");
        assert!(source.front_matter.is_none());
        assert_eq!(source.body_line, 1);
    }

    #[test]
    fn empty_front_matter_is_front_matter() {
        let source = source("---\n---\nbody");
        assert!(source.front_matter.is_some());
        assert_eq!(source.body, "body");
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_line() {
        let (line, message, remedy) = refused(b"---\ntitle: A\n\nbody\n");
        assert_eq!(line, Some(1));
        assert_eq!(message, "the front matter that begins here is never closed");
        assert_eq!(remedy, "put a line of `---` below the last key");
        assert_eq!(
            refused(b"+++\ntitle = 'A'\n+++\n").1,
            "the front matter is TOML (`+++`), which is not read"
        );
        assert_eq!(
            refused(b"title: A\ndate: 2026-01-01\n---\nbody\n").1,
            "the line of `---` above the front matter is missing"
        );
        let (line, message, _) = refused(b"---\ntitle: caf\xe9\n---\n");
        assert_eq!((line, message.as_str()), (Some(2), "the file is not written in UTF-8"));
        assert_eq!(refused(b"\xff\xfeT\0").1, "the file is written in UTF-16");
        let (line, message, _) = refused(b"---\ntitle: A\n---\n\0");
        assert_eq!(
            (line, message.as_str()),
            (Some(4), "the file holds a NUL byte, so it is no text")
        );
    }

    #[test]
    fn front_matter_and_files_have_a_limit() {
        let long = format!("---\ntitle: {}\n---\n", "a".repeat(70_000));
        let (line, message, _) = refused(long.as_bytes());
        assert_eq!(
            (line, message.as_str()),
            (Some(2), "the front matter is 70008 bytes long, more than 65536")
        );
        let long = vec![b'a'; 5 * 1024 * 1024 + 1];
        assert_eq!(refused(&long).1, "the file is 5242881 bytes long, more than 5242880");
    }

    #[test]
    fn control_characters_and_private_planes_are_taken_out() {
        let source = source("---\ntitle: \"A\\x07B\\U000F0026C\"\n---\nx\u{10fffd}\u{1}y\n");
        assert_eq!(title(&source).as_deref(), Some("ABC"));
        assert_eq!(source.body, "xy\n");
    }
}
