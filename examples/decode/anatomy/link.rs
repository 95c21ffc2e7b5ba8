//! The link layer, wired and wireless.

use super::{Walk, device_type, manufacturer};
use mbus_link::{CField, IdentificationNumber};

impl Walk {
    /// L, C and the address of the sender.
    pub fn wireless(&mut self) {
        self.layer("wireless link layer");
        self.read::<1>("L", |[l]| format!("{l} octets follow"));
        self.c_field();
        self.read::<2>("manufacturer", manufacturer);
        self.read::<4>("identification", |id| IdentificationNumber::from_octets(id).to_string());
        self.read::<1>("version", |[version]| version.to_string());
        self.read::<1>("device type", |[code]| device_type(code));
    }
    /// Everything of a wired frame before the CI-field, or the whole of a short one. True when a CI-field
    /// may follow; checksum and stop octet then are the last two octets.
    pub fn wired(&mut self) -> bool {
        self.layer("wired link layer");
        match self.peek() {
            Some(0xE5) => {
                self.take(1, "acknowledge", "the single character");
                false
            }
            Some(0x10) => {
                self.take(1, "start", "short frame");
                self.c_field();
                self.read::<1>("A", |[address]| wired_address(address));
                self.wired_end();
                false
            }
            _ => {
                self.take(1, "start", "long or control frame");
                self.read::<1>("L", |[l]| format!("{l} octets from C to the last before the checksum"));
                self.take(1, "L", "repeated");
                self.take(1, "start", "repeated");
                self.c_field();
                self.read::<1>("A", |[address]| wired_address(address));
                true
            }
        }
    }
    /// Checksum and stop octet.
    pub fn wired_end(&mut self) {
        self.layer("wired link layer");
        self.take(1, "checksum", "sum from C on, modulo 256");
        self.take(1, "stop", "");
    }
    fn c_field(&mut self) {
        self.read::<1>("C", |[c]| function(c));
    }
}

fn function(c: u8) -> String {
    let c = CField(c);
    let name = c.name().unwrap_or("unknown function");
    if c.is_primary() {
        let fcb = match c.fcb() {
            Some(fcb) => format!(", frame count bit {}", u8::from(fcb)),
            None => String::new(),
        };
        return format!("{name}{fcb}");
    }
    let access = if c.class_1_waiting() { ", access demanded" } else { "" };
    let flow = if c.cannot_take_more() { ", can take no more" } else { "" };
    format!("{name}{access}{flow}")
}

fn wired_address(address: u8) -> String {
    match address {
        0 => "0, not configured".to_owned(),
        1..=250 => address.to_string(),
        251 => "251, primary master or repeater".to_owned(),
        253 => "253, the selected device".to_owned(),
        254 => "254, to all, who answer".to_owned(),
        255 => "255, to all, who do not answer".to_owned(),
        reserved => format!("{reserved}, reserved"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::covers;
    use super::*;

    #[test]
    fn a_wireless_header() {
        let octets = [0x0F, 0x44, 0xAE, 0x0C, 0x78, 0x56, 0x34, 0x12, 0x01, 0x07, 0x78];
        let mut walk = Walk::new(octets.to_vec());
        walk.wireless();
        assert_eq!(walk.peek(), Some(0x78));
        let spans = walk.finish();
        covers(&octets, &spans);
        let meanings: Vec<&str> = spans.iter().map(|span| span.meaning.as_str()).collect();
        assert_eq!(meanings, ["15 octets follow", "SND-NR", "CEN", "12345678", "1", "water", ""]);
    }

    #[test]
    fn every_beginning_of_a_frame_is_covered() {
        for octets in [
            &[0xE5][..],
            &[0x10, 0x7B, 0xFD, 0x78, 0x16],
            &[0x68, 0x03, 0x03, 0x68, 0x53, 0xFE, 0xA6, 0xF7, 0x16],
            &[0x19, 0x40, 0x3A, 0x63, 0x99, 0x88, 0x77, 0x66, 0x0C, 0x31, 0x8C],
        ] {
            for end in 0..=octets.len() {
                let mut walk = Walk::new(octets[..end].to_vec());
                if walk.wired() {
                    walk.wired_end();
                }
                covers(&octets[..end], &walk.finish());
                let mut walk = Walk::new(octets[..end].to_vec());
                walk.wireless();
                covers(&octets[..end], &walk.finish());
            }
        }
    }
}
