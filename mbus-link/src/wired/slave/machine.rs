//! The state machine of the slave.
//!
//! Invariants: one answer at most is owed; a newer frame of the master makes it void, whoever that frame is for, since
//! two stations must not send at the same time. Nothing is sent outside the answer window. What is heard from other
//! slaves, and the own echo, is ignored.

use crate::time::{Duration, Instant, SteadyClock};
use crate::wired::address::PrimaryAddress;
use crate::wired::baud_rate::BaudRate;
use crate::wired::command::Command;
use crate::wired::data_class::DataClass;
use crate::wired::deframer::{Deframed, Deframer};
use crate::wired::frame::{ACK, Frame, MAX_DATA};
use crate::wired::frame_store::FrameStore;
use crate::wired::timing::LineTiming;
use crate::{Address, CField, Error, ErrorKind, IdentificationNumber};

use super::events::{Asked, Events, Told, What};
use super::memory::{Answered, Memory};
use super::{SlaveEvent, SlaveSettings};

/// The address that a frame came to, seen from this slave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Own,
    Selected,
    /// 254.
    Test,
    /// 255.
    Broadcast,
}

/// An answer that the application owes.
#[derive(Clone, Copy, Debug)]
struct Owed {
    side: Side,
    address: PrimaryAddress,
    /// E5 is an answer to it.
    ack: bool,
    /// Data is an answer to it.
    data: bool,
}

/// What goes out in the window.
#[derive(Clone, Copy, Debug)]
enum Outgoing {
    Ack,
    Status,
    Answer,
}

#[derive(Clone, Copy, Debug)]
struct RateChange {
    at: Instant,
    baud: u32,
    /// Go back to `from` unless a good frame comes.
    provisional: bool,
}

/// The slave's end of the wired bus, about 900 octets of memory.
///
/// ```
/// use mbus_link::time::Instant;
/// use mbus_link::wired::{PrimaryAddress, Slave, SlaveEvent, SlaveSettings};
/// let mut slave = Slave::new(SlaveSettings { address: PrimaryAddress(1), ..SlaveSettings::default() });
/// let now = Instant::ZERO;
/// slave.handle_input(now, &[0x10, 0x7B, 0x01, 0x7C, 0x16]);
/// while let Some(event) = slave.poll_event() {
///     if let SlaveEvent::Request { .. } = event {
///         slave.respond(&[0x78, 0x0B, 0x13, 0x43, 0x65, 0x87])?;
///     }
/// }
/// let at = slave.poll_timeout().unwrap_or(now);
/// let answer = [0x68, 0x08, 0x08, 0x68, 0x08, 0x01, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87, 0xCE, 0x16];
/// assert_eq!(slave.poll_transmit(at), Some(&answer[..]));
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slave {
    deframer: Deframer,
    link: Link,
}

/// All of the slave but the deframer, whose buffer the frame in hand lies in.
#[derive(Clone, Debug)]
struct Link {
    settings: SlaveSettings,
    clock: SteadyClock,
    is_selected: bool,
    has_alarm: bool,
    is_busy: bool,
    own: Memory,
    selected: Memory,
    owed: Option<Owed>,
    /// From when to when an answer may go out; open while the application owes it or it waits to be sent.
    window: Option<(Instant, Instant)>,
    outgoing: Option<Outgoing>,
    status: [u8; 5],
    answer: FrameStore,
    /// Whose answer it is; `None` when nobody may get it again.
    answer_of: Option<Side>,
    command: FrameStore,
    /// The rate to change over to once the E5 is out.
    agreed_rate: Option<BaudRate>,
    change: Option<RateChange>,
    fall_back: Option<RateChange>,
    events: Events,
}

