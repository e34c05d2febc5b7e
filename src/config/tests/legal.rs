//! `mail.legal`.

use super::{Legal, check, loaded, minimal_with};

fn with(legal: &str) -> String {
    let line = "  from: press@example.org\n";
    minimal_with(line, &format!("{line}  legal: {legal}\n"))
}

const COMPLETE: &str = "{profile: sg, organisation: Harbour City Council, \
     address: \"1 Pier Road,\\n Singapore  099253\\n\", contact: +65 6123 4567, \
     data_protection: dpo@example.org, purpose: to send you the news you asked for}";

#[test]
fn an_address_of_several_lines_is_put_on_one() {
    let legal = loaded(&with(COMPLETE)).mail.legal.unwrap();
    assert_eq!(legal.address.as_deref(), Some("1 Pier Road, Singapore 099253"));
    assert_eq!(legal.organisation.as_deref(), Some("Harbour City Council"));
}

#[test]
fn a_config_from_before_there_were_profiles_runs_and_profile_none_asks_for_nothing() {
    assert_eq!(loaded(&minimal_with("url", "url")).mail.legal, None);
    assert_eq!(loaded(&with("{profile: none}")).mail.legal, Some(Legal::default()));
}

#[test]
fn all_that_a_law_misses_is_named_at_once_with_the_act() {
    check(
        &with(
            "{profile: sg, organisation: Council, purpose: ' ', data_protection: dpo@example.org}",
        ),
        "line 7: `mail.legal.address` is missing (a reader must see where the sender is); \
         `mail.legal.contact` is missing (Spam Control Act 2007, Second Schedule, paragraph 3: an \
         accurate and functional e-mail address or telephone number); `mail.legal.purpose` is \
         missing (Personal Data Protection Act 2012, section 20: the purposes that personal data \
         is used for)",
        "add `address: 1 Pier Road, Singapore 099253`, `contact: press@example.org`, `purpose: to \
         send you the news you asked for`, or write `profile: none`",
    );
}

#[test]
fn a_contact_that_nobody_can_write_to_or_call_is_refused() {
    check(
        &with(&COMPLETE.replace("+65 6123 4567", "the front desk")),
        "line 7: `mail.legal.contact` is neither an e-mail address nor a telephone number: \
         `the front desk`",
        "write `press@example.org` or `+65 6123 4567`",
    );
}

#[test]
fn an_unknown_profile_is_told_which_there_are() {
    check(
        &with("{profile: uk}"),
        "line 7: `mail.legal.profile` is not known: `uk`",
        "write `sg` or `none`",
    );
}
