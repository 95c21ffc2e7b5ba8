//! The series of load profiles: OMS Vol. 2 Annex N, N.13 (inverse profile, times unknown) and the records of N.3 (a
//! year of months) in a wired frame.

#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests")]

use examples::profile::run;

const TAF7: &str = "D344A73D785634120102ABFD8C200A900F002C25B30A0000B27C7EBE85D0A010C9537A0A00B007100D5EE06C03088EAB5EFC73ACC3D839C7E87EB41FBF9559E63B7C6FAB2B352BF3F0A0936C5896781B376D78A5181DD0CD6ACD20BA2003D823BE0A2ABB7F019F1642E9E4EAF1FC7E4E526F07931305C460A8E3DECCAF99A063749A109E782BB116A47828148285EF59107F5493D8D280731ABE8F5BABFE1C424953E7D6EB1010CC6E0713326ABAA6E14EB296B108D294AD08FA939A7164E2081325E1AF8F7E78BAB4B8B80F501C33CB06039F9941B1338367789109753989FD1C5D5A87A27EA525BC99F13B3E3A1957";
const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const YEAR: &str = "6858586808017278563412931501072A0000000C1379194100026CB2184C139432380082046C81118C0413905234008D04931F23FBFE60260039390034310068340010420078310010540030180086190064240003410002FD170000AD16";

const YEAR_TABLE: &str = "\
ELS.12345678.01.07

volume
 time        storage  value [m3] 
 -                 1     383.294 
 2012-01-01        8     345.290 
 2012-02-01        9     347.950 
 2012-03-01       10     351.889 
 2012-04-01       11     355.023 
 2012-05-01       12     358.491 
 2012-06-01       13     362.701 
 2012-07-01       14     365.879 
 2012-08-01       15     371.289 
 2012-09-01       16     373.119 
 2012-10-01       17     375.105 
 2012-11-01       18     377.569 
 2012-12-01       19     381.672 
 2013-08-18        0     411.979 
";

#[test]
fn a_year_of_months() {
    assert_eq!(run(["profile", YEAR]), (0, YEAR_TABLE.into(), String::new()));
}

#[test]
fn two_series_of_an_inverse_profile() {
    let (status, out, err) = run(["profile", "--key", KEY, TAF7]);
    assert_eq!((status, err.as_str()), (0, ""));
    let titles: Vec<_> = out.lines().filter(|line| line.starts_with("energy")).collect();
    assert_eq!(titles, ["energy", "energy, accumulation of negative contributions, absolute"]);
    let values: Vec<_> = out.lines().filter(|line| line.starts_with(" -")).collect();
    // The value of now, the base and 46 steps; twice.
    assert_eq!(
        (values.len(), values[0], values[47]),
        (96, " -           0       1996.0 ", " -          49         1872 ")
    );
}

#[test]
fn the_picture() {
    let path = std::env::temp_dir().join(format!("profile-{}.svg", std::process::id()));
    let file = path.to_str().unwrap();
    for (arguments, marks, caption, label) in [
        (vec!["profile", "--svg", file, YEAR], 13, "volume [m3], without 1 of unknown time", "2012-04\n"),
        (vec!["profile", "--svg", file, "--key", KEY, TAF7], 96, "energy [W.h]", "storage number"),
    ] {
        assert_eq!(run(arguments).0, 0);
        let picture = std::fs::read_to_string(&path).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"));
        assert_eq!(picture.matches("<circle").count(), marks);
        assert!(picture.contains(caption) && picture.contains(label), "{picture}");
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn what_cannot_be_printed_is_told() {
    for (arguments, status, words) in [
        (vec!["profile", "zz"], 2, "only 0-9"),
        (vec!["profile", "--key", "00", TAF7], 2, "a key is 32 hex digits"),
        (vec!["profile", TAF7], 1, "key"),
        (vec!["profile", "--key", "11111111111111111111111111111111", TAF7], 1, "MAC"),
        (vec!["profile", "E5"], 1, "no two values"),
        (vec!["profile", "--svg", "/nowhere/at/all.svg", YEAR], 1, "/nowhere/at/all.svg"),
        (vec!["profile"], 2, "Usage"),
    ] {
        let (found, out, err) = run(arguments.clone());
        assert_eq!((found, out.as_str()), (status, ""), "{arguments:?}");
        assert!(err.contains(words) && !err.contains("1111111111"), "{err}");
    }
    assert_eq!(run(["profile", "--help"]).0, 0);
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 300, failure_persistence: None, ..Default::default() })]

    /// Profiles of any kind, spacing and elements, with any base time: printed and drawn, or an error; never a panic.
    #[test]
    fn any_profile_is_survived(
        storage in 0u8..16,
        time: [u8; 4],
        base: [u8; 4],
        kind in proptest::sample::select(vec![0x13u8, 0x1E, 0x1F]),
        elements in proptest::collection::vec(proptest::num::u8::ANY, 2..60),
    ) {
        let register = [0x84 | (storage & 1) << 6, storage >> 1];
        let profile = [0x8D | (storage & 1) << 6, storage >> 1, 0x93, kind, u8::try_from(elements.len()).unwrap()];
        let records = [&register[..], &[0x6D], &time, &register, &[0x13], &base, &profile, &elements].concat();
        let header = [0x72, 0x78, 0x56, 0x34, 0x12, 0x93, 0x15, 0x01, 0x07, 0x2A, 0, 0, 0];
        let payload = [&header[..], &records].concat();
        let frame = mbus_link::wired::Frame::Long {
            c_field: mbus_link::CField(8),
            address: mbus_link::wired::PrimaryAddress(1),
            payload: &payload,
        };
        let mut buffer = [0; 261];
        let text = examples::decode::hex::upper(frame.encode_into(&mut buffer).unwrap());
        let path = std::env::temp_dir().join(format!("profile-any-{}.svg", std::process::id()));
        let (status, out, err) = run(["profile", "--svg", path.to_str().unwrap(), &text]);
        proptest::prop_assert!((status == 0) != out.is_empty() && (status == 1) != err.is_empty());
        let _ = std::fs::remove_file(&path);
    }
}
