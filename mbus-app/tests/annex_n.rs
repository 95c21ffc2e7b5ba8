//! Every frame that OMS Vol. 2 Annex N prints (issue 5.0.1), from the octets on the air to the values.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "tests"
)]

use mbus_app::Telegram;
use mbus_app::telegram::{BodyState, Input, Link};
use oms_security::key::{Aes, Key, NoKeys, PreparedKey};

/// A frame as printed, with link CRCs where it has them; the key, where it has one; the plaintext of the
/// body, where it is enciphered and in one piece.
struct Printed {
    section: &'static str,
    wired: bool,
    frame: &'static str,
    key: Option<&'static str>,
    plaintext: Option<&'static str>,
    fragment: bool,
}

const PRINTED: &[Printed] = &[
    Printed {
        section: "N.2.1 gas SND-NR profile A (mode 5), short TPL",
        wired: false,
        frame: "2E44931578563412330333637A2A0020255923C95AAA26D1B2E7493BC2AD013EC4A6F6D3529B520EDFF0EA6DEFC955B29D6D69EBF3EC8A",
        key: Some("0102030405060708090A0B0C0D0E0F11"),
        plaintext: Some("2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F"),
        fragment: false,
    },
    Printed {
        section: "N.2.2 gas RSP-UD wired, unencrypted",
        wired: true,
        frame: "6820206808FD7278563412931533032A0000000C1427048502046D32371F1502FD1700008916",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.2.3 gas SND-NR profile B (ELL 8C, AFL, mode 7)",
        wired: false,
        frame: "434493157856341233037AC98C2075900F002C25B30A000021924D4FBA372FB66E017A75002007109058475F4BC9D1281DF878B80A1B0F98B629024AAC7279429398BFC549233C0140829B93BAA1",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F"),
        fragment: false,
    },
    Printed {
        section: "N.2.4 gateway REQ-UD2 to radio adapter (ELL 8E, CI 80)",
        wired: false,
        frame: "217B3A63665544330A315D178E84752448443322110337807856341280A49315330375170000CDCD",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.2.4 gas RSP-UD over radio adapter, profile B",
        wired: false,
        frame: "53082448443322110337D0468E80753A63665544330A31900F002C25E00AB30A0000AF5D74DF73A600D972785634C027129315330375002007109058475F4BC955CF1DF878B80A1B0F98B629024AAC7279429398BFC549233C0140829B93BAA1",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F"),
        fragment: false,
    },
    Printed {
        section: "N.2.5 gas RSP-UD wired with AFL, profile B",
        wired: true,
        frame: "683131680803900F002C25B30A0000A08518CCB022C5FD7278563412931533037500100710D371C801D409B0D928D5659759C2EC935B16",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F0C1427048502046D32371F152F2F"),
        fragment: false,
    },
    Printed {
        section: "N.2.6 gas SND-NR profile D (mode 10)",
        wired: false,
        frame: "30449315785634123303B56B8C20757A7500112A1001B30A0000C882C518038E223BBC1091CEB8C0A1009D388A5A5E96F7883A5B5A7FD684D8",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("0C1427048502046D32371F1502FD170000"),
        fragment: false,
    },
    Printed {
        section: "N.3.3 REQ-UD2 for fragment 1",
        wired: false,
        frame: "197B3A63665544330A31822E8C84118078563412496A010705170000CB20",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.3.3 fragment 1, profile B",
        wired: false,
        frame: "3908496A78563412010714648E80113A63665544330A319009017865D438B30A000056007A050050071030539A7C63ABDB1CBCA6D43CB02D762A1E1626FEEF0E8E95",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.3.4 REQ-UD2 for fragment 2",
        wired: false,
        frame: "145B3A63665544330A3147398E8412496A78563412010753CF",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.3.4 fragment 2, profile B",
        wired: false,
        frame: "3908496A78563412010714648E80123A63665544330A3190020240C4E9B390278E41A48BAD1438BDE38D4D116630215F5DEFF6392B6BE31A9FC812757BE805B4B186",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.3.5 REQ-UD2 for fragment 3",
        wired: false,
        frame: "147B3A63665544330A31B60C8E8413496A785634120107C31F",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.3.5 fragment 3 with MAC, profile B",
        wired: false,
        frame: "3B08496A78563412010763428E80133A63665544330A31900A0304BE41AF47ED4C9CC11A7806CC3E0457C725B4B2CD8C9BE7FEF078777187CCEF8E2AF51CC7299583EF7AC7F2",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.4.3 wired REQ-UD2 FCB=1",
        wired: true,
        frame: "107BFD7816",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.4.3 wired fragment 1, profile A",
        wired: true,
        frame: "682A2A68080390050170405D007278563412934410070500500528FCB763E51B4A6D4FDDF2EEA906F61ED0DA7AB21616",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.4.4 wired REQ-UD2 FCB=0",
        wired: true,
        frame: "105BFD5816",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.4.4 wired fragment 2",
        wired: true,
        frame: "682727680803900202409787E1B2B5E34EF3C5903E3AE42427CDA9DB2407FA8131EFB2259798E2B79BAAD13116",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.4.5 wired REQ-UD2 FCB=1",
        wired: true,
        frame: "107BFD7816",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.4.5 wired fragment 3",
        wired: true,
        frame: "68212168080390020300AF89B7506FEB16C22B151B3537FA272D55227562C63F6C408383EB1616",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.5.3 REQ-UD2 for fragment 1",
        wired: false,
        frame: "197B3A63665544330A31822E8C84118078563412A73D0107051700008449",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.5.3 fragment 1, profile D",
        wired: false,
        frame: "3808A73D785634120107609E8E80113A63665544330A3190050170401E8C5C007A0500492A1001B30A000002B12BDDB947A6B89CF8F54DE4BFC89CF83612082060",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.5.4 REQ-UD2 for fragment 2",
        wired: false,
        frame: "145B3A63665544330A3147398E8412A73D7856341201071CA6",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.5.4 fragment 2, profile D",
        wired: false,
        frame: "3908A73D7856341201075B0D8E80123A63665544330A319002024085E9E0290B675FE6DB08EE8B55812989108B08876B131CEF2145AC232C9CE243505181F012DEBE",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.5.5 REQ-UD2 for fragment 3",
        wired: false,
        frame: "147B3A63665544330A31B60C8E8413A73D7856341201078C76",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.5.5 fragment 3 with tag, profile D",
        wired: false,
        frame: "3608A73D78563412010718098E80133A63665544330A3190020300948399C52AB98A7EC51DB7CDC02F51E17AAB87D99EC6B259D28BE41370F8741B9D99274E",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: None,
        fragment: true,
    },
    Printed {
        section: "N.6.2 HCA ACC-NR over adapter",
        wired: false,
        frame: "1947934444332211553735728C20758B8877665593445508FF0400001393",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.6.3 HCA SND-NR partial encryption",
        wired: false,
        frame: "30449344443322115537A3528C0075728877665593445508000410051B2F00DFE2A782146D1513581CD2F83F3904D7570CFD1078563412FB35",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F0B6E341200426CFE044B6E5634020CFD1078563412"),
        fragment: false,
    },
    Printed {
        section: "N.6.4 HCA RSP-UD wired partial encryption",
        wired: true,
        frame: "682C2C6808FD7288776655934455080004100500DFE2A782146D1513581CD2F83F39040CFD10785634120C78443322112616",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F0B6E341200426CFE044B6E5634020CFD10785634120C7844332211"),
        fragment: false,
    },
    Printed {
        section: "N.7 SND-IR installation",
        wired: false,
        frame: "51469315785634123303EFB58C80457A01004805D2B70B3FBC1A1580C85ED79B92CAA1D95341B609EF603AD36294853A72B2067D26BD2B5FDDC2374D29D0CD08AB4858C5614E8B56E6C2175962DB0F01AA2A62E1A7B12EE4B5F63F440569",
        key: Some("0102030405060708090A0B0C0D0E0F11"),
        plaintext: Some(
            "2F2F0DFD0C0434474B420AFD0D05010AFD0E01010AFD0F00010DFD10213837363534333231303030303030303030303030343730393436353433323145442F2F",
        ),
        fragment: false,
    },
    Printed {
        section: "N.7 CNF-IR from gateway",
        wired: false,
        frame: "19063A63665544330A3190728C84458078563412931533030119000093FD",
        key: Some("0102030405060708090A0B0C0D0E0F11"),
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.8.2 SND-UD adjust clock (CI 6C, TC 01)",
        wired: false,
        frame: "29532423563412900831888A8C84516C44227592934400077D00100572939ED82AB233D1A2A80BFFD3B7B6A908D7C5AA",
        key: Some("82B0551191F51D66EFCDAB8967452301"),
        plaintext: Some("2F2F013201000000000000002F2F2F2F"),
        fragment: false,
    },
    Printed {
        section: "N.8.2 ACK",
        wired: false,
        frame: "1900242302618843290777838C80518B44227592934400077D020000A6B5",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.9 RSP-UD selected data with LVAR/format records",
        wired: false,
        frame: "21086850785634128F08E4F88C80157A02001005FD26EF68ACF65BAE39F9028BFDC188D8A972D8DC",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F036E393000426C3F1C436EA05B00"),
        fragment: false,
    },
    Printed {
        section: "N.9 RSP-UD application error (CI 6E)",
        wired: false,
        frame: "12086850785634128F0896898C80156E0202000001B5A3",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.10 ACC-DMD",
        wired: false,
        frame: "1948B05C114715081137B3658CA0518B16685438386B1907510000000EAC",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.10 ACK from gateway",
        wired: false,
        frame: "19003A63785634120231C2BA8C80518016685438386B1907511700005537",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.11 SND-NKE",
        wired: false,
        frame: "19403A63998877660C319BB78C843280443322119344100A03200000DA8E",
        key: None,
        plaintext: None,
        fragment: false,
    },
    Printed {
        section: "N.12.1 breaker SND-NR profile B",
        wired: false,
        frame: "33443A63785634125520E4C98CA4E5900F002C25B30A0000ED172368E6B527CEA2FF7A7500100710B38C55009933A60441B123674F5938D299330813",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F01FD1F012F2F2F2F2F2F2F2F2F2F"),
        fragment: false,
    },
    Printed {
        section: "N.12.2 set breaker: SND-UD2 with SITP block (CI C3)",
        wired: false,
        frame: "4B433A6321436587083187718C8423900F002C25F00A000087E2777272442E67603DC3785634123A635520512020FB1B071028B27359AC9B83ABCDC87FFDF8F2BAD9FE8E1ED8F19718B7434C5EAED8663F15F33AC5CAA138",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F1C000020003220000F00000000000000300101FD1F00FA41E2812D449B4D"),
        fragment: false,
    },
    Printed {
        section: "N.12.3 set breaker success: RSP-UD with SITP block (CI C4)",
        wired: false,
        frame: "43083A63785634125520F24F8C8423900F002C25F10A00001C566D47D3EEAB618754C451002007102DA57D884181FF44E5376C0F7C9F86100822C33CF7CDFDB83373411C20D477D8C5A67F375729",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F1C0000A0003220000F00000000000000300101FD1F00FA41E2812D449B4D"),
        fragment: false,
    },
    Printed {
        section: "N.12.4 set breaker failure: RSP-UD SITP status (CI C4)",
        wired: false,
        frame: "33083A6378563412552071588C8423900F002C25F10A0000422FB126DEC814375597C45102180710B315C2E1A072392E1EE74E3503AD479F0F0D1241",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some("2F2F070000A000222000190505050505"),
        fragment: false,
    },
    Printed {
        section: "N.13 TAF7 SND-NR with compact profile",
        wired: false,
        frame: "D344A73D785634120102ABFD8C200A900F002C25B30A0000B27C7EBE85D0A010C9537A0A00B007100D5EE06C03088EAB5EFC73ACC3D839C7E87EB41FBF9559E63B7C6FAB2B352BF3F0A0936C5896781B376D78A5181DD0CD6ACD20BA2003D823BE0A2ABB7F019F1642E9E4EAF1FC7E4E526F07931305C460A8E3DECCAF99A063749A109E782BB116A47828148285EF59107F5493D8D280731ABE8F5BABFE1C424953E7D6EB1010CC6E0713326ABAA6E14EB296B108D294AD08FA939A7164E2081325E1AF8F7E78BAB4B8B80F501C33CB06039F9941B1338367789109753989FD1C5D5A87A27EA525BC99F13B3E3A1957",
        key: Some("000102030405060708090A0B0C0D0E0F"),
        plaintext: Some(
            "2F2F0E026099010000000E823C513000000000CD016DE20330CE0103951900000000CD01831330410801030507090806040200000000000000000000000103050709080604020000000000000000000000010305070908CE01833C050300000000CD0183BC1330410800000000000000000000010305070908060402000000000000000000000001030507090806040200000000000000C101740302FD971D00002F2F2F2F2F2F2F2F2F2F2F2F2F2F2F",
        ),
        fragment: false,
    },
];

