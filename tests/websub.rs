//! WebSub over real connections: what a hub hears, and what its answers lead to.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect};
use axum::routing::post;
use chrono::{DateTime, Utc};
use tidings::publish::websub::{self, NotifyError, client, next_try, notify};
use url::Url;

/// The bodies of POSTs, in the order they came.
type Heard = Arc<Mutex<Vec<String>>>;

/// Starts a hub on a port of its own; it ends with the test.
async fn start(router: Router) -> Url {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/").parse().unwrap()
}

async fn listen(State(heard): State<Heard>, headers: HeaderMap, body: String) -> StatusCode {
    assert_eq!(headers["content-type"], "application/x-www-form-urlencoded");
    heard.lock().unwrap().push(body);
    StatusCode::ACCEPTED
}

fn topic() -> Url {
    "https://press.example.org/feeds/all.atom?a=1&b=ä".parse().unwrap()
}

async fn tell(hub: &Url) -> Result<(), NotifyError> {
    notify(&client(websub::TIMEOUT).unwrap(), hub, &topic()).await
}

#[tokio::test]
async fn a_hub_hears_the_topic_under_both_names() {
    let heard = Heard::default();
    let hub = start(Router::new().route("/", post(listen)).with_state(heard.clone())).await;
    tell(&hub).await.unwrap();
    let bodies = heard.lock().unwrap();
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(bodies[0].as_bytes()).into_owned().collect();
    let topic = topic().to_string();
    let expected = [("hub.mode", "publish"), ("hub.url", &topic), ("hub.topic", &topic)];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn a_hub_that_hangs_before_or_in_its_answer_ends_by_the_timeout() {
    let silent = post(async || std::future::pending::<StatusCode>().await);
    let endless = post(async || {
        let nothing_more = futures_util::stream::pending::<Result<Vec<u8>, std::io::Error>>();
        (StatusCode::BAD_GATEWAY, Body::from_stream(nothing_more))
    });
    let hub = start(Router::new().route("/silent", silent).route("/endless", endless)).await;
    let client = client(Duration::from_millis(200)).unwrap();
    for path in ["silent", "endless"] {
        let topic = topic();
        let hub = hub.join(path).unwrap();
        let told = tokio::time::timeout(Duration::from_secs(30), notify(&client, &hub, &topic));
        let error =
            told.await.expect("the client waits no longer than it was told to").unwrap_err();
        let is_expected = match &error {
            NotifyError::Unreachable { source, .. } => path == "silent" && source.is_timeout(),
            NotifyError::Refused { status, .. } => path == "endless" && status.as_u16() == 502,
        };
        assert!(is_expected, "{path}: {error:?}");
    }
}

#[tokio::test]
async fn a_hub_that_fails_is_tried_again_as_the_policy_says() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = calls.clone();
    let answer = post(move || async move {
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 | 1 => (StatusCode::INTERNAL_SERVER_ERROR, "down\r\nfor a while".repeat(100)),
            _ => (StatusCode::NO_CONTENT, String::new()),
        }
    });
    let hub = start(Router::new().route("/", answer)).await;
    let start: DateTime<Utc> = "2026-11-21T09:00:00Z".parse().unwrap();
    let (mut attempts, mut next_at) = (0, start);
    while let Err(error) = tell(&hub).await {
        let text = error.to_string();
        assert!(text.contains("answered 500 Internal Server Error"), "{text}");
        assert!(text.contains("down for a while") && text.len() < 400, "{text}");
        attempts += 1;
        next_at = next_try(attempts, next_at).unwrap();
    }
    assert_eq!((attempts, calls.load(Ordering::Relaxed)), (2, 3));
    assert_eq!(next_at, "2026-11-21T09:06:00Z".parse::<DateTime<Utc>>().unwrap());
}

#[tokio::test]
async fn a_redirect_is_followed_only_where_the_post_stays_a_post() {
    let heard = Heard::default();
    let router = Router::new()
        .route("/", post(listen).get(|| async { "a page" }))
        .route("/kept", post(|| async { Redirect::temporary("/") }))
        .route("/lost", post(|| async { (StatusCode::FOUND, [("location", "/")]).into_response() }))
        .route("/circle", post(|| async { Redirect::permanent("/circle") }))
        .with_state(heard.clone());
    let hub = start(router).await;
    tell(&hub.join("kept").unwrap()).await.unwrap();
    assert_eq!(heard.lock().unwrap().len(), 1);
    for path in ["lost", "circle"] {
        let error = tell(&hub.join(path).unwrap()).await.unwrap_err();
        let NotifyError::Refused { status, .. } = &error else { panic!("{error:?}") };
        assert!(status.is_redirection(), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_hub_that_is_not_there_is_named_once() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hub: Url = format!("http://{gone}/hub").parse().unwrap();
    let error = anyhow::Error::from(tell(&hub).await.unwrap_err());
    let text = format!("{error:#}");
    assert!(text.starts_with(&format!("could not reach hub `{hub}`: ")), "{text}");
    assert_eq!(text.matches("/hub").count(), 1, "{text}");
}
