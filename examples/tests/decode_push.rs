//! The decoder with DLMS/COSEM and SML pushes. Keys and numbers are made up.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::decode::run;
use serde_json::{Value, json};

const KEY: &str = "000102030405060708090A0B0C0D0E0F";
const AUTHENTICATION_KEY: &str = "D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF";
/// Two wired frames, encrypted without tag.
const FRAMES: &str = "6885856853FF000167DB08585858670000001181B42000000023C3799E5744B295FACBC413439E8157FF586C0440E59B472EBF9AF1CEE80497AA51A48BCEEC11B332198B88C26227B28FA22D31D4983D8877551A9DD89CAA06E963D0F4FD865EE733E37433EF5C78872FE4BE8C039E969490F606946C3E1CD0183526A05DD2E16F6F964A43294216919A166845456853FF1101676254433EE0BF4D6544A14D96725B8EFB3983BE6A810888DF855D0286846F9F2C5FA81CB694D4C2C1CD7A50D7DA53117E04174AB1142C429685E494E2039FB7F7B816";
/// Three HDLC frames, encrypted and authenticated.
const BLOCKS: &str = "7EA078CEFF03138463E6E700E0400001000064DB08585858670000001181C03000000026C919A041656B154E14C17E1A0703ED9FCB513F637DD4FB5BC9ED4C9C255FF26EE34C3672DC5821B55153B2546C0C57FC716580F225275A86665BF24FF2F05721AA9D1842B127518ABEC2CB3D008D01BEE1E2EC109E7E7EA075CEFF0313F01FE0400002000064A25A8E6C85B1B349834C68F24326D2DB660889FCE4692EF7A467D3AC678239CC7E529E63504043329817EF86979EA0833F9A0D0ACD5987E6DB927A632326FFE12B34C1BA26B0C8FD5F56BE61CF0BF9CB6C6F9C0AF2D51635A57B7A3C1562F494EE0417CEDE9E7E7EA015CEFF031343BEE0C00003000004E72EC3BD15587E";
/// Three HDLC frames, not enciphered.
const CLEAR: &str = "7EA864CEFF03032D91E6E7000F000000130C07E8020E03173B2D00FFC40002060106020412002809060008190900FF0F02120000020412002809060008190900FF0F011200000204120001090600002A0000FF0F02120000020412000809060000010069067E7EA864CEFF03032D9100FF0F02120000020412000309060100010700FF0F02120000020412000309060101010800FF0F0212000009060008190900FF091058585830303030303030303030303137090C07E8020E03173B3000FFC400060000001C0600E3DC7E7EA00DCEFF031323500D88C181A57E";

/// Behind transport headers: SML and COSEM by radio in mode 5, COSEM on the wired bus.
const SML_TELEGRAM: &str = "CE44A8157856341201027FE200C005255221FB282190A64BA883A63B7A166A1AC9EE18F4A0E7EF2BF596D38380D9AF19424379091056A1CA237F13E07A60CEA26EBE675D5A95E6F385DC6DBB432A5AAE6A622F99E3CEC4F6DAD3130E4073D4AC7BD69D5B9E98934280BCF800E2F89B140AFBC04D639E48BA122207F743A6C1720D201A1BFD55AD17EA8DD593F272A96FE2E3316FDA980C146F2EFBD90672310A8892433BC7CB148239C4088EEE75EF97AA8D1052D9824504A691C60D6CF1E35ED68762A8F979598A7D23171F1D829F";
const COSEM_TELEGRAM: &str = "7E44A8157856341201027D2A0070053855A0056F988CE96BDFD7B989AFB727D98425613E19DD9F6BDF5A4236C047EF387FBFCA86C83593FA274E66C3A75E31B25B3C59E3A045CBEBD4EDE8EC4E7D0C8BB05A87D461DC0B3FA310D4E36676F248DAAD95979EB8767FE3EDAFAEA4AB2AF95107378C8D56D4BB0D6E86E14DC179";
const COSEM_WIRED: &str = "6871716808017C78563412A81501022A00000001670F0000001200020509060000010000FF090C07E8020E03173B2D00FFC400020209060000600100FF090E3158585830313030303030303137020309060100010800FF060000239402020F00161E020309060100200700FF12090402020FFF1623ED16";

