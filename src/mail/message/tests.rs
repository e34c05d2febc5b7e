use mail_parser::MessageParser;

use super::*;

fn issue() -> RenderedIssue {
    let slot = Slot::Unsubscribe.marker();
    RenderedIssue {
        subject: "Größere Straßen & 4 more – Harbour City".into(),
        html: format!("<p lang=\"en\">Tämä = {}</p><a href=\"{slot}\">Leave</a>", "x".repeat(200)),
        text: format!("Fähre\n.dot\nLeave:\n{slot}\n"),
        more: 0,
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
        answers: None,
        date: "2026-11-21T08:00:00+08:00".parse().unwrap(),
        unsubscribe_url: "https://press.example.org/unsubscribe/afasaaaaaaaaaaaaa7aaaaaaaaaaasj4aafo5xezvsw3",
        unsubscribe_token: "afasaa",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: None,
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
    List-Post: NO
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

/// An issue whose text would end up with dots at beginnings of lines, as stuffing finds them.
fn dotted() -> (Vec<u8>, String) {
    let issue = RenderedIssue { text: format!(".\n..a\nb.\n{}", issue().text), ..issue() };
    let from = Sender { name: None, address: address("press@a.example.org") };
    let headers = IssueHeaders {
        from: &from,
        reply_to: Some(&from),
        digest: "daily",
        site_host: "press.example.org",
        web_url: "https://press.example.org/issues/abc",
        feedback_id: "1",
        unsubscribe_address: None,
    };
    // Its soft line break falls before a dot.
    let url = format!("https://press.example.org/{}..b", "a".repeat(49));
    (encode(&issue, &headers), url)
}

fn personal<'a>(address: &'a Address, url: &'a str) -> Personal<'a> {
    Personal {
        address,
        message_id: "m1@a.example.org",
        answers: None,
        date: "2026-11-21T08:00:00+08:00".parse().unwrap(),
        unsubscribe_url: url,
        unsubscribe_token: "afasaa",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: None,
    }
}

#[test]
fn a_correction_names_the_mail_it_answers_and_other_mail_has_no_place_for_that() {
    let from = Sender { name: None, address: address("press@a.example.org") };
    let header = |digest, answers| {
        let headers = IssueHeaders {
            from: &from,
            reply_to: None,
            digest,
            site_host: "press.example.org",
            web_url: "https://press.example.org/issues/abc",
            feedback_id: "1",
            unsubscribe_address: None,
        };
        let mei = address("mei@example.org");
        let personal = Personal { answers, ..personal(&mei, "https://press.example.org/u") };
        String::from_utf8(splice(&encode(&issue(), &headers), &personal).unwrap()).unwrap()
    };
    let correction = header("correction", Some("m0@a.example.org"));
    let thread = "\r\nIn-Reply-To: <m0@a.example.org>\r\nReferences: <m0@a.example.org>\r\n";
    assert!(correction.contains(thread), "{correction}");
    let news = header("daily", Some("m0@a.example.org"));
    assert!(!news.contains("In-Reply-To") && !news.contains("References"), "{news}");
}

#[test]
fn what_smtp_carries_has_the_dots_of_line_beginnings_doubled() {
    let (encoded, url) = dotted();
    let mei = address("mei@example.org");
    let message = Issue::prepare(&encoded).unwrap().message(&personal(&mei, &url));
    let wire = String::from_utf8(message.pieces().concat()).unwrap();
    let plain = String::from_utf8(message.unstuffed()).unwrap();
    assert!(wire.ends_with("\r\n") && !wire.starts_with('.'));
    let by_lines: String = plain
        .split_inclusive("\r\n")
        .map(|line| if line.starts_with('.') { format!(".{line}") } else { line.to_owned() })
        .collect();
    assert_eq!(wire, by_lines);
    // `.`, `..a`, `.dot`, and the address in both parts.
    assert_eq!(plain.matches("\r\n.").count(), 5, "{plain}");
    assert_eq!((message.size_bytes(), wire.len()), (plain.len(), plain.len() + 5));
}

#[test]
fn an_issue_prepared_once_gives_what_splicing_gives() {
    let (encoded, url) = dotted();
    let issue = Issue::prepare(&encoded).unwrap();
    for name in ["mei@example.org", "a@b.example.com"] {
        let address = address(name);
        let personal = personal(&address, &url);
        assert_eq!(Some(issue.message(&personal).unstuffed()), splice(&encoded, &personal));
    }
}

#[test]
fn what_is_personal_can_neither_end_a_line_nor_add_a_blank() {
    let (encoded, _) = dotted();
    let mei = address("mei@example.org");
    let hostile = "https://a/\r\nBcc: x@example.org\t é";
    let personal = Personal {
        message_id: "a\r\nBcc: b@c",
        answers: None,
        unsubscribe_token: "a b\n",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: None,
        ..personal(&mei, hostile)
    };
    let message = Issue::prepare(&encoded).unwrap().message(&personal);
    let text = String::from_utf8(message.unstuffed()).unwrap();
    assert!(text.contains("<https://a/%0D%0ABcc:%20x@example.org%09%20%C3%A9>"), "{text}");
    assert!(!text.contains("\nBcc"), "{text}");
}

#[test]
fn what_is_no_encoded_issue_is_refused() {
    let (encoded, _) = dotted();
    let text = String::from_utf8(encoded).unwrap();
    let refused = |text: &str| assert!(Issue::prepare(text).is_none(), "{text:?}");
    refused("");
    refused("Subject: a\r\n");
    refused("no field\r\n\r\n");
    refused(&text.replace("\0d\0", "\0x\0"));
    refused(&text.replace("\0d\0", "\0d"));
    // In the wrong half, or not on a line of its own.
    refused(&text.replace("\0d\0", "\0b\0"));
    refused(&text.replace("\0b\0", "\0d\0"));
    refused(&text.replace("\0b\0=", "\0b\0 "));
    refused(&text.replace("=\r\n\0b\0", "= \0b\0"));
}
