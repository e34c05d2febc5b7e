//! What the relay and the providers behind it are to be spared.

/// `mail.limits`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayLimits {
    /// Most connections to the relay at once.
    pub connections: usize,
    /// Messages a second in all; as fast as the relay takes them where it is not set.
    pub per_second: Option<u32>,
    pub groups: Vec<DomainGroup>,
}

/// Recipient domains that share a rate, such as those of one mailbox provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainGroup {
    /// In lower case.
    pub domains: Vec<String>,
    pub per_second: u32,
}

/// Postfix's `default_destination_concurrency_limit`.
const CONNECTIONS: usize = 20;

impl Default for RelayLimits {
    fn default() -> Self {
        Self { connections: CONNECTIONS, per_second: None, groups: Vec::new() }
    }
}

impl RelayLimits {
    /// Which group a recipient's domain is in, and its messages a second.
    pub fn group_of(&self, domain: &str) -> Option<(usize, u32)> {
        let is_in =
            |group: &DomainGroup| group.domains.iter().any(|d| d.eq_ignore_ascii_case(domain));
        let number = self.groups.iter().position(is_in)?;
        Some((number, self.groups[number].per_second))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_is_found_in_its_group_in_any_case() {
        let groups = vec![DomainGroup { domains: vec!["example.org".into()], per_second: 7 }];
        let limits = RelayLimits { groups, ..RelayLimits::default() };
        assert_eq!(limits.group_of("Example.ORG"), Some((0, 7)));
        assert_eq!(limits.group_of("example.com"), None);
    }
}
