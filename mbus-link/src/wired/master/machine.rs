//! The orders and verbs of the master. What becomes of an order stands in `link`.

use crate::time::Instant;
use crate::wired::address::PrimaryAddress;
use crate::wired::baud_rate::BaudRate;
use crate::wired::command::Command;
use crate::wired::data_class::DataClass;
use crate::wired::deframer::Deframer;
use crate::wired::frame::Frame;
use crate::wired::selection::Selection;
use crate::wired::timing::LineTiming;
use crate::{CField, Error, ErrorKind};

use super::link::{Link, Reading, Step, answer_at};
use super::{Expected, MasterEvent};

/// CI and data of the longest selection that a master sends: with fabrication number and a few records.
const MAX_COMMAND: usize = 64;

/// The master's end of the wired bus, about 1 kB of memory.
///
/// ```
/// use mbus_link::time::{Duration, Instant};
/// use mbus_link::wired::{DataClass, LineTiming, Master, MasterEvent, PrimaryAddress};
/// let mut master = Master::new(LineTiming::new(2400));
/// master.request(PrimaryAddress(1), DataClass::Two)?;
/// let now = Instant::ZERO;
/// assert_eq!(master.poll_transmit(now), Some(&[0x10, 0x7B, 0x01, 0x7C, 0x16][..]));
/// let answer = [0x68, 0x08, 0x08, 0x68, 0x08, 0x01, 0x78, 0x0B, 0x13, 0x43, 0x65, 0x87, 0xCE, 0x16];
/// master.handle_input(now.after(Duration::from_millis(100)), &answer);
/// let Some(MasterEvent::Data { payload, .. }) = master.poll_event() else { panic!() };
/// assert_eq!(payload, [0x78, 0x0B, 0x13, 0x43, 0x65, 0x87]);
/// # Ok::<(), mbus_link::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Master {
    deframer: Deframer,
    link: Link,
}

impl Master {
    /// A master that has not sent anything yet: three sends per request.
    #[must_use]
    pub const fn new(line: LineTiming) -> Self {
        Self { deframer: Deframer::new(line), link: Link::new(line) }
    }
    /// How often a request goes out before it fails, at least once.
    pub const fn set_sends(&mut self, sends: u8) {
        self.link.sends = if sends == 0 { 1 } else { sends };
    }
    /// How often a request goes out before it fails.
    #[must_use]
    pub const fn sends(&self) -> u8 {
        self.link.sends
    }
    /// Whether an answer counts only when the whole window passed without another octet: for a search, where several
    /// slaves may answer. From the start the first good answer counts at once.
    pub const fn set_hears_out(&mut self, hears_out: bool) {
        self.link.hears_out = hears_out;
    }
    /// The line was switched off: before the next request [`LineTiming::wake_up`] passes again.
    pub const fn line_was_off(&mut self) {
        self.link.is_awake = false;
    }
    /// The times of the line from now on. The rate is that of the port: whoever changes it tells the port too.
    pub const fn set_line(&mut self, line: LineTiming) {
        self.link.line = line;
        self.deframer.set_line(line);
    }
    /// The rate and times of the line.
    #[must_use]
    pub const fn line(&self) -> LineTiming {
        self.link.line
    }
    /// Frames sent so far, repetitions included.
    #[must_use]
    pub const fn frames_sent(&self) -> u32 {
        self.link.frames_sent
    }
    /// True while an order is under way.
    #[must_use]
    pub const fn is_busy(&self) -> bool {
        self.link.is_busy()
    }

