//! Secured telegrams, key derivations and the ciphers below them.

use std::collections::BTreeMap;

use mbus_app::Input;
use mbus_link::Address;
use oms_security::cipher::BlockCipherDecrypt;
use oms_security::configuration::Configuration;
use oms_security::kdf::{self, DerivationConstant};
use oms_security::key::{Aes, Key, PreparedKey};
use oms_security::sealed::{self, Direction, SecurityContext};
use serde::Deserialize;

#[path = "../../../oms-security/src/gcm.rs"]
#[allow(dead_code, reason = "the source as it stands in the library")]
mod gcm;
#[path = "../../../mbus-app/tests/security/opening.rs"]
#[allow(dead_code, reason = "the test uses more of it")]
mod opening;

use crate::hex;
use opening::{Case, DEVIATIONS, class};

/// Rows that the library does not answer, by name or by kind, and why.
const EXEMPT: &[(&str, &str)] = &[
    ("lfsr", "a scrambling of one manufacturer's (Diehl) and no cipher of the standard"),
    (
        "sp800-38a-ctr",
        "its counter block begins with F0..FF; none of the modes nor the link layer can make that one",
    ),
    ("sp800-38c-ex1", "a nonce of 7 octets; mode 10 has one of 13"),
    ("sp800-38c-ex2", "a nonce of 8 octets; mode 10 has one of 13"),
    ("sp800-38c-ex3", "a nonce of 12 octets; mode 10 has one of 13"),
];

#[derive(Deserialize)]
struct Document {
    groups: BTreeMap<String, Vec<Row>>,
}

/// One row; unknown fields are an error, so that nothing the file states is passed over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    id: String,
    kind: String,
    expect: String,
    #[serde(default)]
    key: String,
    frame: Option<String>,
    frame_crc_a: Option<String>,
    #[serde(default)]
    frames: Vec<String>,
    #[serde(default)]
    wired: bool,
    date_g: Option<String>,
    plaintext: Option<String>,
    #[serde(default)]
    records: bool,
    mode: Option<u8>,
    n: Option<u8>,
    iv: Option<String>,
    kenc: Option<String>,
    kmac: Option<String>,
    nonce: Option<String>,
    aad: Option<String>,
    msg: Option<String>,
    ciphertext: Option<String>,
    counter: Option<String>,
    ident: Option<String>,
    dc: Option<serde_json::Value>,
    // What the row is about, nothing to check; the tag's length is that of the octets.
    #[serde(rename = "taglen")]
    _taglen: Option<usize>,
    #[serde(rename = "note")]
    _note: Option<String>,
    #[serde(rename = "origin")]
    _origin: Option<serde_json::Value>,
    #[serde(rename = "layers")]
    _layers: Option<Vec<String>>,
    #[serde(rename = "profile")]
    _profile: Option<String>,
    #[serde(rename = "base")]
    _base: Option<String>,
    #[serde(rename = "check")]
    _check: Option<String>,
}

/// Runs all rows against the lists of this crate. `Ok` has the count in words, `Err` one line for each thing that is wrong.
pub fn check(text: &str) -> Result<String, String> {
    check_but(text, EXEMPT, DEVIATIONS)
}

fn check_but(
    text: &str,
    exemptions: &[(&str, &str)],
    deviations: &[(&str, &str, &str)],
) -> Result<String, String> {
    let document: Document = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (mut wrong, mut right, mut values) = (Vec::new(), 0, 0);
    let (mut exempt, mut deviating) = (BTreeMap::new(), BTreeMap::new());
    for row in document.groups.values().flatten() {
        if let Some((name, _)) = exemptions.iter().find(|(name, _)| row.id == *name || row.kind == *name) {
            *exempt.entry(*name).or_insert(0) += 1;
            continue;
        }
        let deviation = deviations.iter().find(|(id, ..)| *id == row.id);
        if let Some((id, ..)) = deviation {
            *deviating.entry(*id).or_insert(0) += 1;
        }
        let expect = deviation.map_or(row.expect.as_str(), |(_, class, _)| class);
        match row.run(expect) {
            Ok(checked) => (right, values) = (right + 1, values + checked),
            Err(reason) => wrong.push(format!("{}: {reason}", row.id)),
        }
    }
    for (name, _) in exemptions.iter().filter(|(name, _)| !exempt.contains_key(name)) {
        wrong.push(format!("exempt, and no row is called so: {name}"));
    }
    for (id, ..) in deviations.iter().filter(|(id, ..)| !deviating.contains_key(id)) {
        wrong.push(format!("deviating, and no row is called so: {id}"));
    }
    if right == 0 {
        wrong.push("no row was run".into());
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n"));
    }
    let mut lines = vec![format!(
        "security: {right} rows give what they expect, {values} values on the way; {} exempt, {} of the {right} with another reason:",
        exempt.values().sum::<usize>(),
        deviating.len()
    )];
    lines.extend(exemptions.iter().map(|(name, why)| format!("  {name} ({} rows): {why}", exempt[name])));
    lines.extend(deviations.iter().map(|(id, class, why)| format!("  {id}, {class}: {why}")));
    Ok(lines.join("\n"))
}

