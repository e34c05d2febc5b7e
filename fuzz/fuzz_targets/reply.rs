//! Arbitrary bytes as what a relay says; the first byte chooses the size of the pieces.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings::mail::reply::{MAX_LINE_BYTES, MAX_REPLY_BYTES, Reply, ReplyError, ReplyReader};
use tidings::mail::verdict::{Phase, classify};

const PHASES: &[Phase] = &[
    Phase::Connect,
    Phase::Greeting,
    Phase::Hello,
    Phase::StartTls,
    Phase::Auth,
    Phase::Sender,
    Phase::Recipient,
    Phase::Data,
    Phase::Dot,
    Phase::Between,
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, bytes)) = data.split_first() else { return };
    let at_once = read(bytes, bytes.len().max(1));
    assert_eq!(read(bytes, usize::from(*choice) + 1), at_once);
    for reply in at_once.0 {
        check(&reply);
    }
});

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
        assert!(reader.pending_bytes() <= MAX_REPLY_BYTES + MAX_LINE_BYTES, "it grows");
    }
    (replies, None)
}

fn check(reply: &Reply) {
    assert!((200..600).contains(&reply.code));
    // A cut text is as long as it may be, with its ellipsis.
    assert!(reply.text.len() <= 510, "{} bytes", reply.text.len());
    assert!(!reply.text.contains('@'), "an address: {}", reply.text);
    assert!(!reply.text.contains(char::is_control), "a control character: {:?}", reply.text);
    for phase in PHASES {
        classify(*phase, reply);
    }
}