fn decode(arguments: &[&str], lines: &str) -> (u8, Vec<Value>) {
    let all = [&["decode", "--format", "jsonl"], arguments].concat();
    let (status, out, _) = run(all, lines.as_bytes());
    (status, out.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn wired_frames_on_successive_lines() {
    let (first, second) = FRAMES.split_at(2 * (0x85 + 6));
    let (status, answers) = decode(&["--key", KEY], &format!("{first}\n{second}\n"));
    assert_eq!((status, answers.len()), (0, 2));
    assert_eq!(answers[0]["records"], json!([]));
    assert_eq!(answers[0]["fragment"], "more follow");
    let push = &answers[1];
    assert_eq!(push["layers"], json!(["11"]));
    assert_eq!(push["security"]["state"], "decrypted");
    assert_eq!(push["security"]["authenticated"], false);
    let energy = &push["records"][0];
    assert_eq!(
        (&energy["obis"], &energy["value"], &energy["unit"]),
        (&json!("1-0:1.8.0*255"), &json!("12345678"), &json!("Wh"))
    );
    // The second frame alone is no push, and a lost one spoils no later push.
    let (status, answers) = decode(&["--key", KEY], &format!("{second}\n{first}\n{second}\n"));
    assert_eq!(
        (status, answers[0]["ok"].clone(), answers[2]["records"].as_array().unwrap().len()),
        (1, json!(false), 8)
    );
}

#[test]
fn without_a_key_and_with_a_wrong_one() {
    let (first, second) = FRAMES.split_at(2 * (0x85 + 6));
    let lines = format!("{first}\n{second}\n");
    let (_, answers) = decode(&[], &lines);
    assert_eq!((&answers[1]["security"]["state"], &answers[1]["records"]), (&json!("locked"), &json!([])));
    let (_, answers) = decode(&["--key", AUTHENTICATION_KEY], &lines);
    assert_eq!((&answers[1]["security"]["state"], &answers[1]["records"]), (&json!("failed"), &json!([])));
    assert_eq!(answers[1]["plaintext"], Value::Null);
}

#[test]
fn hdlc_with_a_tag() {
    let keys = ["--input", "hdlc", "--key", KEY, "--authentication-key", AUTHENTICATION_KEY];
    let (status, answers) = decode(&keys, BLOCKS);
    assert_eq!((status, &answers[0]["security"]["authenticated"]), (0, &json!(true)), "{}", answers[0]);
    assert_eq!(answers[0]["records"][0]["value"], "12345678");
    // The same frames on three lines.
    let cut = [0, 2 * 0x7A, 2 * (0x7A + 0x77), BLOCKS.len()];
    let lines: Vec<&str> = cut.windows(2).map(|ends| &BLOCKS[ends[0]..ends[1]]).collect();
    let (status, answers) = decode(&keys, &lines.join("\n"));
    assert_eq!((status, answers.len()), (0, 3));
    assert_eq!(answers[2]["security"]["authenticated"], true);
    // A wrong authentication key shows nothing.
    let (status, answers) = decode(&["--input", "hdlc", "--key", KEY, "--authentication-key", KEY], BLOCKS);
    assert_eq!((status, &answers[0]["records"]), (1, &json!([])));
    assert_eq!(answers[0]["security"]["state"], "failed");
}

#[test]
fn hdlc_in_clear() {
    let (status, answers) = decode(&["--input", "hdlc"], CLEAR);
    assert_eq!((status, &answers[0]["security"]["state"]), (0, &json!("none")), "{}", answers[0]);
    assert!(!answers[0]["records"].as_array().unwrap().is_empty());
}

#[test]
fn a_meter_with_a_key_pushes_nothing_in_clear() {
    for (arguments, telegram) in
        [(vec!["--key", KEY], COSEM_WIRED), (vec!["--key", KEY, "--input", "hdlc"], CLEAR)]
    {
        let (status, answers) = decode(&arguments, telegram);
        assert_eq!((status, &answers[0]["records"]), (1, &json!([])), "{}", answers[0]);
        assert_eq!(answers[0]["error"]["kind"], "clear_data");
    }
}

#[test]
fn behind_transport_headers() {
    let (status, answers) = decode(&["--key", KEY], &[SML_TELEGRAM, COSEM_TELEGRAM].join("\n"));
    assert_eq!((status, answers.len()), (0, 2));
    assert_eq!(
        (&answers[0]["layers"], &answers[0]["records"][0]["value"]),
        (&json!(["7F"]), &json!("1452.1"))
    );
    assert!(answers[0]["server_id"].is_string());
    let (_, clear) = decode(&[], COSEM_WIRED);
    for (answer, state) in [(&answers[1], "decrypted"), (&clear[0], "none")] {
        assert_eq!((&answer["ok"], &answer["security"]["state"]), (&json!(true), &json!(state)), "{answer}");
        let energy = &answer["records"][2];
        assert_eq!((&energy["obis"], &energy["value"]), (&json!("1-0:1.8.0*255"), &json!("9108")));
    }
    let (status, answers) = decode(&[], SML_TELEGRAM);
    assert_eq!((status, &answers[0]["security"]["state"]), (1, &json!("locked")));
}
