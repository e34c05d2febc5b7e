//! Mirroring to a bucket, against a server that speaks S3. Needs the program `moto_server`
//! (from the Python package `moto[server,s3]`), on the path or named by `TIDINGS_MOTO`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]

#[path = "support/moto.rs"]
mod moto;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;

use moto::{Proxy, Store};
use tidings::config::Secret;
use tidings::feeds::Document;
use tidings::publish::bucket::{Bucket, BucketConfig, BucketError, MirrorReport, Mirrored, mirror};
use tidings::publish::{OutputFolder, PublishError, open};

fn bucket(address: SocketAddr) -> Bucket {
    bucket_at(address, "/news/")
}

fn bucket_at(address: SocketAddr, prefix: &str) -> Bucket {
    Bucket::open(&BucketConfig {
        bucket: "press-office".into(),
        prefix: prefix.into(),
        endpoint: Some(format!("http://{address}/").parse().unwrap()),
        region: "eu-central-1".into(),
        access_key: "key".into(),
        secret_key: Secret::new("secret".into()),
        session_token: None,
    })
    .unwrap()
}

/// An output folder, with what a publisher remembers of the bucket.
struct Office {
    place: tempfile::TempDir,
    wanted: Vec<Mirrored>,
}

impl Office {
    fn new(documents: &[Document]) -> Self {
        let mut office = Self { place: tempfile::tempdir().unwrap(), wanted: Vec::new() };
        std::fs::create_dir(office.place.path().join("content")).unwrap();
        office.publish(documents).unwrap();
        office
    }

    fn folder(&self) -> OutputFolder {
        open(&self.out(), &self.place.path().join("content")).unwrap()
    }

    fn out(&self) -> std::path::PathBuf {
        self.place.path().join("out")
    }

    fn publish(&mut self, documents: &[Document]) -> Result<(), PublishError> {
        let published = self.folder().publish(documents)?;
        let known = std::mem::take(&mut self.wanted);
        let tag = |path: &str| known.iter().find(|k| k.path == path).and_then(|k| k.tag.clone());
        self.wanted.extend(published.documents.into_iter().map(|document| Mirrored {
            tag: tag(&document.path),
            path: document.path,
            hash: document.hash,
            size_bytes: document.size_bytes,
        }));
        Ok(())
    }

    /// Mirrors and remembers what was uploaded, also of a run that failed.
    async fn mirror(&mut self, bucket: &Bucket) -> (MirrorReport, Result<(), BucketError>) {
        let mut report = MirrorReport::default();
        let done = mirror(bucket, &self.out(), &self.wanted, &mut report).await;
        for uploaded in &report.uploaded {
            let document = self.wanted.iter_mut().find(|w| w.path == uploaded.path).unwrap();
            document.tag = Some(uploaded.tag.clone());
        }
        (report, done)
    }

    async fn mirrored(&mut self, bucket: &Bucket) -> (Vec<String>, Vec<String>) {
        let (report, done) = self.mirror(bucket).await;
        done.unwrap();
        assert_eq!(report.uploaded.len() + report.unchanged, self.wanted.len());
        (report.uploaded.into_iter().map(|uploaded| uploaded.path).collect(), report.removed)
    }
}

fn document(path: &str, text: &str) -> Document {
    Document { path: path.into(), bytes: text.repeat(100).into_bytes() }
}

/// The last one refers to the others.
fn set() -> Vec<Document> {
    let small = Document { path: "feeds/style.css".into(), bytes: b"a {}".to_vec() };
    let mut set: Vec<Document> = ["feeds/all.atom", "feeds/all.rss", "feeds/été.json"]
        .iter()
        .map(|path| document(path, path))
        .collect();
    set.extend([small, document("index.html", "index")]);
    set
}

fn objects_of(set: &[Document]) -> BTreeSet<String> {
    let mut objects = BTreeSet::from(["news/.tidings".to_owned()]);
    for Document { path, bytes } in set {
        let endings: &[&str] = if bytes.len() < 200 { &[""] } else { &["", ".gz", ".br"] };
        objects.extend(endings.iter().map(|ending| format!("news/{path}{ending}")));
    }
    objects
}

#[tokio::test]
async fn a_prefix_becomes_a_mirror_of_the_folder_and_equal_documents_are_not_sent_again() {
    let Some(store) = Store::start().await else { return };
    let mut office = Office::new(&set());
    let paths: Vec<String> = set().into_iter().map(|document| document.path).collect();
    assert_eq!(office.mirrored(&bucket(store.address)).await, (paths, vec![]));
    assert_eq!(store.objects().await, objects_of(&set()));
    assert_eq!(office.mirrored(&bucket(store.address)).await, (vec![], vec![]));
}

#[tokio::test]
async fn a_whole_bucket_may_be_ours() {
    let Some(store) = Store::start().await else { return };
    let mut office = Office::new(&set());
    let whole = bucket_at(store.address, "");
    assert_eq!(office.mirrored(&whole).await.0.len(), set().len());
    let expected = objects_of(&set()).iter().map(|name| name["news/".len()..].to_owned()).collect();
    assert_eq!(store.objects().await, expected);
    assert_eq!(office.mirrored(&whole).await, (vec![], vec![]));
}