impl Slave {
    /// A slave that was just switched on.
    #[must_use]
    pub const fn new(settings: SlaveSettings) -> Self {
        Self {
            deframer: Deframer::new(settings.line),
            link: Link {
                settings,
                clock: SteadyClock::new(),
                is_selected: false,
                has_alarm: false,
                is_busy: false,
                own: Memory::EMPTY,
                selected: Memory::EMPTY,
                owed: None,
                window: None,
                outgoing: None,
                status: [0; 5],
                answer: FrameStore::EMPTY,
                answer_of: None,
                command: FrameStore::EMPTY,
                agreed_rate: None,
                change: None,
                fall_back: None,
                events: Events::NONE,
            },
        }
    }
    /// Takes octets of the line, the last of which came in at `now`.
    pub fn handle_input(&mut self, now: Instant, mut octets: &[u8]) {
        let now = self.link.clock.read(now);
        self.turn(now);
        while let Some(found) = self.deframer.handle_input(now, &mut octets) {
            self.link.take(now, found);
        }
    }
    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.link.clock.read(now);
        self.turn(now);
    }
    /// The octets to be sent now, if an answer is due.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let now = self.link.clock.read(now);
        self.turn(now);
        self.link.transmit(now)
    }
    /// When [`Slave::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = [self.deframer.poll_timeout(), self.link.next_timeout()].into_iter().flatten().min()?;
        Some(self.link.clock.caller_time(next))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<SlaveEvent<'_>> {
        self.link.next_event()
    }
    /// True when an event waits to be fetched.
    #[must_use]
    pub fn has_event(&self) -> bool {
        !self.link.events.is_empty()
    }
    /// Events that nobody fetched in time.
    #[must_use]
    pub const fn events_lost(&self) -> u32 {
        self.link.events.lost()
    }

    /// Answers the last request or SND-UD2 with RSP-UD of CI and data. It goes out when the window opens; after the
    /// window it is kept for the repetition of the request.
    ///
    /// # Errors
    /// [`ErrorKind::NothingToAnswer`]; [`ErrorKind::NoControlInformation`] and [`ErrorKind::PayloadTooLong`] as for
    /// [`Frame::encode_into`], after which the answer is still owed.
    pub fn respond(&mut self, payload: &[u8]) -> Result<(), Error> {
        self.link.respond(payload)
    }
    /// Answers the last SND-UD, or a request of class 1 without alarm, with E5.
    ///
    /// # Errors
    /// [`ErrorKind::NothingToAnswer`].
    pub fn acknowledge(&mut self) -> Result<(), Error> {
        self.link.acknowledge()
    }
    /// The primary address from now on. A repetition of the command that set it still came to the old one and is not
    /// heard any more: whoever sets an address and gets no answer tries the new one.
    pub const fn set_address(&mut self, address: PrimaryAddress) {
        self.link.settings.address = address;
    }
    /// The secondary address and the fabrication number from now on. A slave that is selected stays so.
    pub const fn set_identity(
        &mut self,
        identity: Address,
        fabrication_number: Option<IdentificationNumber>,
    ) {
        self.link.settings.identity = identity;
        self.link.settings.fabrication_number = fabrication_number;
    }
    /// Whether class 1 data waits: ACD of all answers from now on.
    pub const fn set_alarm(&mut self, has_alarm: bool) {
        self.link.has_alarm = has_alarm;
    }
    /// Whether the slave can take no more commands: DFC of all answers from now on; commands are not answered then.
    pub const fn set_busy(&mut self, is_busy: bool) {
        self.link.is_busy = is_busy;
    }
    /// The primary address.
    #[must_use]
    pub const fn address(&self) -> PrimaryAddress {
        self.link.settings.address
    }
    /// The secondary address.
    #[must_use]
    pub const fn identity(&self) -> Address {
        self.link.settings.identity
    }
    /// True when 253 means this slave.
    #[must_use]
    pub const fn is_selected(&self) -> bool {
        self.link.is_selected
    }
    /// The rate and times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.link.settings.line
    }

    /// Does what is due.
    fn turn(&mut self, now: Instant) {
        self.deframer.handle_timeout(now);
        while let Some(found) = self.deframer.poll_event() {
            self.link.take(now, found);
        }
        if self.link.turn(now) {
            self.deframer.set_line(self.link.settings.line);
        }
    }
}

