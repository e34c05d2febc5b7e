//! Rows given to a statement as bound values.
//!
//! A list of rows as JSON costs SQLite more than what is done with them: each element is
//! parsed again for each of its fields.

use std::fmt::Write;
use std::sync::LazyLock;

/// Statements for 1, 2, 4 … rows: few enough to stay prepared. Rows that are too many are
/// bound as nulls, which equal nothing.
const SIZES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Most rows of one statement.
pub(super) const MOST_ROWS: usize = SIZES[SIZES.len() - 1];

/// One statement in its sizes.
pub(super) struct Sized {
    texts: LazyLock<[String; SIZES.len()]>,
}

impl Sized {
    /// `text` is given the number of rows.
    pub(super) const fn new(text: fn() -> [String; SIZES.len()]) -> Self {
        Self { texts: LazyLock::new(text) }
    }

    /// The statement that has room for so many rows, and its room.
    pub(super) fn of(&'static self, rows: usize) -> (&'static str, usize) {
        let at = SIZES.iter().position(|size| *size >= rows).unwrap_or(SIZES.len() - 1);
        (&self.texts[at], SIZES[at])
    }
}

/// Makes a statement in all its sizes.
pub(super) fn in_all_sizes(text: impl Fn(usize) -> String) -> [String; SIZES.len()] {
    SIZES.map(text)
}

/// `($1, $2), ($3, $4)` for two rows of two columns, from the parameter after `before`.
pub(super) fn places(before: usize, rows: usize, columns: usize) -> String {
    let mut text = String::with_capacity(rows * columns * 5);
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ", (" });
        for column in 0..columns {
            let comma = if column == 0 { "" } else { ", " };
            write!(text, "{comma}${}", before + row * columns + column + 1)
                .expect("writing to a string does not fail");
        }
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_row_by_row() {
        assert_eq!(places(1, 2, 2), "($2, $3), ($4, $5)");
    }

    #[test]
    fn the_smallest_statement_with_room_is_taken() {
        static ROWS: Sized = Sized::new(|| in_all_sizes(|rows| places(0, rows, 1)));
        assert_eq!(ROWS.of(1), ("($1)", 1));
        assert_eq!(ROWS.of(3).1, 4);
        assert_eq!(ROWS.of(64).1, 64);
    }
}
