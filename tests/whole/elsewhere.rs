//! What is published to others: an object store that fails in the middle, a hub that hangs.

use std::net::TcpListener;

use super::look::look;
use super::moto::{Proxy, Store};
use super::support::office::Office;
use super::{office, put_first_releases, put_release};

#[tokio::test]
async fn an_object_store_that_fails_in_the_middle_keeps_a_whole_set_and_the_next_run_goes_on() {
    let Some(store) = Store::start().await else { return };
    let proxy = Proxy::start(store.address);
    let office = office();
    let place = format!(
        "output: {{folder: 's3://press-office/news', endpoint: 'http://{}', region: eu-central-1, \
         access_key: key, secret_key_file: config/secret, ",
        proxy.address
    );
    office.write("config/secret", "secret");
    let config = office.read("config/tidings.yaml").replace("output: {", &place);
    office.write("config/tidings.yaml", config);
    put_first_releases(&office);
    assert_eq!(run(&office).await.0, 0);
    assert!(look_at(&store).await > 20);
    for (round, uploads) in [2, 10, 20].into_iter().enumerate() {
        put_release(&office, 45 + round);
        proxy.cut_after(uploads);
        let (code, said) = run(&office).await;
        assert_eq!(code, 1, "{said}");
        assert!(said.contains("error: ") && said.contains("s3://press-office/news"), "{said}");
        assert!(look_at(&store).await > 20, "after {uploads} uploads");
    }
    proxy.cut_after(usize::MAX);
    assert_eq!(run(&office).await.0, 0);
    assert!(look_at(&store).await > 20);
    let feed = store.get("news/feeds/all.atom").await.text().await.unwrap();
    assert!(feed.contains("release-47"), "{feed}");
}

async fn run(office: &Office) -> (i32, String) {
    let done = office.run_async(&["publish-now", "--feeds-only"]).await;
    (done.code, done.stderr)
}

/// Reads the bucket as one who begins with the index.
async fn look_at(store: &Store) -> usize {
    let mut objects = std::collections::BTreeMap::new();
    for object in store.objects().await {
        let bytes = store.get(&object).await.bytes().await.unwrap();
        objects.insert(object, bytes.to_vec());
    }
    look(|path| objects.get(&format!("news/{path}")).cloned())
}

#[test]
fn a_hub_that_hangs_holds_nothing_up_and_is_told_of() {
    let hub = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", hub.local_addr().unwrap());
    let office = office();
    let config = office.read("config/tidings.yaml");
    office.write("config/tidings.yaml", config + &format!("websub: {{hubs: ['{address}']}}\n"));
    put_first_releases(&office);
    // Connections are taken by the system, and nobody answers.
    let done = office.run(&["publish-now", "--feeds-only"]);
    assert_eq!(done.code, 1, "{done:?}");
    assert!(done.stderr.contains(&address) && done.stderr.contains("hint: "), "{done:?}");
    assert!(look(|path| std::fs::read(office.path("public").join(path)).ok()) > 20);
}
