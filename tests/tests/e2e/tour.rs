//! The README's tour, word for word: every `console` block is run, and says what is printed there.
//!
//! A line that begins with `$ ` is a command, for one shell from the first to the last. The lines below it are what it
//! says: `…` stands for anything within a line, a line of nothing else for any lines, and blanks for as many blanks.

use e2e::shared;
use ground::{Ground, Output};
use std::fmt::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

const ANYTHING: &str = "…";
/// Comes after what each command said, with its exit code behind it.
const MARK: &str = "--- end of a command of the tour: ";

struct Step {
    command: String,
    expected: Vec<String>,
}

fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line.strip_prefix("$ ") {
            _ if line.starts_with("```") => inside = line == "```console",
            _ if !inside => {}
            Some(command) => steps.push(Step { command: command.to_owned(), expected: Vec::new() }),
            None => steps.last_mut().expect("a command comes first").expected.push(line.to_owned()),
        }
    }
    steps
}

/// A directory in which the tour's paths lead to this control plane.
fn checkout(p: &Ground) -> tempfile::TempDir {
    let here = tempfile::tempdir().expect("a temporary directory");
    let link = |from: &Path, to: &str| symlink(from, here.path().join(to)).expect("a link");
    std::fs::create_dir(here.path().join(".dev")).expect("a directory");
    link(&p.layout().root().join("examples"), "examples");
    link(p.layout().bin("sluice").parent().expect("a directory"), ".dev/bin");
    link(&p.layout().dir().join("users"), ".dev/users");
    link(&p.layout().admin_kubeconfig(), ".dev/admin.kubeconfig");
    here
}

/// What each command said, on both streams, and its exit code.
fn run(p: &Ground, steps: &[Step]) -> Vec<(String, i32)> {
    let here = checkout(p);
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        // From /dev/null, since a command that reads would read the rest of the tour.
        writeln!(script, "{{ {}\n}} </dev/null\necho \"{MARK}$?\"", step.command).expect("a text");
    }
    let mut bash = Command::new("bash");
    bash.arg("--norc").current_dir(here.path()).env("KUBECACHEDIR", p.layout().dir().join("cache"));
    let output = e2e::must(Output::of(bash, &script));
    let mut said = vec![(String::new(), 0)];
    for line in output.stdout.lines() {
        let last = said.last_mut().expect("there is always a last");
        match line.split_once(MARK) {
            Some((rest, code)) => {
                last.0.push_str(rest);
                last.1 = code.parse().expect("an exit code");
                said.push((String::new(), 0));
            }
            None => writeln!(last.0, "{line}").expect("a text"),
        }
    }
    said.pop();
    assert_eq!(said.len(), steps.len(), "the shell ended early:\n{}{}", output.stdout, output.stderr);
    said
}

fn matches(expected: &[String], said: &[&str]) -> bool {
    match expected.split_first() {
        None => said.is_empty(),
        Some((first, rest)) if first == ANYTHING => (0..=said.len()).any(|skipped| matches(rest, &said[skipped..])),
        Some((first, rest)) => {
            said.split_first().is_some_and(|(line, others)| line_matches(first, line) && matches(rest, others))
        }
    }
}

fn line_matches(expected: &str, said: &str) -> bool {
    let blanks = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (expected, said) = (blanks(expected), blanks(said));
    let mut parts = expected.split(ANYTHING).map(str::trim);
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else { return false };
    let ends_open = expected.ends_with(ANYTHING);
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    for (index, part) in parts.iter().enumerate() {
        if index + 1 == parts.len() && !ends_open {
            return rest.ends_with(part);
        }
        let Some((_, behind)) = rest.split_once(part) else { return false };
        rest = behind;
    }
    rest.is_empty() || ends_open
}

#[test]
fn the_tour_of_the_readme_says_what_is_printed_there() {
    let p = shared();
    let readme = std::fs::read_to_string(p.layout().root().join("README.md")).expect("README.md");
    let steps = steps(&readme);
    assert!(steps.len() >= 10, "the tour has {} commands", steps.len());
    let wrong = steps.iter().zip(run(&p, &steps)).filter_map(|(step, (said, code))| {
        let is_refusal = step.expected.iter().any(|line| line.contains("denied: "));
        let well = matches(&step.expected, &said.lines().collect::<Vec<_>>()) && (code == 0 || is_refusal);
        let Step { command, expected } = step;
        (!well).then(|| format!("$ {command}\nexit code {code}, and\n{said}instead of\n{}\n", expected.join("\n")))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_ellipsis_stands_for_anything_within_a_line_and_for_any_lines() {
    for (expected, said) in [
        ("hello-… Running … alice", "hello-7f-x   1/1   Running   0   4s   alice"),
        ("…denied: a, b", "Error: sluice: 2 denied: a, b"),
        ("pod \"x\" deleted…", "pod \"x\" deleted from default namespace"),
        ("…x…", "axb"),
        ("same", "same"),
    ] {
        assert!(line_matches(expected, said), "{expected:?} is {said:?}");
    }
    for (expected, said) in
        [("…denied: a", "denied: a, b"), ("hello", "hello there"), ("a…c", "ab"), ("a…b…b", "ab"), ("…x", "")]
    {
        assert!(!line_matches(expected, said), "{expected:?} is not {said:?}");
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n…\nd"), &["a", "b", "c", "d"]) && matches(&lines("…"), &[]));
    assert!(!matches(&lines("a\n…\nd"), &["a", "b"]) && !matches(&[], &["unasked"]));
}
