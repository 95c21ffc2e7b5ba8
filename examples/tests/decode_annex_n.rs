//! The decoder with the telegrams printed in OMS Vol. 2 Annex N: what the annex says is what it prints.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use examples::decode::run;
use serde_json::{Value, json};

/// The key of profile A in N.2 and N.7.
const KEY_A: &str = "0102030405060708090A0B0C0D0E0F11";
/// The master key of all other telegrams.
const KEY: &str = "000102030405060708090A0B0C0D0E0F";

const N_2_1: &str = "2E44931578563412330333637A2A0020255923C95AAA26D1B2E7493BC2AD013EC4A6F6D3529B520EDFF0EA6DEFC955B29D6D69EBF3EC8A";
const N_2_2: &str = "6820206808FD7278563412931533032A0000000C1427048502046D32371F1502FD1700008916";
const N_2_3: &str = "434493157856341233037AC98C2075900F002C25B30A000021924D4FBA372FB66E017A75002007109058475F4BC9D1281DF878B80A1B0F98B629024AAC7279429398BFC549233C0140829B93BAA1";
const N_2_5: &str = "683131680803900F002C25B30A0000A08518CCB022C5FD7278563412931533037500100710D371C801D409B0D928D5659759C2EC935B16";
const N_2_6: &str = "30449315785634123303B56B8C20757A7500112A1001B30A0000C882C518038E223BBC1091CEB8C0A1009D388A5A5E96F7883A5B5A7FD684D8";
const N_3: [&str; 3] = [
    "3908496A78563412010714648E80113A63665544330A319009017865D438B30A000056007A050050071030539A7C63ABDB1CBCA6D43CB02D762A1E1626FEEF0E8E95",
    "3908496A78563412010714648E80123A63665544330A3190020240C4E9B390278E41A48BAD1438BDE38D4D116630215F5DEFF6392B6BE31A9FC812757BE805B4B186",
    "3B08496A78563412010763428E80133A63665544330A31900A0304BE41AF47ED4C9CC11A7806CC3E0457C725B4B2CD8C9BE7FEF078777187CCEF8E2AF51CC7299583EF7AC7F2",
];
const N_4: [&str; 3] = [
    "682A2A68080390050170405D007278563412934410070500500528FCB763E51B4A6D4FDDF2EEA906F61ED0DA7AB21616",
    "682727680803900202409787E1B2B5E34EF3C5903E3AE42427CDA9DB2407FA8131EFB2259798E2B79BAAD13116",
    "68212168080390020300AF89B7506FEB16C22B151B3537FA272D55227562C63F6C408383EB1616",
];
const N_5: [&str; 3] = [
    "3808A73D785634120107609E8E80113A63665544330A3190050170401E8C5C007A0500492A1001B30A000002B12BDDB947A6B89CF8F54DE4BFC89CF83612082060",
    "3908A73D7856341201075B0D8E80123A63665544330A319002024085E9E0290B675FE6DB08EE8B55812989108B08876B131CEF2145AC232C9CE243505181F012DEBE",
    "3608A73D78563412010718098E80133A63665544330A3190020300948399C52AB98A7EC51DB7CDC02F51E17AAB87D99EC6B259D28BE41370F8741B9D99274E",
];
const N_9_ERROR: &str = "12086850785634128F0896898C80156E0202000001B5A3";

