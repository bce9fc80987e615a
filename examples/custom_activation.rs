//! A custom activation type, with contract tests.
//! cargo run --example custom_activation

use novi::{
    Context, Flags, Value,
    activation::{Activation, CompileContext, Evaluation, Registry, Verdict},
    rows::{ActivationRow, FlagRow, LinkRow, Rows},
};
use serde::Deserialize;

/// On while the office is open.
///
/// The attribute registers the type under its class name, derives the JSON Schema of its config, and rejects unknown
/// fields.
#[novi::activation("acme.office_hours")]
#[derive(Deserialize)]
struct OfficeHours {
    /// The first hour of the day
    from: u32,
    /// The hour at which the office closes
    to: u32,
}

impl Activation for OfficeHours {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        // A missing attribute, or one of another type, is not an error: the condition is not met.
        let Some(Value::Int(hour)) = evaluation.get("hour") else { return Verdict::Off };
        u32::try_from(*hour).is_ok_and(|hour| (self.from..self.to).contains(&hour)).into()
    }

    fn compile(&mut self, row: &mut CompileContext<'_>) {
        if self.from >= self.to || self.to > 24 {
            row.problem(
                ".to",
                format!("expected an hour after {} and up to 24, found {}", self.from, self.to),
            );
        }
    }
}

fn main() -> Result<(), novi::Error> {
    let registry = Registry::global()?;
    let description = registry.find("acme.office_hours").map(novi::activation::ActivationType::description);
    println!("acme.office_hours: {}", description.unwrap_or("is not registered"));

    let flags = Flags::from_rows(Rows {
        flags: vec![FlagRow::new(1, "Call us", true), FlagRow::new(2, "Night shift", true)],
        activations: vec![
            ActivationRow::new(1, "Nine to five", "acme.office_hours", r#"{"from": 9, "to": 17}"#),
            ActivationRow::new(2, "Night", "acme.office_hours", r#"{"from": 22, "to": 6}"#),
        ],
        links: vec![LinkRow::new(1, 1), LinkRow::new(2, 2)],
        ..Rows::default()
    })?;
    assert!(flags.is_enabled("Call us", &Context::new().with("hour", 10)));
    assert!(!flags.is_enabled("Call us", &Context::new().with("hour", 17)));
    assert!(!flags.is_enabled("Call us", &Context::new()));

    // An invalid row affects only its own flags; its issue says what is wrong.
    for issue in flags.issues() {
        println!("{issue}");
    }
    Ok(())
}

/// In your own crate, add `novi = { version = "..", features = ["testing"] }` to the dev-dependencies.
#[cfg(test)]
mod tests {
    use novi::testing::contract;
    use serde_json::json;

    use super::*;

    #[test]
    fn office_hours_pass_the_contract_tests() {
        contract::<OfficeHours>()
            .example(json!({"from": 9, "to": 17}))
            .example(json!({"from": 0, "to": 24}))
            .context(Context::new().with("hour", 10))
            .context(Context::new().with("hour", 17))
            .monotone("to")
            .check();
    }
}
