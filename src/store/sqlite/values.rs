//! Rows given to a statement as bound values.
//!
//! A list of rows as JSON costs SQLite more than what is done with them: each element is
//! parsed again for each of its fields.

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

/// `(?, ?), (?, ?)` for two rows of two columns. Without names: to look one up, SQLite goes
/// through all of the statement.
pub(super) fn places(rows: usize, columns: usize) -> String {
    let row = format!("({})", vec!["?"; columns].join(", "));
    vec![row; rows].join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_row_by_row() {
        assert_eq!(places(2, 2), "(?, ?), (?, ?)");
    }

    #[test]
    fn the_smallest_statement_with_room_is_taken() {
        static ROWS: Sized = Sized::new(|| in_all_sizes(|rows| places(rows, 1)));
        assert_eq!(ROWS.of(1), ("(?)", 1));
        assert_eq!(ROWS.of(3).1, 4);
        assert_eq!(ROWS.of(64).1, 64);
    }
}
