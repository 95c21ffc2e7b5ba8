//! The rows of the sheet, a text in Markdown.
//!
//! ```text
//! CRC: ..                      one row of check values
//! ## A. ..                     a section
//! ### A1 title                 a row of the sections A, B, E, L
//! text with `octets`
//! ```                          blocks of octets, one line for each CRC, the CRC in [brackets]
//! | W1 title | `octets` |      a row of section W
//! R1 title: `octets`           a row of section R, two of them in one line perhaps
//! * title                      a row of section N
//! ```

/// A row.
#[derive(Clone, Debug, Default)]
pub struct Row {
    pub name: String,
    pub title: String,
    /// All prose of the row.
    pub text: String,
    /// The lines of each block.
    pub blocks: Vec<Vec<String>>,
}

impl Row {
    fn new(heading: &str) -> Self {
        let (name, title) = heading.trim().split_once(' ').unwrap_or((heading.trim(), ""));
        let title = title.split('`').next().unwrap_or_default().trim().to_owned();
        Self { name: name.to_owned(), title, text: heading.to_owned(), blocks: Vec::new() }
    }
    /// What stands between backticks in the prose.
    pub fn quoted(&self) -> Vec<&str> {
        self.text.split('`').skip(1).step_by(2).collect()
    }
    /// The octets of the only quotation that is one of octets, spaces left out.
    pub fn octets(&self) -> Result<Vec<u8>, String> {
        self.quoted().into_iter().find_map(|text| hex(text).ok()).ok_or_else(|| "no octets quoted".to_owned())
    }
    /// The octets of a block, its lines and CRCs joined.
    pub fn block(&self, block: usize) -> Result<Vec<u8>, String> {
        let lines = self.blocks.get(block).ok_or("a block of octets is missing")?;
        hex(&lines.concat().replace(['[', ']'], ""))
    }
    /// The chips of a block, packed; half an octet is filled with zeros.
    pub fn chips(&self, block: usize) -> Result<Vec<u8>, String> {
        let digits = self.blocks.get(block).ok_or("a block of chips is missing")?.concat();
        hex(&if digits.len() % 2 == 1 { digits + "0" } else { digits })
    }
    /// Data and CRC of each block of a frame.
    pub fn with_crcs(&self) -> Result<Vec<(Vec<u8>, u16)>, String> {
        let lines = self.blocks.first().ok_or("a block of octets is missing")?;
        let mut parts: Vec<(Vec<u8>, u16)> = Vec::new();
        // Lines without a CRC belong to the next one that has one.
        let mut data = String::new();
        for line in lines {
            let (octets, crc) = line.split_once('[').map_or((line.as_str(), None), |(o, c)| (o, Some(c)));
            data.push_str(octets);
            if let Some(crc) = crc {
                let crc = u16::from_str_radix(crc.trim_end_matches(']'), 16).map_err(|e| e.to_string())?;
                parts.push((hex(&std::mem::take(&mut data))?, crc));
            }
        }
        if data.is_empty() { Ok(parts) } else { Err("octets without a CRC behind them".to_owned()) }
    }
    /// A key in the prose: 32 hex digits.
    pub fn key(&self) -> Option<[u8; 16]> {
        let words = self.text.split(|c: char| !c.is_ascii_hexdigit());
        words.filter(|word| word.len() == 32).find_map(|word| hex(word).ok()?.try_into().ok())
    }
    /// The numbers in the prose, from this word on.
    pub fn numbers_after(&self, word: &str) -> Vec<usize> {
        let text = self.text.split_once(word).map_or("", |(_, text)| text);
        let text = text.split(';').next().unwrap_or_default();
        text.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect()
    }
}

/// All rows.
#[derive(Clone, Debug, Default)]
pub struct Sheet(Vec<Row>);

