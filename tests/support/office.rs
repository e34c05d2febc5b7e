//! A press office in a temporary folder, worked with through the program itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

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
mail: {from: 'Test Office <press@press.example.org>', relay: '{relay}', legal: {profile: none}}
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
        file.set_modified(modified - Duration::from_mins(1)).unwrap();
    }

    /// Subscribes `n` people, `reader1@example.org` and so on, to all news by digest.
    pub fn subscribe(&self, n: usize, digest: &str) {
        use std::fmt::Write;
        let mut list = "address,language,feed,digest\n".to_owned();
        for i in 1..=n {
            writeln!(list, "reader{i}@example.org,en,all,{digest}").unwrap();
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

    /// Starts the daemon and waits until it serves.
    pub fn daemon(&self) -> Daemon {
        Daemon::start(self.command(&["daemon"]))
    }

    /// As [`Office::daemon`]; it dies at a failpoint.
    pub fn dying_daemon(&self, failpoint: &str) -> Daemon {
        let mut command = self.command(&["daemon"]);
        command.env("TIDINGS_FAILPOINT", failpoint);
        Daemon::start(command)
    }

    /// Messages of the office's Maildir, by file name.
    pub fn mails(&self) -> Vec<String> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.path("var/mail/new"))
            .map(|entries| entries.map(|e| e.unwrap().path()).collect())
            .unwrap_or_default();
        files.sort();
        files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// Every file of the output folder with its bytes, by path; no twins.
    pub fn documents(&self) -> Vec<(String, Vec<u8>)> {
        let mut documents = Vec::new();
        collect(&self.path("public"), &self.path("public"), &mut documents);
        let is_twin =
            |path: &str| Path::new(path).extension().is_some_and(|e| e == "gz" || e == "br");
        documents.retain(|(path, _)| !is_twin(path));
        documents.sort();
        documents
    }
}

/// A running daemon; dropping it kills it.
pub struct Daemon {
    child: Child,
    address: String,
    reader: Option<JoinHandle<String>>,
}

impl Daemon {
    fn start(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the daemon ended: {said}");
            said.push_str(&line);
            if let Some((_, rest)) = line.split_once("serving http://") {
                break rest.split('/').next().unwrap().to_owned();
            }
        };
        // Read on, so that the daemon never waits for us; kept for messages.
        let reader = std::thread::spawn(move || {
            let _ = log.read_to_string(&mut said);
            said
        });
        Self { child, address, reader: Some(reader) }
    }

    /// Host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Status line, headers and body of a GET.
    pub fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks until the answer holds `text`.
    pub fn wait_for(&self, path: &str, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.get(path);
            if answer.contains(text) {
                return answer;
            }
            assert!(Instant::now() < deadline, "no `{text}` at {path}: {answer}");
            std::thread::yield_now();
        }
    }

    /// SIGTERM; returns exit code and log.
    pub fn stop(mut self) -> (i32, String) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        (code, self.reader.take().unwrap().join().unwrap())
    }

    /// Waits for the end that it comes to by itself; whether it was killed.
    pub fn was_killed(mut self) -> bool {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.signal() == Some(rustix::process::Signal::KILL.as_raw());
            }
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::yield_now();
        }
    }

    /// SIGKILL: the end that nobody is told of.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
