use proptest::prelude::*;

use super::*;

/// Reads `bytes` in pieces of `size`: the replies, and the error at the end if any.
fn read(bytes: &[u8], size: usize) -> (Vec<Reply>, Option<ReplyError>) {
    let mut reader = ReplyReader::default();
    let mut replies = Vec::new();
    for piece in bytes.chunks(size) {
        reader.push(piece);
        loop {
            match reader.take() {
                Ok(Some(reply)) => replies.push(reply.to_reply()),
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

fn reply(bytes: &[u8]) -> Reply {
    let (mut replies, error) = read(bytes, bytes.len());
    assert_eq!((replies.len(), error), (1, None));
    replies.remove(0)
}

#[test]
fn a_relays_text_is_kept_without_addresses() {
    assert_eq!(reply(b"550 no user <mei@example.org> here\r\n").text, "no user … here");
    assert_eq!(reply(b"550 see\thttps://example.org/?u=mei%40example.org\r\n").text, "see …");
}

#[test]
fn an_enhanced_code_is_read_once_from_all_lines() {
    let reply = reply(b"550-5.7.1 Our system has\r\n550 5.7.1 blocked it.\r\n");
    assert_eq!(reply.enhanced, Some(Enhanced { class: 5, subject: 7, detail: 1 }));
    assert_eq!(reply.to_string(), "550 5.7.1 Our system has blocked it.");
    assert_eq!(reply.codes(), "550 5.7.1");
}

#[test]
fn what_only_looks_like_an_enhanced_code_is_text() {
    for text in ["5.1", "5.1.1.1", "3.1.1", "5.1.1000", "5..1", "5.1.1:", "1.2.3"] {
        let reply = reply(format!("550 {text}\r\n").as_bytes());
        assert_eq!((reply.enhanced, reply.text.as_str()), (None, text));
    }
}

#[test]
fn several_replies_come_from_one_read_and_one_from_many() {
    let bytes = b"250-a\r\n250 b\n354\r\n250 2.1.5 ok\r\n";
    let (replies, error) = read(bytes, bytes.len());
    assert_eq!(error, None);
    let codes: Vec<u16> = replies.iter().map(|reply| reply.code).collect();
    assert_eq!(codes, [250, 354, 250]);
    assert_eq!(replies[0].text, "a b");
    assert_eq!(read(bytes, 1), (replies, None));
}

#[test]
fn latin_1_and_control_characters_become_readable_text() {
    assert_eq!(reply(b"550 bo\xeete pleine\x1b[2J\r\n").text, "boîte pleine [2J");
    assert_eq!(reply("550 boîte\u{202e}pleine\r\n".as_bytes()).text, "boîte pleine");
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let line = format!("550-{}\r\n", "é".repeat(400));
    let text = reply(format!("{line}550 mei@example.org\r\n").as_bytes()).text;
    assert_eq!(text, format!("{}…", "é".repeat(250)));
}

#[test]
fn lines_and_replies_without_end_are_refused() {
    let line = format!("250-{}\r\n", "a".repeat(MAX_LINE_BYTES - 6));
    assert_eq!(read(line.repeat(65).as_bytes(), 4096).1, None);
    assert_eq!(read(line.repeat(66).as_bytes(), 4096).1, Some(ReplyError::LongReply));
    assert_eq!(read(&[b'2'; MAX_LINE_BYTES + 1], 100).1, Some(ReplyError::LongLine));
    assert_eq!(read(&[b'2'; MAX_LINE_BYTES], 100).1, None);
}

#[test]
fn what_is_no_reply_is_refused_behind_the_replies_before_it() {
    for (bytes, error) in [
        (&b"250 a\r\nHTTP/1.1 400\r\n"[..], ReplyError::NoCode),
        (b"250 a\r\n199 b\r\n", ReplyError::NoCode),
        (b"250 a\r\n600 b\r\n", ReplyError::NoCode),
        (b"250 a\r\n2500 b\r\n", ReplyError::NoCode),
        (b"250 a\r\n\r\n", ReplyError::NoCode),
        (b"250 a\r\n250-b\r\n550 c\r\n", ReplyError::MixedCodes),
    ] {
        let (replies, fault) = read(bytes, bytes.len());
        assert_eq!((replies.len(), fault), (1, Some(error)), "{bytes:?}");
    }
}

#[test]
fn a_secret_that_the_relay_repeats_is_hidden() {
    let mut reply = reply(b"535 5.7.8 wrong password hunter2\r\n");
    reply.conceal(&["", "hunter2"]);
    assert_eq!(reply.to_string(), "535 5.7.8 …");
}

proptest! {
    #[test]
    fn the_size_of_the_pieces_makes_no_difference(
        lines in prop::collection::vec("(2|5)50[ -][a-z@. ]{0,20}\r?\n|[0-9a-z\r\n -]{0,6}", 0..12),
        size in 1_usize..40,
    ) {
        let bytes = lines.concat();
        prop_assert_eq!(read(bytes.as_bytes(), size), read(bytes.as_bytes(), bytes.len().max(1)));
    }
}
