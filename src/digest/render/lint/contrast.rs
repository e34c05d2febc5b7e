//! Contrast of text and ground (WCAG 2.2, success criterion 1.4.3), in light and in dark.
//!
//! Light colours are those of inlined styles. Dark ones are those of the rules below
//! `@media (prefers-color-scheme:dark)` that name elements and classes; where none says
//! anything, or the inlined style has a say and the rule is not `!important` (CSS Cascading and
//! Inheritance level 4, section 6.1), the light one stays, as in mail programs. Colours are hexadecimal, `white` or
//! `black`; any other is a finding, because nothing could be said of it.

use super::markup::{Tag, Token, tokens};

/// What every text must reach; larger text gets no discount.
const LEAST: f64 = 4.5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Colour([u8; 3]);

const WHITE: Colour = Colour([255; 3]);
const BLACK: Colour = Colour([0; 3]);

/// Text and ground of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pair {
    text: Colour,
    ground: Colour,
}

#[derive(Debug, Clone, Copy)]
struct Element<'a> {
    name: &'a str,
    light: Pair,
    dark: Pair,
    is_hidden: bool,
}

pub(super) fn lint_contrast(html: &str, problems: &mut Vec<String>) {
    let rules = match dark_rules(html) {
        Ok(rules) => rules,
        Err(finding) => return problems.push(finding),
    };
    let start = Pair { text: BLACK, ground: WHITE };
    let root = Element { name: "", light: start, dark: start, is_hidden: false };
    let mut open = vec![root];
    let mut seen: Vec<(Pair, &'static str)> = Vec::new();
    for token in tokens(html) {
        let around = *open.last().unwrap_or(&root);
        match token {
            Token::Open(tag) if !tag.is_void() => match enter(&tag, around, &rules) {
                Ok(element) => open.push(element),
                Err(finding) => {
                    if !problems.contains(&finding) {
                        problems.push(finding);
                    }
                    open.push(Element { name: tag.name, ..around });
                }
            },
            Token::Close(name) => {
                if let Some(at) = open.iter().rposition(|element| element.name == name) {
                    open.truncate(at.max(1));
                }
            }
            Token::Text(text) if !around.is_hidden && !text.trim().is_empty() => {
                for (pair, mode) in [(around.light, "light"), (around.dark, "dark")] {
                    if !seen.contains(&(pair, mode)) {
                        seen.push((pair, mode));
                        lint_pair(pair, mode, text, problems);
                    }
                }
            }
            _ => {}
        }
    }
}

fn lint_pair(pair: Pair, mode: &str, text: &str, problems: &mut Vec<String>) {
    let contrast = contrast(pair);
    if contrast < LEAST {
        let words: String = text.trim().chars().take(30).collect();
        problems.push(format!(
            "the text `{words}` has a contrast of {:.2} to 1 in {mode} mode, less than {LEAST}: \
             {} on {}",
            // Rounded down, so that 4.499 does not read as enough.
            (contrast * 100.0).floor() / 100.0,
            shown(pair.text),
            shown(pair.ground),
        ));
    }
}

fn shown(Colour([r, g, b]): Colour) -> String {
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// WCAG 2.2, definition of contrast ratio.
fn contrast(pair: Pair) -> f64 {
    let (a, b) = (luminance(pair.text), luminance(pair.ground));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// WCAG 2.2, definition of relative luminance.
fn luminance(Colour(channels): Colour) -> f64 {
    let [r, g, b] = channels.map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// A dark rule: which elements, and what it changes.
struct Rule {
    element: Option<String>,
    class: Option<String>,
    is_important: bool,
    text: Option<Colour>,
    ground: Option<Colour>,
}

impl Rule {
    /// Whether it is for an element of this name and with these classes.
    fn fits(&self, name: &str, classes: &str) -> bool {
        self.element.as_ref().is_none_or(|element| element == name)
            && self
                .class
                .as_ref()
                .is_none_or(|class| classes.split_ascii_whitespace().any(|own| own == class))
    }

    /// CSS Cascading and Inheritance level 4, section 6.1: importance before specificity; CSS
    /// Selectors level 4, section 17: classes before elements.
    fn weight(&self) -> (bool, bool, bool) {
        (self.is_important, self.class.is_some(), self.element.is_some())
    }
}

/// A colour that an element has of its own, and whether no rule can take it away.
#[derive(Debug, Clone, Copy)]
struct Own {
    colour: Colour,
    is_important: bool,
}

/// What stays of the element's own colour under the rules, or what it inherits.
fn dark(
    own: Option<Own>,
    inherited: Colour,
    rules: &[&Rule],
    of: impl Fn(&Rule) -> Option<Colour>,
) -> Colour {
    let wins = |rule: &&&Rule| match own {
        Some(own) => rule.is_important && !own.is_important,
        None => true,
    };
    let winner = rules.iter().filter(wins).filter_map(|rule| of(rule)).next_back();
    winner.or(own.map(|own| own.colour)).unwrap_or(inherited)
}

fn enter<'a>(tag: &Tag<'a>, around: Element<'_>, rules: &[Rule]) -> Result<Element<'a>, String> {
    let (mut text, mut ground) = (None, None);
    let mut is_hidden = around.is_hidden || matches!(tag.name, "head" | "style" | "title");
    for Declaration { property, value, is_important } in
        declarations(tag.attribute("style").unwrap_or_default())
    {
        let own = || Ok::<_, String>(Some(Own { colour: colour(value)?, is_important }));
        match property {
            "color" => text = own()?,
            "background-color" | "background" => ground = own()?,
            "display" if value == "none" => is_hidden = true,
            _ => {}
        }
    }
    let classes = tag.attribute("class").unwrap_or_default();
    let rules: Vec<&Rule> = rules.iter().filter(|rule| rule.fits(tag.name, classes)).collect();
    // An attribute gives way to every rule (HTML, section 15.2).
    let hint = tag.attribute("bgcolor").map(colour).transpose()?;
    let of = |own: Option<Own>, around: Colour| own.map_or(around, |own| own.colour);
    Ok(Element {
        name: tag.name,
        light: Pair {
            text: of(text, around.light.text),
            ground: of(ground, hint.unwrap_or(around.light.ground)),
        },
        dark: Pair {
            text: dark(text, around.dark.text, &rules, |rule| rule.text),
            ground: dark(ground, hint.unwrap_or(around.dark.ground), &rules, |rule| rule.ground),
        },
        is_hidden,
    })
}

struct Declaration<'a> {
    property: &'a str,
    value: &'a str,
    is_important: bool,
}

fn declarations(style: &str) -> impl Iterator<Item = Declaration<'_>> {
    style.split(';').filter_map(|declaration| {
        let (property, value) = declaration.split_once(':')?;
        let value = value.trim();
        let important = value.strip_suffix("!important");
        Some(Declaration {
            property: property.trim(),
            value: important.unwrap_or(value).trim_end(),
            is_important: important.is_some(),
        })
    })
}

fn colour(text: &str) -> Result<Colour, String> {
    let digit = |c: char| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let digits: Option<Vec<u8>> =
        text.strip_prefix('#').and_then(|t| t.chars().map(digit).collect());
    match (digits.as_deref(), text) {
        (Some(&[r, g, b]), _) => Ok(Colour([r * 17, g * 17, b * 17])),
        (Some(digits @ &[_, _, _, _, _, _]), _) => {
            Ok(Colour([0, 2, 4].map(|at| digits[at] * 16 + digits[at + 1])))
        }
        (_, "white") => Ok(WHITE),
        (_, "black") => Ok(BLACK),
        _ => {
            Err(format!("the colour `{text}` is not written as `#12355b`: its contrast is unknown"))
        }
    }
}

/// Rules for dark mode in the order in which they win, the last one last.
fn dark_rules(html: &str) -> Result<Vec<Rule>, String> {
    let mut rules = Vec::new();
    for (at, _) in html.match_indices("@media") {
        let Some((condition, rest)) = html[at..].split_once('{') else { continue };
        let condition: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
        if !condition.contains("prefers-color-scheme:dark") {
            continue;
        }
        // The block ends with two braces: that of its last rule and its own.
        for rule in block(rest).split('}') {
            let Some((selectors, declared)) = rule.split_once('{') else { continue };
            for Declaration { property, value, is_important } in declarations(declared) {
                let (text, ground) = match property {
                    "color" => (Some(colour(value)?), None),
                    "background-color" | "background" => (None, Some(colour(value)?)),
                    _ => continue,
                };
                for selector in selectors.split(',') {
                    let (element, class) = simple(selector.trim())?;
                    rules.push(Rule { element, class, is_important, text, ground });
                }
            }
        }
    }
    // Stable: of equally weighty ones the last wins.
    rules.sort_by_key(Rule::weight);
    Ok(rules)
}

/// Content of a block behind its opening brace.
fn block(css: &str) -> &str {
    let mut depth = 1;
    for at in memchr::memchr2_iter(b'{', b'}', css.as_bytes()) {
        match css.as_bytes()[at] {
            b'{' => depth += 1,
            _ if depth == 1 => return &css[..at],
            _ => depth -= 1,
        }
    }
    css
}

/// `name`, `.class` or `name.class`.
fn simple(selector: &str) -> Result<(Option<String>, Option<String>), String> {
    let (name, class) = selector.split_once('.').unwrap_or((selector, ""));
    let is_name =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if !is_name(name) || !is_name(class) || selector.is_empty() {
        return Err(format!(
            "the rule `{selector}` for dark mode is neither an element nor a class: its contrast \
             is unknown"
        ));
    }
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok((given(name), given(class)))
}
