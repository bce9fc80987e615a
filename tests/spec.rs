//! Every rule's vectors, against rows in memory and in each database.

#[path = "spec/suite.rs"]
mod suite;

#[test]
fn rows_in_memory_answer_as_the_rules_say() {
    for file in suite::files() {
        for suite in &file.suites {
            let place = format!("{} ({}), {}", file.rule, file.about, suite.name);
            suite.check(&suite.flags(suite.rows()), &place);
        }
    }
}
