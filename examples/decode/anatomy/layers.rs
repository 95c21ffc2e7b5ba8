//! What may stand between the link and the transport layer: ELL, network layer, AFL.

use super::{Walk, device_type, flag, list, manufacturer, plain};
use mbus_link::IdentificationNumber;
use mbus_link::ell::{Accessibility, CommunicationControl, SessionNumber};

/// AFL field lengths.
const MCR: usize = 4;

impl Walk {
    /// The layers before the transport layer. The next octet then is the CI-field of the transport layer,
    /// or there is none. `opened`: the ELL payload is readable.
    pub fn lower_layers(&mut self, opened: bool) {
        while let Some(ci) = self.peek() {
            match ci {
                0x8C => self.ell("ELL I", false, false),
                0x8D => self.ell("ELL II", false, true),
                0x8E => self.ell("ELL III", true, false),
                0x8F => self.ell("ELL IV", true, true),
                0x90 => self.afl(),
                _ => return,
            }
            if ci & 0xFD == 0x8D && !opened {
                return;
            }
        }
    }
    fn ell(&mut self, name: &str, receiver: bool, session: bool) {
        self.layer("extended link layer");
        self.take(1, "CI", name);
        self.read::<1>("CC", |[cc]| communication_control(CommunicationControl(cc)));
        self.read::<1>("access number", |[access]| access.to_string());
        if receiver {
            self.read::<2>("receiver, manufacturer", manufacturer);
            self.read::<4>("receiver, identification", |id| {
                IdentificationNumber::from_octets(id).to_string()
            });
            self.read::<1>("receiver, version", |[version]| version.to_string());
            self.read::<1>("receiver, device type", |[code]| device_type(code));
        }
        if session {
            self.read::<4>("session number", |octets| {
                let number = SessionNumber(u32::from_le_bytes(octets));
                let cipher = if number.is_encrypted() { "AES-128 counter mode" } else { "not enciphered" };
                format!("{cipher}, minute {}, session {}", number.minutes(), number.session())
            });
            self.take(2, "payload CRC", "over what follows in clear");
        }
    }
    fn afl(&mut self) {
        self.layer("authentication and fragmentation layer");
        self.take(1, "CI", "AFL");
        let length = self.rest().first().map_or(0, |length| usize::from(*length));
        self.read::<1>("AFLL", |[length]| format!("{length} octets follow"));
        let end = self.position() + length;
        let control = self.rest().first_chunk().map_or(0, |fcl| u16::from_le_bytes(*fcl));
        self.read::<2>("FCL", |fcl| fragment_control(u16::from_le_bytes(fcl)));
        let has = |bit: u16| control >> bit & 1 == 1;
        if has(13) {
            self.read::<1>("MCL", |[mcl]| message_control(mcl));
        }
        if has(9) {
            self.read::<2>("KI", |[id, version]| format!("key {} version {version}", id & 0x0F));
        }
        if has(11) {
            self.read::<MCR>("MCR", |counter| format!("message counter {}", u32::from_le_bytes(counter)));
        }
        if has(10) {
            let after = if has(12) { 2 } else { 0 };
            let mac = end.saturating_sub(self.position() + after);
            self.take(mac, "MAC", "over header, counter and everything behind the AFL");
        }
        if has(12) {
            self.read::<2>("ML", |length| format!("{} octets in all fragments", u16::from_le_bytes(length)));
        }
        let surplus = end.saturating_sub(self.position());
        let rest = plain(self.rest().get(..surplus).unwrap_or_default());
        self.take(surplus, "not announced", rest);
    }
}

