//! IMST iU891A, 115200 baud 8N1, in SLIP frames.
//!
//! ```text
//! C0 | service | message | payload | CRC 2 | C0       C0 is sent as DB DC, DB as DB DD
//! ```
//! Service 09 with message 20 is a received telegram: seven octets that are skipped (probably a time and a
//! status), the signal strength as signed dBm, then the telegram from its L-field on. The CRC covers
//! everything before it.

use super::{Event, Heard, Protocol, Scan, crc_x25, until};

/// Begins and ends every frame.
const END: u8 = 0xC0;
/// Announces one of the two octets that may not be sent as they are.
const ESCAPE: u8 = 0xDB;
const ESCAPED_END: u8 = 0xDC;
const ESCAPED_ESCAPE: u8 = 0xDD;
/// Service: wireless M-Bus gateway.
const GATEWAY: u8 = 0x09;
/// Message of the gateway: telegram received.
const RECEIVED: u8 = 0x20;
/// Octets between the message and the signal strength.
const SKIPPED: usize = 7;

/// The protocol of the iU891A.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iu891a;

impl Protocol for Iu891a {
    /// Service, message, skipped, signal strength, telegram and CRC, all escaped, and both ends.
    const LONGEST: usize = 2 + 2 * (2 + SKIPPED + 1 + 256 + 2);

    fn scan(&self, octets: &[u8]) -> Scan {
        let [END, rest @ ..] = octets else { return Scan::Noise(until(octets, END)) };
        let length = until(rest, END);
        let Some(body) = rest.get(..length).filter(|_| length < rest.len()) else { return Scan::More };
        // The end of one frame is the beginning of the next only if the line lost one of the two.
        if body.is_empty() {
            return Scan::Noise(1);
        }
        let Some(content) = unescape(body).filter(|content| crc_fits(content)) else {
            return Scan::Frame(1 + length, Event::Damaged);
        };
        Scan::Frame(length + 2, event(&content))
    }
    /// The seven octets that are skipped are 0, an unknown signal strength is 0 dBm.
    fn frame(&self, heard: &Heard) -> Vec<u8> {
        let dbm = i16::clamp(heard.rssi_dbm.unwrap_or(0), i8::MIN.into(), i8::MAX.into());
        let [rssi, _] = dbm.to_le_bytes();
        slip(&[&[GATEWAY, RECEIVED][..], &[0; SKIPPED], &[rssi], &heard.telegram].concat())
    }
}

/// The frame around this content, CRC and ends put on.
fn slip(content: &[u8]) -> Vec<u8> {
    let mut frame = vec![END];
    for octet in content.iter().chain(&crc_x25(content).to_le_bytes()) {
        match *octet {
            END => frame.extend([ESCAPE, ESCAPED_END]),
            ESCAPE => frame.extend([ESCAPE, ESCAPED_ESCAPE]),
            octet => frame.push(octet),
        }
    }
    frame.push(END);
    frame
}

fn event(content: &[u8]) -> Event {
    let Some(([GATEWAY, RECEIVED], rest)) = content.split_first_chunk() else {
        return Event::Other(content.to_vec());
    };
    let telegram = rest.split_at_checked(SKIPPED).and_then(|(_, rest)| rest.split_first());
    let Some((rssi, telegram)) = telegram else { return Event::Other(content.to_vec()) };
    let telegram = telegram.split_last_chunk::<2>().map_or(telegram, |(telegram, _)| telegram);
    Event::Heard(Heard {
        telegram: telegram.to_vec(),
        rssi_dbm: Some(i16::from(rssi.cast_signed())),
        time: None,
    })
}

/// The octets that were meant; `None` when an escape is followed by something else.
fn unescape(body: &[u8]) -> Option<Vec<u8>> {
    let mut octets = body.iter();
    let mut content = Vec::with_capacity(body.len());
    while let Some(octet) = octets.next() {
        content.push(match octet {
            &ESCAPE => match octets.next() {
                Some(&ESCAPED_END) => END,
                Some(&ESCAPED_ESCAPE) => ESCAPE,
                _ => return None,
            },
            octet => *octet,
        });
    }
    Some(content)
}

fn crc_fits(content: &[u8]) -> bool {
    content
        .split_last_chunk::<2>()
        .is_some_and(|(covered, crc)| covered.len() >= 2 && crc_x25(covered) == u16::from_le_bytes(*crc))
}

#[cfg(test)]
mod tests {
    use super::super::Receiver;
    use super::super::tests::{TELEGRAM, cut_everywhere, survives};
    use super::*;

    fn frame(rssi: u8) -> Vec<u8> {
        slip(&[&[GATEWAY, RECEIVED, END, ESCAPE, 0, 0, 0, 0, 0, rssi][..], &TELEGRAM].concat())
    }

    fn heard(rssi_dbm: i16) -> Heard {
        Heard { telegram: TELEGRAM.to_vec(), rssi_dbm: Some(rssi_dbm), time: None }
    }

    #[test]
    fn telegrams_with_escapes() {
        // -25 dBm, and -64 dBm, which is an octet that must be escaped.
        cut_everywhere(&Iu891a, &frame(0xE7), &heard(-25));
        cut_everywhere(&Iu891a, &frame(0xC0), &heard(-64));
    }

    #[test]
    fn what_is_built_is_heard() {
        for rssi in i8::MIN..=i8::MAX {
            let heard = heard(rssi.into());
            assert_eq!(Receiver::new(Iu891a).handle_input(&Iu891a.frame(&heard)), [Event::Heard(heard)]);
        }
    }

    #[test]
    fn one_end_between_two_frames_is_enough() {
        let (first, second) = (frame(0xE7), frame(0xE7));
        let mut receiver = Receiver::new(Iu891a);
        let mut lost = first;
        lost.pop();
        // The first frame then ends where the second begins; the second is found after its own end.
        let events = receiver.handle_input(&[lost, second.clone(), second].concat());
        assert!(events.iter().filter(|event| matches!(event, Event::Heard(_))).count() >= 2, "{events:?}");
    }

    #[test]
    fn damage_is_told() {
        let good = frame(0xE7);
        for at in 1..good.len() - 1 {
            let mut bad = good.clone();
            bad[at] ^= 0x01;
            let events = Receiver::new(Iu891a).handle_input(&[bad, good.clone()].concat());
            assert!(events.contains(&Event::Damaged), "octet {at}: {events:?}");
            assert_eq!(events.last(), Some(&Event::Heard(heard(-25))), "octet {at}");
        }
    }

    #[test]
    fn answers_are_no_telegrams() {
        let answer = [0x01, 0x02, 0x00, 0x12];
        assert!(matches!(Receiver::new(Iu891a).handle_input(&slip(&answer)).as_slice(), [Event::Other(_)]));
        let short = [GATEWAY, RECEIVED, 0, 0];
        assert!(matches!(Receiver::new(Iu891a).handle_input(&slip(&short)).as_slice(), [Event::Other(_)]));
    }

    #[test]
    fn noise_does_no_harm() {
        survives(&Iu891a, &frame(0xE7));
    }
}
