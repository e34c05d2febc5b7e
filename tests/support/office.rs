//! A press office in a temporary folder, worked with through the program itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder with `config/tidings.yaml` and `content/`.
pub struct Office {
    folder: tempfile::TempDir,
}

/// What one call of the program did.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("the program writes UTF-8");
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// The config of the tests; `{relay}` and `{listen}` are filled in.
const CONFIG: &str = "\
site: {title: Test Office, url: 'https://press.example.org', since: 2026-01-01, \
       time_zone: Asia/Singapore}
content: {first_scan: announce, scan: 1s}
mail: {from: 'Test Office <press@press.example.org>', relay: '{relay}'}
web: {listen: '{listen}', public_url: 'https://press.example.org/'}
feeds:
  - {name: all, title: All news}
  - {name: releases, title: Releases, select: {all: [{kind: release}]}}
  - {name: events, title: Events, select: {all: [{kind: event}]}}
  - {each: category}
digests:
  - {name: immediate}
  - {name: daily, at: '0 8 * * *'}
";

impl Office {
    /// An office whose mail goes to its own Maildir.
    pub fn new() -> Self {
        Self::with_relay("maildir:var/mail")
    }

    pub fn with_relay(relay: &str) -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        office.set_relay(relay);
        fs::create_dir_all(office.path("content")).unwrap();
        office
    }

    pub fn set_relay(&self, relay: &str) {
        let config = CONFIG.replace("{relay}", relay).replace("{listen}", "127.0.0.1:0");
        self.write("config/tidings.yaml", &config);
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// Writes a release, old enough not to look as if it were still being written.
    pub fn release(&self, name: &str, body: &str) {
        let title = name.replace('-', " ");
        self.write(
            &format!("content/_posts/{name}.md"),
            format!(
                "---\ntitle: {title}\nlayout: post\npermalink: /news/{name}/\n\
                 date: 2026-11-01\ncategory: transport\n---\n{body}\n"
            ),
        );
        self.settle(&format!("content/_posts/{name}.md"));
    }

    /// Writes a release without a date: it is news from the moment it is first seen.
    pub fn news(&self, name: &str, body: &str) {
        let path = format!("content/_posts/{name}.md");
        let text =
            format!("---\ntitle: {name}\nlayout: post\npermalink: /news/{name}/\n---\n{body}\n");
        self.write(&path, text);
        self.settle(&path);
    }

    /// Sets a file's time back by a minute.
    pub fn settle(&self, path: &str) {
        let file = fs::File::options().append(true).open(self.path(path)).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - std::time::Duration::from_secs(60)).unwrap();
    }

    /// Subscribes `n` people, `reader1@example.org` and so on, to all news by digest.
    pub fn subscribe(&self, n: usize, digest: &str) {
        let mut list = "address,language,feed,digest\n".to_owned();
        for i in 1..=n {
            list.push_str(&format!("reader{i}@example.org,en,all,{digest}\n"));
        }
        self.write("people.csv", list);
        let done =
            self.run(&["subscribers", "import", "people.csv", "--consent", "test", "--confirmed"]);
        assert_eq!(done.code, 0, "{done:?}");
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_remove("TIDINGS_CONFIG")
            .env_remove("TIDINGS_LOG")
            .env_remove("TIDINGS_SMTP_PASSWORD")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Done {
        self.command(arguments).output().unwrap().into()
    }

    /// As [`Office::run`], off the runtime, so that a server in the test goes on answering.
    pub async fn run_async(&self, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        tokio::task::spawn_blocking(move || command.output().unwrap().into()).await.unwrap()
    }

    /// Messages of the office's Maildir, by file name.
    pub fn mails(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path("var/mail/new"))
            .map(|entries| entries.map(|e| e.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// Every file of the output folder with its bytes, by path.
    pub fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let mut documents = Vec::new();
        collect(&self.path("public"), &self.path("public"), &mut documents);
        documents.sort();
        documents
    }
}

fn collect(root: &Path, folder: &Path, documents: &mut Vec<(String, Vec<u8>)>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, documents);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            documents.push((name, fs::read(&path).unwrap()));
        }
    }
}