fn hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

impl Printed {
    fn keys(&self) -> Vec<(oms_security::key::KeySelector, PreparedKey<Aes>)> {
        let key = self.key.map(|key| PreparedKey::new(&key.parse::<Key>().unwrap()));
        key.into_iter().map(|key| (oms_security::key::KeySelector::default(), key)).collect()
    }
    fn input(&self) -> Input {
        if self.wired { Input::Wired } else { Input::FormatA }
    }
}

/// The readings of a telegram, one line each.
fn readings(telegram: &Telegram<'_>) -> Vec<String> {
    let line = |record: mbus_app::record::Record<'_>| {
        let unit = record.ucum().to_string();
        let space = if unit.is_empty() { "" } else { " " };
        format!("{}: {}{space}{unit}", record.quantity(), record.value())
    };
    telegram.records().map(|record| line(record.unwrap())).collect()
}

#[test]
fn every_frame_decodes() {
    for printed in PRINTED {
        let mut octets = hex(printed.frame);
        assert_eq!(Telegram::guess(&octets), printed.input(), "{}", printed.section);
        let keys = printed.keys();
        let outcome = Telegram::decode(&mut octets, &keys[..]);
        if printed.fragment {
            assert_eq!(outcome.unwrap_err().kind.name(), "fragment", "{}", printed.section);
            continue;
        }
        let telegram = outcome.unwrap_or_else(|error| panic!("{}: {error}", printed.section));
        if let Some(plaintext) = printed.plaintext {
            let plaintext = hex(plaintext);
            assert!(telegram.body().len() + 8 >= plaintext.len(), "{}", printed.section);
            let len = telegram.body().len().min(plaintext.len());
            assert_eq!(telegram.body()[..len], plaintext[..len], "{}", printed.section);
            assert!(matches!(telegram.state(), BodyState::Opened(_)), "{}", printed.section);
        }
        for record in telegram.records() {
            record.unwrap();
        }
    }
    assert_eq!(PRINTED.len(), 42);
}

