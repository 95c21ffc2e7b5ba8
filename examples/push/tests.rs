//! The program on pushes with made-up keys and numbers.

use super::*;

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const AUTHENTICATION_KEY: &str = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
/// Two wired frames, encrypted without tag.
const FRAMES: &str = "6885856853FF000167DB08585858670000001181B42000000023C3799E5744B295FACBC413439E8157FF586C0440E59B472EBF9AF1CEE80497AA51A48BCEEC11B332198B88C26227B28FA22D31D4983D8877551A9DD89CAA06E963D0F4FD865EE733E37433EF5C78872FE4BE8C039E969490F606946C3E1CD0183526A05DD2E16F6F964A43294216919A166845456853FF1101676254433EE0BF4D6544A14D96725B8EFB3983BE6A810888DF855D0286846F9F2C5FA81CB694D4C2C1CD7A50D7DA53117E04174AB1142C429685E494E2039FB7F7B816";
/// Three HDLC frames, encrypted and authenticated.
const BLOCKS: &str = "7EA078CEFF03138463E6E700E0400001000064DB08585858670000001181C03000000026C919A041656B154E14C17E1A0703ED9FCB513F637DD4FB5BC9ED4C9C255FF26EE34C3672DC5821B55153B2546C0C57FC716580F225275A86665BF24FF2F05721AA9D1842B127518ABEC2CB3D008D01BEE1E2EC109E7E7EA075CEFF0313F01FE0400002000064A25A8E6C85B1B349834C68F24326D2DB660889FCE4692EF7A467D3AC678239CC7E529E63504043329817EF86979EA0833F9A0D0ACD5987E6DB927A632326FFE12B34C1BA26B0C8FD5F56BE61CF0BF9CB6C6F9C0AF2D51635A57B7A3C1562F494EE0417CEDE9E7E7EA015CEFF031343BEE0C00003000004E72EC3BD15587E";
/// Three HDLC frames, not enciphered.
const CLEAR: &str = "7EA864CEFF03032D91E6E7000F000000130C07E8020E03173B2D00FFC40002060106020412002809060008190900FF0F02120000020412002809060008190900FF0F011200000204120001090600002A0000FF0F02120000020412000809060000010069067E7EA864CEFF03032D9100FF0F02120000020412000309060100010700FF0F02120000020412000309060101010800FF0F0212000009060008190900FF091058585830303030303030303030303137090C07E8020E03173B3000FFC400060000001C0600E3DC7E7EA00DCEFF031323500D88C181A57E";
/// SML on a serial line.
const SERIAL: &str = "1B1B1B1B01010101760501020304620062007263010176010105050607080B0A01585858000000001172620165000102030163164E00760501020307620062007263070177010B0A015858580000000011017262016500000E107577070100600100FF010101010B0A0158585800000000110177070100010800FF650001010401621E52FF5600001B1B1B01770701000F0700FF017262016500000E0F621B52FF5300FE0177070100600500FF0101010142010177070100240700FF0101621B5200691B1B1B1B1B1B1B1B1B1B1B1B1B1B1B1B0101016396D000760501020306620062007263FF0174050203040507060102030405010163E5FB00760501020305620062007263020171016381E100001B1B1B1B1A015FD2";

#[test]
fn wired_frames_become_a_table() {
    let (first, second) = FRAMES.split_at(2 * (0x85 + 6));
    let (status, out, err) = run(["push", "--key", KEY, first, second], b"");
    assert_eq!((status, err.as_str()), (READ, ""));
    assert!(out.starts_with(
        "XXX6700000011, invocation counter 35, NOT authenticated, sent 2024-02-14T23:59:45+01:00"
    ));
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines[2],
        ["1-0:1.8.0", "active", "energy,", "import", "12345678", "Wh", "2024-02-14T23:59:45+01:00"]
    );
    assert_eq!(lines[6][..5], ["1-0:32.7.0", "voltage", "L1", "233.7", "V"]);
    assert_eq!(lines.len(), 10);
    // The same from stdin, on lines.
    assert_eq!(run(["push", "--key", KEY], format!("{first}\n{second}\n").as_bytes()).1, out);
    let (status, out, err) = run(["push", "--key", KEY, first], b"");
    assert_eq!((status, out.as_str()), (FAILED, ""));
    assert!(err.contains("the last fragment is missing"));
    let (status, _, err) = run(["push", "--key", KEY, second], b"");
    assert!(status == FAILED && err.contains("fragment 0 is missing, 1 came"), "{err}");
}

#[test]
fn an_authenticated_push_needs_its_key_or_consent() {
    let (status, out, _) =
        run(["push", "--key", KEY, "--authentication-key", AUTHENTICATION_KEY, BLOCKS], b"");
    assert_eq!(status, READ);
    assert!(out.contains("invocation counter 38, authenticated") && out.contains("12345678"));
    let (status, out, err) = run(["push", "--key", KEY, BLOCKS], b"");
    assert_eq!((status, out.as_str()), (FAILED, ""));
    assert!(err.contains("no authentication key"), "{err}");
    let (status, out, _) = run(["push", "--key", KEY, "--unverified", BLOCKS], b"");
    assert!(status == READ && out.contains("NOT authenticated") && out.contains("12345678"));
    let (status, out, err) =
        run(["push", "--key", KEY, "--authentication-key", KEY, "--unverified", BLOCKS], b"");
    assert!(status == FAILED && out.is_empty() && err.contains("tag is wrong"), "{err}");
    let first = &BLOCKS[..2 * 0x7A];
    let (status, out, err) = run(["push", "--key", KEY, "--unverified", first], b"");
    assert!(
        status == FAILED && out.contains("12345678") && err.contains("end of the push is missing"),
        "{err}"
    );
    let (status, out, _) = run(["push", BLOCKS], b"");
    assert!(status == FAILED && out.contains("--key opens it"), "{out}");
}

#[test]
fn clear_pushes_and_sml_need_no_key() {
    let (status, out, _) = run(["push", CLEAR], b"");
    assert!(status == READ && out.starts_with("not enciphered"));
    assert!(out.contains("logical device name") && out.contains("XXX0000000000017"));
    let (status, out, _) = run(["push", SERIAL], b"");
    // The file has a message that is not read; the others are.
    assert_eq!(status, FAILED);
    assert!(out.starts_with("1 XXX 00 00000017") && out.contains("177641.1") && out.contains("0000FF01h"));
}

#[test]
fn wrong_use_is_told() {
    for arguments in
        [&["push", "--key", "00", FRAMES][..], &["push", "zz"], &["push", "--file", "/nonexistent/x"]]
    {
        let (status, out, err) = run(arguments, b"");
        assert_eq!((status, out.as_str()), (USAGE, ""));
        assert!(!err.is_empty() && !err.contains("00 "), "{err}");
    }
    for octets in ["00", "68", "7E", "1B", "76", "0F", "DB", "6805056853FF00016701", "DD01"] {
        let (status, ..) = run(["push", octets], b"");
        assert!(status == FAILED || octets == "7E", "{octets}");
    }
    assert_eq!(run(["push", "--help"], b"").0, READ);
}
