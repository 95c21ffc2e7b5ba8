//! A readout in several telegrams: a last record with DIF 1Fh says that more records follow in the next one.
//!
//! ```text
//! records ... 1F [octets]  ->  records ... 1F [octets]  ->  ...  ->  records ...
//! ```
//!
//! EN 13757-3:2018, 6.3.3 (special functions of the DIF). Two ways: [`Readout`] walks over telegrams that are all there,
//! [`Pages`] judges them one after the other, for a master with one buffer. Invariants: records of two meters are never
//! mixed; the end is never silent: telegrams that stop although more was announced are an error, and so is a meter that
//! announces more for ever. A telegram that came twice (the master missed the answer, or the FCB did not change) counts
//! once.

use core::iter::FusedIterator;

use mbus_link::Address;

use crate::ci::Content;
use crate::record::{Record, RecordKind, Records};
use crate::telegram::Telegram;
use crate::{Error, ErrorKind, Layer};

impl Telegram<'_> {
    /// Whether the last record says that more follow in the next telegram (DIF 1Fh): a master goes on asking.
    #[must_use]
    pub fn more_follow(&self) -> bool {
        let last = self.records().map_while(Result::ok).last();
        last.is_some_and(|record| announces_more(&record))
    }
}

fn announces_more(record: &Record<'_>) -> bool {
    record.kind() == RecordKind::Manufacturer { more_follow: true }
}

/// What a telegram is in its readout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Page {
    /// Its records count, and more follow in the next telegram: ask for it.
    More,
    /// Its records count, and they are the last ones.
    Last,
    /// The same telegram as the one before it: its records do not count again.
    Repeated,
}

/// The telegrams of one readout, judged as they come.
///
/// ```
/// use mbus_app::Telegram;
/// use mbus_app::readout::{Page, Pages};
/// use oms_security::key::NoKeys;
/// // What a wired master hands over: CI, header, records; 1Fh at the end of the first.
/// let first = *b"\x72\x78\x56\x34\x12\x93\x15\x01\x07\x2A\0\0\0\x0C\x13\x35\x67\0\0\x1F";
/// let second = *b"\x72\x78\x56\x34\x12\x93\x15\x01\x07\x2B\0\0\0\x4C\x13\x12\x60\0\0";
/// let mut pages = Pages::new();
/// let mut buffer = first;
/// assert_eq!(pages.accept(&Telegram::decode_wired_payload(&mut buffer, None, &NoKeys)?)?, Page::More);
/// assert!(pages.finish().is_err(), "one is missing");
/// let mut buffer = second;
/// assert_eq!(pages.accept(&Telegram::decode_wired_payload(&mut buffer, None, &NoKeys)?)?, Page::Last);
/// assert_eq!((pages.count(), pages.finish()), (2, Ok(())));
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pages {
    limit: usize,
    count: usize,
    repeated: usize,
    meter: Option<Address>,
    last: Option<Print>,
    is_wanting: bool,
}

/// What tells one telegram from the next: the access number, which changes from answer to answer, and the octets by
/// their number and CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Print {
    access_number: u8,
    len: usize,
    crc: u16,
}

impl Print {
    /// `None` without an access number: nobody can tell then.
    fn of(telegram: &Telegram<'_>) -> Option<Self> {
        let access_number = telegram.tpl()?.header?.access_number;
        let octets = telegram.octets();
        Some(Self { access_number, len: octets.len(), crc: wmbus_phy::crc::checksum(octets) })
    }
}

impl Default for Pages {
    fn default() -> Self {
        Self::new()
    }
}

impl Pages {
    /// The most telegrams of one readout: at 2400 baud this is a quarter of an hour of reading.
    pub const LIMIT: usize = 256;

