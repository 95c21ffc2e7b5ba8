//! Security information transfer (SITP): blocks that carry keys, their states, and secured commands.
//!
//! ```text
//! BL BL | BID | BCF | recipient | DSI | DSH1 | DSH2 | content (BL - 6)      ... BL = 0000 or the end
//! ```
//!
//! Carried behind the transport header of CI C3h to C6h (OMS Vol. 2 Annex F and M; EN 13757-7, Annex A).
//! BL counts from BID on and is sent least significant octet first. Invariants: a block is a view, its
//! content stays as sent; unknown functions and structures are data. What a block asks for is not to be
//! done before the MAC or wrap around it was verified: [`SecuredData::open`] and [`KeyTransfer::unwrap`] give
//! nothing out before that.
//!
//! | DSI | content |
//! |---|---|
//! | 01h | [`KeyTransfer`], wrapped |
//! | 03h | [`KeyActivation`], wrapped |
//! | 22h | one octet, [`Block::status`] |
//! | 32h, 33h | [`SecuredData`]; what it commands `mbus-app` reads |
//! | 00h, 02h, 10h to 13h, 20h, 21h, 23h, 30h, 31h, 34h to 37h | octets: the layout is not published, so nothing is made up here |

pub mod key_ring;
pub mod key_structure;
pub mod key_wrap;
pub mod secured_data;
pub mod target_time;

use mbus_link::octets::{Reader, Writer};

use crate::{Error, ErrorKind};

pub use key_ring::{KeyRing, KeyRingError};
pub use key_structure::{KeyActivation, KeyTransfer, changed_master_key};
pub use secured_data::{SecuredBlock, SecuredData};
pub use target_time::TargetTime;

/// Octets of a block in front of its content, BL not counted.
pub const HEADER_LEN: usize = 6;
/// DIF 2Fh, with which a last cipher block of M-Bus records is filled.
const FILLER: u8 = 0x2F;

macro_rules! codes {
    ($(#[$meta:meta])* $type:ident { $($code:literal $name:ident $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        pub struct $type(pub u8);

        impl $type {
            $(#[doc = concat!($text, ".")] pub const $name: Self = Self($code);)*

            /// The known codes and their names, one row each.
            pub const TABLE: &'static [(Self, &'static str)] = &[$((Self($code), $text)),*];

            /// The name of a known code.
            #[must_use]
            pub fn name(self) -> Option<&'static str> {
                Self::TABLE.iter().find(|(code, _)| *code == self).map(|(_, name)| *name)
            }
        }
    };
}

codes! {
    /// BCF, the block control field: what is to be done. An answer repeats it with bit 7 set.
    Function {
        0x00 TRANSFER "transfer of security information",
        0x01 ACTIVATE "activate",
        0x02 DEACTIVATE "deactivate",
        0x03 DESTROY "destroy",
        0x04 COMBINED "combined activation and deactivation",
        0x05 GENERATE "generate",
        0x06 GET "get",
        0x07 LIST_ALL "list all keys",
        0x08 LIST_ACTIVE "list active keys",
        0x09 LIST_WITH_COUNTERS "list active keys with counters",
        0x20 SECURED_DATA "secured application data",
    }
}

impl Function {
    /// True when bit 7 says that the block is an answer.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        self.0 & 0x80 != 0
    }
    /// The function that is answered, or this function itself.
    #[must_use]
    pub const fn asked(self) -> Self {
        Self(self.0 & 0x7F)
    }
    /// The answer to this function.
    #[must_use]
    pub const fn answer(self) -> Self {
        Self(self.0 | 0x80)
    }
}

