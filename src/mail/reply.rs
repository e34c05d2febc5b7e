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
