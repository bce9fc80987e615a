//! A report in the XML of JUnit, which CI servers show.

use std::path::Path;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::evaluate::Outcome;
use crate::output::{Failure, replace_file};

/// Writes a report of all tests: a suite for each file, and a case for each flag of a test.
pub(super) fn write(path: &Path, outcomes: &[Outcome]) -> Result<(), Failure> {
    let mut report = Report::new("novi");
    for of_file in outcomes.chunk_by(|a, b| a.file == b.file) {
        let Some(first) = of_file.first() else { continue };
        let mut suite = TestSuite::new(first.file.as_str());
        suite.add_test_cases(of_file.iter().map(case));
        report.add_test_suite(suite);
    }
    let text = report
        .to_string()
        .map_err(|error| Failure::system(format!("could not write {}: {error}", path.display())))?;
    replace_file(path, &text)
}

fn case(outcome: &Outcome) -> TestCase {
    let status = if outcome.passed {
        TestCaseStatus::success()
    } else {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
        status.set_message(outcome.differences.join("; ")).set_type("decision");
        status.set_description(outcome.explanation.as_deref().unwrap_or_default());
        status
    };
    let mut case = TestCase::new(format!("{}: {}", outcome.test, outcome.flag), status);
    case.set_classname(outcome.file.as_str());
    case
}