    /// Orders SND-NKE. At 253 a slave may answer or not.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn reset(&mut self, address: PrimaryAddress) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Ack);
        self.link.begin(Step::Single, expected, &Frame::Short { c_field: CField::SND_NKE, address })
    }
    /// Orders a request of data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn request(&mut self, address: PrimaryAddress, class: DataClass) -> Result<(), Error> {
        let expected = match class {
            DataClass::One => Expected::AckOrData,
            DataClass::Two => Expected::Data,
        };
        let c_field = class.request().with_fcb(self.link.fcb.next(address));
        self.link.begin(Step::Single, answer_at(address, expected), &Frame::Short { c_field, address })
    }
    /// Orders a readout from its first telegram on: SND-NKE (not at 253, where it would deselect), then a request.
    /// Whether more telegrams follow stands in the data (DIF 1Fh), so the caller decides and calls [`Master::more`], at
    /// most until there are `limit` telegrams.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn read(&mut self, address: PrimaryAddress, limit: u16) -> Result<(), Error> {
        if address == PrimaryAddress::SELECTED {
            self.link.begin_read(address)?;
        } else {
            let expected = answer_at(address, Expected::Ack);
            let reset = Frame::Short { c_field: CField::SND_NKE, address };
            self.link.begin(Step::ReadReset, expected, &reset)?;
        }
        self.link.reading = Some(Reading { address, limit, telegrams: 0, last: None });
        Ok(())
    }
    /// Orders the next telegram of the readout that gave the last data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; [`ErrorKind::NoReadout`] when it failed, was cancelled, or something else was
    /// ordered since; [`ErrorKind::ReadoutTooLong`].
    pub fn more(&mut self) -> Result<(), Error> {
        let reading = self.link.reading.ok_or(ErrorKind::NoReadout.at(0))?;
        if reading.telegrams >= reading.limit {
            return Err(ErrorKind::ReadoutTooLong { limit: reading.limit }.at(0));
        }
        self.link.begin_read(reading.address)?;
        self.link.reading = Some(reading);
        Ok(())
    }
    /// Orders a command, SND-UD with CI and data.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn send(&mut self, address: PrimaryAddress, payload: &[u8]) -> Result<(), Error> {
        let c_field = CField::SND_UD.with_fcb(self.link.fcb.next(address));
        let expected = answer_at(address, Expected::Ack);
        self.link.begin(Step::Single, expected, &Frame::Long { c_field, address, payload })
    }
    /// Orders a command that is answered with data, SND-UD2 with CI and data. Its FCB does not count: when the answer
    /// gets lost the slave acts once more.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn send_for_data(&mut self, address: PrimaryAddress, payload: &[u8]) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Data);
        let frame = Frame::Long { c_field: CField::SND_UD2, address, payload };
        self.link.begin(Step::Single, expected, &frame)
    }
    /// Orders a selection. Acknowledged means that one slave or more are selected; only its data shows that it is one.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; [`ErrorKind::BufferTooSmall`] with more than 49 octets of further records.
    pub fn select(&mut self, selection: &Selection<'_>) -> Result<(), Error> {
        let mut buffer = [0; MAX_COMMAND];
        let payload = &*Command::Select(*selection).encode_into(&mut buffer)?;
        let address = PrimaryAddress::SELECTED;
        self.link.begin(
            Step::Select,
            Expected::Ack,
            &Frame::Long { c_field: CField::SND_UD, address, payload },
        )
    }
    /// Orders the status of the link.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn status(&mut self, address: PrimaryAddress) -> Result<(), Error> {
        let expected = answer_at(address, Expected::Status);
        self.link.begin(Step::Single, expected, &Frame::Short { c_field: CField::REQ_SKE, address })
    }
    /// Orders another rate. When the slave does not answer there (SND-NKE; at 253 a request of data), the line goes
    /// back to the old rate; so does the slave after some time.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`].
    pub fn change_rate(&mut self, address: PrimaryAddress, rate: BaudRate) -> Result<(), Error> {
        let c_field = CField::SND_UD.with_fcb(self.link.fcb.next(address));
        let expected = answer_at(address, Expected::Ack);
        let frame = Frame::Long { c_field, address, payload: &[rate.ci()] };
        self.link.begin(Step::Rate(rate), expected, &frame)
    }
    /// Orders any frame, as it is: FCBs are neither set nor counted.
    ///
    /// # Errors
    /// [`ErrorKind::OrderUnderWay`]; those of [`Frame::encode_into`].
    pub fn raw(&mut self, frame: &Frame<'_>, expected: Expected) -> Result<(), Error> {
        self.link.begin(Step::Raw, expected, frame)
    }
    /// Gives up the order under way, which ends with [`MasterEvent::Cancelled`]; false when there was none. A rate
    /// that was about to change is the old one again.
    pub fn cancel(&mut self) -> bool {
        let cancelled = self.link.cancel();
        self.deframer.set_line(self.link.line);
        cancelled
    }

    /// Takes octets of the line, the last of which came in at `now`.
    pub fn handle_input(&mut self, now: Instant, mut octets: &[u8]) {
        let now = self.link.clock.read(now);
        // What came before the time was up counts, also when both are told at once.
        if !octets.is_empty() {
            self.link.heard_octets(now);
        }
        let again = self.link.echo.filter(self.link.request.octets(), &mut octets);
        if again > 0 {
            let request = self.link.request;
            let mut taken = request.octets().get(..again).unwrap_or_default();
            self.deframe(now, &mut taken);
        }
        self.deframe(now, &mut octets);
        self.turn(now);
    }
    /// Does what is due by `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.link.clock.read(now);
        self.turn(now);
    }
    /// The request to be sent now, if there is one and the line rests.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<&[u8]> {
        let now = self.link.clock.read(now);
        self.turn(now);
        if !self.link.may_send(now) {
            return None;
        }
        self.deframer.gap();
        self.drain(now);
        self.link.transmit(now)
    }
    /// When [`Master::handle_timeout`] is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let next = self.link.next_timeout(self.deframer.poll_timeout())?;
        Some(self.link.clock.caller_time(next))
    }
    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<MasterEvent<'_>> {
        self.link.events.next(&self.link.answer)
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

    fn deframe(&mut self, now: Instant, octets: &mut &[u8]) {
        while let Some(found) = self.deframer.handle_input(now, octets) {
            self.link.take(now, found);
        }
    }
    fn drain(&mut self, now: Instant) {
        while let Some(found) = self.deframer.poll_event() {
            self.link.take(now, found);
        }
    }
    fn turn(&mut self, now: Instant) {
        self.deframer.handle_timeout(now);
        self.drain(now);
        self.link.turn(now, self.deframer.is_empty());
        if self.deframer.line() != self.link.line {
            self.deframer.set_line(self.link.line);
        }
    }
}

crate::wired::station::station!(Master);
