//! Makes press releases for benchmarks: many, all alike in size, and the same at each run.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Size at which a post ends, a little above the median of the public sites we looked at.
const SIZE_BYTES: usize = 3_500;

/// Posts in one folder, as in a site that keeps a folder for each topic.
const POSTS_A_FOLDER: usize = 250;

const WORDS: &str = "harbour council ferry timetable opens budget public health school new \
    residents transport from Monday the of and with a plan for bridge library support rent \
    million dollars year service street market river";

/// Writes `count` posts below `folder` and returns their paths, in the order of writing.
pub(crate) fn make_posts(folder: &Path, count: usize) -> Vec<PathBuf> {
    let mut numbers = Numbers(1);
    (0..count)
        .map(|number| {
            let posts = folder.join(format!("topic-{:03}/_posts", number / POSTS_A_FOLDER));
            fs::create_dir_all(&posts).unwrap();
            let (year, month, day) =
                (2016 + number % 10, 1 + number / 10 % 12, 1 + number / 120 % 28);
            let path = posts.join(format!("{year}-{month:02}-{day:02}-notice-{number}.md"));
            fs::write(&path, post(number, &mut numbers)).unwrap();
            path
        })
        .collect()
}

/// One post: front matter, paragraphs with a link and emphasis, a list, and in two of five
/// posts a table in HTML, as office editors leave it; those go through the sanitiser.
fn post(number: usize, numbers: &mut Numbers) -> String {
    let mut text = format!(
        "---\ntitle: Notice {number} on the {} {}\npermalink: /media/notice-{number}/\n\
         layout: post\ncategory: topic {}\ndescription: {}\n---\n",
        numbers.word(),
        numbers.word(),
        number % 20,
        numbers.sentence(),
    );
    if number % 5 < 2 {
        text.push_str("\n<table class=\"grid\"><tr><td style=\"width:50%\">From</td>");
        writeln!(text, "<td>{}</td></tr></table>", numbers.word()).unwrap();
    }
    while text.len() < SIZE_BYTES {
        write!(text, "\n{} **{}** {}", numbers.sentence(), numbers.word(), numbers.sentence())
            .unwrap();
        writeln!(text, " See [the {}](/media/{}/).", numbers.word(), numbers.word()).unwrap();
        if text.len() % 3 == 0 {
            writeln!(text, "\n- {}\n- {}", numbers.sentence(), numbers.sentence()).unwrap();
        }
    }
    text
}

/// A linear congruential generator: no randomness, so that every run reads the same bytes.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        usize::try_from(self.0 >> 40).unwrap()
    }

    fn word(&mut self) -> &'static str {
        let at = self.next() % WORDS.split(' ').count();
        WORDS.split(' ').nth(at).unwrap()
    }

    fn sentence(&mut self) -> String {
        let words: Vec<&str> = (0..8 + self.next() % 12).map(|_| self.word()).collect();
        format!("The {}.", words.join(" "))
    }
}
