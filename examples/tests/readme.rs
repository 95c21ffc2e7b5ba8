//! What the README says is what is there: the telegram it shows, the code it gives, the tests it names.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use std::path::{Path, PathBuf};

// The code of the README begins.
use mbus_app::Telegram;
use oms_security::key::{Aes, Key, PreparedKey};

fn print(octets: &mut [u8], key: Key) -> Result<(), mbus_app::Error> {
    let key = PreparedKey::<Aes>::new(&key);
    let telegram = Telegram::decode(octets, &key)?;
    for record in telegram.records() {
        let record = record?;
        println!("{}: {} {}", record.quantity(), record.value(), record.ucum());
    }
    Ok(())
}
// It ends.

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The code behind a mark and a line, up to the end of the block.
fn block<'a>(text: &'a str, mark: &str, fence: &str) -> &'a str {
    let (_, text) = text.split_once(mark).unwrap();
    let (_, text) = text.split_once(fence).unwrap();
    text.split_once("```").unwrap().0
}

fn shown_command() -> (Vec<String>, String) {
    let readme = readme();
    let command = block(&readme, "<!-- run -->", "```sh\n").trim().to_owned();
    let (_, arguments) = command.split_once(" -- ").unwrap();
    let arguments = arguments.split(' ').map(str::to_owned).collect();
    (arguments, block(&readme, "<!-- run -->", "```text\n").to_owned())
}

#[test]
fn the_first_command_prints_what_is_shown() {
    let (arguments, shown) = shown_command();
    let arguments = ["decode".to_owned()].into_iter().chain(arguments);
    let (status, out, err) = examples::decode::run(arguments, b"");
    assert_eq!((status, err.as_str()), (0, ""));
    assert_eq!(out, shown);
}

#[test]
fn the_code_is_code_that_runs() {
    let source = include_str!("readme.rs");
    let (_, source) = source.split_once("// The code of the README begins.\n").unwrap();
    let source = source.split_once("// It ends.").unwrap().0;
    assert_eq!(block(&readme(), "## In your own program", "```rust\n"), source);
    let (arguments, _) = shown_command();
    let mut telegram = examples::decode::hex::parse(arguments.last().unwrap()).unwrap();
    let key = arguments.iter().skip_while(|argument| *argument != "--key").nth(1).unwrap();
    let key: [u8; 16] = examples::decode::hex::parse(key).unwrap().try_into().unwrap();
    print(&mut telegram, Key::new(key)).unwrap();
}

/// The texts in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn every_row_names_a_test_that_is_there() {
    let readme = readme();
    let (_, table) = readme.split_once("## What is covered").unwrap();
    let table = table.split_once("\n## ").unwrap().0;
    let rows: Vec<&str> =
        table.lines().filter(|line| line.starts_with("| ") && !line.contains("---")).collect();
    assert!(rows.len() > 20, "{}", rows.len());
    for row in rows.iter().skip(1) {
        let columns: Vec<&str> = row.trim_matches('|').split(" | ").collect();
        assert_eq!(columns.len(), 3, "{row}");
        let (how_far, tests) = (columns[1].trim(), columns[2].trim());
        if how_far == "not yet" {
            assert_eq!(tests, "-", "{row}");
            continue;
        }
        let mut folders = Vec::new();
        for test in quoted(tests) {
            // A path from the root, or a name beside the one before it or in its crate.
            let candidates = folders.iter().map(|folder: &PathBuf| folder.join(test));
            let found = candidates.chain([root().join(test)]).find(|path| path.exists());
            let found = found.unwrap_or_else(|| panic!("{test} is not there: {row}"));
            folders.extend(found.ancestors().skip(1).take_while(|path| *path != root()).map(Path::to_owned));
        }
        assert!(!folders.is_empty(), "{row}");
    }
}

#[test]
fn every_file_that_is_linked_is_there() {
    let readme = readme();
    for link in readme.split("](").skip(1).map(|link| link.split(')').next().unwrap()) {
        assert!(link.starts_with("http") || root().join(link).exists(), "{link}");
    }
}

#[test]
fn the_numbers_are_those_of_the_tests() {
    let readme = readme();
    let tests = |path: &str| std::fs::read_to_string(root().join(path)).unwrap().matches("#[test]").count();
    let points: usize = ["numbers", "structure", "frames"]
        .map(|name| tests(&format!("mbus-app/tests/disputed/{name}.rs")))
        .iter()
        .sum();
    // Two of `numbers` hold what nobody disputes: reals and units that are not metric.
    assert!(readme.contains(&format!("{} points decided", points - 2)), "{points}");
    let formats = mbus_app::frame::known::TABLE.len();
    assert!(readme.contains(&format!("{formats} formats known beforehand")), "{formats}");
}
