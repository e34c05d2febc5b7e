//! What shapes a mail beside its entries: a plan that was shown is another one once this differs.

use crate::config::Config;
use crate::hash::hash;
use crate::templates::Templates;

/// Whatever of config and templates shapes a mail.
pub(super) fn shape(config: &Config, templates: &Templates) -> String {
    let templates: Vec<(&str, &str)> = templates.sources().collect();
    let whole = (
        &config.site.title,
        config.site.url.as_str(),
        config.site.output_url.as_str(),
        config.web.public_url.as_str(),
        config.site.time_zone.name(),
        config.site.author.as_ref().map(|a| (&a.name, &a.email)),
        format!("{:?} {:?}", config.mail.from.name, config.mail.from.address.as_str()),
        config.mail.reply_to.as_ref().map(|s| (&s.name, s.address.as_str())),
        config.mail.unsubscribe_address.as_ref().map(|a| a.as_str().to_owned()),
        &config.mail.legal,
        templates,
    );
    hash(&serde_json::to_vec(&whole).expect("these values are always JSON"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::{Environment, load};

    const CONFIG: &str = "\
site:
  title: Press Office
  url: https://press.example/
  since: 2026-01-01
  time_zone: Asia/Singapore
  author: {name: Mei, email: mei@press.example}
output: {url: 'https://feeds.press.example/'}
web: {public_url: 'https://mail.press.example/'}
mail:
  from: Press <press@press.example>
  reply_to: ask@press.example
  unsubscribe_address: leave@press.example
  legal: {profile: none, organisation: Harbour City}
feeds: [{name: all}]
digests: [{name: immediate}]
";

    fn shape_of(config: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tidings.yaml");
        std::fs::write(&path, config).unwrap();
        shape(&load(&path, &Environment::default()).unwrap(), &Templates::builtin())
    }

    #[test]
    fn it_differs_with_each_key_that_a_mail_shows() {
        let edits = [
            ("title: Press Office", "title: Press Room"),
            ("url: https://press.example/", "url: https://press.example/news/"),
            ("Asia/Singapore", "Europe/London"),
            ("name: Mei", "name: Raj"),
            ("feeds.press.example", "documents.press.example"),
            ("mail.press.example", "letters.press.example"),
            ("from: Press <", "from: Office <"),
            ("ask@", "questions@"),
            ("leave@", "stop@"),
            ("Harbour City", "Sea City"),
        ];
        let mut shapes: HashSet<String> =
            edits.iter().map(|(old, new)| shape_of(&CONFIG.replace(old, new))).collect();
        shapes.insert(shape_of(CONFIG));
        assert_eq!(shapes.len(), edits.len() + 1);
        assert_eq!(shape_of(CONFIG), shape_of(&CONFIG.replace("name: all", "name: news")));
    }
}
