//! Amber (Wuerth) AMB8465 and AMB3665, Metis, 9600 baud 8N1.
//!
//! ```text
//! command mode   FF | command | length n | payload n | check       check: XOR of all octets before
//! transparent    L | C | M M | ... | [RSSI]                        no delimiter
//! ```
//! Command 03 is a received telegram: its payload begins with the C-field and the length is the L-field. When
//! the receiver appends the signal strength, the length (the L-field in transparent mode) is one larger.

use super::{Event, Heard, Protocol, Scan, until};

/// Begins every frame of the command mode.
const START: u8 = 0xFF;
/// Command: telegram received.
const RECEIVED: u8 = 0x03;
/// The shortest telegram: C, M, ID, version, type and a CI-field.
const SHORTEST: u8 = 10;

/// How the receiver is configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amber {
    /// True in transparent mode, false in command mode.
    pub transparent: bool,
    /// True when the signal strength is appended.
    pub rssi: bool,
}

impl Protocol for Amber {
    const LONGEST: usize = 4 + 255;

    fn scan(&self, octets: &[u8]) -> Scan {
        if self.transparent { self.scan_transparent(octets) } else { self.scan_command(octets) }
    }
    fn frame(&self, heard: &Heard) -> Vec<u8> {
        let mut telegram = heard.telegram.clone();
        if let (true, Some(length)) = (self.rssi, telegram.first_mut()) {
            *length = length.wrapping_add(1);
            let [rssi, ..] = ((heard.rssi_dbm.unwrap_or(0).clamp(-138, -11) + 74) * 2).to_le_bytes();
            telegram.push(rssi);
        }
        if self.transparent { telegram } else { command(RECEIVED, &telegram) }
    }
}

/// A frame of the command mode; `content` begins with its length.
fn command(command: u8, content: &[u8]) -> Vec<u8> {
    let mut frame = [&[START, command], content].concat();
    frame.push(frame.iter().fold(0, |sum, octet| sum ^ octet));
    frame
}

impl Amber {
    fn scan_command(self, octets: &[u8]) -> Scan {
        let [START, rest @ ..] = octets else { return Scan::Noise(until(octets, START)) };
        let &[command, length, ..] = rest else { return Scan::More };
        let whole = 4 + usize::from(length);
        let Some(frame) = octets.get(..whole) else { return Scan::More };
        if frame.iter().fold(0, |sum, octet| sum ^ octet) != 0 {
            return Scan::Frame(1, Event::Damaged);
        }
        let telegram = frame.get(2..whole - 1).unwrap_or_default();
        match (command, self.heard(telegram)) {
            (RECEIVED, Some(heard)) => Scan::Frame(whole, Event::Heard(heard)),
            _ => Scan::Frame(whole, Event::Other(frame.to_vec())),
        }
    }

    /// Without a delimiter the only hold is a length and a C-field that a meter sends.
    fn scan_transparent(self, octets: &[u8]) -> Scan {
        let &[length, ref rest @ ..] = octets else { return Scan::More };
        if length < SHORTEST + u8::from(self.rssi) {
            return Scan::Noise(1);
        }
        match rest.first() {
            None => return Scan::More,
            Some(0x08 | 0x18 | 0x28 | 0x38 | 0x44 | 0x46 | 0x47 | 0x48) => {}
            Some(_) => return Scan::Noise(1),
        }
        let whole = 1 + usize::from(length);
        let Some(telegram) = octets.get(..whole) else { return Scan::More };
        match self.heard(telegram) {
            Some(heard) => Scan::Frame(whole, Event::Heard(heard)),
            None => Scan::Noise(1),
        }
    }

    /// The telegram that begins with its length; takes off the signal strength.
    fn heard(self, telegram: &[u8]) -> Option<Heard> {
        let mut telegram = telegram.to_vec();
        let mut rssi_dbm = None;
        if self.rssi {
            let rssi = telegram.pop()?;
            rssi_dbm = Some(i16::from(rssi.cast_signed()) / 2 - 74);
            let length = telegram.first_mut()?;
            *length = length.checked_sub(1)?;
        }
        Some(Heard { telegram, rssi_dbm, time: None })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Receiver;
    use super::super::tests::{TELEGRAM, cut_everywhere, survives};
    use super::*;

    fn telegram(rssi: bool) -> Vec<u8> {
        let mut telegram = TELEGRAM.to_vec();
        if rssi {
            telegram[0] += 1;
            telegram.push(0x50);
        }
        telegram
    }

    fn heard(rssi: bool) -> Heard {
        Heard { telegram: TELEGRAM.to_vec(), rssi_dbm: rssi.then_some(-34), time: None }
    }

    #[test]
    fn both_modes_with_and_without_signal_strength() {
        for rssi in [false, true] {
            let telegram = telegram(rssi);
            assert_eq!(Amber { transparent: true, rssi }.frame(&heard(rssi)), telegram);
            assert_eq!(Amber { transparent: false, rssi }.frame(&heard(rssi)), command(RECEIVED, &telegram));
            cut_everywhere(&Amber { transparent: false, rssi }, &command(RECEIVED, &telegram), &heard(rssi));
            // 00 and 17 are no beginning of a telegram: 17 would be, but no C-field follows.
            cut_everywhere(&Amber { transparent: true, rssi }, &telegram, &heard(rssi));
        }
    }

    #[test]
    fn a_wrong_check_octet_is_told_and_the_next_frame_found() {
        let good = command(RECEIVED, &telegram(false));
        let mut bad = good.clone();
        bad[7] ^= 1;
        let events = Receiver::new(Amber::default()).handle_input(&[bad, good].concat());
        assert_eq!(events, [Event::Damaged, Event::Heard(heard(false))]);
    }

    #[test]
    fn answers_are_no_telegrams() {
        let answer = command(0x8A, &[2, 0x45, 0x01]);
        assert_eq!(Receiver::new(Amber::default()).handle_input(&answer), [Event::Other(answer)]);
    }

    #[test]
    fn a_length_of_zero_has_no_signal_strength() {
        let empty = command(RECEIVED, &[0]);
        let events = Receiver::new(Amber { transparent: false, rssi: true }).handle_input(&empty);
        assert_eq!(events, [Event::Other(empty)]);
    }

    #[test]
    fn noise_does_no_harm() {
        for rssi in [false, true] {
            survives(&Amber { transparent: false, rssi }, &command(RECEIVED, &telegram(rssi)));
            survives(&Amber { transparent: true, rssi }, &telegram(rssi));
        }
    }
}