#[test]
fn the_readings_of_the_gas_meter() {
    let gas = ["volume: 28504.27 m3", "date and time: 2008-05-31T23:50", "error flags: 0000"];
    for section in ["N.2.1", "N.2.2", "N.2.3", "N.2.4 gas", "N.2.5", "N.2.6"] {
        let printed = PRINTED.iter().find(|printed| printed.section.starts_with(section)).unwrap();
        let mut octets = hex(printed.frame);
        let telegram = Telegram::decode(&mut octets, &printed.keys()[..]).unwrap();
        assert_eq!(telegram.meter().unwrap().to_string(), "ELS.12345678.33.03", "{section}");
        // The wired profile B telegram of N.2.5 leaves the error flags out.
        let expected = if section == "N.2.5" { &gas[..2] } else { &gas[..] };
        assert_eq!(readings(&telegram), expected, "{section}");
    }
}

#[test]
fn without_the_key_nothing_is_shown() {
    for printed in PRINTED.iter().filter(|printed| printed.plaintext.is_some()) {
        let mut octets = hex(printed.frame);
        let before = octets.clone();
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &NoKeys);
        assert_eq!(lax.stopped.unwrap().kind.name(), "key_missing", "{}", printed.section);
        assert_eq!(lax.telegram.state(), BodyState::Closed);
        assert!(lax.telegram.body().is_empty() && lax.telegram.records().next().is_none());
        assert!(lax.telegram.meter().is_some());
        let wrong = PreparedKey::<Aes>::new(&Key::new([9; 16]));
        let mut octets = before;
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &wrong);
        assert!(
            ["check_octets", "mac", "tag"].contains(&lax.stopped.unwrap().kind.name()),
            "{}",
            printed.section
        );
        assert!(lax.telegram.body().is_empty());
    }
}

