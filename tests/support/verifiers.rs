//! Two verifiers of DKIM that know nothing of each other: the Python package `dkimpy` and
//! `Mail::DKIM` in Perl. What the DNS would answer comes from the test.

#![allow(unreachable_pub, reason = "there is no other crate to reach them")]
#![allow(dead_code, reason = "each test file uses a part of this")]
#![allow(clippy::allow_attributes, reason = "what is unused differs from test file to test file")]

use std::process::Command;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RsaKeyPair};
use serde_json::json;
use tidings::config::{self, Environment};

use super::program;
use super::support::office::Office;

/// Names and texts of TXT records.
pub type Records = Vec<(String, String)>;

const DKIMPY: &str = r#"
import sys, json, dkim
given = json.load(sys.stdin)
records = {name + ".": text for name, text in given["records"]}
answer = lambda name, timeout=5: records.get(name.decode() if isinstance(name, bytes) else name, "").encode() or None
def verify(message):
    checker = dkim.DKIM(message.encode("ascii"), minkey=2048)
    for index in range(message.count("DKIM-Signature:")):
        try:
            yield checker.verify(idx=index, dnsfunc=answer)
        except dkim.DKIMException:
            yield False
json.dump([list(verify(message)) for message in given["messages"]], sys.stdout)
"#;

/// For each message, whether each of its signatures holds; `None` where it is not installed.
pub fn dkimpy(messages: &[String], records: &Records) -> Option<Vec<Vec<bool>>> {
    let python = program::python("dkim, nacl")?;
    let input = json!({"messages": messages, "records": records}).to_string();
    let output = program::output(Command::new(python).args(["-c", DKIMPY]), input.as_bytes());
    Some(serde_json::from_slice(&output).unwrap())
}

const MAIL_DKIM: &str = r"
use strict; use warnings; use JSON::PP; use Net::DNS; use Mail::DKIM::Verifier;
my $given = decode_json(do { local $/; <STDIN> });
my %records = map { $_->[0] => $_->[1] } @{ $given->{records} };
no warnings 'redefine';
*Mail::DKIM::DNS::query = sub {
    my ($name) = @_;
    my $text = $records{$name} or return;
    return Net::DNS::RR->new(owner => $name, type => 'TXT', txtdata => [unpack '(A200)*', $text]);
};
my @results;
for my $message (@{ $given->{messages} }) {
    my $verifier = Mail::DKIM::Verifier->new;
    $verifier->PRINT($message);
    $verifier->CLOSE;
    push @results, $verifier->result;
}
print encode_json(\@results);
";

/// For each message, the best result of its signatures; `None` where it is not installed.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub fn mail_dkim(messages: &[String], records: &Records) -> Option<Vec<String>> {
    let found = Command::new("perl").args(["-MMail::DKIM::Verifier", "-e", "1"]).output();
    if !found.is_ok_and(|output| output.status.success()) {
        println!("skipped: Mail::DKIM is not installed");
        return None;
    }
    let input = json!({"messages": messages, "records": records}).to_string();
    let output = program::output(Command::new("perl").args(["-e", MAIL_DKIM]), input.as_bytes());
    Some(serde_json::from_slice(&output).unwrap())
}

/// Gives an office two keys to sign with; the records are what it has to publish.
pub fn sign(office: &Office) -> Records {
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let ed25519 = Ed25519KeyPair::generate().unwrap();
    write_key(office, "config/rsa.pem", rsa.as_der().unwrap().as_ref());
    write_key(office, "config/ed25519.pem", ed25519.to_pkcs8v1().unwrap().as_ref());
    let dkim = "mail: {dkim: {domain: press.example.org, selector: tidings, \
                key_file: config/rsa.pem, ed25519: {selector: tidings-ed, \
                key_file: config/ed25519.pem}}, ";
    let text = office.read("config/tidings.yaml").replace("mail: {", dkim);
    office.write("config/tidings.yaml", text);
    let config = config::load(&office.path("config/tidings.yaml"), &Environment::default());
    config.unwrap().mail.dkim.unwrap().records()
}

fn write_key(office: &Office, path: &str, der: &[u8]) {
    let text = data_encoding::BASE64.encode(der);
    office.write(path, format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n"));
}
