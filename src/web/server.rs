//! Accepts connections and carries requests to documents and router.
//!
//! hyper without `axum::serve`: a document in memory is answered where the request was read,
//! before a router, a boxed future or a boxed body costs more than the answer itself.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use axum::serve::Listener;
use bytes::Bytes;
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_io_timeout::TimeoutWriter;

use super::client::is_trusted;
use super::places::{Place, Places};
use super::{Web, documents};

/// A connection on which no whole request head comes for so long is closed.
const IDLE_LIMIT: Duration = Duration::from_secs(75);

/// A connection that takes nothing of an answer for so long is closed.
const STALL_LIMIT: Duration = Duration::from_mins(1);

/// How long the requests in hand may take once the server is to stop.
const DRAIN_LIMIT: Duration = Duration::from_secs(10);

/// The other end of a connection: a reader, or a proxy before us.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

/// Everything that is served.
#[derive(Debug, Clone)]
pub struct Site {
    pub(super) web: Arc<Web>,
    pub(super) router: Router,
}

impl Site {
    /// What answers everything but documents in memory, and those as well.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response<Either<Full<Bytes>, Body>>, Infallible> {
        if let Some(response) = documents::from_memory(&self.web, &request) {
            return Ok(response.map(Either::Left));
        }
        request.extensions_mut().insert(peer);
        let router = TowerToHyperService::new(self.router.clone());
        Ok(router.call(request).await?.map(Either::Right))
    }
}

/// Serves until `stop` turns true, then finishes the requests in hand.
pub async fn serve(mut listener: TcpListener, site: Site, stop: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let mut stopped = stop.clone();
    let places = Places::new();
    let trusted = &site.web.press.config.web.trusted_proxies;
    loop {
        tokio::select! {
            (stream, peer) = Listener::accept(&mut listener) => {
                let peer = peer.ip();
                if let Some(place) = places.take(peer, is_trusted(peer, trusted)) {
                    connections.spawn(carry(stream, peer, place, site.clone(), stop.clone()));
                }
            }
            // The sender is gone or says so.
            _ = stopped.wait_for(|stop| *stop) => break,
        }
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    // Who does not read what was asked for holds nobody up.
    let _ = tokio::time::timeout(DRAIN_LIMIT, finished).await;
}

/// One connection to its end, or to the end of the request in hand.
async fn carry(
    stream: TcpStream,
    peer: IpAddr,
    _place: Place,
    site: Site,
    mut stop: watch::Receiver<bool>,
) {
    // Without it the last part of an answer waits for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(STALL_LIMIT));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE_LIMIT)
        .serve_connection(
            TokioIo::new(Box::pin(stream)),
            service_fn(|request| site.answer(request, Peer(peer))),
        );
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A reader that hung up is no news.
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
