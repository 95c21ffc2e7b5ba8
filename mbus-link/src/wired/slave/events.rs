//! What a slave has to tell, until somebody fetches it.
//!
//! Invariants: what the application has to act on finds room whatever the line does: of each kind the newest is kept (at
//! most eight, proven below), and remarks make room for it. A request or command is void with the next one, so one waits
//! at most. Octets of noise are added up.

use crate::queue::Queue;
use crate::wired::address::PrimaryAddress;
use crate::wired::data_class::DataClass;

use super::SlaveEvent;

/// What the master wants of the application. The octets of a command are in the store of the slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The address it came to.
    pub(super) address: PrimaryAddress,
    /// Its FCB counts, so that it can be repeated.
    pub(super) fcb_counts: bool,
    pub(super) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Request(DataClass),
    Command { wants_data: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Plain(SlaveEvent<'static>),
    Asked(Asked),
}

/// The events of a slave.
#[derive(Clone, Debug)]
pub(super) struct Events(Queue<Told, 8>);

impl Events {
    pub(super) const NONE: Self = Self(Queue::new());

    pub(super) fn tell(&mut self, event: SlaveEvent<'static>) {
        let mut event = event;
        if let SlaveEvent::Noise { octets } = &mut event {
            let before = self.0.remove(|told| matches!(told, Told::Plain(SlaveEvent::Noise { .. })));
            if let Some(Told::Plain(SlaveEvent::Noise { octets: before })) = before {
                *octets = octets.saturating_add(before);
            }
        } else if let SlaveEvent::BaudRate(_) = event {
            self.0.remove(|told| matches!(told, Told::Plain(SlaveEvent::BaudRate(_))));
        } else {
            // The same once more says nothing new.
            self.0.remove(|told| *told == Told::Plain(event));
        }
        self.0.insist(Told::Plain(event), worth);
    }
    pub(super) fn ask(&mut self, asked: Asked) {
        if self.0.remove(|told| matches!(told, Told::Asked(_))).is_some() {
            self.0.lose();
        }
        self.0.insist(Told::Asked(asked), worth);
    }
    pub(super) fn next(&mut self) -> Option<Told> {
        self.0.pop()
    }
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(super) const fn lost(&self) -> u32 {
        self.0.lost()
    }
}

/// What goes last when there is no room.
const fn worth(told: &Told) -> u8 {
    use SlaveEvent::{BaudRate, Deselected, Reset, Selected};
    match told {
        Told::Asked(_) => 2,
        // To the own address, to 254, to 255; with the rate and what is asked seven at most, as long as the
        // application does not change the address in between.
        Told::Plain(Reset { .. } | Selected | Deselected | BaudRate(_)) => 1,
        Told::Plain(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use std::vec::Vec;

    #[test]
    fn what_is_to_be_acted_on_finds_room_beside_any_remarks() {
        let address = PrimaryAddress(1);
        let asked = Asked { address, fcb_counts: true, what: What::Request(DataClass::Two) };
        let matters = [
            SlaveEvent::Reset { address },
            SlaveEvent::Reset { address: PrimaryAddress::TEST },
            SlaveEvent::Reset { address: PrimaryAddress::BROADCAST },
            SlaveEvent::Selected,
            SlaveEvent::Deselected,
            SlaveEvent::BaudRate(300),
        ];
        let remarks = [
            SlaveEvent::Repeated { address },
            SlaveEvent::Refused { address },
            SlaveEvent::AnswerTooLate,
            SlaveEvent::Broken(ErrorKind::Checksum { expected: 1, found: 2 }.at(0)),
            SlaveEvent::Broken(ErrorKind::NoControlInformation.at(0)),
            SlaveEvent::Noise { octets: 2 },
        ];
        let mut events = Events::NONE;
        for _ in 0..3 {
            matters.into_iter().for_each(|event| events.tell(event));
            remarks.into_iter().for_each(|event| events.tell(event));
            events.ask(asked);
            remarks.into_iter().for_each(|event| events.tell(event));
        }
        let told: Vec<Told> = core::iter::from_fn(|| events.next()).collect();
        assert_eq!(told[..6], matters.map(Told::Plain));
        assert_eq!(told[6..], [Told::Asked(asked), Told::Plain(SlaveEvent::Noise { octets: 2 })]);
    }
}
