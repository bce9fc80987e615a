//! Arguments that are a text, `@FILE`, or `-` for standard input.

use std::path::Path;

use novi::error::{json_terms, unique_names};
use serde_json::value::RawValue;

use super::json_text;
use crate::{output::Failure, session::read_input};

/// The text that an option stands for, and what errors call it. `@-` is standard input as well.
pub(super) fn read_argument(option: &str, argument: &str) -> Result<(String, String), Failure> {
    let file = match argument.strip_prefix('@') {
        Some("") => return Err(Failure::usage(format!("{option}: expected a file name after @"))),
        Some(file) => file,
        None if argument == "-" => "-",
        None => return Ok((option.to_owned(), argument.to_owned())),
    };
    let text = read_input(Path::new(file)).map_err(|error| Failure::file(file, &error).about(option))?;
    // Editors on Windows write a byte order mark.
    Ok((format!("{option} {argument}"), text.trim_start_matches('\u{feff}').to_owned()))
}

/// JSON that may have comments, as a row stores it. `example` is what an error expects.
pub(super) fn read_json(option: &str, example: &str, argument: &str) -> Result<Box<RawValue>, Failure> {
    let (origin, text) = read_argument(option, argument)?;
    let invalid = |problem: &str| {
        let mut letters = problem.chars();
        let problem: String =
            letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
        Failure::usage(format!("{origin}: expected JSON such as {example}: {problem}"))
    };
    let compact = json_text::compact(&text).map_err(|error| invalid(&error.to_string()))?;
    // Without comments and blanks the positions are others.
    unique_names::check(&compact).map_err(|error| {
        let problem = json_terms::translate(&error.to_string());
        invalid(problem.split(" at line ").next().unwrap_or_default())
    })?;
    RawValue::from_string(compact).map_err(|error| invalid(&json_terms::translate(&error.to_string())))
}

/// The lines of a file or of standard input, or the arguments themselves.
pub(super) fn read_list(option: &str, arguments: &[String]) -> Result<Vec<String>, Failure> {
    let mut list = Vec::new();
    for argument in arguments {
        if argument != "-" && !argument.starts_with('@') {
            list.push(argument.clone());
            continue;
        }
        let (_, text) = read_argument(option, argument)?;
        list.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    Ok(list)
}