fn decode(telegrams: &[&str], key: Option<&str>) -> Vec<Value> {
    let mut arguments = vec!["decode", "--format", "jsonl"];
    if let Some(key) = key {
        arguments.extend(["--key", key]);
    }
    arguments.extend(telegrams);
    let (_, out, _) = run(arguments, b"");
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one(telegram: &str, key: Option<&str>) -> Value {
    decode(&[telegram], key).remove(0)
}

/// The readings without fillers: quantity, value, unit.
fn readings(answer: &Value) -> Vec<Value> {
    let records = answer["records"].as_array().unwrap().iter();
    records.map(|record| json!([record["dib"], record["vib"], record["value"], record["unit"]])).collect()
}

/// What the gas meter of N.2 says in every protection.
fn gas() -> Vec<Value> {
    vec![
        json!(["0C", "14", "28504.27", "m3"]),
        json!(["04", "6D", "2008-05-31T23:50", ""]),
        json!(["02", "FD17", "0", ""]),
    ]
}

#[test]
fn profile_a() {
    let answer = one(N_2_1, Some(KEY_A));
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["frame"]["kind"], "wireless");
    assert_eq!(answer["frame"]["crc"], "A");
    assert_eq!(answer["frame"]["c"], "44");
    assert_eq!(answer["frame"]["function"], "SND-NR");
    assert_eq!(
        answer["meter"],
        json!({"manufacturer":"ELS","id":"12345678","version":51,"device_type":3,"medium":"gas"})
    );
    assert_eq!(answer["layers"], json!(["7A"]));
    assert_eq!(answer["transport"]["access"], 42);
    assert_eq!(answer["security"]["mode"], 5);
    assert_eq!(answer["security"]["state"], "decrypted");
    assert_eq!(answer["security"]["authenticated"], false);
    assert_eq!(answer["plaintext"], "2F2F0C1427048502046D32371F1502FD1700002F2F2F2F2F2F2F2F2F2F2F2F2F");
    assert_eq!(readings(&answer), gas());
}

#[test]
fn the_wired_bus() {
    let answer = one(N_2_2, None);
    assert_eq!(answer["ok"], true, "{answer}");
    assert_eq!(answer["frame"]["kind"], "wired");
    assert_eq!(answer["frame"]["type"], "long");
    assert_eq!(answer["frame"]["address"], 253);
    assert_eq!(answer["frame"]["function"], "RSP-UD");
    assert_eq!(answer["meter"]["id"], "12345678");
    assert_eq!(answer["transport"]["meter"], answer["meter"]);
    assert_eq!(answer["security"]["state"], "none");
    assert_eq!(readings(&answer), gas());
}

#[test]
fn profile_b_and_profile_d_are_authenticated() {
    for (telegram, mode, layers) in [(N_2_3, 7, json!(["8C", "90", "7A"])), (N_2_6, 10, json!(["8C", "7A"]))]
    {
        let answer = one(telegram, Some(KEY));
        assert_eq!(answer["ok"], true, "{answer}");
        assert_eq!(answer["layers"], layers);
        assert_eq!(answer["security"]["mode"], mode);
        assert_eq!(answer["security"]["state"], "decrypted");
        assert_eq!(answer["security"]["authenticated"], true);
        assert_eq!(readings(&answer), gas());
    }
    let wired = one(N_2_5, Some(KEY));
    assert_eq!(wired["security"]["authenticated"], true, "{wired}");
    assert_eq!(readings(&wired), gas()[..2]);
}

#[test]
fn without_a_key_nothing_is_shown() {
    for telegram in [N_2_1, N_2_3, N_2_5, N_2_6] {
        let answer = one(telegram, None);
        assert_eq!(answer["security"]["state"], "locked", "{answer}");
        assert_eq!(answer["records"], json!([]));
        assert_eq!(answer["plaintext"], Value::Null);
    }
}

#[test]
fn with_a_wrong_key_nothing_is_shown() {
    for telegram in [N_2_1, N_2_3, N_2_5, N_2_6] {
        let answer = one(telegram, Some("FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"));
        assert_eq!(answer["ok"], false, "{answer}");
        assert_eq!(answer["security"]["state"], "failed");
        assert_eq!(answer["security"]["authenticated"], false);
        assert_eq!(answer["error"]["layer"], "security");
        assert_eq!(answer["records"], json!([]));
        assert_eq!(answer["plaintext"], Value::Null);
        assert!(answer["error"]["hint"].as_str().unwrap().contains("key"));
    }
}