codes! {
    /// DSI, the data structure identifier: what the content is.
    Structure {
        0x00 KEY_STRUCTURE_0 "key structure 0",
        0x01 KEY_STRUCTURE_1 "key structure 1",
        0x02 KEY_STRUCTURE_2 "key structure 2",
        0x03 KEY_STRUCTURE_3 "key structure 3",
        0x10 CERTIFICATE "certificate",
        0x11 KEY_PAIR "key pair",
        0x12 PUBLIC_KEY "public key",
        0x13 CERTIFICATE_REQUEST "certificate signing request",
        0x20 STATUS_0 "status structure 0",
        0x21 STATUS_1 "status structure 1",
        0x22 STATUS_2 "status structure 2",
        0x23 COUNTERS "key counters",
        0x30 KEY_WRAP "key wrap",
        0x31 HMAC_SHA256 "data with HMAC-SHA256",
        0x32 CMAC_8 "data with CMAC of 8 octets",
        0x33 CMAC_16 "data with CMAC of 16 octets",
        0x34 GCM "data with GCM",
        0x35 GMAC "data with GMAC",
        0x36 CCM_8 "data with CCM of 8 octets",
        0x37 CCM_16 "data with CCM of 16 octets",
    }
}

codes! {
    /// The status that answers a block, the content of [`Structure::STATUS_2`]. Codes 09h, 21h, 80h and
    /// 81h exist as well; what they mean is not published.
    Status {
        0x00 OK "done",
        0x01 SCHEDULED "scheduled",
        0x11 FUNCTION_UNKNOWN "block control field not supported",
        0x19 KEY_UNKNOWN "key id or key version unknown",
        0x23 TARGET_TIME "target time not supported",
    }
}

codes! {
    /// PID: the protocol of the data inside a secured container.
    Protocol {
        0x01 M_BUS "M-Bus records",
        0x04 CLOCK "clock synchronisation",
        0x06 IMAGE_TRANSFER "image transfer",
    }
}

codes! {
    /// The purpose of a key, its number KeyID (OMS Vol. 2 Annex F).
    KeyPurpose {
        0x00 MASTER "master key",
        0x08 CONSUMER "consumer key",
        0x0F LPWAN_MAC "key of the LPWAN MAC layer",
        0x10 WRAPPER_10 "wrapper key 10h",
        0x11 WRAPPER_11 "wrapper key 11h",
        0x12 WRAPPER_12 "wrapper key 12h",
        0x13 WRAPPER_13 "wrapper key 13h",
        0x14 WRAPPER_14 "wrapper key 14h",
        0x15 WRAPPER_15 "wrapper key 15h",
        0x18 FIRMWARE "firmware key",
        0x1F CONFORMANCE "conformance test",
        0x20 BREAKER "breaker or valve control",
        0x21 CLOCK_ADJUST "adjust the clock",
        0x22 CLOCK_SET "set the clock",
        0x23 FIRMWARE_UPDATE "firmware update",
        0x24 ERROR_RESET "reset errors",
        0x25 DATA_SELECTION "select data",
        0x26 CONFIGURATION "configuration",
        0x27 ADAPTER "adapter",
        0xA0 CERTIFICATES "certificates",
    }
}

/// One block, as sent.
///
/// ```
/// use oms_security::security_information::{Blocks, Function, Structure};
/// // OMS Vol. 2 Annex N, N.12.4: the meter does not know the key of a breaker command.
/// let mut blocks = Blocks::new(&[0x07, 0x00, 0x00, 0xA0, 0x00, 0x22, 0x20, 0x00, 0x19]);
/// let block = blocks.next().unwrap()?;
/// assert_eq!(block.function, Function::SECURED_DATA.answer());
/// assert_eq!((block.structure, block.content), (Structure::STATUS_2, &[0x19][..]));
/// # Ok::<(), oms_security::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Block<'a> {
    /// BID, the number of the block; an answer repeats it.
    pub id: u8,
    /// BCF.
    pub function: Function,
    /// Whose security information it is.
    pub recipient: u8,
    /// DSI.
    pub structure: Structure,
    /// DSH1 and DSH2: with keys and secured data the key's id and version.
    pub structure_header: [u8; 2],
    /// What the structure holds.
    pub content: &'a [u8],
}

