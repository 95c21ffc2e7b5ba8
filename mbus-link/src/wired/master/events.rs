//! What a master has to tell, until somebody fetches it.
//!
//! Invariants: whatever the line does, the end of the newest order and the newest rate are told. Octets that nobody asked
//! for are added up in one event. Without room, repetitions and strays go first, then the ends of older orders.

use crate::queue::Queue;
use crate::wired::frame::Frame;
use crate::wired::frame_store::FrameStore;

use super::MasterEvent;

#[derive(Clone, Copy, Debug)]
enum Told {
    Plain(MasterEvent<'static>),
    /// The answer of this number, kept in the store of the master until the next one.
    Data {
        number: u32,
        telegram: u16,
        repeated: bool,
        sends: u8,
    },
}

/// The events of a master.
#[derive(Clone, Debug)]
pub(super) struct Events {
    told: Queue<Told, 8>,
    answers: u32,
}

impl Events {
    pub(super) const NONE: Self = Self { told: Queue::new(), answers: 0 };

    pub(super) fn tell(&mut self, event: MasterEvent<'static>) {
        let event = match event {
            MasterEvent::Stray { octets } => {
                let before = self.remove(|told| matches!(told, MasterEvent::Stray { .. }));
                let Some(MasterEvent::Stray { octets: before }) = before else {
                    return self.append(Told::Plain(event));
                };
                MasterEvent::Stray { octets: octets.saturating_add(before) }
            }
            MasterEvent::BaudRate(_) => {
                // The port is to work at the newest only.
                self.remove(|told| matches!(told, MasterEvent::BaudRate(_)));
                event
            }
            _ => event,
        };
        self.append(Told::Plain(event));
    }
    /// Tells of the answer that was just put into the store.
    pub(super) fn tell_data(&mut self, telegram: u16, repeated: bool, sends: u8) {
        self.answers = self.answers.wrapping_add(1);
        self.append(Told::Data { number: self.answers, telegram, repeated, sends });
    }
    /// The oldest event; `answer` is the store.
    pub(super) fn next<'a>(&mut self, answer: &'a FrameStore) -> Option<MasterEvent<'a>> {
        loop {
            match self.told.pop()? {
                Told::Plain(event) => return Some(event),
                Told::Data { number, .. } if number != self.answers => self.told.lose(),
                Told::Data { telegram, repeated, sends, .. } => {
                    let Some(Frame::Long { c_field, address, payload }) = answer.frame() else {
                        return None;
                    };
                    return Some(MasterEvent::Data { address, c_field, payload, telegram, repeated, sends });
                }
            }
        }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.told.is_empty()
    }
    pub(super) const fn lost(&self) -> u32 {
        self.told.lost()
    }

    fn append(&mut self, told: Told) {
        self.told.insist(told, worth);
    }
    fn remove(&mut self, is_meant: fn(&MasterEvent<'static>) -> bool) -> Option<MasterEvent<'static>> {
        match self.told.remove(|told| matches!(told, Told::Plain(event) if is_meant(event)))? {
            Told::Plain(event) => Some(event),
            Told::Data { .. } => None,
        }
    }
}

/// What goes last when there is no room.
const fn worth(told: &Told) -> u8 {
    match told {
        Told::Plain(MasterEvent::Retry { .. } | MasterEvent::Stray { .. }) => 0,
        Told::Plain(MasterEvent::BaudRate(_)) => 2,
        Told::Plain(_) | Told::Data { .. } => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wired::{Fault, PrimaryAddress};
    use std::vec::Vec;

    fn all(events: &mut Events) -> Vec<MasterEvent<'static>> {
        core::iter::from_fn(|| events.next(&FrameStore::EMPTY)).collect()
    }
    const SENT: MasterEvent<'static> = MasterEvent::Sent { address: PrimaryAddress(1) };

    #[test]
    fn the_newest_end_and_the_newest_rate_are_told_whatever_else_waits() {
        let mut events = Events::NONE;
        events.tell(MasterEvent::BaudRate(300));
        for sends in 0..200 {
            events.tell(MasterEvent::Retry { fault: Fault::Silence, sends });
            events.tell(MasterEvent::Stray { octets: 2 });
        }
        events.tell(MasterEvent::BaudRate(9600));
        events.tell(SENT);
        for sends in 0..200 {
            events.tell(MasterEvent::Retry { fault: Fault::Silence, sends });
            events.tell(MasterEvent::Stray { octets: 3 });
        }
        let lost = events.lost();
        let told = all(&mut events);
        assert_eq!(told[..2], [MasterEvent::BaudRate(9600), SENT]);
        assert_eq!(told.last(), Some(&MasterEvent::Stray { octets: 1000 }));
        assert_eq!((told.len(), lost), (8, 395));
    }

    #[test]
    fn of_more_ends_than_have_room_the_newest_stay() {
        let mut events = Events::NONE;
        events.tell(MasterEvent::BaudRate(300));
        for _ in 0..20 {
            events.tell(SENT);
        }
        events.tell(MasterEvent::Cancelled);
        let lost = events.lost();
        let told = all(&mut events);
        assert_eq!((told.len(), lost), (8, 14));
        assert_eq!(
            (told.first(), told.last()),
            (Some(&MasterEvent::BaudRate(300)), Some(&MasterEvent::Cancelled))
        );
    }
}
