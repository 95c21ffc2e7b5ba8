//! What the link needs to know of a frame: for whom it is, how its sender can be accessed, whether it
//! was repeated.
//!
//! ```text
//! with ELL      L C M A | CI CC ACC [M2 A2] ..            CC holds B D S H P A R X
//! without ELL   L C M A | CI [ID M V T] ACC ST CF CF ..   CF of modes 0 and 5: B A S MMMMM NNNN CC R H
//! ```
//!
//! EN 13757-4, 11 and 12; EN 13757-7, 7. Invariants: reads, never refuses: what a frame does not say is
//! `None`. CC counts when there is an ELL. Only the length of a transport header and where its fields
//! are is known here, all else about it belongs to the layers above.

use crate::c_field::Sender;
use crate::wireless::frame::HEADER_LEN;
use crate::{Address, CField, CommunicationControl, Ell, SessionNumber};

/// The transport header behind a CI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TransportHeader {
    /// ACC, status, configuration field.
    Short,
    /// Address, then as short; sent to a meter or to the other device.
    Long,
}

/// CIs with a transport header (EN 13757-7, table 2): the rows of the long ones, then of the short ones.
const TRANSPORT: &[(TransportHeader, &[u8])] = &[
    (
        TransportHeader::Long,
        &[
            0x53, 0x55, 0x5B, 0x5F, 0x60, 0x64, 0x68, 0x6B, 0x6C, 0x6D, 0x6F, 0x72, 0x73, 0x75, 0x7C, 0x7E,
            0x80, 0x82, 0x84, 0x85, 0x87, 0x8B, 0x9F, 0xC0, 0xC2, 0xC3, 0xC5,
        ],
    ),
    (
        TransportHeader::Short,
        &[
            0x57, 0x5A, 0x61, 0x62, 0x65, 0x67, 0x6A, 0x6E, 0x74, 0x7A, 0x7B, 0x7D, 0x7F, 0x88, 0x8A, 0x9E,
            0xC1, 0xC4, 0xC6, 0xC7,
        ],
    ),
];

#[expect(clippy::indexing_slicing, reason = "runs only while compiling")]
const _: () = {
    let mut seen = [false; 256];
    let mut row = 0;
    while row < TRANSPORT.len() {
        let mut n = 0;
        while n < TRANSPORT[row].1.len() {
            let ci = TRANSPORT[row].1[n] as usize;
            assert!(!seen[ci], "a CI is in the table twice");
            seen[ci] = true;
            n += 1;
        }
        row += 1;
    }
};

/// CI of the authentication and fragmentation layer; the octet behind it counts what follows.
const AFL: u8 = 0x90;

/// CI of the bare long transport header to a meter.
const LONG_TO_METER: u8 = 0x80;

/// Where a frame says whether it was repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RepeaterBits {
    /// The octet that holds both bits, counted from L in a frame without CRCs.
    pub octet: usize,
    /// The hop bit H within it.
    pub hop: u8,
    /// The repeated access bit R within it.
    pub repeated_access: u8,
}

/// What the link needs to know of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Routing {
    /// How the sender can be accessed: CC of the ELL, or the bits of the configuration field in the
    /// places of CC (B, A, S, H, R; the others 0).
    pub control: Option<CommunicationControl>,
    /// ACC of the ELL, else of the transport header.
    pub access_number: Option<u8>,
    /// To whom the frame goes: the receiver of the ELL, else, in a frame of the other device, the
    /// address of the long transport header.
    pub addressee: Option<Address>,
    /// Where the repeater bits are. `None`: the frame has no place for them and cannot be repeated.
    pub repeater_bits: Option<RepeaterBits>,
}

