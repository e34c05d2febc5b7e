//! Documents over real connections: many requests on one, strange ones, a swap in between.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderValue;
use support::served::{Served, ask};
use tidings::web::{self, DocumentSet};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A server on loopback; `documents` swaps what it serves.
struct Server {
    address: SocketAddr,
    documents: watch::Sender<Arc<DocumentSet>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

async fn serve(site: &Served) -> Server {
    let (documents, served) = watch::channel(site.set());
    let (stop, stopped) = watch::channel(false);
    let listener = web::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let site =
        web::site(site.press.clone(), served, Arc::clone(&site.leaving), Arc::clone(&site.joining));
    let task = tokio::spawn(web::serve(listener, site, stopped));
    Server { address, documents, stop, task }
}

async fn site() -> Served {
    let mut site = Served::at("https://press.example.org/").await;
    site.coded("feeds/all.atom", "<feed/>");
    site.coded("feeds/all/archive/1.atom", "<feed>old</feed>");
    site
}

/// A client that keeps its connection.
struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
struct Answer {
    /// Status line and fields, in lower case.
    head: String,
    body: String,
}

impl Client {
    fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    fn ask(&mut self, line: &str, fields: &str) -> Answer {
        self.send(line, fields);
        self.receive(!line.starts_with("HEAD"))
    }

