//! A network between us and the relay that stops, and comes back.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::Case;
use super::relay::script::in_time;
use super::relay::{Relay, checker};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Network {
    Carries,
    /// Takes everything and brings nothing on, as when a cable is pulled.
    Stands,
    /// Whatever was connected ends, and new connections too.
    IsCut,
}

/// Stands between the program and the relay.
struct Proxy {
    address: SocketAddr,
    network: watch::Sender<Network>,
    _task: JoinSet<()>,
}

impl Proxy {
    async fn before(relay: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let network = watch::channel(Network::Carries).0;
        let mut task = JoinSet::new();
        task.spawn(serve(listener, relay, network.clone()));
        Self { address, network, _task: task }
    }

    fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }
}

async fn serve(listener: TcpListener, relay: SocketAddr, network: watch::Sender<Network>) {
    let mut connections = JoinSet::new();
    while let Ok((ours, _)) = listener.accept().await {
        let mut cut = network.subscribe();
        let network = network.clone();
        connections.spawn(async move {
            let Ok(theirs) = TcpStream::connect(relay).await else { return };
            let (our_reader, our_writer) = ours.into_split();
            let (their_reader, their_writer) = theirs.into_split();
            tokio::select! {
                biased;
                _ = cut.wait_for(|now| *now == Network::IsCut) => {}
                () = copy(our_reader, their_writer, &network) => {}
                () = copy(their_reader, our_writer, &network) => {}
            }
        });
    }
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    network: &watch::Sender<Network>,
) {
    let mut state = network.subscribe();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let _ = state.wait_for(|now| *now == Network::Carries).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// Does something to the network when so many messages have come, while more are under way.
async fn disturb(relay: &Relay, proxy: &Proxy, messages: usize, what: Network) {
    relay.wait_for(messages).await;
    proxy.network.send_replace(what);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_stands_still_for_a_while_costs_nothing() {
    let relay = Relay::usual().await;
    let proxy = Proxy::before(relay.address).await;
    let case = through(&proxy, 200);
    let (done, ()) = tokio::join!(case.publish(), async {
        for messages in [20, 60, 120] {
            disturb(&relay, &proxy, messages, Network::Stands).await;
            // All that was on its way is there.
            in_time(quiet(&relay)).await;
            proxy.network.send_replace(Network::Carries);
        }
    });
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_all_sent(&relay, 0).await;
}

/// Until no message comes any more, as far as turns of the runtime tell.
async fn quiet(relay: &Relay) {
    let mut before = usize::MAX;
    while relay.lines().len() != before {
        before = relay.lines().len();
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_cut_and_healed_loses_nobody_and_doubles_only_the_uncertain() {
    let relay = Relay::usual().await;
    let proxy = Proxy::before(relay.address).await;
    let case = Arc::new(through(&proxy, 400));
    for messages in [50, 150, 300] {
        let (done, ()) =
            tokio::join!(case.publish(), disturb(&relay, &proxy, messages, Network::IsCut));
        assert_eq!(done.code, 5, "{done:?}");
        assert_eq!(case.findings(&relay, true).await, []);
        proxy.network.send_replace(Network::Carries);
    }
    let done = case.publish().await;
    assert_eq!(done.code, 0, "{done:?}");
    case.expect_well(&relay).await;
    assert_eq!(case.states().await["accepted"], 400);
    let unknowns = case.query("select '', sum(unknowns) from delivery").await[0].1;
    let copies = checker::copies(&relay.lines());
    assert!(i64::try_from(copies).unwrap() <= unknowns, "{copies} copies, {unknowns} unknown");
}

fn through(proxy: &Proxy, readers: usize) -> Case {
    let office = super::support::office::Office::with_relay(&proxy.url());
    office.subscribe(readers, "daily");
    office.release("a-new-bridge", "The bridge opens **today**.");
    Case { office, readers, environment: Vec::new() }
}
