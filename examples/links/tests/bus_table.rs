//! The table of `bus`, number by number: a search over 250 meters, ten of them alike in six digits.

#![allow(clippy::indexing_slicing, reason = "tests")]

use links::bus::run;

fn table(arguments: &[&str]) -> (u8, String) {
    let (status, out, err) = run(["bus"].iter().chain(arguments));
    assert_eq!(err, "");
    (status, out)
}

#[test]
fn all_250_meters_are_found_with_and_without_losses() {
    assert_eq!(table(&[]), (0, LOSSES[1..].into()));
}

const LOSSES: &str = "
 meters  loss  found  missed  frames  least   lost  collisions  bus time
    250   0 %    250       0    1640   1341      0        1239   0:08:09
    250   1 %    250       0    3502   1341   8816        1232   0:17:31
    250   5 %    250       0    5425   1341  68181        1167   0:27:08
";

#[test]
fn echo_and_answers_in_step_change_nothing_but_the_numbers() {
    assert_eq!(table(&["--meters", "40", "--loss", "0", "--in-step", "--echo"]), (0, IN_STEP[1..].into()));
}

const IN_STEP: &str = "
 meters  loss  found  missed  frames  least  lost  collisions  bus time
     40   0 %     40       0     492    231     0         240   0:02:29
";

#[test]
fn the_seed_decides() {
    let small = ["--meters", "12", "--alike", "2", "--loss", "5", "--seed"];
    let of = |seed| table(&[&small[..], &[seed]].concat());
    assert_eq!(of("7"), of("7"));
    assert_ne!(of("7"), of("8"));
}

#[test]
fn a_line_that_loses_half_says_what_was_missed() {
    let (status, out) = table(&["--meters", "6", "--alike", "0", "--loss", "50"]);
    let row: Vec<&str> = out.lines().nth(1).unwrap_or_default().split_whitespace().collect();
    assert_eq!((status == 0, row.get(4)), (row.get(4) == Some(&"0"), row.get(4)), "{out}");
}

#[test]
fn few_meters_are_alike_without_a_word() {
    for meters in ["1", "5"] {
        assert_eq!(table(&["-n", meters, "--loss", "0"]).0, 0);
    }
}

#[test]
fn wrong_usage() {
    for arguments in
        [&["--meters", "0"][..], &["--meters", "2", "--alike", "3"], &["--loss", "51"], &["--baud", "1"]]
    {
        assert_eq!(run(["bus"].iter().chain(arguments)).0, 2, "{arguments:?}");
    }
}