    /// A readout of at most [`Pages::LIMIT`] telegrams, of which none came yet.
    #[must_use]
    pub const fn new() -> Self {
        Self::with_limit(Self::LIMIT)
    }
    /// A readout of at most `limit` telegrams, of which none came yet.
    #[must_use]
    pub const fn with_limit(limit: usize) -> Self {
        Self { limit, count: 0, repeated: 0, meter: None, last: None, is_wanting: true }
    }
    /// How many telegrams count so far: the number of the last one, from 1.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }
    /// True when a telegram is wanted: the first one, or one that was announced.
    #[must_use]
    pub const fn is_wanting(&self) -> bool {
        self.is_wanting
    }
    /// Judges the next telegram. After an error the readout is over; begin another one.
    ///
    /// # Errors
    /// [`ErrorKind::NoRecords`], [`ErrorKind::OtherMeter`], [`ErrorKind::ReadoutTooLong`]; the error of a record that
    /// cannot be read, since behind it nobody knows whether more follow, with its place in the telegram;
    /// [`ErrorKind::ReadoutOver`] for a telegram behind the last one.
    pub fn accept(&mut self, telegram: &Telegram<'_>) -> Result<Page, Error> {
        if !self.begin(telegram)? {
            return Ok(Page::Repeated);
        }
        let mut more = false;
        for record in telegram.records() {
            more = announces_more(&record.map_err(|error| error.shifted(telegram.body_offset()))?);
        }
        self.is_wanting = more;
        Ok(if more { Page::More } else { Page::Last })
    }
    /// Nothing more will come.
    ///
    /// # Errors
    /// [`ErrorKind::ReadoutUnfinished`] when a telegram is wanted.
    pub const fn finish(&self) -> Result<(), Error> {
        if self.is_wanting { Err(ErrorKind::ReadoutUnfinished.at(0)) } else { Ok(()) }
    }
    /// Takes a telegram as the next one; false when it is the last one again.
    fn begin(&mut self, telegram: &Telegram<'_>) -> Result<bool, Error> {
        let print = Print::of(telegram);
        if self.last.is_some() && print == self.last {
            // A sender that repeats itself for ever is bounded as well.
            self.repeated = self.repeated.saturating_add(1);
            return if self.repeated > self.limit { Err(self.too_long()) } else { Ok(false) };
        }
        if !core::mem::replace(&mut self.is_wanting, false) {
            return Err(ErrorKind::ReadoutOver.at(0));
        }
        if self.count >= self.limit {
            return Err(self.too_long());
        }
        self.count = self.count.saturating_add(1);
        if telegram.content() != Some(Content::FullFrame) {
            let ci = telegram.tpl().map(|tpl| tpl.ci.0);
            let error = ErrorKind::NoRecords { ci }.at(telegram.tpl_offset());
            return Err(error.in_layer(Layer::Transport));
        }
        let meter = telegram.meter();
        if self.count > 1 && meter != self.meter {
            return Err(ErrorKind::OtherMeter.at(telegram.tpl_offset()).in_layer(Layer::Transport));
        }
        (self.meter, self.last, self.repeated) = (meter, print, 0);
        Ok(true)
    }
    const fn too_long(&self) -> Error {
        ErrorKind::ReadoutTooLong { limit: self.limit }.at(0)
    }
}

/// The records of all telegrams of one readout, one after the other.
///
/// After an error it is over. Offsets of errors in records count from the beginning of the body of telegram number
/// [`Readout::page`].
///
/// ```
/// use mbus_app::{Telegram, readout::Readout};
/// use oms_security::key::NoKeys;
/// // A made-up water meter: the volume, then in a second telegram that of the due date.
/// let mut first = *b"\x68\x16\x16\x68\x08\x01\x72\x78\x56\x34\x12\x93\x15\x01\x07\x2A\0\0\0\x0C\x13\x35\x67\0\0\x1F\x43\x16";
/// let mut second = *b"\x68\x15\x15\x68\x08\x01\x72\x78\x56\x34\x12\x93\x15\x01\x07\x2B\0\0\0\x4C\x13\x12\x60\0\0\x3B\x16";
/// let pages = [Telegram::decode(&mut first, &NoKeys)?, Telegram::decode(&mut second, &NoKeys)?];
/// let mut values = Vec::new();
/// for record in Readout::new(pages) {
///     values.push(record?.value().to_string());
/// }
/// assert_eq!(values, ["6.735", "", "6.012"]); // the one without a value is DIF 1Fh itself
/// # Ok::<(), mbus_app::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Readout<'a, I> {
    telegrams: I,
    pages: Pages,
    records: Records<'a>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The next telegram is wanted: the first one, or one that was announced.
    Wanting,
    /// Within a telegram.
    Reading,
    Over,
}

