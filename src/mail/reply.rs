//! Replies of a relay (RFC 5321, 4.2).

/// Code and text of a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Three digits, with the enhanced code behind them where the relay gave one (RFC 3463).
    pub code: String,
    pub text: String,
}

impl Reply {
    /// 5yz: the same attempt will fail again (RFC 5321, 4.2.1).
    pub fn is_permanent(&self) -> bool {
        self.code.starts_with('5')
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}

/// A relay's text without words that could be addresses: it goes into the store and the log,
/// where people are named by number alone.
pub fn masked(text: &str) -> String {
    let mask = |word| if str::contains(word, '@') { "…" } else { word };
    text.split(' ').map(mask).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relays_text_is_kept_without_addresses() {
        assert_eq!(masked("no user <mei@example.org> here"), "no user … here");
    }
}
