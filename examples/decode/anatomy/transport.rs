//! The transport header.

use super::{Walk, device_type, manufacturer};
use mbus_link::IdentificationNumber;

/// The forms of a transport header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// The CI-field alone.
    None,
    /// Access number, status, configuration.
    Short,
    /// Also the address of the meter.
    Long,
}

impl Walk {
    /// CI-field and header. `length` octets belong to the header behind the CI-field; `ci`, `status` and
    /// `configuration` say what they mean.
    pub fn transport(&mut self, header: Header, length: usize, ci: &str, status: &str, configuration: &str) {
        self.layer("transport layer");
        self.take(1, "CI", ci);
        let end = self.position() + length;
        if header == Header::Long {
            self.read::<4>("identification", |id| IdentificationNumber::from_octets(id).to_string());
            self.read::<2>("manufacturer", manufacturer);
            self.read::<1>("version", |[version]| version.to_string());
            self.read::<1>("device type", |[code]| device_type(code));
        }
        if header != Header::None {
            self.read::<1>("access number", |[access]| access.to_string());
            self.take(1, "status", status);
            self.take(2, "configuration", configuration);
            let extension = end.saturating_sub(self.position());
            self.take(extension, "configuration extension", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::covers;
    use super::*;

    #[test]
    fn headers_of_every_form() {
        let octets = [0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x33, 0x03, 0x2A, 0x00, 0x00, 0x00, 0x0C];
        for (header, length, names) in
            [(Header::None, 0, 2), (Header::Short, 4, 5), (Header::Long, 12, 9), (Header::Long, 13, 9)]
        {
            let mut walk = Walk::new(octets.to_vec());
            walk.transport(header, length, "response", "no error", "mode 0");
            let spans = walk.finish();
            covers(&octets, &spans);
            assert_eq!(spans.len(), names, "{spans:?}");
        }
    }
}
