use mail_parser::MessageParser;

use super::*;

fn issue() -> RenderedIssue {
    let slot = Slot::Unsubscribe.marker();
    RenderedIssue {
        subject: "Größere Straßen & 4 more – Harbour City".into(),
        html: format!("<p lang=\"en\">Tämä = {}</p><a href=\"{slot}\">Leave</a>", "x".repeat(200)),
        text: format!("Fähre\n.dot\nLeave:\n{slot}\n"),
    }
}

fn message() -> Vec<u8> {
    let from =
        Sender { name: Some("Press, Office".into()), address: address("press@a.example.org") };
    let headers = IssueHeaders {
        from: &from,
        reply_to: None,
        digest: "daily",
        site_host: "press.example.org",
        web_url: "https://press.example.org/issues/abc",
        feedback_id: "1:daily:digest:press.example.org",
        unsubscribe_address: Some(&address("leave@a.example.org")),
    };
    let personal = Personal {
        address: &address("mei@example.org"),
        message_id: "m1@a.example.org",
        date: "2026-11-21T08:00:00+08:00".parse().unwrap(),
        unsubscribe_url: "https://press.example.org/unsubscribe/afasaaaaaaaaaaaaa7aaaaaaaaaaasj4aafo5xezvsw3",
        unsubscribe_token: "afasaa",
    };
    splice(&encode(&issue(), &headers), &personal).unwrap()
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

#[test]
fn the_headers_are_complete_and_none_is_doubled() {
    let message = String::from_utf8(message()).unwrap();
    let (head, _) = message.split_once("\r\n\r\n").unwrap();
    insta::assert_snapshot!(head.replace("\r\n", "\n"), @r#"
    Date: Sat, 21 Nov 2026 08:00:00 +0800
    Message-ID: <m1@a.example.org>
    To: mei@example.org
    From: =?utf-8?b?UHJlc3MsIE9mZmljZQ==?= <press@a.example.org>
    Subject: =?utf-8?b?R3LDtsOfZXJlIFN0cmHDn2Vu?= & 4 more =?utf-8?b?4oCT?=
     Harbour City
    List-Id: <daily.press.example.org>
    List-Unsubscribe: <https://press.example.org/unsubscribe/afasaaaaaaaaaaaaa7aaaaaaaaaaasj4aafo5xezvsw3>,
     <mailto:leave@a.example.org?subject=unsubscribe%20afasaa>
    List-Unsubscribe-Post: List-Unsubscribe=One-Click
    List-Archive: <https://press.example.org/issues/abc>
    Auto-Submitted: auto-generated
    Feedback-ID: 1:daily:digest:press.example.org
    MIME-Version: 1.0
    Content-Type: multipart/alternative;
     boundary="=_5e1799a7052048e86e13f50b1d70d750"
    "#);
}

#[test]
fn every_line_is_seven_bit_with_crlf_and_within_limits() {
    let message = message();
    assert!(message.is_ascii());
    let text = String::from_utf8(message).unwrap();
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']));
    let (_, body) = text.split_once("\r\n\r\n").unwrap();
    for line in body.split("\r\n") {
        assert!(line.len() <= 76, "{line}");
    }
}

#[test]
fn both_parts_read_back_with_the_personal_link_in_place() {
    let bytes = message();
    let parsed = MessageParser::default().parse(&bytes).unwrap();
    let url = "https://press.example.org/unsubscribe/afasaaaaaaaaaaaaa7aaaaaaaaaaasj4aafo5xezvsw3";
    let text = parsed.body_text(0).unwrap().replace("\r\n", "\n");
    assert_eq!(text, format!("Fähre\n.dot\nLeave:\n{url}\n"));
    let html = parsed.body_html(0).unwrap();
    assert!(html.contains(&format!("<a href=\"{url}\">")), "{html}");
    assert_eq!(parsed.subject().unwrap(), issue().subject);
    assert_eq!(parsed.from().unwrap().first().unwrap().name().unwrap(), "Press, Office");
}

#[test]
fn equal_input_gives_equal_bytes() {
    assert_eq!(message(), message());
}

#[test]
fn a_line_break_in_a_subject_starts_no_header() {
    let issue = RenderedIssue { subject: "a\r\nBcc: x@example.org".into(), ..issue() };
    let from = Sender { name: None, address: address("press@a.example.org") };
    let headers = IssueHeaders {
        from: &from,
        reply_to: None,
        digest: "daily",
        site_host: "press.example.org",
        web_url: "https://press.example.org/issues/abc",
        feedback_id: "1",
        unsubscribe_address: None,
    };
    let encoded = String::from_utf8(encode(&issue, &headers)).unwrap();
    assert!(!encoded.contains("\r\nBcc:"), "{encoded}");
}