impl<'a, I: Iterator<Item = Telegram<'a>>> Readout<'a, I> {
    /// The records of these telegrams, at most [`Pages::LIMIT`] of them.
    pub fn new(telegrams: impl IntoIterator<IntoIter = I>) -> Self {
        Self::with_limit(telegrams, Pages::LIMIT)
    }
    /// The records of these telegrams, at most `limit` of them.
    pub fn with_limit(telegrams: impl IntoIterator<IntoIter = I>, limit: usize) -> Self {
        Self {
            telegrams: telegrams.into_iter(),
            pages: Pages::with_limit(limit),
            records: Records::new(&[]),
            state: State::Wanting,
        }
    }
    /// The number of the telegram under way, 1 for the first; repeated ones do not count.
    #[must_use]
    pub const fn page(&self) -> usize {
        self.pages.count()
    }
    /// Takes the next telegram that is no repetition.
    fn turn(&mut self) -> Result<(), Error> {
        self.pages.is_wanting = true;
        loop {
            let telegram = self.telegrams.next().ok_or(ErrorKind::ReadoutUnfinished.at(0))?;
            if self.pages.begin(&telegram)? {
                self.records = telegram.records();
                return Ok(());
            }
        }
    }
}

impl<'a, I: Iterator<Item = Telegram<'a>>> Iterator for Readout<'a, I> {
    type Item = Result<Record<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.state {
                State::Over => return None,
                State::Wanting => {
                    self.state = State::Reading;
                    if let Err(error) = self.turn() {
                        self.state = State::Over;
                        return Some(Err(error));
                    }
                }
                State::Reading => {
                    let Some(record) = self.records.next() else {
                        self.state = State::Over;
                        return None;
                    };
                    match &record {
                        Ok(record) if announces_more(record) => self.state = State::Wanting,
                        Ok(_) => {}
                        Err(_) => self.state = State::Over,
                    }
                    return Some(record);
                }
            }
        }
    }
}

impl<'a, I: Iterator<Item = Telegram<'a>>> FusedIterator for Readout<'a, I> {}

#[cfg(test)]
mod tests {
    use super::*;
    use mbus_link::CField;
    use mbus_link::wired::{Frame, PrimaryAddress};
    use oms_security::key::NoKeys;
    use std::string::ToString;
    use std::vec::Vec;
    use std::{format, string::String};

    /// An answer of meter 1234567`n` with an access number.
    fn answer(meter: u8, access: u8, records: &[u8]) -> Vec<u8> {
        let header = [0x72, 0x70 | meter, 0x56, 0x34, 0x12, 0x93, 0x15, 0x01, 0x07, access, 0, 0, 0];
        wired(&[&header[..], records].concat())
    }
    fn wired(payload: &[u8]) -> Vec<u8> {
        let frame = Frame::Long { c_field: CField(0x08), address: PrimaryAddress(1), payload };
        frame.encode_into(&mut [0; 261]).unwrap().to_vec()
    }
    /// What a readout gives, `page:value` each, and the name of its error.
    fn shown(pages: &[Vec<u8>], limit: usize) -> String {
        let mut buffers = pages.to_vec();
        let telegrams: Vec<_> =
            buffers.iter_mut().map(|octets| Telegram::decode(octets, &NoKeys).unwrap()).collect();
        let mut readout = Readout::with_limit(telegrams, limit);
        let mut lines = Vec::new();
        while let Some(record) = readout.next() {
            let text = record.map_or_else(|error| error.kind.name().into(), |it| it.value().to_string());
            lines.push(format!("{}:{text}", readout.page()));
        }
        assert!(readout.next().is_none());
        lines.join(" ")
    }

    /// What [`Pages`] makes of the same telegrams, one at a time in one buffer.
    fn judged(pages: &[Vec<u8>], limit: usize) -> String {
        let mut state = Pages::with_limit(limit);
        let mut words = Vec::new();
        for octets in pages {
            let mut buffer = octets.clone();
            match state.accept(&Telegram::decode(&mut buffer, &NoKeys).unwrap()) {
                Ok(page) => words.push(format!("{}:{page:?}", state.count())),
                Err(error) => {
                    words.push(format!("{}:{}@{}", state.count(), error.kind.name(), error.offset));
                    return words.join(" ");
                }
            }
        }
        words.push(state.finish().map_or_else(|error| error.kind.name().into(), |()| "finished".into()));
        words.join(" ")
    }