#[test]
fn every_prefix_is_an_error_within_its_octets() {
    for printed in PRINTED {
        let all = hex(printed.frame);
        for len in 0..all.len() {
            let mut octets = all[..len].to_vec();
            let lax = Telegram::decode_lax(&mut octets, printed.input(), &printed.keys()[..]);
            let error = lax.stopped.unwrap();
            assert!(error.offset <= len, "{} cut to {len}: {error}", printed.section);
        }
    }
}

#[test]
fn every_flipped_bit_of_a_frame_on_the_air_is_refused() {
    for printed in PRINTED.iter().filter(|printed| !printed.wired) {
        let all = hex(printed.frame);
        for bit in 0..all.len() * 8 {
            let mut octets = all.clone();
            octets[bit / 8] ^= 1 << (bit % 8);
            assert!(
                Telegram::decode_format_a(&mut octets, &printed.keys()[..]).is_err(),
                "{} {bit}",
                printed.section
            );
        }
    }
}

#[test]
fn the_layers_are_told() {
    let printed = PRINTED.iter().find(|printed| printed.section.starts_with("N.2.4 gas")).unwrap();
    let mut octets = hex(printed.frame);
    let telegram = Telegram::decode(&mut octets, &printed.keys()[..]).unwrap();
    let layers: Vec<String> = telegram.layers().map(|ci| ci.to_string()).collect();
    assert_eq!(layers, ["8E", "90", "72"]);
    assert!(telegram.is_authenticated());
    let Some(Link::Wireless(frame)) = telegram.link() else { panic!() };
    assert_eq!(
        (frame.address().to_string().as_str(), frame.c_field().name()),
        ("RAD.11223344.03.37", Some("RSP-UD"))
    );
}

