//! The two parts of a message as a mail program shows them.

/// Decoded parts of a message that [`crate::mail::message::encode`] made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    pub header: String,
    pub text: String,
    pub html: String,
}

impl Parts {
    /// A part that is not there is empty.
    pub fn of(message: &str) -> Self {
        let (header, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
        let mut parts = Self { header: header.to_owned(), ..Self::default() };
        let boundary =
            header.split_once("boundary=\"").and_then(|(_, rest)| rest.split('"').next());
        let Some(boundary) = boundary else { return parts };
        for part in body.split(&format!("--{boundary}")) {
            let Some((fields, encoded)) = part.split_once("\r\n\r\n") else { continue };
            let text = decoded(encoded.strip_suffix("\r\n").unwrap_or(encoded));
            if fields.contains("text/html") {
                parts.html = text;
            } else if fields.contains("text/plain") {
                parts.text = text;
            }
        }
        parts
    }
}

fn decoded(encoded: &str) -> String {
    let bytes = quoted_printable::decode(encoded, quoted_printable::ParseMode::Robust);
    // What cannot be read is shown as it stands.
    let bytes = bytes.unwrap_or_else(|_| encoded.as_bytes().to_vec());
    String::from_utf8_lossy(&bytes).replace("\r\n", "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_are_decoded_and_the_header_is_left_as_it_is() {
        let message = "Subject: News\r\nContent-Type: multipart/alternative;\r\n \
             boundary=\"=_b\"\r\n\r\n--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
             Caf=C3=A9 to=\r\nday\r\n--=_b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\
             <p lang=3D\"en\">1</p>\r\n--=_b--\r\n";
        let parts = Parts::of(message);
        assert_eq!(parts.text, "Café today");
        assert_eq!(parts.html, "<p lang=\"en\">1</p>");
        assert!(parts.header.starts_with("Subject: News\r\nContent-Type"));
    }
}
