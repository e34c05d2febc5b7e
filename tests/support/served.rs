//! Documents in a temporary folder, served through the router.

use std::fmt;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use tidings::clock::SystemClock;
use tidings::config::{self, Environment};
use tidings::pipeline::Press;
use tidings::store::DocumentRecord;
use tidings::store::sqlite::SqliteStore;
use tidings::subscribers::joining::Joining;
use tidings::subscribers::keys::Keys;
use tidings::subscribers::leaving::Leaving;
use tidings::templates::Templates;
use tidings::web::{self, DocumentSet, Former, Site, Terms};
use tokio::sync::watch;
use tower::ServiceExt;

use super::office::Office;

/// What was answered.
#[derive(Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub fields: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// A field's value; empty where it is not there.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = String::from_utf8_lossy(&self.body);
        write!(f, "{} {:?}\n{body:.200}", self.status, self.fields)
    }
}

/// A folder of documents and their records; dropping it removes the folder.
pub struct Served {
    office: Office,
    pub press: Press,
    pub joining: Arc<Joining>,
    pub leaving: Arc<Leaving>,
    pub terms: Terms,
    records: Vec<DocumentRecord>,
}

impl Served {
    pub async fn at(public_url: &str) -> Self {
        let office = Office::new();
        let path = "config/tidings.yaml";
        office.write(
            path,
            office.read(path).replace("https://press.example.org/'}", &format!("{public_url}'}}")),
        );
        let config = config::load(&office.path(path), &Environment::default()).unwrap();
        let url = config.site.output_url.clone();
        fs::create_dir_all(config.store_path.parent().unwrap()).unwrap();
        let press = Press {
            store: Arc::new(SqliteStore::open(&config.store_path).await.unwrap()),
            keys: Arc::new(Keys::open(&config.keys_folder).unwrap()),
            clock: Arc::new(SystemClock),
            templates: Arc::new(Templates::builtin()),
            config: Arc::new(config),
        };
        let leaving = Arc::new(Leaving::open(&press.config.store_path).unwrap());
        let joining = Arc::new(Joining::open(&press.config.store_path).unwrap());
        let (hubs, former) = (Vec::new(), Former::default());
        let terms = Terms { url, hubs, style_feeds: false, former };
        Self { office, press, leaving, joining, terms, records: Vec::new() }
    }

    pub fn file(&self, path: &str) -> PathBuf {
        self.office.path(&format!("public/{path}"))
    }

    /// A document as it is published: its file, and its record.
    pub fn document(&mut self, path: &str, text: &str) {
        self.office.write(&format!("public/{path}"), text);
        self.records.retain(|record| record.path != path);
        // Not a hash, but as good: another text is another number.
        let number = text.bytes().fold(1, |sum: u64, b| sum.wrapping_mul(31) + u64::from(b));
        self.records.push(DocumentRecord {
            path: path.to_owned(),
            hash: format!("{number:032x}").repeat(2),
            size_bytes: text.len() as u64,
            changed_at: "2026-11-21T00:00:00Z".parse().unwrap(),
            stat: String::new(),
            made_of: String::new(),
            bucket_tag: None,
        });
    }

    /// A document with codings that are plainly told apart.
    pub fn coded(&mut self, path: &str, text: &str) {
        self.document(path, text);
        self.office.write(&format!("public/{path}.gz"), format!("{text} in gzip"));
        self.office.write(&format!("public/{path}.br"), format!("{text} in brotli"));
    }

    /// Makes a file of the folder older.
    pub fn age(&self, path: &str, age: Duration) {
        let file = fs::File::options().append(true).open(self.file(path)).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - age).unwrap();
    }

    /// Everything, loaded.
    pub fn set(&self) -> Arc<DocumentSet> {
        let empty = DocumentSet::empty(self.terms.clone());
        Arc::new(DocumentSet::load(&empty, &self.records, &self.file("")))
    }

    /// Everything, loaded and served.
    pub fn router(&self) -> Router {
        self.site().router()
    }

    pub fn site(&self) -> Site {
        let (leaving, joining) = (Arc::clone(&self.leaving), Arc::clone(&self.joining));
        let documents = watch::channel(self.set()).1;
        web::site(self.press.clone(), documents, leaving, joining)
    }
}

/// Asks with header fields given as lines, `Name: value`.
pub async fn ask(router: &Router, method: &str, path: &str, fields: &[&str]) -> Answer {
    send(router, method, path, fields, Body::empty()).await
}

/// As [`ask`], with a body.
pub async fn send(
    router: &Router,
    method: &str,
    path: &str,
    fields: &[&str],
    body: impl Into<Body>,
) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for field in fields {
        let (name, value) = field.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let request = request.body(body.into()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec();
    Answer { status: parts.status, fields: parts.headers, body }
}

pub async fn get(router: &Router, path: &str, fields: &[&str]) -> Answer {
    ask(router, "GET", path, fields).await
}
