//! Messages as they come over the wire.

/// A message that is being read.
pub(super) struct Body {
    pub(super) message: Vec<u8>,
    begins_line: bool,
}

impl Default for Body {
    fn default() -> Self {
        Self { message: Vec::new(), begins_line: true }
    }
}

impl Body {
    /// Takes what was read up to a LF; false where that was the final dot. Doubled dots are
    /// undone (RFC 5321, 4.5.2). A line ends with CRLF alone, so that a bare LF before a dot
    /// ends nothing.
    pub(super) fn take(&mut self, line: &[u8]) -> bool {
        if self.begins_line && line == b".\r\n" {
            return false;
        }
        let stuffed = line.strip_prefix(b".").filter(|_| self.begins_line);
        self.message.extend_from_slice(stuffed.unwrap_or(line));
        self.begins_line = line.ends_with(b"\r\n");
        true
    }
}

/// What a message must not be (RFC 5321, 2.3.8 and 4.5.3.1.6; no 8BITMIME is offered).
pub(super) fn faults(message: &[u8]) -> Vec<&'static str> {
    let is_bare = |(at, byte): (usize, &u8)| match byte {
        b'\n' => at == 0 || message[at - 1] != b'\r',
        b'\r' => message.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    // With its CR, and without its LF.
    let is_long = |line: &[u8]| line.len() > 999;
    let faults = [
        (!message.is_ascii(), "a message is not 7-bit"),
        (message.iter().enumerate().any(is_bare), "a message has a bare CR or LF"),
        (message.split(|byte| *byte == b'\n').any(is_long), "a line of a message is too long"),
        (message_ids(message).len() != 1, "a message has no Message-ID, or two"),
    ];
    faults.into_iter().filter(|(is_so, _)| *is_so).map(|(_, fault)| fault).collect()
}

/// The Message-IDs of a message's header, unfolded, without brackets.
pub(super) fn message_ids(message: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(message);
    let header = text.split("\r\n\r\n").next().unwrap_or_default();
    let unfolded = header.replace("\r\n ", " ").replace("\r\n\t", " ");
    let of_line = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("Message-ID");
        is_it.then(|| value.trim().trim_matches(['<', '>']).to_owned())
    };
    unfolded.split("\r\n").filter_map(of_line).collect()
}
