//! How many connections work at once: grows while the relay takes mail, shrinks when it
//! labours, as Postfix's scheduler does per destination.
//!
//! Feedback is 1/N per message for a window of N, so that the window grows by one once every
//! connection in it has succeeded (Postfix's `SCHEDULER_README`, "Slow start" and "feedback").

/// Connections a window begins with.
const FIRST: f64 = 5.0;

/// The number of connections that may work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    size: f64,
    largest: f64,
}

impl Window {
    /// A window that grows to at most `largest` connections.
    pub fn new(largest: usize) -> Self {
        let largest = f64::from(u32::try_from(largest.max(1)).unwrap_or(u32::MAX));
        Self { size: FIRST.min(largest), largest }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the number of connections"
    )]
    pub fn size(&self) -> usize {
        self.size as usize
    }

    /// A message was taken.
    pub fn grow(&mut self) {
        self.size = (self.size + 1.0 / self.size).min(self.largest);
    }

    /// A connection failed or was turned away.
    pub fn shrink(&mut self) {
        self.size = (self.size - 1.0 / self.size).max(1.0);
    }

    /// The relay asked for less (454, 4.7.0 …).
    pub fn halve(&mut self) {
        self.size = (self.size / 2.0).max(1.0);
    }

    /// The relay is tried anew: with one connection.
    pub fn probe(&mut self) {
        self.size = 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_by_one_when_each_of_its_connections_succeeded() {
        let mut window = Window::new(20);
        assert_eq!(window.size(), 5);
        (0..6).for_each(|_| window.grow());
        assert_eq!(window.size(), 6);
        (0..1_000).for_each(|_| window.grow());
        assert_eq!(window.size(), 20, "no more than were asked for");
    }

    #[test]
    fn it_shrinks_more_slowly_than_it_is_halved_and_never_to_nothing() {
        let mut window = Window::new(20);
        (0..1_000).for_each(|_| window.grow());
        (0..20).for_each(|_| window.shrink());
        assert_eq!(window.size(), 18);
        window.halve();
        assert_eq!(window.size(), 9);
        (0..1_000).for_each(|_| window.shrink());
        assert_eq!(window.size(), 1);
        window.halve();
        assert_eq!(window.size(), 1);
    }

    #[test]
    fn a_probe_is_one_connection_and_grows_again() {
        let mut window = Window::new(20);
        window.probe();
        assert_eq!(window.size(), 1);
        window.grow();
        assert_eq!(window.size(), 2);
    }

    #[test]
    fn a_window_for_one_connection_stays_at_one() {
        let mut window = Window::new(1);
        window.grow();
        assert_eq!(window.size(), 1);
    }
}