impl<'a> Block<'a> {
    /// The key's purpose, by DSH1.
    #[must_use]
    pub const fn key_purpose(&self) -> KeyPurpose {
        let [id, _] = self.structure_header;
        KeyPurpose(id)
    }
    /// The status, if the block is one.
    #[must_use]
    pub const fn status(&self) -> Option<Status> {
        match (self.structure, self.content) {
            (Structure::STATUS_2, [status]) => Some(Status(*status)),
            _ => None,
        }
    }
    /// The key's version, by DSH2.
    #[must_use]
    pub const fn key_version(&self) -> u8 {
        let [_, version] = self.structure_header;
        version
    }
    /// The answer that repeats the block: it was done. The MAC inside is that of the command.
    #[must_use]
    pub const fn done(&self) -> Self {
        Self { function: self.function.answer(), ..*self }
    }
    /// The answer with a status; `status` is one octet, the code of a [`Status`].
    ///
    /// ```
    /// # use oms_security::security_information::{Block, Function, Status, Structure};
    /// // OMS Vol. 2 Annex N, N.12.4: the meter does not know the key of a breaker command.
    /// let command = Block { function: Function::SECURED_DATA, structure_header: [0x20, 0x00], ..Block::default() };
    /// let answer = command.answered(&[Status::KEY_UNKNOWN.0]);
    /// let mut buffer = [0; 9];
    /// assert_eq!(answer.encode_into(&mut buffer)?, [0x07, 0x00, 0x00, 0xA0, 0x00, 0x22, 0x20, 0x00, 0x19]);
    /// # Ok::<(), oms_security::Error>(())
    /// ```
    #[must_use]
    pub const fn answered(&self, status: &'a [u8; 1]) -> Self {
        Self { function: self.function.answer(), structure: Structure::STATUS_2, content: status, ..*self }
    }
    /// What the block asks for without content: list the keys, list them with their counters, generate one.
    ///
    /// ```
    /// # use oms_security::security_information::{Block, Function, KeyPurpose, Structure};
    /// let mut buffer = [0; 8];
    /// let block = Block::request(1, Function::LIST_WITH_COUNTERS, Structure::COUNTERS, [KeyPurpose::BREAKER.0, 0]);
    /// assert_eq!(block.encode_into(&mut buffer)?, [0x06, 0x00, 0x01, 0x09, 0x00, 0x23, 0x20, 0x00]);
    /// # Ok::<(), oms_security::Error>(())
    /// ```
    #[must_use]
    pub const fn request(
        id: u8,
        function: Function,
        structure: Structure,
        structure_header: [u8; 2],
    ) -> Self {
        Self { id, function, recipient: 0, structure, structure_header, content: &[] }
    }
    /// Octets of the block with its length field.
    #[must_use]
    pub const fn encoded_len(&self) -> usize {
        (2 + HEADER_LEN).saturating_add(self.content.len())
    }
    /// Writes the block to the front of `buffer`.
    ///
    /// # Errors
    /// [`ErrorKind::BufferTooSmall`]; [`ErrorKind::TooLong`] when the content is longer than BL can say.
    pub fn encode_into<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b mut [u8], Error> {
        let len = HEADER_LEN.saturating_add(self.content.len());
        let Ok(len) = u16::try_from(len) else {
            return Err(ErrorKind::TooLong { length: len, limit: usize::from(u16::MAX) }.at(0));
        };
        let mut writer = Writer::new(buffer);
        writer.put_u16_le(len);
        writer.put(&[self.id, self.function.0, self.recipient, self.structure.0]);
        writer.put(&self.structure_header);
        writer.put(self.content);
        Ok(writer.finish()?)
    }
}

/// The blocks of a message, one after the other; ends at a length of zero, at the end, where nothing but fillers 2Fh
/// follow, or after an error.
#[derive(Clone, Debug)]
pub struct Blocks<'a> {
    reader: Reader<'a>,
}

