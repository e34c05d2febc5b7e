//! Kills a process at the N-th thing that happens at the relay, and remembers how far the
//! relay was with each delivery then.

use std::collections::HashMap;
use std::process::Child;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};

use super::relay::{Act, Moment, Phase};

/// How far the relay is with a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// Claimed perhaps, and no word of it at the relay.
    Unnamed,
    /// RCPT came.
    Named,
    /// 354 goes out.
    GoAhead,
    /// The first line came.
    Body,
    /// The dot came, and the line goes into the log.
    Dot,
    /// The line is on disk; 250 goes out.
    Logged,
    /// The 250 is out.
    Answered,
    /// 4yz or 5yz goes out.
    Refused,
}

/// What the relay and the test share.
#[derive(Clone, Default)]
pub(super) struct Trap(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    process: Option<Pid>,
    /// Things that are still to happen; absent where it is not set.
    left: Option<u64>,
    stages: HashMap<String, Stage>,
    /// As they were at the kill.
    at_kill: Option<HashMap<String, Stage>>,
}

impl Trap {
    /// Before a process starts: what happens counts for it.
    pub(super) fn set(&self, after: Option<u64>) {
        *self.0.lock().unwrap() = State { left: after, ..State::default() };
    }

    /// It cannot have spoken to the relay yet: there is a scan before.
    pub(super) fn watch(&self, child: &Child) {
        self.0.lock().unwrap().process = Some(Pid::from_child(child));
    }

    /// By recipient; absent where nobody was killed.
    pub(super) fn at_kill(&self) -> Option<HashMap<String, Stage>> {
        self.0.lock().unwrap().at_kill.clone()
    }

    /// For the relay's script: `act` is what it is about to do.
    pub(super) fn pass(&self, moment: &Moment<'_>, refusal: Option<&str>) -> Act {
        let stage = match moment.phase {
            _ if refusal.is_some() => Some(Stage::Refused),
            Phase::Rcpt => Some(Stage::Named),
            Phase::Data => Some(Stage::GoAhead),
            Phase::Body => Some(Stage::Body),
            Phase::Dot => Some(Stage::Dot),
            Phase::Logged => Some(Stage::Logged),
            Phase::Answered => Some(Stage::Answered),
            _ => None,
        };
        let mut trap = self.0.lock().unwrap();
        // DATA behind a refused RCPT is nobody's.
        if let Some(stage) = stage.filter(|_| !moment.recipient.is_empty()) {
            trap.stages.insert(moment.recipient.to_owned(), stage);
        }
        if let (Some(left), Some(process)) = (trap.left, trap.process) {
            trap.left = left.checked_sub(1).filter(|left| *left > 0);
            if trap.left.is_none() {
                trap.at_kill = Some(trap.stages.clone());
                // It may have ended by itself just now.
                let _ = kill_process(process, Signal::KILL);
            }
        }
        refusal.map_or_else(Act::usual, Act::reply)
    }
}
