//! A readout in several telegrams: a last record with DIF 1Fh says that more records follow in the next one.
//!
//! EN 13757-3:2018, 6.3.3 (special functions of the DIF). Invariants: records of two meters are never mixed; the end is
//! never silent: telegrams that stop although more was announced are an error, and so is a meter that announces more for
//! ever. A telegram that came twice (the master missed the answer, or the FCB did not change) counts once.

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
        last.is_some_and(|record| record.kind() == RecordKind::Manufacturer { more_follow: true })
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
    limit: usize,
    page: usize,
    current: Option<Telegram<'a>>,
    meter: Option<Address>,
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
    /// The most telegrams that [`Readout::new`] takes: at 2400 baud this is a quarter of an hour of reading.
    pub const LIMIT: usize = 256;

    /// The records of these telegrams, at most [`Readout::LIMIT`] of them.
    pub fn new(telegrams: impl IntoIterator<IntoIter = I>) -> Self {
        Self::with_limit(telegrams, Self::LIMIT)
    }
    /// The records of these telegrams, at most `limit` of them.
    pub fn with_limit(telegrams: impl IntoIterator<IntoIter = I>, limit: usize) -> Self {
        Self {
            telegrams: telegrams.into_iter(),
            limit,
            page: 0,
            current: None,
            meter: None,
            records: Records::new(&[]),
            state: State::Wanting,
        }
    }
    /// The number of the telegram under way, 1 for the first; repeated ones do not count.
    #[must_use]
    pub const fn page(&self) -> usize {
        self.page
    }
    /// Takes the next telegram that is no repetition.
    fn turn(&mut self) -> Result<(), Error> {
        // A sender that repeats itself for ever is bounded as well.
        let mut left = self.limit.saturating_add(1);
        let telegram = loop {
            let telegram = self.telegrams.next().ok_or(ErrorKind::ReadoutUnfinished.at(0))?;
            left = left.saturating_sub(1);
            match self.current {
                Some(last) if is_repeated(&last, &telegram) && left > 0 => {}
                _ => break telegram,
            }
        };
        if self.page >= self.limit || left == 0 {
            return Err(ErrorKind::ReadoutTooLong { limit: self.limit }.at(0));
        }
        self.page = self.page.saturating_add(1);
        if telegram.content() != Some(Content::FullFrame) {
            let ci = telegram.tpl().map(|tpl| tpl.ci.0);
            let error = ErrorKind::NoRecords { ci }.at(telegram.tpl_offset());
            return Err(error.in_layer(Layer::Transport));
        }
        let meter = telegram.meter();
        if self.page > 1 && meter != self.meter {
            return Err(ErrorKind::OtherMeter.at(telegram.tpl_offset()).in_layer(Layer::Transport));
        }
        (self.meter, self.current, self.records) = (meter, Some(telegram), telegram.records());
        Ok(())
    }
}

/// The same octets with an access number, which changes from answer to answer.
fn is_repeated(last: &Telegram<'_>, telegram: &Telegram<'_>) -> bool {
    last.octets() == telegram.octets() && telegram.tpl().is_some_and(|tpl| tpl.header.is_some())
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
                    match record.as_ref().map(Record::kind) {
                        Ok(RecordKind::Manufacturer { more_follow: true }) => self.state = State::Wanting,
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