impl Routing {
    /// Reads the frame `octets`, which start with L and have no CRCs.
    #[must_use]
    pub fn of(octets: &[u8]) -> Self {
        Self::of_octets(|at| octets.get(at).copied())
    }
    /// True when the frame went through a repeater.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.control.is_some_and(|c| c.contains(CommunicationControl::HOP))
    }

    /// As [`Routing::of`], with the octets fetched one by one, so that frames with CRCs can be read too.
    pub(crate) fn of_octets<F: Fn(usize) -> Option<u8>>(get: F) -> Self {
        let mut routing = Self::default();
        let mut at = HEADER_LEN;
        let Some(ci) = get(at) else { return routing };
        if matches!(ci, Ell::CI_I..=Ell::CI_IV) {
            match routing.read_ell(&get, at, ci) {
                Some(next) => at = next,
                None => return routing,
            }
        }
        if get(at) == Some(AFL) {
            let length = get(at.saturating_add(1)).map_or(0, usize::from);
            at = at.saturating_add(2).saturating_add(length);
        }
        routing.read_transport(&get, at);
        routing
    }

    /// Returns where the next layer begins; `None` when it cannot be read because it is enciphered.
    fn read_ell<F: Fn(usize) -> Option<u8>>(&mut self, get: &F, at: usize, ci: u8) -> Option<usize> {
        let cc_at = at.saturating_add(1);
        self.control = get(cc_at).map(CommunicationControl);
        self.access_number = get(at.saturating_add(2));
        self.repeater_bits = self.control.map(|_| RepeaterBits {
            octet: cc_at,
            hop: CommunicationControl::HOP.0,
            repeated_access: CommunicationControl::REPEATED_ACCESS.0,
        });
        let mut end = at.saturating_add(3);
        if matches!(ci, Ell::CI_III | Ell::CI_IV) {
            self.addressee = read_array(get, end).map(Address::from_link_octets);
            end = end.saturating_add(Address::LEN);
        }
        if matches!(ci, Ell::CI_II | Ell::CI_IV) {
            let number = SessionNumber(u32::from_le_bytes(read_array(get, end)?));
            end = end.saturating_add(6);
            return (!number.is_encrypted()).then_some(end);
        }
        Some(end)
    }

    fn read_transport<F: Fn(usize) -> Option<u8>>(&mut self, get: &F, at: usize) {
        let Some(ci) = get(at) else { return };
        let Some((header, _)) = TRANSPORT.iter().find(|(_, cis)| cis.contains(&ci)) else { return };
        let mut at = at.saturating_add(1);
        if *header == TransportHeader::Long {
            let to_meter = match get(1).and_then(|c| CField(c).row()).map(|row| row.sender) {
                Some(Sender::OtherDevice) => true,
                Some(Sender::Both) => ci == LONG_TO_METER,
                _ => false,
            };
            if to_meter && self.addressee.is_none() {
                self.addressee = read_array(get, at).map(Address::from_transport_octets);
            }
            at = at.saturating_add(Address::LEN);
        }
        if self.control.is_some() {
            return;
        }
        self.access_number = get(at);
        let low_at = at.saturating_add(2);
        if let (Some(low), Some(high)) = (get(low_at), get(at.saturating_add(3))) {
            self.read_configuration(low, high, low_at);
        }
    }

    fn read_configuration(&mut self, low: u8, high: u8, low_at: usize) {
        if !matches!(high & 0x1F, 0 | 5) {
            return;
        }
        let mut control = CommunicationControl::empty();
        control.set(CommunicationControl::BIDIRECTIONAL, high & 0x80 != 0);
        control.set(CommunicationControl::ACCESSIBILITY, high & 0x40 != 0);
        control.set(CommunicationControl::SYNCHRONOUS, high & 0x20 != 0);
        control.set(CommunicationControl::HOP, low & 0x01 != 0);
        control.set(CommunicationControl::REPEATED_ACCESS, low & 0x02 != 0);
        self.control = Some(control);
        self.repeater_bits = Some(RepeaterBits { octet: low_at, hop: 0x01, repeated_access: 0x02 });
    }
}

/// The address in the long transport header of CI and data, behind the AFL if there is one.
pub(crate) fn long_header_address(payload: &[u8]) -> Option<Address> {
    let transport = match payload {
        [AFL, length, rest @ ..] => rest.get(usize::from(*length)..)?,
        other => other,
    };
    let (ci, header) = transport.split_first()?;
    let (_, long) = TRANSPORT.iter().find(|(header, _)| *header == TransportHeader::Long)?;
    let address = header.first_chunk::<{ Address::LEN }>().filter(|_| long.contains(ci))?;
    Some(Address::from_transport_octets(*address))
}

fn read_array<F: Fn(usize) -> Option<u8>, const N: usize>(get: &F, at: usize) -> Option<[u8; N]> {
    let mut octets = [0; N];
    for (octet, place) in octets.iter_mut().zip(at..) {
        *octet = get(place)?;
    }
    Some(octets)
}
