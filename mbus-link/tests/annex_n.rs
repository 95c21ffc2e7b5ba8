//! The wireless frames printed in OMS Specification Volume 2, Annex N (issue 5.0.1), CRCs removed: link layer
//! and extended link layer parsed to what is printed, then built again octet for octet.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "tests"
)]

use mbus_link::wireless::{Frame, FrameBuilder, Routing};
use mbus_link::{Ell, ErrorKind};

struct Row {
    section: &'static str,
    /// The word of the C-field as printed in the title of the frame.
    word: &'static str,
    /// Manufacturer and identification number of M and A.
    sender: &'static str,
    /// CI, CC and ACC.
    ell: Option<(u8, u8, u8)>,
    /// The identification number of M2 and A2.
    receiver: Option<&'static str>,
    /// The CI behind link layer and ELL.
    next: Option<u8>,
    octets: &'static str,
}

const FRAMES: &[Row] = &[
    Row {
        section: "N.2.1",
        word: "SND-NR",
        sender: "ELS 12345678",
        ell: None,
        receiver: None,
        next: Some(0x7A),
        octets: "2E4493157856341233037A2A0020255923C95AAA26D1B2E7493B013EC4A6F6D3529B520EDFF0EA6DEFC99D6D69EBF3",
    },
    Row {
        section: "N.2.3",
        word: "SND-NR",
        sender: "ELS 12345678",
        ell: Some((0x8C, 0x20, 0x75)),
        receiver: None,
        next: Some(0x90),
        octets: "434493157856341233038C2075900F002C25B30A000021924D4F2FB66E017A75002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
    },
    Row {
        section: "N.2.4",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8E, 0x84, 0x75)),
        receiver: Some("11223344"),
        next: Some(0x80),
        octets: "217B3A63665544330A318E8475244844332211033780785634129315330375170000",
    },
    Row {
        section: "N.2.4",
        word: "RSP-UD",
        sender: "RAD 11223344",
        ell: Some((0x8E, 0x80, 0x75)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "530824484433221103378E80753A63665544330A31900F002C25B30A0000AF5D74DF73A600D972785634129315330375002007109058475F4BC91DF878B80A1B0F98B629024AAC727942BFC549233C0140829B93",
    },
    Row {
        section: "N.2.6",
        word: "SND-NR",
        sender: "ELS 12345678",
        ell: Some((0x8C, 0x20, 0x75)),
        receiver: None,
        next: Some(0x7A),
        octets: "304493157856341233038C20757A7500112A1001B30A0000C882038E223BBC1091CEB8C0A1009D388A5AF7883A5B5A7FD6",
    },
    Row {
        section: "N.3.3",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8C, 0x84, 0x11)),
        receiver: None,
        next: Some(0x80),
        octets: "197B3A63665544330A318C84118078563412496A010705170000",
    },
    Row {
        section: "N.3.3",
        word: "RSP-UD",
        sender: "ZRI 12345678",
        ell: Some((0x8E, 0x80, 0x11)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3908496A7856341201078E80113A63665544330A319009017865B30A000056007A050050071030539A7CDB1CBCA6D43CB02D762A1E1626FEEF0E",
    },
    Row {
        section: "N.3.4",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8E, 0x84, 0x12)),
        receiver: Some("12345678"),
        next: None,
        octets: "145B3A63665544330A318E8412496A785634120107",
    },
    Row {
        section: "N.3.4",
        word: "RSP-UD",
        sender: "ZRI 12345678",
        ell: Some((0x8E, 0x80, 0x12)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3908496A7856341201078E80123A63665544330A3190020240C490278E41A48BAD1438BDE38D4D1166305DEFF6392B6BE31A9FC812757BE805B4",
    },
    Row {
        section: "N.3.5",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8E, 0x84, 0x13)),
        receiver: Some("12345678"),
        next: None,
        octets: "147B3A63665544330A318E8413496A785634120107",
    },
    Row {
        section: "N.3.5",
        word: "RSP-UD",
        sender: "ZRI 12345678",
        ell: Some((0x8E, 0x80, 0x13)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3B08496A7856341201078E80133A63665544330A31900A0304BE47ED4C9CC11A7806CC3E0457C725B4B29BE7FEF078777187CCEF8E2AF51CC729EF7A",
    },
    Row {
        section: "N.5.3",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8C, 0x84, 0x11)),
        receiver: None,
        next: Some(0x80),
        octets: "197B3A63665544330A318C84118078563412A73D010705170000",
    },
    Row {
        section: "N.5.3",
        word: "RSP-UD",
        sender: "OMG 12345678",
        ell: Some((0x8E, 0x80, 0x11)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3808A73D7856341201078E80113A63665544330A3190050170405C007A0500492A1001B30A000002B12B47A6B89CF8F54DE4BFC89CF8361208",
    },
    Row {
        section: "N.5.4",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8E, 0x84, 0x12)),
        receiver: Some("12345678"),
        next: None,
        octets: "145B3A63665544330A318E8412A73D785634120107",
    },
    Row {
        section: "N.5.4",
        word: "RSP-UD",
        sender: "OMG 12345678",
        ell: Some((0x8E, 0x80, 0x12)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3908A73D7856341201078E80123A63665544330A319002024085290B675FE6DB08EE8B55812989108B08131CEF2145AC232C9CE243505181F012",
    },
    Row {
        section: "N.5.5",
        word: "REQ-UD2",
        sender: "XYZ 33445566",
        ell: Some((0x8E, 0x84, 0x13)),
        receiver: Some("12345678"),
        next: None,
        octets: "147B3A63665544330A318E8413A73D785634120107",
    },
    Row {
        section: "N.5.5",
        word: "RSP-UD",
        sender: "OMG 12345678",
        ell: Some((0x8E, 0x80, 0x13)),
        receiver: Some("33445566"),
        next: Some(0x90),
        octets: "3608A73D7856341201078E80133A63665544330A319002030094C52AB98A7EC51DB7CDC02F51E17AAB87C6B259D28BE41370F8741B9D99",
    },
    Row {
        section: "N.6.2",
        word: "ACC-NR",
        sender: "QDS 11223344",
        ell: Some((0x8C, 0x20, 0x75)),
        receiver: None,
        next: Some(0x8B),
        octets: "194793444433221155378C20758B8877665593445508FF040000",
    },
    Row {
        section: "N.6.3",
        word: "SND-NR",
        sender: "QDS 11223344",
        ell: Some((0x8C, 0x00, 0x75)),
        receiver: None,
        next: Some(0x72),
        octets: "304493444433221155378C00757288776655934455080004100500DFE2A782146D1513581CD2F83F39040CFD1078563412",
    },
    Row {
        section: "N.7",
        word: "SND-IR",
        sender: "ELS 12345678",
        ell: Some((0x8C, 0x80, 0x45)),
        receiver: None,
        next: Some(0x7A),
        octets: "514693157856341233038C80457A01004805D2B70B3FBC1A1580D79B92CAA1D95341B609EF603AD3629472B2067D26BD2B5FDDC2374D29D0CD0858C5614E8B56E6C2175962DB0F01AA2AA7B12EE4B5F63F44",
    },
    Row {
        section: "N.7",
        word: "CNF-IR",
        sender: "XYZ 33445566",
        ell: Some((0x8C, 0x84, 0x45)),
        receiver: None,
        next: Some(0x80),
        octets: "19063A63665544330A318C844580785634129315330301190000",
    },
    Row {
        section: "N.8.2",
        word: "SND-UD",
        sender: "HYD 90123456",
        ell: Some((0x8C, 0x84, 0x51)),
        receiver: None,
        next: Some(0x6C),
        octets: "295324235634129008318C84516C44227592934400077D0010059ED82AB233D1A2A80BFFD3B7B6A908D7",
    },
    Row {
        section: "N.8.2",
        word: "ACK",
        sender: "HYD 43886102",
        ell: Some((0x8C, 0x80, 0x51)),
        receiver: None,
        next: Some(0x8B),
        octets: "190024230261884329078C80518B44227592934400077D020000",
    },
    Row {
        section: "N.9",
        word: "RSP-UD",
        sender: "TCH 12345678",
        ell: Some((0x8C, 0x80, 0x15)),
        receiver: None,
        next: Some(0x7A),
        octets: "21086850785634128F088C80157A02001005FD26EF68ACF65BAE028BFDC188D8A972",
    },
    Row {
        section: "N.9",
        word: "RSP-UD",
        sender: "TCH 12345678",
        ell: Some((0x8C, 0x80, 0x15)),
        receiver: None,
        next: Some(0x6E),
        octets: "12086850785634128F088C80156E0202000001",
    },
    Row {
        section: "N.10",
        word: "ACC-DMD",
        sender: "WEP 08154711",
        ell: Some((0x8C, 0xA0, 0x51)),
        receiver: None,
        next: Some(0x8B),
        octets: "1948B05C1147150811378CA0518B16685438386B190751000000",
    },
    Row {
        section: "N.10",
        word: "ACK",
        sender: "XYZ 12345678",
        ell: Some((0x8C, 0x80, 0x51)),
        receiver: None,
        next: Some(0x80),
        octets: "19003A637856341202318C80518016685438386B190751170000",
    },
    Row {
        section: "N.11",
        word: "SND-NKE",
        sender: "XYZ 66778899",
        ell: Some((0x8C, 0x84, 0x32)),
        receiver: None,
        next: Some(0x80),
        octets: "19403A63998877660C318C843280443322119344100A03200000",
    },
    Row {
        section: "N.12.1",
        word: "SND-NR",
        sender: "XYZ 12345678",
        ell: Some((0x8C, 0xA4, 0xE5)),
        receiver: None,
        next: Some(0x90),
        octets: "33443A637856341255208CA4E5900F002C25B30A0000ED17236827CEA2FF7A7500100710B38C5500993341B123674F5938D29933",
    },
    Row {
        section: "N.12.2",
        word: "SND-UD2",
        sender: "XYZ 87654321",
        ell: Some((0x8C, 0x84, 0x23)),
        receiver: None,
        next: Some(0x90),
        octets: "4B433A632143658708318C8423900F002C25F00A000087E277722E67603DC3785634123A635520512020071028B27359AC9B83ABCDC87FFDF8F2FE8E1ED8F19718B7434C5EAED8663F15C5CA",
    },
    Row {
        section: "N.12.3",
        word: "RSP-UD",
        sender: "XYZ 12345678",
        ell: Some((0x8C, 0x84, 0x23)),
        receiver: None,
        next: Some(0x90),
        octets: "43083A637856341255208C8423900F002C25F10A00001C566D47AB618754C451002007102DA57D884181E5376C0F7C9F86100822C33CF7CDFDB8411C20D477D8C5A67F37",
    },
    Row {
        section: "N.12.4",
        word: "RSP-UD",
        sender: "XYZ 12345678",
        ell: Some((0x8C, 0x84, 0x23)),
        receiver: None,
        next: Some(0x90),
        octets: "33083A637856341255208C8423900F002C25F10A0000422FB12614375597C45102180710B315C2E1A0721EE74E3503AD479F0F0D",
    },
    Row {
        section: "N.13",
        word: "SND-NR",
        sender: "OMG 12345678",
        ell: Some((0x8C, 0x20, 0x0A)),
        receiver: None,
        next: Some(0x90),
        octets: "D344A73D7856341201028C200A900F002C25B30A0000B27C7EBEA010C9537A0A00B007100D5EE06C03085EFC73ACC3D839C7E87EB41FBF9559E66FAB2B352BF3F0A0936C5896781B376D181DD0CD6ACD20BA2003D823BE0A2ABB9F1642E9E4EAF1FC7E4E526F07931305A8E3DECCAF99A063749A109E782BB11628148285EF59107F5493D8D280731ABEABFE1C424953E7D6EB1010CC6E071332A6E14EB296B108D294AD08FA939A71641325E1AF8F7E78BAB4B8B80F501C33CB9F9941B1338367789109753989FD1C5DA27EA525BC99F13B3E3A",
    },
];