#[test]
fn peek_needs_no_key() {
    for printed in PRINTED.iter().filter(|printed| printed.wired) {
        let octets = hex(printed.frame);
        mbus_app::peek(&octets).unwrap();
    }
    for printed in PRINTED.iter().filter(|printed| !printed.wired) {
        let mut octets = hex(printed.frame);
        let lax = Telegram::decode_lax(&mut octets, Input::FormatA, &NoKeys);
        let (octets, meter) = (lax.telegram.octets().to_vec(), lax.telegram.meter());
        let peek = mbus_app::peek(&octets).unwrap();
        assert!(peek.meter() == meter || printed.fragment, "{}", printed.section);
        for len in 0..octets.len() {
            let _ = mbus_app::peek(&octets[..len]);
        }
    }
}

#[test]
fn fragments_are_put_together_and_opened() {
    use mbus_link::time::{Duration, Instant};
    use oms_security::reassembly::{Channel, Reassembler};

    let mut store = Reassembler::<2, 1024>::new(Duration::from_secs(60));
    let mut messages = Vec::new();
    for printed in PRINTED.iter().filter(|printed| printed.fragment) {
        let mut octets = hex(printed.frame);
        let lax = Telegram::decode_lax(&mut octets, printed.input(), &NoKeys);
        assert_eq!(lax.stopped.unwrap().kind.name(), "fragment");
        let (channel, sender, c_field) = match lax.telegram.link().unwrap() {
            Link::Wireless(frame) => {
                let receiver = lax.telegram.ell().and_then(|ell| ell.receiver);
                (
                    Channel::Wireless { sender: frame.address(), receiver },
                    Some(frame.address()),
                    Some(frame.c_field()),
                )
            }
            Link::Wired(frame) => (Channel::Wired(frame.address().unwrap().0), None, frame.c_field()),
        };
        let afl = lax.telegram.afl().unwrap();
        let fragment = lax.telegram.fragment();
        if let Some(message) = store.push(Instant::ZERO, channel, true, &afl, fragment).unwrap() {
            let lax =
                Telegram::decode_message(message.octets, sender, c_field, message.afl, &printed.keys()[..]);
            assert!(lax.stopped.is_none(), "{}: {:?}", printed.section, lax.stopped);
            let readings = readings(&lax.telegram);
            messages.push((
                printed.section,
                lax.telegram.is_authenticated(),
                readings.len(),
                readings[0].clone(),
            ));
        }
    }
    assert_eq!(
        messages,
        [
            ("N.3.5 fragment 3 with MAC, profile B", true, 7, "volume: 411.979 m3".to_string()),
            ("N.4.5 wired fragment 3", false, 7, "volume: 411.979 m3".to_string()),
            ("N.5.5 fragment 3 with tag, profile D", true, 7, "volume: 411.979 m3".to_string()),
        ]
    );
}
