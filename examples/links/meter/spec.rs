//! Which meters are simulated: `KIND[:NUMBER][@ADDRESS]`.

use super::records::Kind;
use mbus_link::wired::PrimaryAddress;
use mbus_link::{Address, IdentificationNumber, ManufacturerId, Version};
use std::str::FromStr;

/// The number of the first meter that has none of its own; the following ones count on.
const FIRST_NUMBER: u32 = 12_345_678;

/// One meter as the user describes it.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// What it is.
    pub kind: &'static Kind,
    number: Option<IdentificationNumber>,
    address: Option<PrimaryAddress>,
}

impl FromStr for Spec {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let (rest, address) = match text.split_once('@') {
            Some((rest, address)) => (rest, Some(address)),
            None => (text, None),
        };
        let (name, number) = match rest.split_once(':') {
            Some((name, number)) => (name, Some(number)),
            None => (rest, None),
        };
        let kind = Kind::named(name).ok_or_else(|| {
            let names: Vec<_> = Kind::TABLE.iter().map(|kind| kind.name).collect();
            format!("there is no kind of meter called {name:?}; there are {}", names.join(", "))
        })?;
        let number = match number {
            Some(digits) => {
                Some(digits.parse().map_err(|_| format!("{digits:?} is no number of up to eight digits"))?)
            }
            None => None,
        };
        let address = match address.map(str::parse) {
            None => None,
            Some(Ok(address @ 0..=250)) => Some(PrimaryAddress(address)),
            Some(_) => return Err("a primary address is a number from 0 to 250".into()),
        };
        Ok(Self { kind, number, address })
    }
}

impl Spec {
    /// The addresses of meter `n` on the command line, counted from 0.
    #[must_use]
    pub fn addresses(&self, n: usize, manufacturer: ManufacturerId) -> (PrimaryAddress, Address) {
        let n = u32::try_from(n).unwrap_or(0);
        let counted = IdentificationNumber::from_number(FIRST_NUMBER.saturating_add(n));
        let identification = self.number.or(counted).unwrap_or_default();
        let identity =
            Address { manufacturer, identification, version: Version(1), device_type: self.kind.device_type };
        let primary = u8::try_from(n.saturating_add(1).min(250)).unwrap_or(250);
        (self.address.unwrap_or(PrimaryAddress(primary)), identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_be_left_out() {
        let maker = ManufacturerId::from_letters(*b"ELS").unwrap();
        let of = |text: &str, n| {
            let (primary, identity) = text.parse::<Spec>().unwrap().addresses(n, maker);
            (primary.0, identity.to_string())
        };
        assert_eq!(of("water", 0), (1, "ELS.12345678.01.07".into()));
        assert_eq!(of("heat", 4), (5, "ELS.12345682.01.04".into()));
        assert_eq!(of("gas:00000042@250", 1), (250, "ELS.00000042.01.03".into()));
        assert_eq!(of("hca@0", 1), (0, "ELS.12345679.01.08".into()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (text, word) in
            [("oil", "electricity"), ("gas:123456789", "eight"), ("gas@251", "250"), ("gas@x", "250")]
        {
            assert!(text.parse::<Spec>().unwrap_err().contains(word), "{text}");
        }
    }
}