fn octets(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn every_frame_is_what_is_printed() {
    for row in FRAMES {
        let octets = octets(row.octets);
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!(frame.c_field().name(), Some(row.word), "{}", row.section);
        let sender = frame.address();
        assert_eq!(
            format!("{} {}", sender.manufacturer, sender.identification),
            row.sender,
            "{}",
            row.section
        );
        let (ell, rest) = Ell::parse_optional(frame.payload()).unwrap();
        assert_eq!(ell.map(|e| (e.ci(), e.control.0, e.access_number)), row.ell, "{}", row.section);
        let receiver = ell.and_then(|e| e.receiver).map(|a| a.identification.to_string());
        assert_eq!(receiver.as_deref(), row.receiver, "{}", row.section);
        assert_eq!(rest.first().copied(), row.next, "{}", row.section);
    }
}

#[test]
fn every_frame_is_built_again_octet_for_octet() {
    for row in FRAMES {
        let octets = octets(row.octets);
        let frame = Frame::parse(&octets).unwrap();
        let (ell, rest) = Ell::parse_optional(frame.payload()).unwrap();
        let mut payload = vec![0; ell.map_or(0, |e| e.encoded_len())];
        if let Some(ell) = ell {
            ell.encode_into(&mut payload).unwrap();
        }
        payload.extend_from_slice(rest);
        let builder = FrameBuilder { c_field: frame.c_field(), address: frame.address(), payload: &payload };
        assert_eq!(builder.encoded_len(), octets.len());
        for size in 0..=octets.len() {
            let mut buffer = vec![0xEE; size];
            match builder.encode_into(&mut buffer) {
                Ok(built) => assert_eq!(built, octets, "{}", row.section),
                Err(error) => {
                    assert!(size < octets.len());
                    let kind = ErrorKind::BufferTooSmall { needed: octets.len(), available: size };
                    assert_eq!(error.kind, kind, "{}", row.section);
                }
            }
        }
    }
}

#[test]
fn every_prefix_is_truncated_and_every_surplus_is_told() {
    for row in FRAMES {
        let mut octets = octets(row.octets);
        for end in 0..octets.len() {
            let error = Frame::parse(&octets[..end]).unwrap_err();
            let needed = if end == 0 { 10 } else { octets.len() };
            assert_eq!(error, ErrorKind::Truncated { needed, available: end }.at(0), "{}", row.section);
        }
        let end = octets.len();
        octets.extend_from_slice(&[0xAA, 0xBB]);
        let error = Frame::parse(&octets).unwrap_err();
        assert_eq!((error.kind, error.offset), (ErrorKind::SurplusOctets { octets: 2 }, end));
        let (frame, surplus) = Frame::parse_prefix(&octets).unwrap();
        assert_eq!((frame.c_field().name(), surplus), (Some(row.word), &[0xAA, 0xBB][..]));
    }
}

#[test]
fn every_frame_says_for_whom_it_is() {
    let mut downlinks = Vec::new();
    for row in FRAMES {
        let octets = octets(row.octets);
        let routing = Routing::of(&octets);
        match row.ell {
            Some((_, control, access_number)) => {
                assert_eq!(routing.control.map(|c| c.0), Some(control), "{}", row.section);
                assert_eq!(routing.access_number, Some(access_number), "{}", row.section);
                assert_eq!(routing.repeater_bits.map(|b| b.octet), Some(11), "{}", row.section);
            }
            // N.2.1: configuration field 2520h, synchronous, mode 5.
            None => {
                assert_eq!((routing.control.map(|c| c.0), routing.access_number), (Some(0x20), Some(0x2A)));
                assert_eq!(routing.repeater_bits.map(|b| b.octet), Some(13));
            }
        }
        assert!(!routing.is_repeated(), "{}", row.section);
        if !matches!(row.word, "SND-NR" | "SND-IR" | "ACC-NR" | "ACC-DMD" | "RSP-UD") {
            let to = routing.addressee.map(|a| a.identification.to_string()).unwrap_or_default();
            downlinks.push((row.section, row.word, to));
        } else if row.receiver.is_none() {
            assert_eq!(routing.addressee, None, "{}", row.section);
        }
    }
    let printed = [
        ("N.2.4", "REQ-UD2", "11223344"),
        ("N.3.3", "REQ-UD2", "12345678"),
        ("N.3.4", "REQ-UD2", "12345678"),
        ("N.3.5", "REQ-UD2", "12345678"),
        ("N.5.3", "REQ-UD2", "12345678"),
        ("N.5.4", "REQ-UD2", "12345678"),
        ("N.5.5", "REQ-UD2", "12345678"),
        ("N.7", "CNF-IR", "12345678"),
        ("N.8.2", "SND-UD", "92752244"),
        // The ACK of the meter: sent by its radio adapter, to no one in particular.
        ("N.8.2", "ACK", ""),
        ("N.10", "ACK", "38546816"),
        ("N.11", "SND-NKE", "11223344"),
        ("N.12.2", "SND-UD2", "12345678"),
    ];
    let found: Vec<_> = downlinks.iter().map(|(section, word, to)| (*section, *word, to.as_str())).collect();
    assert_eq!(found, printed);
}
