//! A server that speaks S3, `moto_server` (from the Python package `moto[server,s3]`), on the
//! path or named by `TIDINGS_MOTO`; and a proxy before it that cuts connections.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use reqwest::{Client, Response};
use url::Url;

/// A server with the bucket `press-office`; ends with the test.
pub struct Store {
    process: Child,
    pub address: SocketAddr,
    client: Client,
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Store {
    /// `None` where the program is missing.
    #[expect(clippy::print_stdout, reason = "a skipped test says so")]
    pub async fn start() -> Option<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        #[expect(clippy::disallowed_methods, reason = "names the program for this test")]
        let program = std::env::var("TIDINGS_MOTO").unwrap_or_else(|_| "moto_server".into());
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", "0"]).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut process = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                println!("skipped: moto_server is not installed");
                return None;
            }
            process => process.unwrap(),
        };
        let address = listening(&mut process);
        let store = Self { process, address, client: client() };
        let made = store.client.put(store.url("")).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
        Some(store)
    }

    pub fn url(&self, object: &str) -> Url {
        format!("http://{}/press-office/{object}", self.address).parse().unwrap()
    }

    pub async fn get(&self, object: &str) -> Response {
        self.client.get(self.url(object)).send().await.unwrap()
    }

    pub async fn put(&self, object: &str, text: &'static str) {
        let put = self.client.put(self.url(object)).body(text).send().await.unwrap();
        assert!(put.status().is_success(), "{put:?}");
    }

    pub async fn delete(&self, object: &str) {
        self.client.delete(self.url(object)).send().await.unwrap();
    }

    pub async fn objects(&self) -> BTreeSet<String> {
        let listed = self.get("?list-type=2").await.text().await.unwrap();
        let keys = listed.split("<Key>").skip(1);
        keys.map(|rest| rest.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

/// A client that the server takes for the owner: it does not check signatures.
fn client() -> Client {
    let credential = "AWS4-HMAC-SHA256 Credential=key/20261121/us-east-1/s3/aws4_request, \
                      SignedHeaders=host, Signature=0";
    let authorization = ("authorization".parse().unwrap(), credential.parse().unwrap());
    Client::builder().default_headers([authorization].into_iter().collect()).build().unwrap()
}

/// Where the server says that it listens.
fn listening(process: &mut Child) -> SocketAddr {
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map(Result::unwrap);
    let address = lines
        .find_map(|line| Some(line.split_once("Running on http://")?.1.trim().parse().unwrap()));
    // It waits when nobody reads what it logs.
    thread::spawn(move || lines.for_each(drop));
    address.expect("the server says where it listens")
}

/// Stands before a server and cuts every connection once so many uploads went through.
pub struct Proxy {
    pub address: SocketAddr,
    left: Arc<AtomicUsize>,
}

impl Proxy {
    pub fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let counter = left.clone();
        thread::spawn(move || {
            for client in listener.incoming().map(Result::unwrap) {
                let server = TcpStream::connect(server).unwrap();
                let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || io::copy(&mut from, &mut to));
                let counter = counter.clone();
                thread::spawn(move || pass_on(client, server, &counter));
            }
        });
        Self { address, left }
    }

    pub fn cut_after(&self, uploads: usize) {
        self.left.store(uploads, Ordering::SeqCst);
    }
}

/// Passes on what the client says, until it says `PUT` once too often.
fn pass_on(mut client: TcpStream, mut server: TcpStream, left: &AtomicUsize) {
    let mut buffer = [0; 16384];
    while let Ok(length @ 1..) = client.read(&mut buffer) {
        let is_upload = buffer.starts_with(b"PUT ");
        let may_pass = !is_upload
            || left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok();
        let part = if may_pass { length } else { length / 2 };
        if server.write_all(&buffer[..part]).is_err() || !may_pass {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
}
