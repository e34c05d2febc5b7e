//! One conversation with a client: what the standard asks for, where the script says no other.

#[path = "login.rs"]
mod login;

use std::io::{ErrorKind, Result};

use aws_lc_rs::digest::{SHA256, digest};
use tokio::net::TcpStream;

use super::log::Entry;
use super::message::{Body, faults, message_ids};
use super::script::Say;
use super::wire::Wire;
use super::{Accepted, Act, Heard, Keep, Moment, Phase, Pipelining, Shared, Tls};

pub(super) async fn converse(stream: TcpStream, connection: usize, shared: &Shared) -> Result<()> {
    let settings = &shared.settings;
    let wire = Wire::new(stream, settings.one_byte_writes, settings.reply_delay)?;
    let mut conversation = Conversation {
        wire,
        shared,
        connection,
        messages: 0,
        is_secure: false,
        is_known: settings.login.is_none(),
        greeted: None,
        transaction: None,
    };
    conversation.run().await
}

struct Conversation<'a> {
    wire: Wire,
    shared: &'a Shared,
    connection: usize,
    /// Accepted so far.
    messages: usize,
    is_secure: bool,
    /// Gave user and password, or needs none.
    is_known: bool,
    /// With EHLO or HELO.
    greeted: Option<Phase>,
    transaction: Option<Vec<Recipient>>,
}

struct Recipient {
    address: String,
    tries: usize,
}

/// What was said at a moment.
struct Said {
    /// The client may go on: 2yz and 3yz.
    is_positive: bool,
    closes: bool,
    was_written: bool,
}