impl Link {
    fn take(&mut self, now: Instant, found: Deframed<'_>) {
        match found {
            Deframed::Frame { frame, .. } => self.take_frame(now, frame),
            Deframed::Noise { octets } => self.tell(SlaveEvent::Noise { octets }),
            Deframed::Broken { error, .. } => self.tell(SlaveEvent::Broken(error)),
        }
    }
    fn take_frame(&mut self, now: Instant, frame: Frame<'_>) {
        let (Some(c_field), Some(address)) = (frame.c_field(), frame.address()) else { return };
        if !c_field.is_primary() {
            return;
        }
        // The master has gone on: what was owed to it is void.
        (self.owed, self.window, self.outgoing, self.agreed_rate) = (None, None, None, None);
        self.fall_back = None;
        let Some(side) = self.side_of(address) else { return };
        let is_command = matches!(c_field.name(), Some("SND-UD" | "SND-UD2"));
        if side == Side::Selected && is_command {
            if let Command::Select(selection) = Command::parse(frame.payload()) {
                let fits = selection.selects(self.settings.identity, self.settings.fabrication_number);
                self.select(now, fits);
                return;
            }
        }
        if side == Side::Selected && !self.is_selected {
            return;
        }
        match (c_field.name(), frame) {
            (Some("SND-NKE"), Frame::Short { .. }) => self.reset(now, side, address),
            (Some("REQ-SKE"), Frame::Short { .. }) => self.report_status(now, side, address),
            (Some("REQ-UD1"), Frame::Short { .. }) => self.request(now, side, DataClass::One, &frame),
            (Some("REQ-UD2"), Frame::Short { .. }) => self.request(now, side, DataClass::Two, &frame),
            (_, Frame::Long { .. }) if is_command => self.command(now, side, &frame),
            _ => {}
        }
    }
    fn side_of(&self, address: PrimaryAddress) -> Option<Side> {
        match address {
            PrimaryAddress::SELECTED => Some(Side::Selected),
            PrimaryAddress::TEST => Some(Side::Test),
            PrimaryAddress::BROADCAST => Some(Side::Broadcast),
            own if own == self.settings.address => Some(Side::Own),
            _ => None,
        }
    }
    /// The memory of a side; `None` where the FCB does not count.
    const fn memory(&mut self, side: Side) -> Option<&mut Memory> {
        match side {
            Side::Own => Some(&mut self.own),
            Side::Selected => Some(&mut self.selected),
            Side::Test | Side::Broadcast => None,
        }
    }

