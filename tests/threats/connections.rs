//! Connections that hold on to what others need: slow ones, endless ones, and very many.

use std::net::SocketAddr;
use std::time::Duration;

use tidings::web::{self, Site};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::support::counter::{Counter, in_time};
use crate::support::served::Served;

/// The pages on a port of loopback, until the sender is dropped.
async fn serve(counter: &Counter) -> (SocketAddr, watch::Sender<bool>) {
    serve_site(counter.site.clone()).await
}

async fn serve_site(site: Site) -> (SocketAddr, watch::Sender<bool>) {
    let listener = web::listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(web::serve(listener, site, stopped));
    (address, stop)
}

/// Sends `head` and then an octet a second for ten minutes, unless the server ends it; gives what
/// was answered, and after how long the connection was closed.
async fn trickle(address: SocketAddr, head: &str, octet: &[u8]) -> (String, Duration) {
    let start = Instant::now();
    let (mut answers, mut client) = TcpStream::connect(address).await.unwrap().into_split();
    client.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let trickling = async {
        for _ in 0..600 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            // It may be closed in between.
            let _ = client.write_all(octet).await;
        }
    };
    tokio::select! {
        // Reset or ended: closed all the same.
        _ = answers.read_to_end(&mut answer) => {}
        () = trickling => {}
    }
    (String::from_utf8(answer).unwrap(), start.elapsed())
}

/// The clock of the runtime stands still while anything happens, and leaps when nothing does.
#[tokio::test]
async fn a_head_that_comes_octet_by_octet_is_cut_off() {
    let counter = Counter::open().await;
    let (address, _stop) = serve(&counter).await;
    tokio::time::pause();
    let (answer, after) = trickle(address, "GET /healthz HTTP/1.1\r\nX-Slow: ", b"a").await;
    assert!(!answer.contains("200"), "{answer}");
    assert!((60..=90).contains(&after.as_secs()), "{after:?}");
    // Who says nothing at all is no better off.
    let (_, after) = trickle(address, "", b"").await;
    assert!((60..=90).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test]
async fn a_body_that_never_ends_is_cut_off() {
    let counter = Counter::open().await;
    let (address, _stop) = serve(&counter).await;
    tokio::time::pause();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    for (length, octet) in
        [("Content-Length: 16000", &b"a"[..]), ("Transfer-Encoding: chunked", b"1\r\na\r\n")]
    {
        let head = format!("POST /subscribe HTTP/1.1\r\nHost: x\r\n{kind}\r\n{length}\r\n\r\n");
        let (answer, after) = trickle(address, &head, octet).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{length}: {answer}");
        assert!((25..=110).contains(&after.as_secs()), "{length}: {after:?}");
    }
}

/// The token says it all.
#[tokio::test]
async fn a_click_whose_body_never_ends_counts() {
    let counter = Counter::open().await;
    counter.subscribe("a@example.org", "all").await;
    counter.send_news("bridge").await;
    let path = counter.mail_to("a@example.org").link("unsubscribe");
    let (address, _stop) = serve(&counter).await;
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 16000\r\n\r\nList-Unsubscribe=One-Click&"
    );
    let mut client = TcpStream::connect(address).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(6)).await;
    // The journal is written by a thread that the standing clock does not know of.
    tokio::time::resume();
    let mut line = [0; 12];
    in_time(client.read_exact(&mut line)).await.unwrap();
    assert_eq!(std::str::from_utf8(&line).unwrap(), "HTTP/1.1 200");
    counter.leaving.all_settled().await;
    assert_eq!(counter.rows("select state from subscription"), ["ended"]);
}

/// More than the system takes for a client that reads nothing.
const LARGE: usize = 64 << 20;

#[tokio::test]
async fn who_asks_and_does_not_read_is_cut_off() {
    let mut served = Served::at("https://press.example.org/").await;
    served.document("feeds/all.json", &"x".repeat(LARGE));
    let (address, _stop) = serve_site(served.site()).await;
    tokio::time::pause();
    // A reader who rests is none of those.
    for (rest, is_whole) in [(50, true), (70, false)] {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = b"GET /feeds/all.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut answer = vec![0; 1 << 10];
        client.read_exact(&mut answer).await.unwrap();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(rest)).await;
            let mut more = vec![0; 8 << 20];
            let _ = client.read_exact(&mut more).await;
        }
        // Reset or ended: closed all the same.
        let _ = client.read_to_end(&mut answer).await;
        assert_eq!(answer.len() + (16 << 20) > LARGE, is_whole, "{rest}: {}", answer.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_and_not_read() {
    const WHOLE: usize = 10 << 20;
    let counter = Counter::open().await;
    let (address, _stop) = serve(&counter).await;
    let kind = "Content-Type: application/x-www-form-urlencoded";
    for path in ["/subscribe", "/confirm/x", "/manage/x", "/self/x"] {
        let (mut answers, mut client) = TcpStream::connect(address).await.unwrap().into_split();
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: x\r\n{kind}\r\nContent-Length: {WHOLE}\r\n\r\n");
        client.write_all(head.as_bytes()).await.unwrap();
        client.write_all(&vec![b'a'; 64 << 10]).await.unwrap();
        let mut line = [0; 12];
        in_time(answers.read_exact(&mut line)).await.unwrap();
        assert_eq!(std::str::from_utf8(&line).unwrap(), "HTTP/1.1 413", "{path}");
        // Closed, whether or not there is more to come.
        let mut rest = Vec::new();
        let _ = in_time(answers.read_to_end(&mut rest)).await;
        let flood = async {
            let mut written = 0;
            while written < WHOLE && client.write_all(&vec![b'a'; 64 << 10]).await.is_ok() {
                written += 64 << 10;
            }
            written
        };
        let written = in_time(flood).await;
        assert!(written < WHOLE, "{path}: all of it was taken");
    }
}

/// A connection from one of the addresses of loopback.
async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether a request on this connection is answered; it stays open.
async fn is_served(client: &mut TcpStream) -> bool {
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    if client.write_all(request).await.is_err() {
        return false;
    }
    let mut line = [0; 12];
    let read = in_time(client.read_exact(&mut line)).await;
    read.is_ok_and(|_| &line == b"HTTP/1.1 200")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_has_so_many_connections_and_the_others_are_served() {
    let counter = Counter::open().await;
    let (address, _stop) = serve(&counter).await;
    let mut clients = Vec::new();
    for number in 0..256 {
        let mut client = connect("127.0.0.1", address).await;
        assert!(is_served(&mut client).await, "connection {number}");
        clients.push(client);
    }
    assert!(!is_served(&mut connect("127.0.0.1", address).await).await, "one too many");
    assert!(is_served(&mut connect("127.0.0.2", address).await).await, "somebody else");
    drop(clients.pop());
    let again = async { while !is_served(&mut connect("127.0.0.1", address).await).await {} };
    in_time(again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_carries_more() {
    let trust = |config: &str| config.replace("[0.0.0.0]", "[127.0.0.1]");
    let counter = Counter::open_with(trust).await;
    let (address, _stop) = serve(&counter).await;
    let mut clients = Vec::new();
    for number in 0..300 {
        let mut client = connect("127.0.0.1", address).await;
        assert!(is_served(&mut client).await, "connection {number}");
        clients.push(client);
    }
}
