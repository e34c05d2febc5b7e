//! A press office with a run that is planned, expanded and not sent: what every round of the
//! benchmark of sending begins with. All of it is made by the program.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use data_encoding::BASE64;

/// Digests of so many releases come to about 20 KB.
const RELEASES: usize = 16;

const KEY_FILE: &str = "config/dkim.pem";

const CONFIG: &str = "\
site: {title: Press Office, url: 'https://press.example.org/', since: 2026-01-01, \
       time_zone: Asia/Singapore}
content: {first_scan: announce}
web: {public_url: 'https://press.example.org/'}
feeds: [{name: all, title: All news}]
digests: [{name: daily, at: '0 8 * * *'}]
mail:
  from: Press Office <press@press.example.org>
";

/// Nobody listens at the port of discard (RFC 863): the run is made and its mail waits.
const NO_RELAY: &str = "127.0.0.1:9";

/// How one round sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sending {
    pub is_signed: bool,
    pub connections: usize,
}

/// A folder with a run of so many deliveries, all pending.
pub(crate) struct MailOffice {
    folder: tempfile::TempDir,
}

impl MailOffice {
    /// What a delivery is signed with is settled when it is made.
    pub(crate) fn new(subscribers: usize, rsa: &KeyPair, is_signed: bool) -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        let folder = office.folder.path();
        fs::create_dir_all(folder.join("config")).unwrap();
        fs::create_dir_all(folder.join("content/_posts")).unwrap();
        write_key(&folder.join(KEY_FILE), rsa);
        let sending = Sending { is_signed, connections: 1 };
        configure(folder, NO_RELAY, sending);
        write_people(&folder.join("people.csv"), subscribers);
        let import = ["subscribers", "import", "people.csv", "--consent", "made", "--confirmed"];
        assert_eq!(run(folder, &import), 0);
        write_releases(&folder.join("content/_posts"));
        // 5: the relay is not there, so the mail waits.
        assert_eq!(run(folder, &["publish-now", "--yes", "--quiet"]), 5);
        assert_eq!(states(folder)["pending"], subscribers);
        office
    }

    /// A copy to send from, on the same disk.
    pub(crate) fn copy(&self, relay: &str, sending: Sending) -> tempfile::TempDir {
        let copy = tempfile::tempdir().unwrap();
        let mut command = Command::new("cp");
        command.arg("-a").arg(self.folder.path().join(".")).arg(copy.path());
        assert!(command.status().unwrap().success());
        configure(copy.path(), relay, sending);
        copy
    }
}

/// `publish-now --yes` in this office.
pub(crate) const SEND: [&str; 3] = ["publish-now", "--yes", "--quiet"];

/// The `deliveries` of `status --json`.
pub(crate) fn states(office: &Path) -> serde_json::Value {
    let output = program(office, &["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    status["deliveries"].clone()
}

/// The database, with what is not yet written back into it.
pub(crate) fn store_bytes(office: &Path) -> u64 {
    let length = |name: &str| fs::metadata(office.join("var").join(name)).map_or(0, |f| f.len());
    length("tidings.db") + length("tidings.db-wal")
}

fn program(office: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments).current_dir(office).env_remove("TIDINGS_CONFIG").stdin(Stdio::null());
    command
}

fn run(office: &Path, arguments: &[&str]) -> i32 {
    let mut command = program(office, arguments);
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().code().unwrap()
}

fn configure(office: &Path, relay: &str, sending: Sending) {
    let mut config = CONFIG.to_owned();
    writeln!(config, "  relay: smtp://{relay}").unwrap();
    writeln!(config, "  limits: {{connections: {}}}", sending.connections).unwrap();
    if sending.is_signed {
        let dkim = "domain: press.example.org, selector: bench";
        writeln!(config, "  dkim: {{{dkim}, key_file: {KEY_FILE}}}").unwrap();
    }
    fs::write(office.join("config/tidings.yaml"), config).unwrap();
}

fn write_people(path: &Path, subscribers: usize) {
    let mut people = BufWriter::new(fs::File::create(path).unwrap());
    people.write_all(b"address,language,feed,digest\n").unwrap();
    for number in 1..=subscribers {
        writeln!(people, "reader{number}@example.org,en,all,daily").unwrap();
    }
    people.flush().unwrap();
}

/// Releases without a date: news from the moment they are first seen.
fn write_releases(content: &Path) {
    let made = tempfile::tempdir().unwrap();
    for (number, post) in crate::support::make_posts(made.path(), RELEASES).iter().enumerate() {
        let path: PathBuf = content.join(format!("notice-{number}.md"));
        fs::write(&path, fs::read(post).unwrap()).unwrap();
        // A file just written may still be written to, and would be waited for.
        let file = fs::File::options().append(true).open(&path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.set_modified(modified - Duration::from_mins(1)).unwrap();
    }
}

fn write_key(path: &Path, rsa: &KeyPair) {
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(rsa).unwrap();
    let text = BASE64.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn make_key() -> KeyPair {
    KeyPair::generate(KeySize::Rsa2048).unwrap()
}