    fn select(&mut self, now: Instant, fits: bool) {
        if fits {
            self.selected = Memory::EMPTY;
            self.is_selected = true;
            self.tell(SlaveEvent::Selected);
            self.send(now, Outgoing::Ack);
        } else if core::mem::take(&mut self.is_selected) {
            self.tell(SlaveEvent::Deselected);
        }
    }
    fn reset(&mut self, now: Instant, side: Side, address: PrimaryAddress) {
        match side {
            Side::Selected => {
                self.is_selected = false;
                self.selected = Memory::EMPTY;
                self.tell(SlaveEvent::Deselected);
                if self.settings.answers_deselection {
                    self.send(now, Outgoing::Ack);
                }
            }
            Side::Own | Side::Test | Side::Broadcast => {
                self.own = Memory::EMPTY;
                self.tell(SlaveEvent::Reset { address });
                if side != Side::Broadcast {
                    self.send(now, Outgoing::Ack);
                }
            }
        }
    }
    fn report_status(&mut self, now: Instant, side: Side, address: PrimaryAddress) {
        if side == Side::Broadcast {
            return;
        }
        let frame =
            Frame::Short { c_field: self.answer_c_field(CField::RSP_SKE), address: self.sender(address) };
        // A short frame fits, so this cannot fail.
        if frame.encode_into(&mut self.status).is_ok() {
            self.send(now, Outgoing::Status);
        }
    }
    fn request(&mut self, now: Instant, side: Side, class: DataClass, frame: &Frame<'_>) {
        let Some(address) = frame.address().filter(|_| side != Side::Broadcast) else { return };
        if self.repeat(now, side, frame, address) {
            return;
        }
        self.owe(now, Owed { side, address, ack: class == DataClass::One, data: true });
        self.ask(frame, address, What::Request(class));
    }
    fn command(&mut self, now: Instant, side: Side, frame: &Frame<'_>) {
        let Some(address) = frame.address() else { return };
        if self.is_busy {
            self.tell(SlaveEvent::Refused { address });
            return;
        }
        if let Command::BaudRate(rate) = Command::parse(frame.payload()) {
            if self.settings.rates.contains(&rate) {
                self.agree(now, side, rate, frame);
                return;
            }
        }
        if self.repeat(now, side, frame, address) {
            return;
        }
        let wants_data = frame.c_field() == Some(CField::SND_UD2);
        if side != Side::Broadcast {
            self.owe(now, Owed { side, address, ack: true, data: wants_data });
        }
        // It came as a frame and fits again.
        if self.command.set(frame).is_ok() {
            self.ask(frame, address, What::Command { wants_data });
        }
    }
    /// Sends the last answer again when this is the last request again and was answered; false when the application is
    /// to be asked.
    fn repeat(&mut self, now: Instant, side: Side, frame: &Frame<'_>, address: PrimaryAddress) -> bool {
        let answer_of = self.answer_of;
        let Some(memory) = self.memory(side) else { return false };
        if !memory.is_repetition(frame) {
            return false;
        }
        let outgoing = match memory.answered {
            Answered::Ack => Outgoing::Ack,
            Answered::Data if answer_of == Some(side) => Outgoing::Answer,
            Answered::Data | Answered::Not => return false,
        };
        self.tell(SlaveEvent::Repeated { address });
        self.send(now, outgoing);
        true
    }
    fn agree(&mut self, now: Instant, side: Side, rate: BaudRate, frame: &Frame<'_>) {
        if side == Side::Broadcast {
            self.change_over(now, rate);
            return;
        }
        if let Some(memory) = self.memory(side) {
            memory.is_repetition(frame);
            memory.answered = Answered::Ack;
        }
        self.send(now, Outgoing::Ack);
        self.agreed_rate = Some(rate);
    }
    fn change_over(&mut self, at: Instant, rate: BaudRate) {
        if rate.baud() != self.settings.line.baud {
            self.change = Some(RateChange { at, baud: rate.baud(), provisional: true });
        }
    }

    fn answer_window(&self, now: Instant) -> (Instant, Instant) {
        let line = self.settings.line;
        (now.after(line.earliest_answer()), now.after(line.latest_answer()))
    }
    fn send(&mut self, now: Instant, outgoing: Outgoing) {
        self.window = Some(self.answer_window(now));
        self.outgoing = Some(outgoing);
    }
    fn owe(&mut self, now: Instant, owed: Owed) {
        self.window = Some(self.answer_window(now));
        self.owed = Some(owed);
    }
    /// The address that an answer carries.
    fn sender(&self, asked: PrimaryAddress) -> PrimaryAddress {
        if asked == PrimaryAddress::TEST { self.settings.address } else { asked }
    }
    const fn answer_c_field(&self, c_field: CField) -> CField {
        c_field.with_acd_dfc(self.has_alarm, self.is_busy)
    }
    fn respond(&mut self, payload: &[u8]) -> Result<(), Error> {
        let nothing = ErrorKind::NothingToAnswer.at(0);
        let owed = self.owed.filter(|owed| owed.data).ok_or(nothing)?;
        if payload.is_empty() {
            return Err(ErrorKind::NoControlInformation.at(0));
        }
        let maximum = MAX_DATA.saturating_add(1);
        if payload.len() > maximum {
            return Err(ErrorKind::PayloadTooLong { octets: payload.len(), maximum }.at(0));
        }
        let frame = Frame::Long {
            c_field: self.answer_c_field(CField::RSP_UD),
            address: self.sender(owed.address),
            payload,
        };
        self.answer.set(&frame)?;
        self.answer_of = Some(owed.side);
        self.answered(owed, Answered::Data, Outgoing::Answer);
        Ok(())
    }
    fn acknowledge(&mut self) -> Result<(), Error> {
        let owed = self.owed.filter(|owed| owed.ack).ok_or(ErrorKind::NothingToAnswer.at(0))?;
        self.answered(owed, Answered::Ack, Outgoing::Ack);
        Ok(())
    }
    fn answered(&mut self, owed: Owed, answered: Answered, outgoing: Outgoing) {
        self.owed = None;
        if let Some(memory) = self.memory(owed.side) {
            memory.answered = answered;
        }
        // After the window it waits for the repetition of the request.
        self.outgoing = self.window.map(|_| outgoing);
    }

