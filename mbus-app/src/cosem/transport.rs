//! The APDU behind a transport header of CI 60h, 61h, 7Ch or 7Dh.
//!
//! The transport header and its encryption are those of all M-Bus messages. Whether two service access
//! points stand in front of the APDU, as in the fragments of CI 00h to 1Fh, is not published: both forms
//! are recognised by the tag of the APDU.

use super::ciphering::apdu_name;

/// An APDU and, when they were there, the service access points in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TransportApdu<'a> {
    /// STSAP and DTSAP.
    pub access_points: Option<(u8, u8)>,
    /// The APDU.
    pub apdu: &'a [u8],
}

/// Finds the APDU in the payload behind the transport header, decrypted when it was enciphered. The two
/// fillers 2F of security mode 5 are taken off. `None` when no known APDU is there.
///
/// ```
/// use mbus_app::cosem::transport_apdu;
/// assert_eq!(transport_apdu(&[0x2F, 0x2F, 0x0F, 1, 2]).unwrap().apdu, [0x0F, 1, 2]);
/// assert_eq!(transport_apdu(&[0x01, 0x67, 0xDB, 8]).unwrap().access_points, Some((1, 0x67)));
/// ```
#[must_use]
pub fn transport_apdu(payload: &[u8]) -> Option<TransportApdu<'_>> {
    let payload = payload.strip_prefix(&[0x2F, 0x2F]).unwrap_or(payload);
    let known = |tag: u8| tag != 0x2F && apdu_name(tag) != "unknown";
    match payload {
        [tag, ..] if known(*tag) => Some(TransportApdu { access_points: None, apdu: payload }),
        [source, destination, apdu @ ..] if apdu.first().is_some_and(|tag| known(*tag)) => {
            Some(TransportApdu { access_points: Some((*source, *destination)), apdu })
        }
        _ => None,
    }
}
