//! Somebody without a key who hears everything, sends old telegrams again and makes up new ones.
//!
//! Invariants: what an attack got is counted by those it was meant for, not by the attacker.

use super::air::Who;
use crate::random::Random;
use mbus_app::body::Body;
use mbus_app::ci::CiField;
use mbus_app::command::{Switch, SwitchState};
use mbus_app::record::builder::{Element, RecordsBuilder};
use mbus_app::telegram::builder::{Protection, TelegramBuilder};
use mbus_app::tpl::{Header, Tpl};
use mbus_link::time::{Duration, Instant};
use mbus_link::wireless::{Frame, Routing};
use mbus_link::{Address, CField, CommunicationControl, Ell};
use oms_security::count::Count;
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::profile::Profile;
use oms_security::sender::SenderState;
use std::collections::BTreeMap;

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
    /// A telegram of a meter once more.
    OldTelegram,
    /// A telegram in clear in the name of a meter.
    ClearTelegram,
    /// A command of the gateway once more.
    OldCommand,
    /// A command in clear.
    ClearCommand,
    /// A command under another key.
    ForgedCommand,
}

impl Attack {
    /// All attacks and what they are called.
    pub const TABLE: [(Self, &'static str); 5] = [
        (Self::OldTelegram, "old telegram again"),
        (Self::ClearTelegram, "telegram in clear"),
        (Self::OldCommand, "old command again"),
        (Self::ClearCommand, "command in clear"),
        (Self::ForgedCommand, "command under another key"),
    ];
}

/// The attacker.
#[derive(Clone, Debug)]
pub struct Attacker {
    random: Random,
    gateway: Address,
    commands: BTreeMap<[u8; 8], Vec<Vec<u8>>>,
    planned: Vec<(Instant, Attack, Vec<u8>)>,
    /// The attack that is on the air.
    pub current: Option<Attack>,
    counter: u32,
}

impl Attacker {
    /// Somebody who sends in the name of this gateway.
    #[must_use]
    pub const fn new(random: Random, gateway: Address) -> Self {
        Self { random, gateway, commands: BTreeMap::new(), planned: Vec::new(), current: None, counter: 1 }
    }
    /// Hears a frame that ended at `now`, and plans something.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8], from: Who) {
        let Ok(frame) = Frame::parse(octets) else { return };
        match (from, frame.c_field()) {
            (Who::Roof, c_field) if c_field.is(CField::SND_UD) => {
                if let Some(meter) = Routing::of(octets).addressee {
                    self.commands.entry(meter.to_link_octets()).or_default().push(octets.to_vec());
                }
            }
            (Who::Meter(_), CField::SND_NR) => self.plan(now, frame.address(), octets),
            _ => {}
        }
    }
    fn plan(&mut self, now: Instant, meter: Address, octets: &[u8]) {
        if self.random.below(20) == 0 {
            let later = Duration::from_secs(120 + u64::from(self.random.below(7_000)));
            self.planned.push((now.after(later), Attack::OldTelegram, octets.to_vec()));
        }
        if self.random.below(40) == 0 {
            let later = Duration::from_secs(1 + u64::from(self.random.below(60)));
            let telegram = self.clear(CField::SND_NR, 0x7A, meter, meter, &[0x0C, 0x13, 0, 0, 0, 0]);
            self.planned.extend(telegram.map(|telegram| (now.after(later), Attack::ClearTelegram, telegram)));
        }
        if self.random.below(8) > 0 {
            return;
        }
        let close = [Element::Record(Switch { state: SwitchState::CLOSED, ..Switch::default() }.record())];
        let close = RecordsBuilder { elements: &close }.to_vec().unwrap_or_default();
        let heard = self.commands.get(&meter.to_link_octets()).map(Vec::as_slice).unwrap_or_default();
        let any = usize::try_from(self.random.below(u32::try_from(heard.len()).unwrap_or_default()));
        let (attack, command) = match self.random.below(3) {
            0 => (Attack::OldCommand, any.ok().and_then(|any| heard.get(any).cloned())),
            1 => (Attack::ClearCommand, self.clear(CField::SND_UD, 0x5B, self.gateway, meter, &close)),
            _ => (Attack::ForgedCommand, self.forged(meter, &close)),
        };
        // In the window of the meter, where the gateway may be speaking too.
        let then = now.after(Duration::from_micros(2_500));
        self.planned.extend(command.map(|command| (then, attack, command)));
    }
    /// The frame to be sent now.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let place = self.planned.iter().position(|(at, ..)| *at <= now)?;
        let (_, attack, octets) = self.planned.remove(place);
        self.current = Some(attack);
        Some(octets)
    }
    /// When something is planned.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.planned.iter().map(|(at, ..)| *at).min()
    }

    fn ell(&mut self) -> Ell {
        let access_number = u8::try_from(self.random.below(256)).unwrap_or_default();
        let control = CommunicationControl::BIDIRECTIONAL;
        Ell { control, access_number, receiver: None, session: None }
    }
    fn clear(
        &mut self,
        c_field: CField,
        ci: u8,
        sender: Address,
        meter: Address,
        body: &[u8],
    ) -> Option<Vec<u8>> {
        let tpl = Tpl::of(CiField(ci), meter, Header::default());
        let telegram = TelegramBuilder {
            ell: Some(self.ell()),
            ..TelegramBuilder::wireless(c_field, sender, tpl, Body::Octets(body))
        };
        telegram.to_vec().ok()
    }
    fn forged(&mut self, meter: Address, body: &[u8]) -> Option<Vec<u8>> {
        let tpl = Tpl::of(CiField(0x5B), meter, Header::default());
        let telegram = TelegramBuilder {
            ell: Some(self.ell()),
            ..TelegramBuilder::wireless(CField::SND_UD, self.gateway, tpl, Body::Octets(body))
        };
        let count = Count { meter, to_meter: true, key_id: 0, key_version: 0 };
        self.counter += 1_000;
        let mut state = SenderState::new(count, self.counter);
        state.export(1, 0);
        let key = PreparedKey::<Aes>::new(&Key::new([0xA7; 16]));
        let (mut buffer, mut frame) = ([0; 256], [0; 256]);
        let protection = Protection::of(Profile::D);
        let sealed = telegram.seal_into(&protection, &key, &mut state, &mut buffer).ok()?;
        Some(sealed.frame_into(&mut frame).ok()?.to_vec())
    }
}
