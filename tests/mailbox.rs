//! Mail through a real Postfix into a real mailbox, read back: what arrives is what was sent,
//! and its signatures hold.
//!
//! Needs Debian's `postfix` and root, because Postfix changes to users of its own. It runs with
//! a config, queue and log of its own, on a port of loopback, and delivers to one Maildir;
//! nothing leaves the machine. With the verifiers of `tests/dkim.rs`.

#![expect(clippy::unwrap_used, reason = "a test stops where it fails")]
#![expect(clippy::print_stdout, reason = "a skipped test says so")]
#![expect(unreachable_pub, reason = "there is no other crate to reach them")]

#[path = "readers/program.rs"]
#[allow(dead_code, clippy::allow_attributes, reason = "it is shared with other tests")]
mod program;
mod support;
#[path = "support/verifiers.rs"]
mod verifiers;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use support::office::Office;
use tempfile::TempDir;
use tidings::config::{self, Environment, Sender};
use tidings::digest::render::{RenderedIssue, Slot};
use tidings::mail::message::{Issue, IssueHeaders, Personal, encode};
use verifiers::{dkimpy, mail_dkim, sign};

/// `nobody` and `nogroup` of Debian: the mailbox is theirs.
const NOBODY: u32 = 65_534;

/// How long a line of the log may take to come.
const PATIENCE: Duration = Duration::from_mins(1);

const MAIN: &str = "\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
myhostname = relay.example.org
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtp_dns_support_level = disabled
default_transport = error
relay_transport = error
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
";

const MASTER: &str = "\
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
error unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
proxymap unix - - n - - proxymap
postlog unix-dgram n - n - 1 postlogd
";

/// A Postfix of the test's own; ends with it.
struct Postfix {
    master: Child,
    /// Lines of its log.
    log: Receiver<String>,
    port: u16,
    folder: TempDir,
}

impl Postfix {
    /// `None` where it is not installed, or may not be started.
    fn start() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: postfix needs root");
            return None;
        }
        let Ok(found) = Command::new("postconf").args(["-dh", "daemon_directory"]).output() else {
            println!("skipped: postfix is not installed");
            return None;
        };
        let daemons = String::from_utf8(found.stdout).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["etc", "spool", "data", "mail"] {
            fs::create_dir(path(name)).unwrap();
        }
        chown(path("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        let owner = Command::new("id").args(["-u", "postfix"]).output().unwrap().stdout;
        let owner = str::from_utf8(&owner).unwrap().trim().parse().unwrap();
        chown(path("data"), Some(owner), None).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let root = folder.path().display().to_string();
        fs::write(path("etc/main.cf"), MAIN.replace("{folder}", &root)).unwrap();
        fs::write(path("etc/master.cf"), MASTER.replace("{port}", &port.to_string())).unwrap();
        // The log is a pipe: that a line came is an event. Opened for both directions, it
        // waits for no writer and never ends.
        rustix::fs::mkfifoat(rustix::fs::CWD, path("log"), rustix::fs::Mode::from(0o622)).unwrap();
        let pipe = fs::File::options().read(true).write(true).open(path("log")).unwrap();
        let (sender, log) = channel();
        thread::spawn(move || {
            let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
            while lines.next().is_some_and(|line| sender.send(line).is_ok()) {}
        });
        let run = |program: &str, arguments: &[&str]| {
            let mut command = Command::new(program);
            command.arg("-c").arg(path("etc")).args(arguments).stdin(Stdio::null());
            command
        };
        let checked = run("postfix", &["check"]).output().unwrap();
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
        // Its end is the end of its process group, so it gets one of its own.
        let master =
            run(&format!("{}/master", daemons.trim()), &["-d"]).process_group(0).spawn().unwrap();
        let postfix = Self { master, log, port, folder };
        postfix.wait_for("daemon started", 1);
        Some(postfix)
    }

    /// Waits until so many lines of the log hold `text`.
    fn wait_for(&self, text: &str, count: usize) {
        let mut said = Vec::new();
        while said.iter().filter(|line: &&String| line.contains(text)).count() < count {
            match self.log.recv_timeout(PATIENCE) {
                Ok(line) => said.push(line),
                Err(error) => panic!("{error}: no {count} times `{text}` in {said:#?}"),
            }
        }
    }

    /// The messages of the mailbox once `count` were delivered, as they lie there: with LF.
    fn mailbox(&self, count: usize) -> Vec<String> {
        self.wait_for("status=sent (delivered to maildir)", count);
        let new = self.folder.path().join("mail/inbox/new");
        let files = fs::read_dir(new).unwrap().map(|file| file.unwrap().path());
        files.map(|file| fs::read_to_string(file).unwrap()).collect()
    }

    /// One exchange of SMTP; `message` is dot-stuffed.
    fn submit(&self, recipient: &str, message: &[u8]) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut replies = BufReader::new(stream.try_clone().unwrap()).lines().map(Result::unwrap);
        let mut say = |text: &[u8], code: &str| {
            (&stream).write_all(text).unwrap();
            let last = replies.find(|line| line.as_bytes()[3] == b' ').unwrap();
            assert!(last.starts_with(code), "{last}");
        };
        say(b"", "220");
        say(b"EHLO test.example.org\r\n", "250");
        say(b"MAIL FROM:<press@press.example.org>\r\n", "250");
        say(format!("RCPT TO:<{recipient}>\r\n").as_bytes(), "250");
        say(b"DATA\r\n", "354");
        say(&[message, b".\r\n"].concat(), "250");
        say(b"QUIT\r\n", "221");
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let process = rustix::process::Pid::from_child(&self.master);
        let _ = rustix::process::kill_process(process, rustix::process::Signal::TERM);
        let _ = self.master.wait();
    }
}

