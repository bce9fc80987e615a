//! Reads the vectors beside this file. Each file belongs to one rule; each suite in it has rows and cases.

#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{collections::BTreeMap, fs, path::Path};

use novi::{
    Context, Flags,
    activation::Registry,
    overrides::Overrides,
    rows::{
        ActivationRow, ClientMetadata, FailMode, FlagMetadata, FlagRow, LinkRow, MemberRow, Rows, ValueType,
    },
    snapshot::Settings,
};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) rule: String,
    pub(crate) about: String,
    pub(crate) suites: Vec<Suite>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Suite {
    pub(crate) name: String,
    pub(crate) flags: Vec<Flag>,
    #[serde(default)]
    pub(crate) activations: Vec<Activation>,
    /// Pairs of flag id and activation id.
    #[serde(default)]
    pub(crate) links: Vec<(i64, i64)>,
    /// Activation id, member, and whether it is denied.
    #[serde(default)]
    pub(crate) members: Vec<(i64, String, bool)>,
    /// The static context.
    #[serde(default)]
    pub(crate) context: Context<'static>,
    #[serde(default)]
    pub(crate) overrides: Overrides,
    /// Other names of the targeting key.
    #[serde(default)]
    pub(crate) identity: Vec<String>,
    /// What clients get with the decisions of all flags.
    #[serde(default)]
    pub(crate) metadata: ClientMetadata,
    /// Files in the folder of types, by name.
    #[serde(default)]
    pub(crate) files: BTreeMap<String, String>,
    /// The issues, as text, all of them.
    #[serde(default)]
    pub(crate) issues: Vec<String>,
    pub(crate) cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Flag {
    pub(crate) id: i64,
    pub(crate) name: String,
    #[serde(default = "yes")]
    pub(crate) status: bool,
    #[serde(default)]
    pub(crate) fail_mode: FailMode,
    /// The text of `flag_metadata.variants`, as JSON.
    #[serde(default)]
    pub(crate) variants: Option<serde_json::Value>,
    #[serde(default)]
    pub(crate) value_type: Option<ValueType>,
    #[serde(default)]
    pub(crate) default_variant: Option<String>,
    #[serde(default)]
    pub(crate) off_variant: Option<String>,
    /// The text of `flag_metadata.metadata`, as JSON.
    #[serde(default)]
    pub(crate) metadata: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Activation {
    pub(crate) id: i64,
    #[serde(default)]
    pub(crate) name: Option<String>,
    pub(crate) class_name: String,
    /// JSON that becomes the row's string, or a string that is used as it is.
    #[serde(default)]
    pub(crate) config: serde_json::Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) flag: String,
    /// Kept as a string, because its numbers may be of any size.
    #[serde(default)]
    pub(crate) context: Option<Box<serde_json::value::RawValue>>,
    #[serde(default)]
    pub(crate) enabled: bool,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) variant: Option<String>,
    /// The value, for flags whose variants have some.
    #[serde(default)]
    pub(crate) value: Option<serde_json::Value>,
    /// What clients get with the decision, if the case is about that.
    #[serde(default)]
    pub(crate) metadata: Option<serde_json::Value>,
    /// Whether the decision depends on a targeting key that the context does not have.
    #[serde(default)]
    pub(crate) needs_targeting_key: bool,
    /// Instead of the fields above.
    #[serde(default)]
    pub(crate) error: Option<String>,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Expected {
    Decision { enabled: bool, reason: String, variant: Option<String> },
    Error { error: String },
}

/// The text of a column: a string as it is, or JSON.
fn text(json: &serde_json::Value) -> String {
    json.as_str().map_or_else(|| json.to_string(), str::to_owned)
}

const fn yes() -> bool {
    true
}

impl Case {
    pub(crate) fn expected(&self) -> Expected {
        match &self.error {
            Some(error) => Expected::Error { error: error.clone() },
            None => Expected::Decision {
                enabled: self.enabled,
                reason: self.reason.clone(),
                variant: self.variant.clone(),
            },
        }
    }

    pub(crate) fn context_text(&self) -> &str {
        self.context.as_ref().map_or("{}", |raw| raw.get())
    }

    pub(crate) fn context(&self) -> Context<'static> {
        Context::from_json(self.context_text()).unwrap()
    }
}

