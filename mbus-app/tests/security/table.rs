//! The rows of `vectors.tsv`.

use mbus_app::Input;

use super::opening::Case;

/// What must come out.
#[derive(Clone, Debug)]
pub(crate) enum Expect {
    /// The body, clear trailer included; of an enciphered link layer all behind it.
    Opens(Vec<u8>),
    /// The class of the reason.
    Refused(&'static str),
}

/// One row of the table.
pub(crate) struct Vector {
    pub(crate) group: &'static str,
    pub(crate) id: &'static str,
    pub(crate) case: Case,
    pub(crate) expect: Expect,
    /// Values on the way.
    pub(crate) values: Vec<(&'static str, Vec<u8>)>,
}

pub(crate) fn hex(text: &str) -> Vec<u8> {
    assert!(text.len() % 2 == 0, "{text}");
    (0..text.len() / 2).map(|n| u8::from_str_radix(&text[n * 2..n * 2 + 2], 16).unwrap()).collect()
}

impl Vector {
    fn of_row(row: &'static str) -> Self {
        let mut fields = row.split('\t');
        let mut next = || fields.next().unwrap_or_else(|| panic!("{row}"));
        let (group, id, input, key, frames) = (next(), next(), next(), next(), next());
        let (verdict, outcome) = next().split_once(' ').unwrap();
        let values = fields.next().unwrap_or_default();
        assert_eq!(fields.next(), None, "{row}");
        let (key, day) = key.split_once(':').unwrap_or((key, "0000"));
        let value = |text: &'static str| {
            let (name, octets) = text.split_once('=').unwrap();
            (name, hex(octets))
        };
        Self {
            group,
            id,
            case: Case {
                input: match input {
                    "stripped" => Input::Stripped,
                    "format_a" => Input::FormatA,
                    "wired" => Input::Wired,
                    _ => panic!("{row}"),
                },
                key: hex(key),
                day: hex(day).try_into().unwrap(),
                frames: frames.split(' ').map(hex).collect(),
            },
            expect: match verdict {
                "opens" => Expect::Opens(hex(outcome)),
                "refused" => Expect::Refused(outcome),
                _ => panic!("{row}"),
            },
            values: values.split(' ').filter(|text| !text.is_empty()).map(value).collect(),
        }
    }
}

pub(crate) fn all() -> Vec<Vector> {
    let rows = include_str!("vectors.tsv").lines();
    rows.filter(|row| !row.starts_with('#')).map(Vector::of_row).collect()
}
