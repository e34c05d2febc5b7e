//! `mail.limits`.

use super::{check, loaded, minimal_with};
use crate::outbox::limits::{DomainGroup, RelayLimits};

fn with(limits: &str) -> String {
    let line = "  from: press@example.org\n";
    minimal_with(line, &format!("{line}  limits: {limits}\n"))
}

#[test]
fn limits_are_those_of_the_config_or_none_but_the_connections() {
    let limits = loaded(&with("{}")).mail.limits;
    assert_eq!(limits, RelayLimits { connections: 20, per_second: None, groups: vec![] });
    let text = "{connections: 3, per_second: 40, domains: [{names: [Example.com], per_second: 5}]}";
    let limits = loaded(&with(text)).mail.limits;
    let groups = vec![DomainGroup { domains: vec!["example.com".into()], per_second: 5 }];
    assert_eq!(limits, RelayLimits { connections: 3, per_second: Some(40), groups });
}

#[test]
fn limits_that_let_nothing_through_are_refused() {
    check(
        &with("{connections: 0}"),
        "line 7: `mail.limits.connections` is not between 1 and 200: `0`",
        "write how many connections the relay takes from one sender, such as 20",
    );
    let remedy = "write at least 1, or use `tidings pause`";
    let none = "line 7: `per_second` is 0: nothing would ever be sent";
    check(&with("{per_second: 0}"), none, remedy);
    check(&with("{domains: [{names: [example.com], per_second: 0}]}"), none, remedy);
    check(
        &with("{domains: [{names: [mei@example.com], per_second: 1}]}"),
        "line 7: a group of `mail.limits.domains` names no domains",
        "write `{names: [example.com, example.net], per_second: 20}`",
    );
}
