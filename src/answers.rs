//! Answers of a thread to those who wait for them in a runtime.

use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Who waits for an answer, and in which runtime.
#[derive(Debug)]
pub(crate) struct Asker<T> {
    answer: oneshot::Sender<T>,
    home: Handle,
}

impl<T> Asker<T> {
    /// Of the runtime that this is called in.
    ///
    /// # Panics
    ///
    /// Outside a runtime.
    pub(crate) fn new() -> (Self, oneshot::Receiver<T>) {
        let (answer, answered) = oneshot::channel();
        (Self { answer, home: Handle::current() }, answered)
    }
}

/// Sends answers home together: to wake each of those who wait costs a system call each, from
/// outside their runtime. An asker that is gone is nobody's matter.
pub(crate) fn answer<T: Send + 'static>(mut answers: Vec<(Asker<T>, T)>) {
    while let Some((asker, _)) = answers.first() {
        let home = asker.home.clone();
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|(other, _)| other.home.id() == home.id());
        home.spawn(async move {
            for (asker, outcome) in here {
                let _ = asker.answer.send(outcome);
            }
        });
        answers = elsewhere;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_asker_has_its_answer_and_one_that_left_costs_nobody_his() {
        let (first, first_answer) = Asker::new();
        let (gone, _) = Asker::new();
        let (last, last_answer) = Asker::new();
        std::thread::spawn(|| answer(vec![(first, 1), (gone, 2), (last, 3)])).join().unwrap();
        assert_eq!((first_answer.await, last_answer.await), (Ok(1), Ok(3)));
    }
}