    fn transmit(&mut self, now: Instant) -> Option<&[u8]> {
        if self.window.is_none_or(|(from, _)| from > now) {
            return None;
        }
        let outgoing = self.outgoing.take()?;
        self.window = None;
        if let Some(rate) = self.agreed_rate.take() {
            self.change_over(now.after(self.settings.line.air_time(1)), rate);
        }
        Some(match outgoing {
            Outgoing::Ack => &[ACK],
            Outgoing::Status => &self.status,
            Outgoing::Answer => self.answer.octets(),
        })
    }
    /// Does what is due; true when the rate changed.
    fn turn(&mut self, now: Instant) -> bool {
        if self.window.is_some_and(|(_, until)| until < now) {
            self.window = None;
            self.outgoing = None;
            self.agreed_rate = None;
            self.tell(SlaveEvent::AnswerTooLate);
        }
        let due = self.change.take_if(|change| change.at <= now);
        let due = due.or_else(|| self.fall_back.take_if(|change| change.at <= now));
        let Some(change) = due else { return false };
        if change.provisional {
            let at = change.at.after(self.settings.rate_fall_back);
            self.fall_back = Some(RateChange { at, baud: self.settings.line.baud, provisional: false });
        }
        self.settings.line.baud = change.baud;
        self.tell(SlaveEvent::BaudRate(change.baud));
        true
    }
    fn next_timeout(&self) -> Option<Instant> {
        let window = self.window.map(|(from, until)| match self.outgoing {
            Some(_) => from,
            None => until.after(Duration::from_micros(1)),
        });
        let rate = [self.change, self.fall_back].into_iter().flatten().map(|change| change.at).min();
        [window, rate].into_iter().flatten().min()
    }

    fn tell(&mut self, event: SlaveEvent<'static>) {
        self.events.tell(event);
    }
    fn ask(&mut self, frame: &Frame<'_>, address: PrimaryAddress, what: What) {
        let fcb_counts = frame.c_field().is_some_and(|c_field| c_field.fcb().is_some());
        self.events.ask(Asked { address, fcb_counts, what });
    }
    fn next_event(&mut self) -> Option<SlaveEvent<'_>> {
        let asked = match self.events.next()? {
            Told::Plain(event) => return Some(event),
            Told::Asked(asked) => asked,
        };
        let Asked { address, fcb_counts, what } = asked;
        let side = self.side_of(address).filter(|_| fcb_counts);
        // What never reached the application is not a repetition to it.
        let memory = side.and_then(|side| self.memory(side));
        let repeated = memory.is_some_and(|memory| core::mem::replace(&mut memory.is_known, true));
        Some(match what {
            What::Request(class) => SlaveEvent::Request { class, address, repeated },
            What::Command { wants_data } => {
                let payload = self.command.frame().map_or(&[][..], |frame| frame.payload());
                SlaveEvent::Command { address, command: Command::parse(payload), wants_data, repeated }
            }
        })
    }
}

crate::wired::station::station!(Slave);