#[tokio::test]
async fn each_object_says_what_it_is() {
    let Some(store) = Store::start().await else { return };
    Office::new(&set()).mirrored(&bucket(store.address)).await;
    for (ending, coding) in [("", None), (".gz", Some("gzip")), (".br", Some("br"))] {
        let object = store.get(&format!("news/feeds/all.atom{ending}")).await;
        let header = |name| object.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!(header("content-type"), Some("application/atom+xml; charset=utf-8"));
        assert_eq!(header("cache-control"), Some("public, max-age=60"));
        assert_eq!(header("content-encoding"), coding);
        let bytes = object.bytes().await.unwrap();
        assert_eq!(bytes == set()[0].bytes, coding.is_none());
    }
    let named = store.get("news/feeds/été.json").await;
    assert_eq!(named.bytes().await.unwrap(), set()[2].bytes);
}

#[tokio::test]
async fn what_somebody_deletes_or_changes_in_the_bucket_is_uploaded_again() {
    let Some(store) = Store::start().await else { return };
    let mut office = Office::new(&set());
    office.mirrored(&bucket(store.address)).await;
    store.delete("news/feeds/all.rss.gz").await;
    store.put("news/index.html", "spoilt").await;
    let (uploaded, _) = office.mirrored(&bucket(store.address)).await;
    assert_eq!(uploaded, ["feeds/all.rss", "index.html"]);
    assert_eq!(store.objects().await, objects_of(&set()));
    assert_eq!(store.get("news/index.html").await.bytes().await.unwrap(), set()[4].bytes);
}

#[tokio::test]
async fn only_what_is_ours_is_removed() {
    let Some(store) = Store::start().await else { return };
    let mut office = Office::new(&set());
    office.mirrored(&bucket(store.address)).await;
    store.put("news/photo.jpg", "theirs").await;
    store.put("newsletter/1.html", "theirs").await;
    let left = &set()[1..];
    office.publish(left).unwrap();
    assert_eq!(
        office.mirrored(&bucket(store.address)).await,
        (vec![], vec!["feeds/all.atom".into()])
    );
    let mut expected = objects_of(left);
    expected.extend(["news/photo.jpg".into(), "newsletter/1.html".into()]);
    assert_eq!(store.objects().await, expected);
}

#[tokio::test]
async fn a_prefix_or_an_object_of_somebody_else_is_left_as_it_is() {
    let Some(store) = Store::start().await else { return };
    store.put("news/thesis.txt", "ten years of work").await;
    let mut office = Office::new(&set());
    let error = office.mirror(&bucket(store.address)).await.1.unwrap_err();
    assert_eq!(
        error.to_string(),
        "bucket `s3://press-office/news` has no `.tidings` mark and is not empty: \
         it holds `thesis.txt`"
    );
    store.delete("news/thesis.txt").await;
    office.mirrored(&bucket(store.address)).await;
    store.put("news/more.html", "theirs").await;
    office.publish(&[set(), vec![document("more.html", "ours")]].concat()).unwrap();
    let (report, done) = office.mirror(&bucket(store.address)).await;
    let error = done.unwrap_err();
    assert_eq!(error.to_string(), "`s3://press-office/news/more.html` was not uploaded by Tidings");
    assert!(report.uploaded.is_empty());
    assert_eq!(store.get("news/more.html").await.text().await.unwrap(), "theirs");
}

#[tokio::test]
async fn a_file_that_was_changed_in_the_folder_is_not_uploaded() {
    let Some(store) = Store::start().await else { return };
    for file in ["feeds/all.rss", "feeds/all.rss.br"] {
        let mut office = Office::new(&set());
        std::fs::write(office.out().join(file), "spoilt").unwrap();
        let (report, done) = office.mirror(&bucket(store.address)).await;
        let error = done.unwrap_err();
        assert!(matches!(&error, BucketError::Changed { path } if path.ends_with(Path::new(file))));
        assert_eq!(report.uploaded.len(), 1, "what stands before it was uploaded");
    }
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_leaves_valid_objects_and_the_next_run_goes_on() {
    let Some(store) = Store::start().await else { return };
    let proxy = Proxy::start(store.address);
    // Marks: 2; then three objects each. The page that refers to the others comes last.
    for (uploads, expected) in [(0, 0), (4, 0), (7, 1), (8, 2), (9, 2)] {
        let clean: Vec<String> = store.objects().await.into_iter().collect();
        for object in clean {
            store.delete(&object).await;
        }
        let mut office = Office::new(&set());
        proxy.cut_after(uploads);
        let (report, done) = office.mirror(&bucket(proxy.address)).await;
        let error = done.unwrap_err();
        assert!(error.to_string().contains("`s3://press-office/news/"), "{error}");
        assert!(error.hint().contains("what was uploaded is valid"), "{error}");
        let told = format!("{:#}", anyhow::Error::from(error));
        assert_eq!(told.matches("Error performing").count(), 1, "{told}");
        assert_eq!(report.uploaded.len(), expected, "after {uploads} uploads");
        assert!(!store.objects().await.contains("news/index.html"));
        for document in &set()[..expected] {
            let object = store.get(&format!("news/{}", document.path)).await;
            assert_eq!(object.bytes().await.unwrap(), document.bytes);
        }
        proxy.cut_after(usize::MAX);
        let (uploaded, _) = office.mirrored(&bucket(proxy.address)).await;
        assert_eq!(uploaded.len(), set().len() - expected);
        assert_eq!(store.objects().await, objects_of(&set()));
    }
}