    fn send(&mut self, line: &str, fields: &str) {
        let request = format!("{line} HTTP/1.1\r\nHost: press.example.org\r\n{fields}\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
    }

    /// One answer, by its `Content-Length`.
    fn receive(&mut self, has_body: bool) -> Answer {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.stream.read_line(&mut head).unwrap(), 0, "closed after {head:?}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = if has_body { length.map_or(0, |text| text.parse().unwrap()) } else { 0 };
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).unwrap();
        Answer { head, body: String::from_utf8(body).unwrap() }
    }
}

fn status(answer: &Answer) -> &str {
    answer.head.split(' ').nth(1).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_carries_every_kind_of_answer() {
    let site = site().await;
    let server = serve(&site).await;
    let mut client = Client::new(server.address);
    for _ in 0..3 {
        let whole = client.ask("GET /feeds/all.atom", "");
        assert_eq!((status(&whole), whole.body.as_str()), ("200", "<feed/>"));
        assert!(whole.head.contains("\r\ndate: "), "{whole:?}");
        let head = client.ask("HEAD /feeds/all.atom", "Accept-Encoding: gzip\r\n");
        assert!(head.head.contains("content-length: 15\r\n"), "{head:?}");
        let poll = client.ask("GET /feeds/all.atom", "If-None-Match: *\r\n");
        assert_eq!((status(&poll), poll.body.as_str()), ("304", ""));
        // RFC 9110, 8.6: a length there would be that of the document.
        assert!(!poll.head.contains("content-length"), "{poll:?}");
        let poll = client.ask("GET /feeds/all/archive/1.atom", "If-None-Match: *\r\n");
        assert!(!poll.head.contains("content-length"), "{poll:?}");
        let gzip = client.ask("GET /feeds/all/archive/1.atom", "Accept-Encoding: gzip\r\n");
        assert_eq!(gzip.body, "<feed>old</feed> in gzip");
        let missing = client.ask("GET /none", "");
        assert!(missing.body.contains("There is no such page"), "{missing:?}");
        let refused = client.ask("POST /feeds/all.atom", "Content-Length: 0\r\n");
        assert_eq!(status(&refused), "405");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_sent_ahead_are_answered_in_order() {
    let site = site().await;
    let server = serve(&site).await;
    let mut client = Client::new(server.address);
    let paths = ["/feeds/all/archive/1.atom", "/feeds/all.atom"].repeat(20);
    for path in &paths {
        client.send(&format!("GET {path}"), "");
    }
    for path in &paths {
        let expected = if path.contains("archive") { "<feed>old</feed>" } else { "<feed/>" };
        assert_eq!(client.receive(true).body, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_line_leads_out_of_the_documents() {
    let site = site().await;
    std::fs::write(site.file("../secret"), "secret").unwrap();
    let server = serve(&site).await;
    for target in [
        "/../secret",
        "/feeds/../../secret",
        "/feeds/all/archive/../../../../secret",
        "//secret",
        "/./../secret",
        "/%2e%2e/secret",
        "/..%00/secret",
        "../secret",
        "/..\\secret",
        "http://press.example.org/../secret",
        "/\u{feff}../secret",
        "/feeds/all.atom\0",
        "*",
    ] {
        let answer = Client::new(server.address).ask(&format!("GET {target}"), "");
        assert!(["400", "404"].contains(&status(&answer)), "{target}: {answer:?}");
        assert!(!answer.body.contains("secret"), "{target}");
    }
    let absolute = "GET http://press.example.org/feeds/all.atom";
    assert_eq!(Client::new(server.address).ask(absolute, "").body, "<feed/>");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_the_old_or_the_new_document_whole() {
    let mut site = site().await;
    let old = site.set();
    let server = serve(&site).await;
    let mut client = Client::new(server.address);
    site.coded("feeds/all.atom", "<feed>a new entry</feed>");
    let new = site.set();
    let mut seen = Vec::new();
    for round in 0..200 {
        let next = if round % 3 == 0 { &new } else { &old };
        server.documents.send_replace(Arc::clone(next));
        client.send("GET /feeds/all.atom", "Accept-Encoding: gzip\r\n");
        server.documents.send_replace(Arc::clone(if round % 2 == 0 { &old } else { &new }));
        let answer = client.receive(true);
        let tag = answer.head.lines().find(|line| line.starts_with("etag: ")).unwrap().to_owned();
        seen.push((tag, answer.body));
    }
    seen.sort();
    seen.dedup();
    let mut bodies: Vec<&str> = seen.iter().map(|(_, body)| body.as_str()).collect();
    bodies.sort_unstable();
    assert_eq!(bodies, ["<feed/> in gzip", "<feed>a new entry</feed> in gzip"]);
    assert_ne!(seen[0].0, seen[1].0);
}

/// What lies in memory is answered before the router is asked.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_and_the_router_answer_alike() {
    let mut site = site().await;
    site.terms.style_feeds = true;
    site.terms.hubs = vec!["https://hub.example/".parse().unwrap()];
    site.document("feeds/all/index.html", "<p/>");
    let server = serve(&site).await;
    let router = site.router();
    let mut client = Client::new(server.address);
    for path in ["/feeds/all.atom", "/feeds/all/", "/feeds/all", "/%66eeds/all.atom", "/none"] {
        for field in [
            "Accept: text/html",
            "Accept-Encoding: br",
            "Accept-Encoding: identity;q=0",
            "If-None-Match: *",
            "If-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT",
            "If-None-Match: \"x\"",
        ] {
            for method in ["GET", "HEAD", "DELETE"] {
                let expected = ask(&router, method, path, &[field]).await;
                let answer = client.ask(&format!("{method} {path}"), &format!("{field}\r\n"));
                assert_eq!(status(&answer), expected.status.as_str(), "{method} {path} {field}");
                assert_eq!(answer.body.as_bytes(), expected.body, "{method} {path} {field}");
                // A length of nothing is left out on the way where it would mean another.
                let sent = |value: &HeaderValue| value != "0";
                for (name, value) in expected.fields.iter().filter(|(_, value)| sent(value)) {
                    let line = format!("\r\n{name}: {}\r\n", value.to_str().unwrap());
                    assert!(answer.head.contains(&line.to_ascii_lowercase()), "{line}{answer:?}");
                }
                // The status line, the fields, the date and the empty line at the end.
                let extra = answer.head.lines().count() - expected.fields.len();
                assert!(extra <= 4, "{expected:?}{answer:?}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_closes_connections_that_rest_and_ends() {
    let site = site().await;
    let server = serve(&site).await;
    let mut client = Client::new(server.address);
    assert_eq!(status(&client.ask("GET /feeds/all.atom", "")), "200");
    server.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(30), server.task).await.unwrap().unwrap();
    let mut rest = Vec::new();
    assert_eq!(client.stream.read_to_end(&mut rest).unwrap(), 0);
    assert!(TcpStream::connect(server.address).is_err());
}
