//! AUTH PLAIN and LOGIN (RFC 4954).

use std::io::Result;

use data_encoding::BASE64;

use super::super::Phase;
use super::Conversation;

impl Conversation<'_> {
    pub(super) async fn auth(&mut self, text: &str) -> Result<()> {
        let Some((user, password)) = &self.shared.settings.login else {
            self.fault("AUTH was not offered");
            return self.write("502 5.5.1 not offered").await;
        };
        if self.is_known || self.greeted.is_none() || self.transaction.is_some() {
            self.fault("AUTH out of turn");
            return self.write("503 5.5.1 out of turn").await;
        }
        let mut words = text.split(' ').skip(1);
        let mechanism = words.next().unwrap_or_default().to_ascii_uppercase();
        let initial = words.next().map(str::to_owned);
        let is_right = match mechanism.as_str() {
            "PLAIN" => {
                let given = self.secret(initial, "").await?;
                given == format!("\0{user}\0{password}").into_bytes()
            }
            "LOGIN" => {
                let given_user = self.secret(initial, "Username:").await?;
                let given_password = self.secret(None, "Password:").await?;
                given_user == user.as_bytes() && given_password == password.as_bytes()
            }
            _ => {
                self.fault("a mechanism that was not offered");
                false
            }
        };
        let usual = if is_right { "235 2.7.0 Welcome" } else { "535 5.7.8 wrong password" };
        self.is_known = self.answer(Phase::Auth, usual).await?;
        Ok(())
    }

    /// What came with the command, or after being asked for.
    async fn secret(&mut self, initial: Option<String>, challenge: &str) -> Result<Vec<u8>> {
        let encoded = if let Some(initial) = initial {
            initial.into_bytes()
        } else {
            self.write(&format!("334 {}", BASE64.encode(challenge.as_bytes()))).await?;
            self.wire.line().await?
        };
        Ok(BASE64.decode(encoded.trim_ascii_end()).unwrap_or_default())
    }
}
