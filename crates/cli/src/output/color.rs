//! Colors on a terminal.

use std::io::{self, IsTerminal as _};

const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const YELLOW: &str = "\u{1b}[33m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

/// Whether standard output is a terminal and `NO_COLOR` is not set.
pub(crate) fn is_color_wanted() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|no| no.is_empty())
}

/// A plan whose signs are colored. `plan` must be sanitized.
pub(super) fn colored_plan(plan: &str) -> String {
    let colored = |line: &str| {
        let color = match line.split_at_checked(2) {
            Some(("+ ", _)) => GREEN,
            Some(("- ", _)) => RED,
            Some(("~ " | "! ", _)) => YELLOW,
            _ if line.starts_with("problem: ") => RED,
            _ => return format!("{line}\n"),
        };
        format!("{color}{line}{PLAIN}\n")
    };
    plan.lines().map(colored).collect()
}

/// An explanation with colored outcomes. `tree` must be sanitized.
pub(crate) fn colored_explanation(tree: &str) -> String {
    tree.lines()
        .enumerate()
        .map(|(number, line)| if number == 0 { line.to_owned() } else { colored(line) } + "\n")
        .collect()
}

fn colored(line: &str) -> String {
    let branches = ["├─ ", "└─ "];
    let Some(at) = branches.iter().filter_map(|branch| Some(line.find(branch)? + branch.len())).min() else {
        return format!("{DIM}{line}{PLAIN}");
    };
    let (branch, rest) = line.split_at_checked(at).unwrap_or((line, ""));
    // Only the drawing of the tree may precede a branch; in an attribute's line the value may contain one.
    if !branch.chars().all(|letter| " │├└─".contains(letter)) {
        return format!("{DIM}{line}{PLAIN}");
    }
    for (state, color) in [("on ", GREEN), ("off", RED), ("not evaluated", DIM)] {
        if let Some(rest) = rest.strip_prefix(state) {
            return format!("{branch}{color}{state}{PLAIN}{rest}");
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_colored_and_attributes_are_dimmed() {
        let tree = "x is off\n└─ off 1 \"on \" (novi.and)\n   ├─ on  2 \"b\" (c)\n   │     plan: \"├─ off\"\n   └─ not evaluated 3 \"d\" (e)";
        assert_eq!(
            colored_explanation(tree),
            "x is off\n└─ \u{1b}[31moff\u{1b}[0m 1 \"on \" (novi.and)\n   ├─ \u{1b}[32mon \u{1b}[0m 2 \"b\" (c)\n\
             \u{1b}[2m   │     plan: \"├─ off\"\u{1b}[0m\n   └─ \u{1b}[2mnot evaluated\u{1b}[0m 3 \"d\" (e)\n"
        );
    }
}