impl Sheet {
    /// The rows of a text. Octets that belong to no row are an error.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rows: Vec<Row> = Vec::new();
        let (mut section, mut in_block) = (' ', false);
        // Prose before the first row of a section belongs to no row.
        let mut open = false;
        for (number, line) in text.lines().enumerate() {
            let of_row = if line.starts_with("```") {
                in_block = !in_block;
                if let (true, true, Some(row)) = (in_block, open, rows.last_mut()) {
                    row.blocks.push(Vec::new());
                }
                continue;
            } else if in_block {
                let block = rows.last_mut().filter(|_| open).and_then(|row| row.blocks.last_mut());
                block.map(|block| block.push(line.replace(' ', ""))).is_some()
            } else if let Some(heading) = line.strip_prefix("## ") {
                (section, open) = (heading.chars().next().unwrap_or(' '), false);
                true
            } else if let Some(heading) = line.strip_prefix("### ") {
                rows.push(Row::new(heading));
                open = true;
                true
            } else if let Some(row) = one_line(section, line, &rows) {
                rows.extend(row);
                true
            } else if let (true, Some(row)) = (open, rows.last_mut()) {
                row.text.push('\n');
                row.text.push_str(line);
                true
            } else {
                false
            };
            if !of_row && longest_hex(line) >= 10 {
                return Err(format!("line {}: octets that belong to no row", number + 1));
            }
        }
        let sheet = Self(rows);
        for row in &sheet.0 {
            if sheet.0.iter().filter(|other| other.name == row.name).count() > 1 {
                return Err(format!("{}: two rows have this name", row.name));
            }
        }
        Ok(sheet)
    }
    pub fn rows(&self) -> &[Row] {
        &self.0
    }
    pub fn row(&self, name: &str) -> Result<&Row, String> {
        self.0.iter().find(|row| row.name == name).ok_or_else(|| format!("row {name} is missing"))
    }
}

/// The rows that a single line is.
fn one_line(section: char, line: &str, rows: &[Row]) -> Option<Vec<Row>> {
    if line.starts_with("CRC: ") && section == ' ' {
        return Some(vec![Row { name: "CRC".to_owned(), text: line.to_owned(), ..Row::default() }]);
    }
    match section {
        'W' if line.starts_with("| W") => Some(vec![Row::new(line.trim_matches(['|', ' ']))]),
        'R' if line.starts_with('R') => {
            let mut rows: Vec<Row> = Vec::new();
            for part in line.split("; ") {
                let is_name =
                    |text: &str| text.starts_with('R') && text[1..].starts_with(|c: char| c.is_ascii_digit());
                match rows.last_mut() {
                    Some(row) if !is_name(part) => row.text.push_str(&format!("; {part}")),
                    _ => rows.push(Row::new(&part.replacen(':', " ", 1))),
                }
            }
            Some(rows)
        }
        'N' => line.strip_prefix("* ").map(|text| {
            let number = rows.iter().filter(|row| row.name.starts_with('N')).count() + 1;
            vec![Row { name: format!("N{number}"), text: text.to_owned(), ..Row::default() }]
        }),
        _ => None,
    }
}

fn longest_hex(line: &str) -> usize {
    line.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max().unwrap_or(0)
}

/// Octets from hex digits with spaces.
pub fn hex(text: &str) -> Result<Vec<u8>, String> {
    crate::hex(&text.replace(' ', ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "CRC: check = 1; two = 2.\n## A. Frames\n### A1 first\nWith `0102 03`.\n```\n0102 [0304]\n05 \
                        [0607]\n```\n## W. Wired\n\n| name | bytes |\n| --- | --- |\n| W1 ACK | `E5` |\n## R. Lines\nR5 \
                        stick: `b01` + CRLF; R6: `bY02`\n## N. Edges\n* one\n* two 3, 4; 5\n";

    #[test]
    fn rows_of_every_kind() {
        let sheet = Sheet::parse(TEXT).unwrap();
        let names: Vec<&str> = sheet.rows().iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["CRC", "A1", "W1", "R5", "R6", "N1", "N2"]);
        let a1 = sheet.row("A1").unwrap();
        assert_eq!((a1.title.as_str(), a1.octets()), ("first", Ok(vec![1, 2, 3])));
        assert_eq!(a1.with_crcs(), Ok(vec![(vec![1, 2], 0x0304), (vec![5], 0x0607)]));
        assert_eq!(a1.block(0), Ok(vec![1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(sheet.row("W1").unwrap().octets(), Ok(vec![0xE5]));
        assert_eq!(sheet.row("R6").unwrap().quoted(), ["bY02"]);
        assert_eq!(sheet.row("N2").unwrap().numbers_after("two"), [3, 4]);
    }

    #[test]
    fn octets_outside_of_rows_and_doubled_names_are_errors() {
        assert!(Sheet::parse("## A. Frames\n0102030405\n").is_err());
        assert!(Sheet::parse("## A. Frames\n```\n0102030405\n```\n").is_err());
        assert!(Sheet::parse(&TEXT.replace("R6", "R5")).is_err());
    }
}