#[test]
fn why_a_telegram_does_not_open_is_told() {
    let stripped = |frame: &str| decode(&[frame], None)[0]["frame"]["hex"].as_str().unwrap().to_owned();
    let reversed = "0F0E0D0C0B0A09080706050403020100";
    let answer = one(N_2_6, Some(reversed));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("reverse order"), "{answer}");
    // The whole message of N.2.3, one octet changed: the key still fits.
    let mut changed = stripped(N_2_3);
    changed.replace_range(changed.len() - 2.., "94");
    let answer = one(&changed, Some(KEY));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("the key fits"), "{answer}");
    assert!(answer["notes"].to_string().contains("message from its CI on (30 to 67)"), "{answer}");
    // L of N.2.6 that counts a CRC.
    let mut long = stripped(N_2_6);
    long.replace_range(..2, "32");
    let answer = one(&long, Some(KEY));
    assert!(answer["error"]["hint"].as_str().unwrap().contains("L counts CRCs"), "{answer}");
    for answer in [one(N_2_6, Some(reversed)), one(N_2_3, Some(&KEY.replace("0F", "10")))] {
        assert!(!answer.to_string().contains("0102030405060708"), "{answer}");
    }
}

#[test]
fn fragments_are_put_together() {
    // Profile B by radio, mode 5 on the wired bus, profile D by radio.
    for (fragments, mode, authenticated) in [(N_3, 7, true), (N_4, 5, false), (N_5, 10, true)] {
        let answers = decode(&fragments, Some(KEY));
        assert_eq!(answers.len(), 3);
        for answer in &answers[..2] {
            assert_eq!(answer["ok"], true, "{answer}");
            assert_eq!(answer["records"], json!([]));
        }
        let last = &answers[2];
        assert_eq!(last["ok"], true, "{last}");
        assert_eq!(last["security"]["state"], "decrypted");
        assert_eq!(last["security"]["mode"], mode);
        assert_eq!(last["security"]["authenticated"], authenticated, "mode {mode}");
        let readings = readings(last);
        assert_eq!(readings[0], json!(["0C", "13", "411.979", "m3"]));
        assert_eq!(readings[2], json!(["4C", "13", "383.294", "m3"]));
        let month = readings.iter().find(|reading| reading[0] == "8C04").unwrap();
        assert_eq!(month, &json!(["8C04", "13", "345.290", "m3"]));
        assert_eq!(readings.last().unwrap(), &json!(["02", "FD17", "0", ""]));
    }
}

#[test]
fn a_lost_fragment_gives_no_reading() {
    for fragments in [N_3, N_4, N_5] {
        for lost in 0..3 {
            let mut kept = fragments.to_vec();
            kept.remove(lost);
            for answer in decode(&kept, Some(KEY)) {
                assert_eq!(answer["records"], json!([]), "{answer}");
            }
        }
    }
}

#[test]
fn why_a_message_in_fragments_does_not_open_is_told() {
    for (fragments, kind, covers) in [
        (N_3, "mac", "the check that failed (mac) covers:"),
        (N_5, "tag", "the check that failed (tag) covers:"),
    ] {
        let last = decode(&fragments, Some("0F0E0D0C0B0A09080706050403020100")).remove(2);
        assert_eq!((&last["error"]["kind"], &last["records"]), (&json!(kind), &json!([])), "{last}");
        assert!(last["error"]["hint"].as_str().unwrap().contains("reverse"), "{last}");
        let notes = last["notes"].as_array().unwrap();
        assert!(notes.iter().any(|note| note.as_str().unwrap().starts_with(covers)), "{last}");
        // Nothing of a key or a plaintext.
        assert!(!last.to_string().to_uppercase().contains("0F0E0D0C") && last["plaintext"].is_null());
    }
}

