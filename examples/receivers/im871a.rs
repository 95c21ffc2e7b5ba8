//! IMST iM871A (868 MHz) and iM170A (169 MHz), 57600 baud 8N1.
//!
//! ```text
//! A5 | flags, endpoint | message | length n | payload n | [time 4] | [RSSI] | [CRC 2]
//! ```
//! Flags: 2 time, 4 RSSI, 8 CRC. Endpoint 2 with message 03 is a received telegram; its payload begins with the
//! C-field and its length is the L-field. The CRC covers everything between A5 and itself.

use super::{Event, Heard, Protocol, Scan, crc_x25, until};

/// Begins every frame.
const START: u8 = 0xA5;
/// Flag: four octets of time follow the payload.
const TIME: u8 = 0x20;
/// Flag: an octet of signal strength follows.
const RSSI: u8 = 0x40;
/// Flag: a CRC follows.
const CRC: u8 = 0x80;
/// Endpoint: device management 1, radio link 2, radio test 3, hardware test 4.
const ENDPOINTS: std::ops::RangeInclusive<u8> = 1..=4;
const RADIO_LINK: u8 = 2;
/// Message of the radio link: telegram received.
const RECEIVED: u8 = 3;

/// The protocol of the iM871A and the iM170A.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Im871a;

impl Protocol for Im871a {
    const LONGEST: usize = 4 + 255 + 4 + 1 + 2;

    fn scan(&self, octets: &[u8]) -> Scan {
        let &[START, control, ref rest @ ..] = octets else {
            return if octets == [START] { Scan::More } else { Scan::Noise(until(octets, START)) };
        };
        if !ENDPOINTS.contains(&(control & 0x0F)) {
            return Scan::Noise(1);
        }
        let &[message, length, ref rest @ ..] = rest else { return Scan::More };
        let part = |flag: u8, octets: usize| if control & flag == 0 { 0 } else { octets };
        let (payload, time, rssi, crc) = (usize::from(length), part(TIME, 4), part(RSSI, 1), part(CRC, 2));
        let whole = 4 + payload + time + rssi + crc;
        let Some(frame) = octets.get(..whole) else { return Scan::More };
        if crc > 0 && !crc_fits(frame) {
            return Scan::Frame(1, Event::Damaged);
        }
        if control & 0x0F != RADIO_LINK || message != RECEIVED {
            return Scan::Frame(whole, Event::Other(frame.to_vec()));
        }
        let (payload, rest) = rest.split_at_checked(payload).unwrap_or_default();
        let (time, rest) = rest.split_at_checked(time).unwrap_or_default();
        let rssi_dbm = rest.first().filter(|_| rssi > 0).map(|rssi| dbm(*rssi));
        let time = <[u8; 4]>::try_from(time).ok().map(u32::from_le_bytes);
        Scan::Frame(whole, Event::Heard(Heard { telegram: [&[length], payload].concat(), rssi_dbm, time }))
    }
    /// With a CRC, as the receiver does unless told otherwise.
    fn frame(&self, heard: &Heard) -> Vec<u8> {
        let flag = |is_there, flag| if is_there { flag } else { 0 };
        let flags = CRC | flag(heard.time.is_some(), TIME) | flag(heard.rssi_dbm.is_some(), RSSI);
        let mut frame = vec![START, flags | RADIO_LINK, RECEIVED];
        frame.extend(&heard.telegram);
        frame.extend(heard.time.into_iter().flat_map(u32::to_le_bytes));
        frame.extend(heard.rssi_dbm.map(octet_of));
        let crc = crc_x25(frame.get(1..).unwrap_or_default());
        frame.extend(crc.to_le_bytes());
        frame
    }
}

fn crc_fits(frame: &[u8]) -> bool {
    match frame {
        [START, covered @ .., low, high] => crc_x25(covered) == u16::from_le_bytes([*low, *high]),
        _ => false,
    }
}

/// About -100 dBm at 45, half a decibel a step, never above 0.
fn dbm(rssi: u8) -> i16 {
    (-100 + (i16::from(rssi) - 45) / 2).min(0)
}

/// The weakest signal of these dBm.
fn octet_of(dbm: i16) -> u8 {
    u8::try_from((45 + (i32::from(dbm) + 100) * 2).clamp(0, 255)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Receiver;
    use super::super::tests::{TELEGRAM, cut_everywhere, survives};
    use super::*;

    fn frame(flags: u8) -> Vec<u8> {
        let mut frame = Im871a.frame(&heard(flags));
        if flags & CRC == 0 {
            frame[1] &= !CRC;
            frame.truncate(frame.len() - 2);
        }
        frame
    }

    fn heard(flags: u8) -> Heard {
        Heard {
            telegram: TELEGRAM.to_vec(),
            rssi_dbm: (flags & RSSI != 0).then_some(-50),
            time: (flags & TIME != 0).then_some(0x0102_0304),
        }
    }

    #[test]
    fn telegrams_with_every_set_of_flags() {
        for flags in (0..16).map(|flags| flags << 4) {
            cut_everywhere(&Im871a, &frame(flags), &heard(flags));
        }
    }

    #[test]
    fn every_part_has_its_place() {
        let mut expected = vec![0xA5, 0xE2, 0x03];
        expected.extend(TELEGRAM);
        expected.extend([4, 3, 2, 1, 145]);
        let whole = frame(TIME | RSSI | CRC);
        assert_eq!(whole.split_last_chunk::<2>().unwrap().0, expected);
        assert_eq!(frame(0)[..3], [0xA5, 0x02, 0x03]);
    }

    #[test]
    fn a_wrong_crc_is_told_and_the_next_frame_found() {
        let good = frame(CRC | TIME);
        for at in 4..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            let mut receiver = Receiver::new(Im871a);
            let mut events = receiver.handle_input(&bad);
            events.extend(receiver.handle_input(&good));
            assert_eq!(events.first(), Some(&Event::Damaged), "octet {at}");
            assert_eq!(events.last(), Some(&Event::Heard(heard(CRC | TIME))), "octet {at}");
        }
    }

    #[test]
    fn answers_are_no_telegrams() {
        let answer = [START, 0x01, 0x02, 0x01, 0x00];
        assert_eq!(Receiver::new(Im871a).handle_input(&answer), [Event::Other(answer.to_vec())]);
    }

    #[test]
    fn signal_strength_has_an_upper_end() {
        assert_eq!((dbm(45), dbm(0), dbm(255)), (-100, -122, 0));
        for strength in -122..=0 {
            assert_eq!(dbm(octet_of(strength)), strength);
        }
    }

    #[test]
    fn noise_does_no_harm() {
        survives(&Im871a, &frame(CRC | RSSI | TIME));
    }
}