impl Conversation<'_> {
    async fn run(&mut self) -> Result<()> {
        if let Tls::Implicit(acceptor) = &self.shared.settings.tls {
            self.wire.secure(acceptor).await?;
            self.is_secure = true;
        }
        if self.wire.has_input() {
            self.fault("spoke before the greeting");
        }
        if !self.answer(Phase::Greeting, "220 relay.example.org ESMTP").await? {
            return self.close().await;
        }
        loop {
            let line = self.wire.line().await?;
            let Some(text) = line.strip_suffix(b"\r\n").and_then(|l| str::from_utf8(l).ok()) else {
                self.fault("a command does not end with CRLF, or is not text");
                self.write("500 5.5.2 not a command").await?;
                continue;
            };
            if text.len() > 998 {
                self.fault("a command is too long");
            }
            let verb = text.split(' ').next().unwrap_or_default().to_ascii_uppercase();
            let is_followed = self.wire.has_input();
            self.shared.hear(Heard {
                connection: self.connection,
                verb: verb.clone(),
                is_secure: self.is_secure,
                is_followed,
            });
            // RFC 2920 section 3.1: these end a group, and without the offer there are none.
            let ends_group = !matches!(verb.as_str(), "MAIL" | "RCPT" | "RSET");
            if (ends_group || !self.has_pipelining()) && is_followed {
                self.fault(&format!("did not wait for the reply to {verb}"));
            }
            self.command(&verb, text).await?;
        }
    }

    async fn command(&mut self, verb: &str, text: &str) -> Result<()> {
        match verb {
            "EHLO" | "HELO" => self.ehlo(verb).await,
            "STARTTLS" => self.start_tls().await,
            "AUTH" => self.auth(text).await,
            "MAIL" => self.mail(text).await,
            "RCPT" => self.rcpt(text).await,
            "DATA" => self.data().await,
            "RSET" => {
                if self.answer(Phase::Rset, "250 2.0.0 Ok").await? {
                    self.transaction = None;
                }
                Ok(())
            }
            "NOOP" => self.write("250 2.0.0 Ok").await,
            "QUIT" => {
                self.answer(Phase::Quit, "221 2.0.0 Bye").await?;
                self.close().await
            }
            _ => {
                self.fault(&format!("the command {verb} is not known"));
                self.write("500 5.5.2 not known").await
            }
        }
    }

    async fn ehlo(&mut self, verb: &str) -> Result<()> {
        let mut lines = vec!["relay.example.org".to_owned()];
        let phase = if verb == "EHLO" { Phase::Ehlo } else { Phase::Helo };
        if phase == Phase::Ehlo {
            if self.has_pipelining() {
                lines.push("PIPELINING".into());
            }
            if matches!(self.shared.settings.tls, Tls::Offered(_)) && !self.is_secure {
                lines.push("STARTTLS".into());
            }
            if let Some(limit) = self.shared.settings.size_limit {
                lines.push(format!("SIZE {limit}"));
            }
            if self.shared.settings.login.is_some() {
                lines.push("AUTH PLAIN LOGIN".into());
            }
            lines.push("ENHANCEDSTATUSCODES".into());
        }
        let last = lines.pop().unwrap_or_default();
        let mut reply: String = lines.iter().flat_map(|line| ["250-", line, "\r\n"]).collect();
        reply.push_str("250 ");
        reply.push_str(&last);
        if self.answer(phase, &reply).await? {
            self.greeted = Some(phase);
            self.transaction = None;
        }
        Ok(())
    }

    async fn start_tls(&mut self) -> Result<()> {
        let Tls::Offered(acceptor) = &self.shared.settings.tls else {
            self.fault("STARTTLS was not offered");
            return self.write("502 5.5.1 not offered").await;
        };
        if self.is_secure {
            self.fault("STARTTLS a second time");
            return self.write("503 5.5.1 TLS is on").await;
        }
        if self.answer(Phase::StartTls, "220 2.0.0 Go ahead").await? {
            self.wire.secure(acceptor).await?;
            self.is_secure = true;
            // RFC 3207 section 4.2: what was said before counts no more.
            self.greeted = None;
            self.transaction = None;
        }
        Ok(())
    }

    async fn mail(&mut self, text: &str) -> Result<()> {
        let refusal = if self.greeted.is_none() {
            Some("503 5.5.1 say EHLO first")
        } else if !self.is_known {
            Some("530 5.7.0 authentication required")
        } else if self.transaction.is_some() {
            Some("503 5.5.1 nested MAIL")
        } else if path(text, "MAIL FROM:").is_none() {
            Some("501 5.5.4 not an address")
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.fault(refusal);
            return self.write(refusal).await;
        }
        if self.greeted == Some(Phase::Helo) && text.trim_end().contains("> ") {
            self.fault("MAIL with a parameter after HELO");
        }
        let size = text.split(' ').find_map(|word| word.strip_prefix("SIZE=")?.parse().ok());
        let usual = if self.is_too_large(size.unwrap_or(0)) { TOO_LARGE } else { "250 2.1.0 Ok" };
        if self.answer(Phase::Mail, usual).await? {
            self.transaction = Some(Vec::new());
        }
        Ok(())
    }

    async fn rcpt(&mut self, text: &str) -> Result<()> {
        let Some(address) = path(text, "RCPT TO:").filter(|address| !address.is_empty()) else {
            self.fault("RCPT without an address");
            return self.write("501 5.5.4 not an address").await;
        };
        if self.transaction.is_none() {
            // After a refused MAIL in one write with it, this is as it should be.
            return self.write("503 5.5.1 need MAIL").await;
        }
        let tries = {
            let mut tries = self.shared.tries.lock().unwrap();
            let before = tries.entry(address.clone()).or_default();
            *before += 1;
            *before - 1
        };
        let act = self.ask(Phase::Rcpt, &address, tries);
        if self.perform_and_close(act, "250 2.1.5 Ok").await?
            && let Some(recipients) = &mut self.transaction
        {
            recipients.push(Recipient { address, tries });
        }
        Ok(())
    }

    async fn data(&mut self) -> Result<()> {
        let is_for_nobody = self.transaction.as_ref().is_none_or(Vec::is_empty);
        let usual = if is_for_nobody { "503 5.5.1 no valid recipients" } else { "354 Go ahead" };
        let act = self.ask_about_transaction(Phase::Data);
        self.hold(&act).await?;
        // Just before the reply is written, so that whatever it sets off comes later.
        let go_ahead_at = self.shared.log.tick();
        let said = self.utter(act, usual).await?;
        if !self.close_if(&said).await? {
            return Ok(());
        }
        let message = self.body().await?;
        let is_followed = self.wire.has_input();
        let usual = if is_for_nobody {
            "554 5.5.1 no valid recipients"
        } else if self.is_too_large(message.len()) {
            TOO_LARGE
        } else {
            ""
        };
        if !is_for_nobody {
            self.look_at(&message);
        }
        if is_followed {
            self.hear_ahead();
        }
        let is_taken = self.answer(Phase::Dot, usual).await?;
        if !is_taken {
            self.transaction = None;
            return Ok(());
        }
        let numbers = self.write_down(&message, go_ahead_at).await;
        // What comes in a packet of its own comes a little later.
        if !is_followed && self.wire.has_input() {
            self.hear_ahead();
        }
        let usual = format!("250 2.0.0 Ok: queued as {}", numbers.last().unwrap_or(&0));
        let act = self.ask_about_transaction(Phase::Logged);
        let said = self.perform(act, &usual).await;
        let is_answered = said.as_ref().is_ok_and(|said| said.is_positive && said.was_written);
        for number in numbers {
            self.shared.log.outcome(number, is_answered).await;
        }
        self.messages += 1;
        self.close_if(&said?).await?;
        self.answer(Phase::Answered, "").await?;
        self.transaction = None;
        Ok(())
    }

    /// The next command came before the reply to the dot.
    fn hear_ahead(&self) {
        self.shared.ahead.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        if !self.has_pipelining() {
            self.fault("did not wait for the reply to the dot");
        }
    }

    /// Puts one line for each recipient into the log and waits for the disk.
    async fn write_down(&mut self, message: &[u8], go_ahead_at: u64) -> Vec<usize> {
        let hash = data_encoding::HEXLOWER.encode(digest(&SHA256, message).as_ref());
        let message_id = message_ids(message).into_iter().next().unwrap_or_default();
        let mut numbers = Vec::new();
        for recipient in self.transaction.iter().flatten() {
            let entry = Entry {
                connection: self.connection,
                go_ahead_at,
                recipient: recipient.address.clone(),
                message_id: message_id.clone(),
                hash: hash.clone(),
            };
            let number = self.shared.log.accept(entry).await;
            self.keep(number, &recipient.address, message);
            self.shared.count.send_modify(|count| *count += 1);
            numbers.push(number);
        }
        numbers
    }

    fn keep(&self, number: usize, recipient: &str, message: &[u8]) {
        match &self.shared.settings.keep {
            Keep::Nothing => {}
            Keep::Memory => self.shared.accepted.lock().unwrap().push(Accepted {
                number,
                recipient: recipient.to_owned(),
                message: message.to_vec(),
            }),
            Keep::Folder(folder) => {
                std::fs::write(folder.join(format!("{number}.eml")), message).unwrap();
            }
        }
    }

    /// The message up to the dot, with doubled dots undone (RFC 5321, 4.5.2).
    async fn body(&mut self) -> Result<Vec<u8>> {
        let mut body = Body::default();
        let mut is_first = true;
        while body.take(&self.wire.line().await?) {
            if std::mem::take(&mut is_first) {
                self.answer(Phase::Body, "").await?;
            }
        }
        Ok(body.message)
    }

    fn look_at(&self, message: &[u8]) {
        for fault in faults(message) {
            self.fault(fault);
        }
        if self.transaction.as_ref().is_some_and(|recipients| recipients.len() > 1) {
            self.fault("a message has two recipients");
        }
    }

    fn has_pipelining(&self) -> bool {
        if self.greeted == Some(Phase::Helo) {
            return false;
        }
        match self.shared.settings.pipelining {
            Pipelining::Offered => true,
            Pipelining::Absent => false,
            Pipelining::AfterTls => self.is_secure,
        }
    }

    fn is_too_large(&self, size: usize) -> bool {
        self.shared.settings.size_limit.is_some_and(|limit| size > limit)
    }

    fn fault(&self, what: &str) {
        self.shared.fault(self.connection, what);
    }

    async fn write(&mut self, reply: &str) -> Result<()> {
        self.wire.write(format!("{reply}\r\n").as_bytes()).await
    }

    fn ask(&self, phase: Phase, recipient: &str, tries: usize) -> Act {
        let open = self.shared.open.load(std::sync::atomic::Ordering::SeqCst);
        let Self { connection, messages, .. } = *self;
        (self.shared.script)(&Moment { phase, connection, open, messages, recipient, tries })
    }

    /// Says what the script wants, and closes where it wants that; whether the client may go on.
    async fn answer(&mut self, phase: Phase, usual: &str) -> Result<bool> {
        let act = self.ask_about_transaction(phase);
        self.perform_and_close(act, usual).await
    }

    fn ask_about_transaction(&self, phase: Phase) -> Act {
        match self.transaction.as_ref().and_then(|recipients| recipients.first()) {
            Some(first) => self.ask(phase, &first.address, first.tries),
            None => self.ask(phase, "", 0),
        }
    }

    async fn perform_and_close(&mut self, act: Act, usual: &str) -> Result<bool> {
        let said = self.perform(act, usual).await?;
        self.close_if(&said).await
    }

    /// Hangs up after what was said, where the script wants that.
    async fn close_if(&mut self, said: &Said) -> Result<bool> {
        if said.closes {
            if said.was_written {
                self.wire.close_gently().await;
            }
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(said.is_positive)
    }

    async fn perform(&mut self, act: Act, usual: &str) -> Result<Said> {
        self.hold(&act).await?;
        self.utter(act, usual).await
    }

    async fn hold(&mut self, act: &Act) -> Result<()> {
        if let Some(gate) = &act.gate {
            tokio::select! {
                biased;
                () = gate.pass() => {}
                () = self.wire.gone() => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(())
    }

    async fn utter(&mut self, act: Act, usual: &str) -> Result<Said> {
        let mut reply = Vec::new();
        if !usual.is_empty() {
            reply = format!("{usual}\r\n").into_bytes();
        }
        let mut is_positive = matches!(reply.first(), None | Some(b'2' | b'3'));
        match act.say {
            Say::Usual => {}
            Say::UsualAnd(more) => reply.extend(more),
            Say::Nothing => reply.clear(),
            Say::Endless(piece) => return Err(self.wire.write_endlessly(&piece).await),
            Say::Instead(text) => {
                is_positive = matches!(text.first(), Some(b'2' | b'3'));
                reply = text;
            }
        }
        self.wire.write(&reply).await?;
        Ok(Said { is_positive, closes: act.closes, was_written: !reply.is_empty() })
    }

    /// Ends the conversation.
    async fn close(&mut self) -> Result<()> {
        self.wire.close_gently().await;
        Err(ErrorKind::ConnectionAborted.into())
    }
}

const TOO_LARGE: &str = "552 5.3.4 the message is too large";

/// What stands between the angle brackets.
fn path(text: &str, command: &str) -> Option<String> {
    let (head, rest) = text.split_at_checked(command.len())?;
    let inner = rest.strip_prefix('<')?.split_once('>')?.0;
    head.eq_ignore_ascii_case(command).then(|| inner.to_owned())
}