/// What was sent, without what Postfix put above it, with CRLF again.
fn as_sent(stored: &str) -> String {
    let start = stored.find("DKIM-Signature: ").unwrap();
    stored[start..].replace('\n', "\r\n")
}

#[test]
fn a_message_arrives_byte_for_byte_with_its_dots() {
    let Some(postfix) = Postfix::start() else { return };
    let office = Office::new();
    let records = sign(&office);
    let config = config::load(&office.path("config/tidings.yaml"), &Environment::default());
    let signer = config.unwrap().mail.dkim.unwrap();
    let slot = Slot::Unsubscribe.marker();
    let issue = RenderedIssue {
        subject: "Größere Straßen: 渡轮 & 4 more, \"quoted\", = and more words than a line has"
            .into(),
        text: format!(".\n..\n.dot\n\n\nblanks   at the end  \t\nFähre\nFrom here\n{slot}\n.\n"),
        more: 0,
        html: format!("<p>{}</p>\n.\n<a href=\"{slot}\">Leave</a>\n\n\n", "x. ".repeat(5_000)),
    };
    let from = Sender {
        name: Some("Press, \"Office\" é".into()),
        address: "press@press.example.org".parse().unwrap(),
    };
    let headers = IssueHeaders {
        from: &from,
        reply_to: Some(&from),
        digest: "daily",
        site_host: "press.example.org",
        web_url: "https://press.example.org/issues/abc",
        feedback_id: "1:daily:digest:press.example.org",
        unsubscribe_address: Some(&from.address),
    };
    let url = format!("https://press.example.org/{}..b", "a".repeat(49));
    let personal = Personal {
        address: &"mei@example.org".parse().unwrap(),
        message_id: "m1@press.example.org",
        answers: None,
        date: "2026-11-21T08:00:00+08:00".parse().unwrap(),
        unsubscribe_url: &url,
        unsubscribe_token: "afasaa",
        manage_url: "https://press.example.org/manage/afasab",
        errand_url: None,
    };
    let issue = Issue::prepare(encode(&issue, &headers)).unwrap();
    let message = issue.signed_message(&personal, &signer);
    assert!(message.pieces().concat().len() > message.size_bytes() + 5);
    postfix.submit("mei@example.org", &message.pieces().concat());
    let stored = postfix.mailbox(1);
    let sent = String::from_utf8(message.unstuffed()).unwrap();
    assert_eq!(as_sent(&stored[0]), sent);
    // The whole file, with what Postfix put above.
    let read = [stored[0].replace('\n', "\r\n")];
    if let Some(results) = dkimpy(&read, &records) {
        assert_eq!(results, [[true, true]]);
    }
    if let Some(results) = mail_dkim(&read, &records) {
        assert_eq!(results, ["pass"]);
    }
}

#[test]
fn a_run_arrives_whole_and_signed() {
    let Some(postfix) = Postfix::start() else { return };
    let office = Office::with_relay(&format!("smtp://127.0.0.1:{}", postfix.port));
    let records = sign(&office);
    office.subscribe(20, "daily");
    office.release("a-new-bridge", ".dot\n\nThe bridge opens **today**.");
    let done = office.run(&["publish-now", "--yes"]);
    assert_eq!(done.code, 0, "{done:?}");
    let stored = postfix.mailbox(20);
    let mut people: Vec<&str> = stored
        .iter()
        .map(|mail| mail.split("\nTo: ").nth(1).unwrap().lines().next().unwrap())
        .collect();
    people.sort_unstable();
    people.dedup();
    assert_eq!((stored.len(), people.len()), (20, 20));
    let read: Vec<String> = stored.iter().map(|mail| mail.replace('\n', "\r\n")).collect();
    let Some(results) = dkimpy(&read, &records) else { return };
    assert_eq!(results, [[true, true]; 20]);
}