#[test]
fn fragments_heard_twice_are_read_once() {
    for fragments in [N_3, N_4, N_5] {
        // By two receivers, and late through a repeater.
        for order in [&[0, 0, 1, 1, 2, 2][..], &[0, 1, 0, 2, 1, 2]] {
            let lines: Vec<&str> = order.iter().map(|n| fragments[*n]).collect();
            let answers = decode(&lines, Some(KEY));
            assert!(answers.iter().all(|answer| answer["ok"] == true), "{answers:?}");
            let read = answers.iter().filter(|answer| answer["records"] != json!([])).count();
            assert_eq!(read, 1, "{order:?}");
        }
    }
}

#[test]
fn the_fragments_of_a_message_come_soon_after_each_other_or_not_at_all() {
    // As rtl_wmbus prints them, without CRCs.
    let stripped: Vec<String> =
        decode(&N_3, None).iter().map(|answer| answer["frame"]["hex"].as_str().unwrap().to_owned()).collect();
    let lines = |seconds: usize| {
        let line = |n: usize| {
            format!("T1;1;1;2019-04-03 19:00:{:02};97;148;78563412;0x{}\n", seconds * n, stripped[n])
        };
        [line(0), line(1), line(2)].concat()
    };
    let whole = |text: &str| {
        let (_, out, _) = run(["decode", "--format", "jsonl", "--key", KEY], text.as_bytes());
        out.lines().last().unwrap().contains("411.979")
    };
    assert!(whole(&lines(5)) && whole(&lines(29)));
    let next_day = lines(5).replacen("2019-04-03", "2019-04-02", 1);
    assert!(!whole(&next_day));
    // Lines without a time: many others between two fragments.
    let others = format!("{N_2_2}\n").repeat(700);
    assert!(!whole(&format!("{}\n{others}{}\n{}\n", N_3[0], N_3[1], N_3[2])));
    assert!(whole(&format!("{}\n{}{}\n{}\n", N_3[0], &others[..50 * (N_2_2.len() + 1)], N_3[1], N_3[2])));
}

#[test]
fn first_fragments_of_others_keep_no_message_out() {
    // As many senders as there are places, keyed as all are with --key, and never a second fragment.
    let others: Vec<String> =
        (0..40).map(|n| N_3[0].replacen("78563412", &format!("{n:02}000012"), 1)).collect();
    let lines: Vec<&str> = others.iter().map(String::as_str).chain(N_3).collect();
    let answers = decode(&lines, Some(KEY));
    assert_eq!(answers.last().unwrap()["records"][0]["value"], "411.979");
}

#[test]
fn an_application_error_is_told() {
    let answer = one(N_9_ERROR, None);
    assert_eq!(answer["layers"], json!(["8C", "6E"]));
    assert!(answer["application_error"].is_string(), "{answer}");
}

#[test]
fn each_octet_is_explained_once() {
    for telegram in [N_2_1, N_2_2, N_2_3, N_2_5, N_2_6, N_9_ERROR] {
        for key in [None, Some(KEY), Some(KEY_A)] {
            let mut arguments = vec!["decode", "--explain", "--format", "jsonl", telegram];
            if let Some(key) = key {
                arguments.extend(["--key", key]);
            }
            let (_, out, _) = run(arguments, b"");
            let answer: Value = serde_json::from_str(&out).unwrap();
            let spans = answer["explain"].as_array().unwrap();
            let octets: usize = spans.iter().map(|span| span["octets"].as_str().unwrap().len()).sum();
            assert_eq!(octets, answer["frame"]["hex"].as_str().unwrap().len());
        }
    }
}

#[test]
fn damage_anywhere_is_refused() {
    // Every bit of a wired frame is under the checksum or one of the fixed octets.
    for at in 0..N_2_2.len() / 2 {
        for bit in 0..8 {
            let mut octets: Vec<u8> = examples::decode::hex::parse(N_2_2).unwrap();
            octets[at] ^= 1 << bit;
            let (status, out, _) =
                run(["decode", "--kind", "wired", &examples::decode::hex::upper(&octets)], b"");
            let answer: Value = serde_json::from_str(&out).unwrap();
            assert_eq!((status, &answer["ok"]), (1, &json!(false)), "octet {at} bit {bit}");
        }
    }
}
