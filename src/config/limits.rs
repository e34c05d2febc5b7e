//! `mail.limits`: how many connections and messages a second.

use super::ConfigError;
use super::check::Checker;
use super::file::LimitsSection;
use crate::outbox::limits::{DomainGroup, RelayLimits};

/// More would only wait for each other.
const MOST_CONNECTIONS: usize = 200;

impl Checker<'_> {
    pub(super) fn limits(&self, section: LimitsSection) -> Result<RelayLimits, ConfigError> {
        let wrong = |key: &str, message: String, hint: &str| {
            Err(self.wrong(&["mail", "limits", key], message, hint))
        };
        let mut limits = RelayLimits::default();
        if let Some(connections) = section.connections {
            if !(1..=MOST_CONNECTIONS).contains(&connections) {
                return wrong(
                    "connections",
                    format!(
                        "`mail.limits.connections` is not between 1 and {MOST_CONNECTIONS}: `{connections}`"
                    ),
                    "write how many connections the relay takes from one sender, such as 20",
                );
            }
            limits.connections = connections;
        }
        let is_none = |per_second: Option<u32>| per_second == Some(0);
        if is_none(section.per_second) || section.domains.iter().any(|group| group.per_second == 0)
        {
            return wrong(
                if is_none(section.per_second) { "per_second" } else { "domains" },
                "`per_second` is 0: nothing would ever be sent".into(),
                "write at least 1, or use `tidings pause`",
            );
        }
        limits.per_second = section.per_second;
        for group in section.domains {
            if group.names.is_empty() || group.names.iter().any(|name| name.contains('@')) {
                return wrong(
                    "domains",
                    "a group of `mail.limits.domains` names no domains".into(),
                    "write `{names: [example.com, example.net], per_second: 20}`",
                );
            }
            let domains: Vec<String> = group.names.iter().map(|name| name.to_lowercase()).collect();
            let is_known = |name: &&String| limits.group_of(name).is_some();
            if let Some(twice) = domains.iter().find(is_known) {
                return wrong(
                    "domains",
                    format!("`{twice}` is in two groups of `mail.limits.domains`"),
                    "keep it in one: each group has a rate of its own",
                );
            }
            limits.groups.push(DomainGroup { domains, per_second: group.per_second });
        }
        Ok(limits)
    }
}