    #[test]
    fn pages_one_at_a_time() {
        let (first, last) = (answer(8, 1, &[0x01, 0x13, 0x05, 0x1F]), answer(8, 2, &[0x01, 0x13, 0x06]));
        let (again, end) = (first.clone(), last.clone());
        let all = [first.clone(), again, last.clone(), end];
        assert_eq!(judged(&all, 2), "1:More 1:Repeated 2:Last 2:Repeated finished");
        assert_eq!(judged(&all, 1), "1:More 1:Repeated 1:readout_too_long@0");
        assert_eq!(judged(&[], 9), "readout_unfinished");
        assert_eq!(judged(core::slice::from_ref(&first), 9), "1:More readout_unfinished");
        assert_eq!(judged(&[last.clone(), answer(8, 3, &[0x01, 0x13, 0x06])], 9), "1:Last 1:readout_over@0");
        assert_eq!(judged(&[first.clone(), answer(9, 2, &[])], 9), "1:More 2:other_meter@6");
        assert_eq!(judged(&[first.clone(), wired(&[0x70, 0x05])], 9), "1:More 2:no_records@6");
        assert_eq!(
            judged(&std::vec![first.clone(); 9], 2),
            "1:More 1:Repeated 1:Repeated 1:readout_too_long@0"
        );
        // A record that breaks off hides whether more follow: 6 octets of frame, 13 of header, 3 of a whole record.
        let broken = answer(8, 2, &[0x01, 0x13, 0x05, 0x04, 0x13, 0x1F]);
        assert_eq!(judged(&[first.clone(), broken], 9), "1:More 2:truncated@24");
        // The same access number with other octets is another telegram.
        let other = answer(8, 1, &[0x01, 0x13, 0x06]);
        assert_eq!(judged(&[first, other], 9), "1:More 2:Last finished");
    }

    #[test]
    fn all_pages_are_one_readout() {
        let pages = [
            answer(8, 1, &[0x01, 0x13, 0x05, 0x1F]),
            answer(8, 2, &[0x41, 0x13, 0x04, 0x1F, 0xAA]),
            answer(8, 3, &[0x81, 0x01, 0x13, 0x03, 0x0F]),
            answer(8, 4, &[0x01, 0x13, 0x09]),
        ];
        assert_eq!(shown(&pages, 9), "1:0.005 1: 2:0.004 2:AA 3:0.003 3:", "the fourth belongs to the next");
        let mut buffer = pages[0].clone();
        assert!(Telegram::decode(&mut buffer, &NoKeys).unwrap().more_follow());
        let mut buffer = pages[2].clone();
        assert!(!Telegram::decode(&mut buffer, &NoKeys).unwrap().more_follow());
    }

    #[test]
    fn an_end_is_never_silent() {
        let more = answer(8, 1, &[0x01, 0x13, 0x05, 0x1F]);
        assert_eq!(shown(&[], 9), "0:readout_unfinished");
        assert_eq!(shown(core::slice::from_ref(&more), 9), "1:0.005 1: 1:readout_unfinished");
        let for_ever: Vec<_> = (0..20).map(|n| answer(8, n, &[0x1F])).collect();
        assert_eq!(shown(&for_ever, 3), "1: 2: 3: 3:readout_too_long");
        assert_eq!(shown(core::slice::from_ref(&more), 0), "0:readout_too_long");
        let broken = answer(8, 2, &[0x01, 0x13, 0x05, 0x04, 0x13, 0x1F]);
        assert_eq!(shown(&[more, broken], 9), "1:0.005 1: 2:0.005 2:truncated");
    }

    #[test]
    fn a_repeated_telegram_counts_once() {
        let (first, last) = (answer(8, 1, &[0x01, 0x13, 0x05, 0x1F]), answer(8, 2, &[0x01, 0x13, 0x06]));
        assert_eq!(shown(&[first.clone(), first.clone(), last], 2), "1:0.005 1: 2:0.006");
        assert_eq!(shown(&std::vec![first; 9], 2), "1:0.005 1: 1:readout_too_long");
        // Without an access number nobody can tell, and both are taken.
        let bare = wired(&[0x78, 0x01, 0x13, 0x05, 0x1F]);
        assert_eq!(shown(&[bare.clone(), bare], 9), "1:0.005 1: 2:0.005 2: 2:readout_unfinished");
    }

    #[test]
    fn meters_are_not_mixed() {
        let (first, other) = (answer(8, 1, &[0x1F]), answer(9, 2, &[0x01, 0x13, 0x06]));
        assert_eq!(shown(&[first.clone(), other], 9), "1: 2:other_meter");
        let application_error = wired(&[0x70, 0x05]);
        assert_eq!(shown(&[first.clone(), application_error.clone()], 9), "1: 2:no_records");
        assert_eq!(shown(&[application_error], 9), "1:no_records");
        let headless = wired(&[0x78, 0x01, 0x13, 0x05]);
        assert_eq!(shown(&[first, headless], 9), "1: 2:other_meter");
    }
}
