//! The server over TLS.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::client::Client;
use super::relay::certificates::Authority;
use super::relay::{Act, Phase, Pipelining, Relay, Settings, Tls};

/// Shakes hands as one who trusts `authority` alone and wants to reach 127.0.0.1.
async fn secure(
    client: Client,
    authority: &Authority,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = "127.0.0.1".try_into().unwrap();
    let stream = client.0.into_inner();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
    Ok(Client(BufReader::new(stream)))
}

#[tokio::test(flavor = "multi_thread")]
async fn starttls_hides_what_follows_and_forgets_what_came_before() {
    let authority = Authority::new();
    let settings = Settings {
        tls: Tls::Offered(authority.server("127.0.0.1")),
        pipelining: Pipelining::AfterTls,
        ..Settings::default()
    };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    let mut client = Client::connect(&relay).await;
    client.reply().await;
    let offer = client.say("EHLO a").await;
    assert!(offer.contains("STARTTLS") && !offer.contains("PIPELINING"), "{offer}");
    assert_eq!(client.say("STARTTLS").await, "220 2.0.0 Go ahead\r\n");
    let mut client = secure(client, &authority).await.unwrap();
    assert!(client.say("MAIL FROM:<a@b>").await.starts_with("503 "));
    let offer = client.say("EHLO a").await;
    assert!(!offer.contains("STARTTLS") && offer.contains("PIPELINING"), "{offer}");
    assert!(client.send("mei@example.org", "a@b").await.starts_with("250 "));
    let secure: Vec<_> = relay.heard().into_iter().map(|heard| heard.is_secure).collect();
    assert_eq!(secure, [false, false, true, true, true, true, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn implicit_tls_comes_before_the_greeting() {
    let authority = Authority::new();
    let settings =
        Settings { tls: Tls::Implicit(authority.server("127.0.0.1")), ..Settings::default() };
    let relay = Relay::start(settings, |_| Act::usual()).await;
    assert!(relay.url().starts_with("smtps://127.0.0.1:"));
    let client = Client::connect(&relay).await;
    let mut client = secure(client, &authority).await.unwrap();
    assert!(client.reply().await.starts_with("220 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_name_or_authority_is_not_trusted() {
    let authority = Authority::new();
    let others = [authority.server("relay.example.com"), Authority::new().server("127.0.0.1")];
    for (acceptor, problem) in others.into_iter().zip(["NotValidForName", "UnknownIssuer"]) {
        let settings = Settings { tls: Tls::Implicit(acceptor), ..Settings::default() };
        let relay = Relay::start(settings, |_| Act::usual()).await;
        let client = Client::connect(&relay).await;
        let error = secure(client, &authority).await.err().unwrap();
        let text = format!("{error:?}");
        assert!(text.contains(problem), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_behind_the_220_comes_in_the_clear() {
    let settings =
        Settings { tls: Tls::Offered(Authority::new().server("127.0.0.1")), ..Settings::default() };
    let relay = Relay::start(settings, |moment| match moment.phase {
        Phase::StartTls => Act::also("250 injected"),
        _ => Act::usual(),
    })
    .await;
    let mut client = Client::greeted(&relay).await;
    client.write("STARTTLS\r\n").await;
    let mut bytes = vec![0; "220 2.0.0 Go ahead\r\n250 injected\r\n".len()];
    client.0.read_exact(&mut bytes).await.unwrap();
    assert_eq!(bytes, b"220 2.0.0 Go ahead\r\n250 injected\r\n");
}
