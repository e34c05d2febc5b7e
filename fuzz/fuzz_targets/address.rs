//! Arbitrary text as an e-mail address: what is taken is safe in a command and in a header.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tidings::model::Address;

fuzz_target!(|text: &str| {
    let Ok(address) = text.parse::<Address>() else { return };
    let written = address.as_str();
    assert!(written.is_ascii() && written.len() <= 254, "{written:?}");
    let is_safe = |byte: u8| byte.is_ascii_graphic() && !b"<>,;:\"()[]\\".contains(&byte);
    assert!(written.bytes().all(is_safe), "{written:?}");
    assert_eq!(written.matches('@').count(), 1, "{written:?}");
    assert_eq!(written.parse::<Address>().as_ref(), Ok(&address), "another address when read again");
    assert!(written.parse::<lettre::Address>().is_ok(), "lettre refuses {written:?}");
    assert!(written.ends_with(address.domain()) && !address.domain().is_empty());
});
