//! The fields of a flag on the command line.

use clap::Args;

use crate::{
    commands::{argument::read_json, change::Fields},
    output::Failure,
};

// No doc comment: clap would take it for the help of the commands that flatten it.
#[derive(Clone, Debug, Args)]
pub(super) struct FlagFields {
    /// Purpose of the flag
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// People who are responsible
    #[arg(long, value_name = "NAME")]
    owner: Option<String>,

    /// When the flag should be removed from the code: a date, or a time in RFC 3339
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,

    /// Labels, separated by commas; they replace the current ones
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tags: Option<Vec<String>>,

    /// Whether a request may override the flag
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    override_allowed: Option<bool>,

    /// Whether holders of client tokens may evaluate the flag
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    exposed: Option<bool>,

    /// Decision while the flag is broken
    #[arg(long, value_name = "MODE", value_parser = ["off", "on", "last_known"])]
    fail_mode: Option<String>,

    /// Values by variant name, or a number of versions
    #[arg(long, value_name = "JSON|@FILE|-")]
    variants: Option<String>,

    /// Type of the values
    #[arg(long, value_name = "TYPE", value_parser = ["boolean", "string", "integer", "number", "object", "any"])]
    value_type: Option<String>,

    /// Variant if no activation assigns one
    #[arg(long, value_name = "VARIANT")]
    default_variant: Option<String>,

    /// Variant while the status is off
    #[arg(long, value_name = "VARIANT")]
    off_variant: Option<String>,

    /// What clients get with each decision
    #[arg(long, value_name = "JSON|@FILE|-")]
    metadata: Option<String>,
}

impl FlagFields {
    /// Adds the fields in the names of the API.
    pub(super) fn add_to(&self, mut fields: Fields) -> Result<Fields, Failure> {
        let json = |option: &str, example: &str, argument: &Option<String>| {
            argument.as_deref().map(|argument| read_json(option, example, argument)).transpose()
        };
        let variants = json("--variants", r#"{"grid": 1, "list": 2}"#, &self.variants)?;
        let metadata = json("--metadata", r#"{"team": "shop"}"#, &self.metadata)?;
        fields = fields
            .maybe("description", self.description.as_ref())
            .maybe("owner", self.owner.as_ref())
            .maybe("expires_at", self.expires.as_ref())
            .maybe("tags", self.tags.as_ref().map(|tags| without_empty(tags)).as_ref())
            .maybe("override_allowed", self.override_allowed.as_ref())
            .maybe("exposed", self.exposed.as_ref())
            .maybe("fail_mode", self.fail_mode.as_ref())
            .maybe("variants", variants.as_ref())
            .maybe("value_type", self.value_type.as_ref())
            .maybe("default_variant", self.default_variant.as_ref())
            .maybe("off_variant", self.off_variant.as_ref());
        Ok(fields.maybe("metadata", metadata.as_ref()))
    }
}

/// `--tags ""` is no tags.
fn without_empty(tags: &[String]) -> Vec<&str> {
    tags.iter().map(|tag| tag.trim()).filter(|tag| !tag.is_empty()).collect()
}