impl<'a> Blocks<'a> {
    /// The blocks of `octets`, which begin behind the transport header (and its 2F2F, where there is one).
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self { reader: Reader::new(octets) }
    }
    /// What is behind the last block: the end mark and padding.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.reader.peek_rest()
    }

    fn block(&mut self) -> Result<Block<'a>, Error> {
        let offset = self.reader.offset();
        let length = usize::from(self.reader.u16_le()?);
        if length < HEADER_LEN {
            return Err(ErrorKind::BlockTooShort { length }.at(offset));
        }
        let start = self.reader.offset();
        let octets = self.reader.take(length)?;
        let mut fields = Reader::new(octets);
        let [id, function, recipient, structure, dsh1, dsh2] =
            fields.array().map_err(|end| Error::from(end).shifted(start))?;
        Ok(Block {
            id,
            function: Function(function),
            recipient,
            structure: Structure(structure),
            structure_header: [dsh1, dsh2],
            content: fields.take_rest(),
        })
    }
}

impl<'a> Iterator for Blocks<'a> {
    type Item = Result<Block<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        // Fewer than two octets, or a length of zero, end the list: padding follows. So do fillers to the end, which
        // could be no block: their length field is larger than a telegram.
        let rest = self.reader.peek_rest();
        if matches!(rest, [] | [_] | [0, 0, ..]) || rest.iter().all(|octet| *octet == FILLER) {
            return None;
        }
        let block = self.block();
        if block.is_err() {
            self.reader.take_rest();
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    // OMS Vol. 2 Annex N, N.12.2 and N.12.3, behind 2F2F: open the breaker, and the answer.
    const COMMAND: [u8; 30] = [
        0x1C, 0x00, 0x00, 0x20, 0x00, 0x32, 0x20, 0x00, 0x0F, 0, 0, 0, 0, 0, 0, 0, 0x30, 0x01, 0x01, 0xFD,
        0x1F, 0x00, 0xFA, 0x41, 0xE2, 0x81, 0x2D, 0x44, 0x9B, 0x4D,
    ];
    const FAILURE: [u8; 14] = [0x07, 0, 0, 0xA0, 0, 0x22, 0x20, 0, 0x19, 5, 5, 5, 5, 5];

    #[test]
    fn the_printed_command() {
        let mut blocks = Blocks::new(&COMMAND);
        let block = blocks.next().unwrap().unwrap();
        assert_eq!((block.id, block.function, block.recipient), (0, Function::SECURED_DATA, 0));
        assert_eq!((block.structure, block.structure_header), (Structure::CMAC_8, [0x20, 0]));
        assert_eq!(block.key_purpose(), KeyPurpose::BREAKER);
        assert_eq!(blocks.next(), None);
        assert_eq!(block.encode_into(&mut [0; 64]).unwrap(), COMMAND);
    }

    #[test]
    fn the_printed_failure_is_followed_by_padding() {
        let mut blocks = Blocks::new(&FAILURE[..9]);
        let block = blocks.next().unwrap().unwrap();
        assert!(block.function.is_answer());
        assert_eq!(block.function.asked(), Function::SECURED_DATA);
        assert_eq!(block.status(), Some(Status::KEY_UNKNOWN));
        assert_eq!(blocks.rest(), &[] as &[u8]);
        // With the padding left in, the rest reads as a block that is not there: the padding flag of the
        // configuration field says how to cut it.
        let all: Vec<_> = Blocks::new(&FAILURE).collect();
        assert_eq!(all.len(), 2);
        assert!(all[1].is_err());
    }

    #[test]
    fn answers_repeat_what_they_answer() {
        let command = Blocks::new(&COMMAND).next().unwrap().unwrap();
        // N.12.3: the answer is the command with bit 7 of BCF.
        let mut expected = COMMAND;
        expected[3] = 0xA0;
        assert_eq!(command.done().encode_into(&mut [0; 64]).unwrap(), expected);
        let failure = command.answered(&[Status::KEY_UNKNOWN.0]);
        // N.12.4.
        assert_eq!(failure.encode_into(&mut [0; 64]).unwrap(), &FAILURE[..9]);
        assert_eq!((failure.status(), failure.key_version()), (Some(Status::KEY_UNKNOWN), 0));
    }

    #[test]
    fn several_blocks_and_the_end_mark() {
        let mut octets = FAILURE[..9].to_vec();
        octets.extend_from_slice(&COMMAND);
        octets.extend_from_slice(&[0, 0, 0x2F, 0x2F]);
        let mut blocks = Blocks::new(&octets);
        assert_eq!(blocks.by_ref().filter(Result::is_ok).count(), 2);
        assert_eq!(blocks.rest(), [0, 0, 0x2F, 0x2F]);
    }

    #[test]
    fn fillers_end_the_list_and_no_block() {
        for fillers in 0..20 {
            let mut octets = FAILURE[..9].to_vec();
            octets.resize(9 + fillers, 0x2F);
            assert!(Blocks::new(&octets).eq(Blocks::new(&FAILURE[..9])), "{fillers}");
            // A content of fillers is a content.
            let block = Block { content: &octets[9..], ..Block::default() };
            let mut buffer = [0; 64];
            let sent = block.encode_into(&mut buffer).unwrap();
            assert_eq!(Blocks::new(sent).next(), Some(Ok(block)));
        }
        let mut blocks = Blocks::new(&[0x2F, 0x2F, 0x2F, 0x2E]);
        assert_eq!(blocks.next().unwrap().unwrap_err().kind.name(), "truncated");
    }

    #[test]
    fn every_prefix_is_an_error() {
        for len in 2..COMMAND.len() {
            let mut blocks = Blocks::new(&COMMAND[..len]);
            let error = blocks.next().unwrap().unwrap_err();
            assert_eq!((error.kind.name(), error.offset), ("truncated", 2), "{len}");
            assert_eq!(blocks.next(), None);
        }
    }

    #[test]
    fn every_length_below_the_header_is_an_error() {
        for length in 1..6u8 {
            let error = Blocks::new(&[length, 0, 1, 2, 3, 4, 5, 6]).next().unwrap().unwrap_err();
            assert_eq!(
                (error.kind, error.offset),
                (ErrorKind::BlockTooShort { length: usize::from(length) }, 0)
            );
        }
    }

    #[test]
    fn every_buffer_size() {
        let block = Blocks::new(&COMMAND).next().unwrap().unwrap();
        for size in 0..=COMMAND.len() {
            let mut buffer = [0; 30];
            match block.encode_into(&mut buffer[..size]) {
                Ok(octets) => assert_eq!((size, &*octets), (30, &COMMAND[..])),
                Err(error) => {
                    assert_eq!(error.kind, ErrorKind::BufferTooSmall { needed: 30, available: size })
                }
            }
        }
        let long = std::vec![0; 70_000];
        let error = Block { content: &long, ..block }.encode_into(&mut []).unwrap_err();
        assert_eq!(error.kind, ErrorKind::TooLong { length: 70_006, limit: 65_535 });
    }

    #[test]
    fn codes_have_names() {
        assert_eq!(Function(0x20).name(), Some("secured application data"));
        assert_eq!(Structure(0x32).name(), Some("data with CMAC of 8 octets"));
        assert_eq!(Status(0x19).name(), Some("key id or key version unknown"));
        assert_eq!(KeyPurpose(0x20).name(), Some("breaker or valve control"));
        assert_eq!(Protocol(0x55).name(), None);
        for code in 0..=255 {
            for table in [
                Function::TABLE.iter().filter(|r| r.0.0 == code).count(),
                Structure::TABLE.iter().filter(|r| r.0.0 == code).count(),
            ] {
                assert!(table <= 1);
            }
        }
    }
}