impl Row {
    /// `Ok` has the number of values on the way that were compared.
    fn run(&self, expect: &str) -> Result<usize, String> {
        match self.kind.as_str() {
            "tpl" | "ell" | "fragments" | "crc_a" => self.run_telegram(expect),
            kind => {
                let plaintext = match kind {
                    "kdf" => self.derive()?,
                    "cmac" => kdf::cmac(&self.prepared()?, &[&field(&self.msg)?]).to_vec(),
                    "cbc" => self.cbc()?,
                    "gcm" => self.gcm()?,
                    kind => return Err(format!("unknown kind {kind}")),
                };
                if expect == "ok" && plaintext == field(&self.plaintext)? {
                    Ok(0)
                } else {
                    Err(format!("{plaintext:02X?}"))
                }
            }
        }
    }
    fn run_telegram(&self, expect: &str) -> Result<usize, String> {
        let frames: Result<Vec<_>, _> =
            self.frames.iter().chain(&self.frame).map(|frame| hex(frame)).collect();
        let mut case = Case {
            input: if self.wired { Input::Wired } else { Input::Stripped },
            key: hex(&self.key)?,
            day: self.date_g.as_deref().map_or(Ok(Vec::new()), hex)?.try_into().unwrap_or_default(),
            frames: frames?,
        };
        let mut checked = 0;
        if !case.frames.is_empty() {
            checked += self.compare(&case, expect)?;
        }
        if let Some(frame) = &self.frame_crc_a {
            (case.input, case.frames) = (Input::FormatA, vec![hex(frame)?]);
            checked += self.compare(&case, expect)?;
        }
        Ok(checked)
    }
    fn compare(&self, case: &Case, expect: &str) -> Result<usize, String> {
        let answer = case.open();
        let body = match answer.outcome {
            Err(error) if class(error) == expect => return Ok(0),
            Err(error) => return Err(format!("{error}, not {expect}")),
            Ok(body) if expect != "ok" => return Err(format!("opens, not {expect}: {body:02X?}")),
            Ok(body) => body,
        };
        if body != field(&self.plaintext)? {
            return Err(format!("opens as {body:02X?}"));
        }
        if self.records && !answer.records {
            return Err("the records cannot be read".into());
        }
        let number = |number: Option<u8>| number.map(|number| format!("{number:02X}"));
        let stated = [
            ("mode", number(self.mode)),
            ("n", number(self.n)),
            ("iv", self.iv.clone()),
            ("kenc", self.kenc.clone()),
            ("kmac", self.kmac.clone()),
            ("nonce", self.nonce.clone()),
            ("aad", self.aad.clone()),
        ];
        let mut checked = 0;
        for (name, expected) in stated.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?))) {
            let found = answer.values.iter().find(|(found, _)| *found == name).map(|(_, value)| value);
            if found != Some(&hex(expected)?) {
                return Err(format!("{name} is {found:02X?}, not {expected}"));
            }
            checked += 1;
        }
        Ok(checked)
    }
    fn prepared(&self) -> Result<PreparedKey<Aes>, String> {
        let octets = hex(&self.key)?.try_into().map_err(|_| "no key of 16 octets")?;
        Ok(PreparedKey::new(&Key::new(octets)))
    }
    fn derive(&self) -> Result<Vec<u8>, String> {
        let constant = self.dc.as_ref().and_then(serde_json::Value::as_str).ok_or("no dc")?;
        let constant = u8::from_str_radix(constant, 16).map_err(|error| error.to_string())?;
        let counter = u32::from_le_bytes(array(&field(&self.counter)?)?);
        let [a, b, c, d] = array(&field(&self.ident)?)?;
        let meter = Address::from_link_octets([0, 0, a, b, c, d, 0, 0]);
        let key = kdf::derive(&self.prepared()?, DerivationConstant(constant), counter, meter.identification);
        Ok(key.octets().to_vec())
    }
    /// AES-CBC under any initialisation vector, by way of mode 5: the vector goes in front as a block of its own, so
    /// that the blocks behind it come out as they should; the meter's address is chosen so that this first block
    /// begins with 2F 2F.
    fn cbc(&self) -> Result<Vec<u8>, String> {
        let key = self.prepared()?;
        let vector: [u8; 16] = array(&field(&self.iv)?)?;
        let mut first = vector.into();
        key.cipher().decrypt_block(&mut first);
        let manufacturer = [first[0] ^ 0x2F, first[1] ^ 0x2F];
        let context = SecurityContext {
            meter: Address::from_link_octets([manufacturer[0], manufacturer[1], 0, 0, 0, 0, 0, 0]),
            access_number: 0,
            direction: Direction::FromMeter,
            configuration: Configuration { field: 0x05F0, ..Configuration::default() },
            afl: None,
        };
        let mut message = [&[0x7A, 0, 0, 0xF0, 0x05][..], &vector, &field(&self.ciphertext)?].concat();
        sealed::open(&context, &mut message, 5, &key).map_err(|error| error.to_string())?;
        Ok(message[5 + 16..].to_vec())
    }
    fn gcm(&self) -> Result<Vec<u8>, String> {
        let key = self.prepared()?;
        let octets = field(&self.ciphertext)?;
        let (ciphertext, tag) = octets.split_last_chunk::<16>().ok_or("no tag")?;
        let mut gcm = gcm::Gcm::new(key.cipher(), array(&field(&self.nonce)?)?);
        if gcm.tag(&[&field(&self.aad)?], ciphertext) != *tag {
            return Err("the tag differs".into());
        }
        let mut octets = ciphertext.to_vec();
        gcm.apply(&mut octets).map_err(|error| error.to_string())?;
        Ok(octets)
    }
}

