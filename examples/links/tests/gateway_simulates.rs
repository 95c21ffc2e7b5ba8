//! The tables of `gateway simulate`, number by number, and what holds in every house.

#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use links::gateway::run;

fn simulate(arguments: &[&str]) -> (u8, String) {
    let (status, out, err) = run(["gateway", "simulate"].iter().chain(arguments), b"");
    assert_eq!(err, "");
    (status, out)
}

/// The rows of the table with this heading, column by column; two spaces or more part them.
fn table(out: &str, heading: &str) -> Vec<Vec<String>> {
    let behind = out.split("\n\n").find(|table| table.trim_start().starts_with(heading)).unwrap();
    let columns = |line: &str| {
        line.split("  ").map(|column| column.trim().to_owned()).filter(|column| !column.is_empty()).collect()
    };
    behind.lines().skip(1).map(columns).collect()
}

#[test]
fn the_house_as_it_is() {
    let (status, out) = simulate(&[]);
    assert_eq!((status, out.as_str()), (0, HOUSE), "{out}");
}

const HOUSE: &str = include_str!("gateway_house.txt");

#[test]
fn the_seed_decides() {
    let of = |seed| simulate(&["--meters", "4", "--hours", "1", "--seed", seed]);
    assert_eq!(of("7"), of("7"));
    assert_ne!(of("7"), of("8"));
}

#[test]
fn whatever_the_losses_no_attack_passes_where_there_is_a_mac() {
    for (seed, loss) in [("2", "0"), ("3", "5"), ("4", "10"), ("5", "20")] {
        let (status, out) = simulate(&["--seed", seed, "--loss", loss, "--meters", "8"]);
        assert_eq!(status, 0, "{out}");
        let attacks = table(&out, "attack");
        let tried = |profile: &str| {
            let of = attacks.iter().filter(|row| row[1] == profile);
            of.map(|row| row[2].parse::<u32>().unwrap()).sum::<u32>()
        };
        assert!(tried("B") > 20 && tried("D") > 20, "{out}");
        for row in attacks.iter().filter(|row| row[1] != "neighbour") {
            let marked = row[0] == "old telegram again" && row[1] == "A";
            assert_eq!((row[3].as_str(), marked || row[4] == "0"), ("0", true), "{out}");
        }
    }
}

#[test]
fn without_losses_every_meter_is_installed_read_set_and_shut_and_every_prediction_comes_true() {
    let (_, out) = simulate(&["--loss", "0", "--meters", "9", "--seed", "11"]);
    let orders = table(&out, "meter         reached");
    for row in orders.iter().take(8).filter(|row| row[1] == "directly") {
        assert_eq!(row[2], "yes", "{out}");
        assert!(row[3].ends_with(" records"), "{out}");
        let is_obeyed = row[4] == "set" && row[5] == "0 s";
        assert!(is_obeyed || row[4].starts_with("access denied"), "{out}");
        // The last column is there for meters with a valve or a breaker.
        let is_shut = row[6..] == ["closed or off", "closed or off"];
        assert!(is_shut || row[6].starts_with("access denied") || row[6].starts_with("parameter"), "{out}");
    }
    for row in orders.iter().filter(|row| row[1] == "by repeater") {
        assert!(row[3].ends_with(" records"), "{out}");
    }
    for row in table(&out, "meter         medium").iter().take(8) {
        let predictions = row.iter().find(|column| column.contains('/'));
        let (came_true, all) = predictions.and_then(|p| p.split_once('/')).unwrap_or(("1", "1"));
        assert_eq!(came_true, all, "{out}");
    }
}

#[test]
fn wrong_usage() {
    for arguments in [&["--meters", "1"][..], &["--hours", "0"], &["--loss", "51"], &["--seed", "x"]] {
        assert_eq!(run(["gateway", "simulate"].iter().chain(arguments), b"").0, 2, "{arguments:?}");
    }
}