impl Suite {
    pub(crate) fn rows(&self) -> Rows {
        let flag = |flag: &Flag| FlagRow {
            metadata: FlagMetadata {
                fail_mode: flag.fail_mode,
                variants: flag.variants.as_ref().map(text),
                value_type: flag.value_type,
                default_variant: flag.default_variant.clone(),
                off_variant: flag.off_variant.clone(),
                metadata: flag.metadata.as_ref().map(text),
                ..FlagMetadata::default()
            },
            ..FlagRow::new(flag.id, &flag.name, flag.status)
        };
        let activation = |row: &Activation| {
            let config = text(&row.config);
            let name = row.name.clone().unwrap_or_else(|| format!("activation {}", row.id));
            ActivationRow::new(row.id, name, &row.class_name, config)
        };
        let member = |(activation_id, member, denied): &(i64, String, bool)| MemberRow {
            denied: *denied,
            ..MemberRow::allowed(*activation_id, member)
        };
        Rows {
            members: self.members.iter().map(member).collect(),
            flags: self.flags.iter().map(flag).collect(),
            activations: self.activations.iter().map(activation).collect(),
            links: self.links.iter().map(|(flag, activation)| LinkRow::new(*flag, *activation)).collect(),
            ..Rows::default()
        }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings {
            context: self.context.clone(),
            overrides: self.overrides.clone(),
            identity: self.identity.clone(),
            metadata: self.metadata.clone(),
            keep_rows: true,
            ..Settings::default()
        }
    }

    /// Flags from these rows, under the suite's settings.
    pub(crate) fn flags(&self, rows: Rows) -> Flags {
        let Settings { context, overrides, identity, metadata, .. } = self.settings();
        let registry = Registry::global().unwrap();
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in &self.files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        Flags::builder()
            .registry(registry)
            .activations_folder(folder.path())
            .context(context)
            .overrides(overrides)
            .identity(identity)
            .metadata(metadata)
            .keep_rows()
            .from_rows(rows)
            .unwrap()
    }

    /// Whether the value of a flag is that of its variant, and not whether it is on.
    pub(crate) fn has_values(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| {
            let is_declared = !matches!(flag.value_type, None | Some(ValueType::Boolean | ValueType::Any));
            flag.name == name && (flag.variants.is_some() || is_declared)
        })
    }

    /// Compares every case with the flags.
    pub(crate) fn check(&self, flags: &Flags, place: &str) {
        let issues: Vec<String> = flags.issues().iter().map(ToString::to_string).collect();
        assert_eq!(issues, self.issues, "issues of {place}");
        for case in &self.cases {
            let context = case.context();
            let found = match flags.evaluate(&case.flag, &context) {
                Ok(decision) => Expected::Decision {
                    enabled: decision.enabled(),
                    reason: decision.reason().to_string(),
                    variant: decision.variant().map(str::to_owned),
                },
                Err(novi::Error::FlagNotFound { .. }) => {
                    Expected::Error { error: "FLAG_NOT_FOUND".to_owned() }
                }
                Err(error) => panic!("{place}: {error}"),
            };
            let at = format!("{place}: {:?} with {}", case.flag, case.context_text());
            assert_eq!(found, case.expected(), "{at}");
            assert_eq!(flags.is_enabled(&case.flag, &context), case.enabled, "is_enabled, {at}");
            let has_values = self.has_values(&case.flag);
            if let Ok(decision) = flags.evaluate(&case.flag, &context) {
                // R11: all decisions of a snapshot have its revision.
                let snapshot = flags.snapshot();
                assert_eq!(decision.revision(), snapshot.revision(), "revision, {at}");
                let needs_key = decision.needs_targeting_key(&context);
                assert_eq!(needs_key, case.needs_targeting_key, "needs a targeting key, {at}");
                let all = snapshot.evaluate_all(&context);
                assert!(
                    all.iter().all(|other| other.revision() == decision.revision()),
                    "revisions of all, {at}"
                );
                let among_all = all.iter().find(|other| other.flag() == case.flag);
                let among_all = among_all.map(|other| (other.enabled(), other.reason()));
                assert_eq!(among_all, Some((decision.enabled(), decision.reason())), "among all, {at}");
                let on = serde_json::Value::Bool(case.enabled);
                let value = if has_values { case.value.as_ref() } else { Some(&on) };
                assert_eq!(decision.value(), value, "value, {at}");
                if let Some(metadata) = &case.metadata {
                    let found: BTreeMap<_, _> = decision.metadata().collect();
                    assert_eq!(serde_json::to_value(found).unwrap(), *metadata, "metadata, {at}");
                }
            }
            assert_eq!(flags.flag(&case.flag).is_enabled(&context), case.enabled, "handle, {at}");
            if let Ok(trace) = flags.explain(&case.flag, &context) {
                let told = Expected::Decision {
                    enabled: trace.enabled,
                    reason: trace.reason.to_string(),
                    variant: trace.variant,
                };
                assert_eq!(told, case.expected(), "explain, {at}");
            }
        }
    }
}

/// All files of vectors, in the order of their names.
pub(crate) fn files() -> Vec<File> {
    // Crates replay them as well.
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("tests/spec"));
    let folder = folders.into_iter().find(|folder| folder.join("suite.rs").exists()).unwrap();
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let files: Vec<File> = paths.iter().map(read).collect();
    assert!(files.len() > 5, "the vectors are missing");
    files
}