fn field(text: &Option<String>) -> Result<Vec<u8>, String> {
    hex(text.as_deref().ok_or("a field is missing")?)
}

fn array<const N: usize>(octets: &[u8]) -> Result<[u8; N], String> {
    octets.try_into().map_err(|_| format!("{} octets, not {N}", octets.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OMS Vol. 2 Annex N, N.2.3.
    const PRINTED: &str = r#"{"groups":{"one":[{"id":"printed","kind":"tpl","expect":"ok",
        "key":"000102030405060708090a0b0c0d0e0f",
        "frame":"434493157856341233038c2075900f002c25b30a000021924d4f2fb66e017a75002007109058475f4bc91df878b80a1b0f98b629024aac727942bfc549233c0140829b93",
        "plaintext":"2f2f0c1427048502046d32371f1502fd1700002f2f2f2f2f2f2f2f2f2f2f2f2f","records":true,"mode":7,"n":2,
        "iv":"00000000000000000000000000000000","kenc":"eccf39d475d730b8284fdfdc1995d52f","kmac":"c9cd19ff5a9aad5a6bbda13bd2c4c7ad"},
        {"id":"rfc4493-len0","kind":"cmac","key":"2b7e151628aed2a6abf7158809cf4f3c","msg":"",
        "plaintext":"bb1d6929e95937287fa37d129b756746","expect":"ok"}]}}"#;

    #[test]
    fn what_is_right_passes() {
        let summary = check_but(PRINTED, &[], &[]).unwrap();
        assert!(
            summary.starts_with("security: 2 rows give what they expect, 5 values on the way; 0 exempt"),
            "{summary}"
        );
    }

    #[test]
    fn every_falsified_field_is_found() {
        for (right, wrong) in [
            (r#""expect":"ok""#, r#""expect":"mac""#),
            ("000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0e"),
            ("40829b93\"", "40829b92\""),
            ("plaintext\":\"2f2f0c14", "plaintext\":\"2f2f0c15"),
            ("\"mode\":7", "\"mode\":5"),
            ("\"n\":2", "\"n\":1"),
            ("\"iv\":\"00", "\"iv\":\"01"),
            ("eccf", "eccd"),
            ("c9cd", "c9cc"),
            ("bb1d", "bb1c"),
            ("\"kind\":\"cmac\"", "\"kind\":\"hmac\""),
            ("\"kind\":\"cmac\"", "\"kind\":\"cmac\",\"never_heard_of\":1"),
        ] {
            assert_ne!(PRINTED, PRINTED.replace(right, wrong));
            assert!(check_but(&PRINTED.replace(right, wrong), &[], &[]).is_err(), "{wrong}");
        }
        assert!(check_but(r#"{"groups":{}}"#, &[], &[]).is_err());
    }

    #[test]
    fn exemptions_must_be_needed() {
        let exempt = check_but(PRINTED, &[("rfc4493-len0", "why")], &[]).unwrap();
        assert!(exempt.contains("1 exempt") && exempt.contains("rfc4493-len0 (1 rows): why"), "{exempt}");
        assert!(check_but(PRINTED, &[("rfc4493-len1", "why")], &[]).unwrap_err().contains("rfc4493-len1"));
        assert!(check_but(PRINTED, &[], &[("printed", "mac", "why")]).is_err());
        assert!(check_but(PRINTED, &[], &[("not there", "mac", "why")]).unwrap_err().contains("not there"));
    }
}
