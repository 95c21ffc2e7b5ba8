//! The secured telegrams that OMS Vol. 2 Annex N prints (issue 5.0.1), opened to their printed plaintext and
//! sealed again octet for octet.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

mod backend;

use backend::TableFree;
use mbus_link::Address;
use oms_security::afl::{Afl, AflMessage};
use oms_security::cipher::consts::U16;
use oms_security::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit, KeySizeUser};
use oms_security::configuration::Configuration;
use oms_security::key::{Aes, BlockCipher128, Key, PreparedKey};
use oms_security::sealed::{Direction, Found, SecurityContext, open, seal};

/// One message: its section, profile, the address of the link layer, the AFL of every fragment, the message
/// from its transport CI on, the key, the direction, and the printed plaintext (without clear trailer).
struct Printed {
    section: &'static str,
    profile: char,
    link: &'static str,
    afl: &'static [&'static str],
    message: &'static str,
    key: &'static str,
    downlink: bool,
    plaintext: &'static str,
}

const PRINTED: &[Printed] = &[
    Printed {
        section: "N.2.1 gas SND-NR profile A (mode 5), short TPL",
        profile: 'A',
        link: "9315785634123303",
        afl: &[],
        message: "7A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3",
        key: "0102030405060708090A0B0C0D0E0F11",
        downlink: false,
        plaintext: "2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F",
    },
    Printed {
        section: "N.2.3 gas SND-NR profile B (ELL 8C, AFL, mode 7)",
        profile: 'B',
        link: "9315785634123303",
        afl: &["900F002C25B30A000021924D4F2FB66E01"],
        message: "7A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F",
    },
    Printed {
        section: "N.2.4 gas RSP-UD over radio adapter, profile B",
        profile: 'B',
        link: "2448443322110337",
        afl: &["900F002C25B30A0000AF5D74DF73A600D9"],
        message: "72785634129315330375002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F",
    },
    Printed {
        section: "N.2.5 gas RSP-UD wired with AFL, profile B",
        profile: 'B',
        link: "0000000000000000",
        afl: &["900F002C25B30A0000A08518CCB022C5FD"],
        message: "7278563412931533037500100710D371C801D409B0D928D5659759C2EC93",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0C1427048502046D32371F152F2F",
    },
    Printed {
        section: "N.2.6 gas SND-NR profile D (mode 10)",
        profile: 'D',
        link: "9315785634123303",
        afl: &[],
        message: "7A7500112A1001B30A0000C882038E223BBC1091CEB8C0A1009D388A5AF7883A5B5A7FD6",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "0C1427048502046D32371F1502FD170000",
    },
    Printed {
        section: "N.3.5 fragment 3 with MAC, profile B",
        profile: 'B',
        link: "496A785634120107",
        afl: &["9009017865B30A00005600", "90020240", "900A0304BE47ED4C9CC11A78"],
        message: "7A050050071030539A7CDB1CBCA6D43CB02D762A1E1626FEEF0EC490278E41A48BAD1438BDE38D4D1166305DEFF6392B6BE31A9FC812757BE805B406CC3E0457C725B4B29BE7FEF078777187CCEF8E2AF51CC729EF7A",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010420078310010540030180086190064240003410002FD1700002F2F2F2F2F",
    },
    Printed {
        section: "N.4.5 wired fragment 3",
        profile: 'A',
        link: "0000000000000000",
        afl: &["90050170405D00", "90020240", "90020300"],
        message: "7278563412934410070500500528FCB763E51B4A6D4FDDF2EEA906F61ED0DA7AB29787E1B2B5E34EF3C5903E3AE42427CDA9DB2407FA8131EFB2259798E2B79BAAD1AF89B7506FEB16C22B151B3537FA272D55227562C63F6C408383EB",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010420078310010540030180086190064240003410002FD1700002F2F2F2F2F",
    },
    Printed {
        section: "N.5.5 fragment 3 with tag, profile D",
        profile: 'D',
        link: "A73D785634120107",
        afl: &["90050170405C00", "90020240", "90020300"],
        message: "7A0500492A1001B30A000002B12B47A6B89CF8F54DE4BFC89CF836120885290B675FE6DB08EE8B55812989108B08131CEF2145AC232C9CE243505181F01294C52AB98A7EC51DB7CDC02F51E17AAB87C6B259D28BE41370F8741B9D99",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "0C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010420078310010540030180086190064240003410002FD170000",
    },
    Printed {
        section: "N.6.3 HCA SND-NR partial encryption",
        profile: 'A',
        link: "9344443322115537",
        afl: &[],
        message: "7288776655934455080004100500DFE2A782146D1513581CD2F83F39040CFD1078563412",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0B6E341200426CFE044B6E5634020CFD1078563412",
    },
    Printed {
        section: "N.6.4 HCA RSP-UD wired partial encryption",
        profile: 'A',
        link: "0000000000000000",
        afl: &[],
        message: "7288776655934455080004100500DFE2A782146D1513581CD2F83F39040CFD10785634120C7844332211",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0B6E341200426CFE044B6E5634020CFD10785634120C7844332211",
    },
    Printed {
        section: "N.7 SND-IR installation",
        profile: 'A',
        link: "9315785634123303",
        afl: &[],
        message: "7A01004805D2B70B3FBC1A1580D79B92CAA1D95341B609EF603AD3629472B2067D26BD2B5FDDC2374D29D0CD0858C5614E8B56E6C2175962DB0F01AA2AA7B12EE4B5F63F44",
        key: "0102030405060708090A0B0C0D0E0F11",
        downlink: false,
        plaintext: "2F2F0DFD0C0434474B420AFD0D05010AFD0E01010AFD0F00010DFD10213837363534333231303030303030303030303030343730393436353433323145442F2F",
    },
    Printed {
        section: "N.8.2 SND-UD adjust clock (CI 6C, TC 01)",
        profile: 'A',
        link: "2423563412900831",
        afl: &[],
        message: "6C44227592934400077D0010059ED82AB233D1A2A80BFFD3B7B6A908D7",
        key: "82B0551191F51D66EFCDAB8967452301",
        downlink: true,
        plaintext: "2F2F013201000000000000002F2F2F2F",
    },
    Printed {
        section: "N.9 RSP-UD selected data with LVAR/format records",
        profile: 'A',
        link: "6850785634128F08",
        afl: &[],
        message: "7A02001005FD26EF68ACF65BAE028BFDC188D8A972",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F036E393000426C3F1C436EA05B00",
    },
    Printed {
        section: "N.12.1 breaker SND-NR profile B",
        profile: 'B',
        link: "3A63785634125520",
        afl: &["900F002C25B30A0000ED17236827CEA2FF"],
        message: "7A7500100710B38C5500993341B123674F5938D29933",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F01FD1F012F2F2F2F2F2F2F2F2F2F",
    },
    Printed {
        section: "N.12.2 set breaker: SND-UD2 with SITP block (CI C3)",
        profile: 'B',
        link: "3A63214365870831",
        afl: &["900F002C25F00A000087E277722E67603D"],
        message: "C3785634123A635520512020071028B27359AC9B83ABCDC87FFDF8F2FE8E1ED8F19718B7434C5EAED8663F15C5CA",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: true,
        plaintext: "2F2F1C000020003220000F00000000000000300101FD1F00FA41E2812D449B4D",
    },
    Printed {
        section: "N.12.3 set breaker success: RSP-UD with SITP block (CI C4)",
        profile: 'B',
        link: "3A63785634125520",
        afl: &["900F002C25F10A00001C566D47AB618754"],
        message: "C451002007102DA57D884181E5376C0F7C9F86100822C33CF7CDFDB8411C20D477D8C5A67F37",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F1C0000A0003220000F00000000000000300101FD1F00FA41E2812D449B4D",
    },
    Printed {
        section: "N.12.4 set breaker failure: RSP-UD SITP status (CI C4)",
        profile: 'B',
        link: "3A63785634125520",
        afl: &["900F002C25F10A0000422FB12614375597"],
        message: "C45102180710B315C2E1A0721EE74E3503AD479F0F0D",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F070000A000222000190505050505",
    },
    Printed {
        section: "N.13 TAF7 SND-NR with compact profile",
        profile: 'B',
        link: "A73D785634120102",
        afl: &["900F002C25B30A0000B27C7EBEA010C953"],
        message: "7A0A00B007100D5EE06C03085EFC73ACC3D839C7E87EB41FBF9559E66FAB2B352BF3F0A0936C5896781B376D181DD0CD6ACD20BA2003D823BE0A2ABB9F1642E9E4EAF1FC7E4E526F07931305A8E3DECCAF99A063749A109E782BB11628148285EF59107F5493D8D280731ABEABFE1C424953E7D6EB1010CC6E071332A6E14EB296B108D294AD08FA939A71641325E1AF8F7E78BAB4B8B80F501C33CB9F9941B1338367789109753989FD1C5DA27EA525BC99F13B3E3A",
        key: "000102030405060708090A0B0C0D0E0F",
        downlink: false,
        plaintext: "2F2F0E026099010000000E823C513000000000CD016DE20330CE0103951900000000CD01831330410801030507090806040200000000000000000000000103050709080604020000000000000000000000010305070908CE01833C050300000000CD0183BC1330410800000000000000000000010305070908060402000000000000000000000001030507090806040200000000000000C101740302FD971D00002F2F2F2F2F2F2F2F2F2F2F2F2F2F2F",
    },
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

impl Printed {
    /// The context, the message, and where its body begins.
    fn parts(&self) -> (SecurityContext, Vec<u8>, usize) {
        let message = hex(self.message);
        let (context, body) = self.context(&message).unwrap();
        (context, message, body)
    }
    /// What the octets of `message` say; `None` when they are no transport header.
    fn context(&self, message: &[u8]) -> Option<(SecurityContext, usize)> {
        let is_long = matches!(hex(self.message)[0], 0x53 | 0x5B | 0x6C | 0x72 | 0xC3);
        let header = if is_long { 9 } else { 1 };
        let meter = if is_long {
            Address::from_transport_octets(message[1..9].try_into().unwrap())
        } else {
            Address::from_link_octets(hex(self.link).try_into().unwrap())
        };
        let (configuration, body) = Configuration::parse_prefix(&message[header + 2..]).ok()?;
        let body = message.len() - body.len();
        let mut afl: Option<AflMessage> = None;
        for fragment in self.afl {
            let first = afl.and_then(|afl| afl.message_control);
            let (fragment, rest) =
                Afl::parse_prefix(&hex(fragment), first).map(|(a, r)| (a, r.len())).unwrap();
            assert_eq!(rest, 0);
            afl = Some(afl.unwrap_or_default().with(&fragment));
        }
        let direction = if self.downlink { Direction::ToMeter } else { Direction::FromMeter };
        Some((SecurityContext { meter, access_number: message[header], direction, configuration, afl }, body))
    }
    fn key(&self) -> PreparedKey<Aes> {
        self.prepared()
    }
    fn prepared<C: BlockCipher128 + KeyInit + KeySizeUser<KeySize = U16>>(&self) -> PreparedKey<C> {
        PreparedKey::new(&self.key.parse::<Key>().unwrap())
    }
}

#[test]
fn every_printed_message_opens_and_is_sealed_again() {
    both_ways::<Aes>();
}

#[test]
fn another_block_cipher_plugs_in() {
    // FIPS 197, appendix B.
    let hex = |text: &str| *text.parse::<Key>().unwrap().octets();
    let (plain, sealed) = (hex("3243F6A8885A308D313198A2E0370734"), hex("3925841D02DC09FBDC118597196A0B32"));
    let cipher = TableFree::new(&hex("2B7E151628AED2A6ABF7158809CF4F3C").into());
    let mut block = plain.into();
    cipher.encrypt_block(&mut block);
    assert_eq!(block.0, sealed);
    cipher.decrypt_block(&mut block);
    assert_eq!(block.0, plain);
    both_ways::<TableFree>();
}

#[test]
fn a_key_schedule_is_made_once() {
    let printed = &PRINTED[0];
    let key = printed.prepared::<TableFree>();
    let before = backend::schedules();
    for _ in 0..10 {
        let (context, mut message, body) = printed.parts();
        open(&context, &mut message, body, &key).unwrap();
        seal(&context, &mut message, body, &key).unwrap();
    }
    assert_eq!(backend::schedules(), before, "mode 5 uses the schedule that was prepared");
    let (context, mut message, body) = PRINTED[1].parts();
    let key = PRINTED[1].prepared::<TableFree>();
    let before = backend::schedules();
    open(&context, &mut message, body, &key).unwrap();
    assert_eq!(backend::schedules(), before + 2, "mode 7 makes those of the two derived keys");
}

fn both_ways<C: BlockCipher128 + KeyInit + KeySizeUser<KeySize = U16>>() {
    for printed in PRINTED {
        let (context, sealed, body) = printed.parts();
        let mut message = sealed.clone();
        let opening = open(&context, &mut message, body, &printed.prepared::<C>()).unwrap_or_else(|error| {
            panic!("{}: {error}", printed.section);
        });
        let plaintext = hex(printed.plaintext);
        let end = body + plaintext.len();
        assert!(message.len() >= end && message[body..end] == plaintext, "{}", printed.section);
        assert_eq!(opening.found, Found::Deciphered, "{}", printed.section);
        assert_eq!(opening.authenticated, printed.profile != 'A', "{}", printed.section);
        assert_eq!(opening.counter.is_some(), printed.profile != 'A', "{}", printed.section);

        let mut again = message.clone();
        let mac = seal(&context, &mut again, body, &printed.prepared::<C>()).unwrap();
        assert!(again == sealed, "{}", printed.section);
        assert_eq!(mac, context.afl.and_then(|afl| afl.mac), "{}", printed.section);
    }
    assert_eq!(PRINTED.len(), 18);
}

#[test]
fn every_flipped_bit_of_an_authenticated_message_is_refused() {
    for printed in PRINTED.iter().filter(|printed| printed.profile != 'A') {
        let (_, sealed, _) = printed.parts();
        let key = printed.key();
        for bit in 0..sealed.len() * 8 {
            let mut message = sealed.clone();
            message[bit / 8] ^= 1 << (bit % 8);
            let before = message.clone();
            let Some((context, body)) = printed.context(&message) else { continue };
            assert!(open(&context, &mut message, body, &key).is_err(), "{} bit {bit}", printed.section);
            assert!(message == before, "{} bit {bit}: changed by a failed opening", printed.section);
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    for printed in PRINTED {
        let (context, sealed, body) = printed.parts();
        let blocks = context.configuration.encrypted_blocks().unwrap_or_default();
        let enciphered = body + usize::from(blocks) * 16;
        for len in body..sealed.len() {
            let mut message = sealed[..len].to_vec();
            let outcome = open(&context, &mut message, body, &printed.key());
            if printed.profile == 'A' && len >= enciphered {
                continue; // a clear trailer may end anywhere, nothing protects it
            }
            assert!(outcome.is_err(), "{} cut to {len}", printed.section);
        }
    }
}

#[test]
fn a_wrong_key_is_not_a_missing_key() {
    let wrong = PreparedKey::<Aes>::new(&Key::new([0xEE; 16]));
    for printed in PRINTED {
        let (context, sealed, body) = printed.parts();
        let mut message = sealed.clone();
        let kind = open(&context, &mut message, body, &wrong).unwrap_err().kind.name();
        let expected = match printed.profile {
            'A' => "check_octets",
            'B' => "mac",
            _ => "tag",
        };
        assert_eq!((kind, &message), (expected, &sealed), "{}", printed.section);
        let kind = open(&context, &mut message, body, &oms_security::key::NoKeys).unwrap_err().kind.name();
        assert_eq!(kind, "key_missing", "{}", printed.section);
    }
}
