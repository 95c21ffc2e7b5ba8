//! The decoder as a process of its own: exit statuses, colours, streams that end early.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

const TELEGRAM: &str = "0F44AE0C785634120107780B13436587";

/// The program, built as this test was.
fn program() -> &'static PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let profile = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "-p", "examples", "--example", "decode"]);
        if profile.ends_with("release") {
            build.arg("--release");
        }
        assert!(build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
        profile.join("examples").join(format!("decode{}", std::env::consts::EXE_SUFFIX))
    })
}

fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(program());
    command.args(arguments).env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").stdin(Stdio::null());
    command.envs(environment.iter().copied()).output().unwrap()
}

#[test]
fn the_process_has_the_exit_status() {
    for (arguments, status) in
        [(&[TELEGRAM][..], 0), (&["zz", TELEGRAM], 1), (&["--nonsense"], 2), (&["--help"], 0)]
    {
        assert_eq!(run(arguments, &[]).status.code(), Some(status), "{arguments:?}");
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let is_coloured = |arguments: &[&str], environment: &[(&str, &str)]| {
        let output = run(arguments, environment);
        output.stdout.contains(&0x1B) || output.stderr.contains(&0x1B)
    };
    const FORCED: (&str, &str) = ("CLICOLOR_FORCE", "1");
    const NONE: (&str, &str) = ("NO_COLOR", "1");
    let text = ["-f", "text", "--explain", TELEGRAM, "zz"];
    assert!(!is_coloured(&text, &[]), "no terminal");
    assert!(is_coloured(&text, &[FORCED]));
    assert!(!is_coloured(&text, &[FORCED, NONE]), "NO_COLOR wins");
    for format in ["json", "jsonl", "csv"] {
        assert!(!is_coloured(&["-f", format, TELEGRAM], &[FORCED]), "{format}");
    }
}

#[test]
fn without_a_terminal_lines_of_json_come_out() {
    let output = run(&[TELEGRAM], &[]);
    assert!(output.stdout.starts_with(b"{\"schema\":1,") && output.stderr.is_empty());
}

/// A meter is read for days: each line is answered before the next one comes.
#[test]
fn each_line_is_answered_at_once() {
    let mut child = Command::new(program()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for _ in 0..3 {
        writeln!(stdin, "{TELEGRAM}").unwrap();
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        assert!(line.contains("876.543"), "{line}");
    }
    drop(stdin);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// `decode | head -1`: the end of the reader is no error.
#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let mut child = Command::new(program())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take().unwrap());
    for _ in 0..2000 {
        if writeln!(stdin, "{TELEGRAM}").is_err() {
            break;
        }
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