fn communication_control(cc: CommunicationControl) -> String {
    let access = match cc.accessibility() {
        Accessibility::None => "can never be accessed",
        Accessibility::TemporarilyNone => "cannot be accessed now",
        Accessibility::Limited => "can be accessed after each transmission",
        Accessibility::Unlimited => "can be accessed at any time",
    };
    list(
        &[
            Some(access),
            flag(cc.contains(CommunicationControl::FAST_RESPONSE), "fast response"),
            flag(cc.contains(CommunicationControl::SYNCHRONOUS), "synchronous"),
            flag(cc.contains(CommunicationControl::HOP), "repeated once"),
            flag(cc.contains(CommunicationControl::PRIORITY), "priority"),
            flag(cc.contains(CommunicationControl::REPEATED_ACCESS), "repeated access"),
            flag(cc.contains(CommunicationControl::EXTENDED_DELAY), "extended delay"),
        ],
        "",
    )
}

fn fragment_control(fcl: u16) -> String {
    let has = |bit: u16| fcl >> bit & 1 == 1;
    let fields = list(
        &[
            flag(has(13), "MCL"),
            flag(has(9), "KI"),
            flag(has(11), "MCR"),
            flag(has(10), "MAC"),
            flag(has(12), "ML"),
        ],
        "no fields",
    );
    let [fragment, _] = fcl.to_le_bytes();
    let whole = match (fragment, has(14)) {
        (0, false) => "not fragmented".to_owned(),
        (_, true) => format!("fragment {fragment}, more follow"),
        (_, false) => format!("fragment {fragment}, the last"),
    };
    format!("{whole}; with {fields}")
}

fn message_control(mcl: u8) -> String {
    match mcl & 0x0F {
        0 => "no authentication".to_owned(),
        3 => "CMAC, 2 octets".to_owned(),
        4 => "CMAC, 4 octets".to_owned(),
        5 => "CMAC, 8 octets".to_owned(),
        6 => "CMAC, 12 octets".to_owned(),
        7 => "CMAC, 16 octets".to_owned(),
        8 => "GMAC, 12 octets".to_owned(),
        9 => "GMAC, 16 octets".to_owned(),
        other => format!("authentication type {other} is reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::covers;
    use super::*;

    /// OMS Vol. 2 Annex N.2.3: ELL I and AFL, without the link layer.
    const ANNEX_N_2_3: [u8; 20] = [
        0x8C, 0x20, 0x75, 0x90, 0x0F, 0x00, 0x2C, 0x25, 0xB3, 0x0A, 0x00, 0x00, 0x21, 0x92, 0x4D, 0x4F, 0x2F,
        0xB6, 0x6E, 0x01,
    ];

    #[test]
    fn the_layers_of_annex_n() {
        let mut walk = Walk::new(ANNEX_N_2_3.to_vec());
        walk.lower_layers(true);
        let spans = walk.finish();
        covers(&ANNEX_N_2_3, &spans);
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["CI", "CC", "access number", "CI", "AFLL", "FCL", "MCL", "MCR", "MAC"]);
        assert_eq!(spans[5].meaning, "not fragmented; with MCL, MCR, MAC");
        assert_eq!(spans[6].meaning, "CMAC, 8 octets");
        assert_eq!(spans[7].meaning, "message counter 2739");
        assert_eq!(spans[8].octets.len(), 8);
    }

    #[test]
    fn every_beginning_and_every_fcl_is_covered() {
        for end in 0..ANNEX_N_2_3.len() {
            let mut walk = Walk::new(ANNEX_N_2_3[..end].to_vec());
            walk.lower_layers(true);
            covers(&ANNEX_N_2_3[..end], &walk.finish());
        }
        for fcl in 0..=0xFF {
            for length in [0, 2, 17, 255] {
                let octets = [&[0x90, length, 0x01, fcl][..], &[0xAB; 30]].concat();
                let mut walk = Walk::new(octets.clone());
                walk.lower_layers(true);
                covers(&octets, &walk.finish());
            }
        }
        for ci in [0x8C, 0x8D, 0x8E, 0x8F] {
            for end in 0..20 {
                let octets = [&[ci][..], &vec![0x20; end]].concat();
                let mut walk = Walk::new(octets.clone());
                walk.lower_layers(false);
                covers(&octets, &walk.finish());
            }
        }
    }
}
