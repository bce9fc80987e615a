//! Flags in memory, for tests.

use serde_json::Value as Json;

use crate::{
    context::overrides::Override,
    flags::Flags,
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, Revision, Rows, ValueType},
};

/// A builder of flags in memory.
///
/// ```
/// use novi::{Context, overrides::Off, testing::TestFlags};
/// use serde_json::json;
///
/// let mut test = TestFlags::new().on("New checkout").off("Refunds").variant("Layout", "grid").flag("Beta", |flag| {
///     flag.activation("novi.percentage", json!({"percentage": 100}))
/// });
/// let flags = test.build();
/// let ctx = Context::new().with("targetingKey", "user-7");
/// assert!(flags.is_enabled("New checkout", &ctx) && flags.is_enabled("Beta", &ctx));
/// assert_eq!(flags.evaluate("Layout", &ctx)?.variant(), Some("grid"));
///
/// test.set("New checkout", Off); // like a change of the row
/// assert!(!flags.is_enabled("New checkout", &ctx));
/// # Ok::<(), novi::Error>(())
/// ```
#[derive(Debug, Default)]
#[must_use]
pub struct TestFlags {
    rows: Rows,
    built: Option<Flags>,
}

/// A flag of [`TestFlags`]. Its status is on by default.
#[derive(Debug)]
#[must_use]
pub struct TestFlag {
    row: FlagRow,
    activations: Vec<(String, Json)>,
}

impl TestFlag {
    /// Sets the status to off.
    pub fn off(mut self) -> Self {
        self.row.status = false;
        self
    }

    /// Adds an activation. Its config must not refer to other activations by id; write them inline instead.
    pub fn activation(mut self, class_name: &str, config: Json) -> Self {
        self.activations.push((class_name.to_owned(), config));
        self
    }

    /// Sets the variants and their values, a JSON object: `{"small": 10, "large": 50}`.
    pub fn variants(mut self, values: &Json) -> Self {
        self.row.metadata.variants = Some(values.to_string());
        self
    }

    /// Sets the type of the values.
    pub fn value_type(mut self, kind: ValueType) -> Self {
        self.row.metadata.value_type = Some(kind);
        self
    }

    /// Sets the variant to use if no activation assigns one.
    pub fn default_variant(mut self, name: &str) -> Self {
        self.row.metadata.default_variant = Some(name.to_owned());
        self
    }

    /// Sets the variant to use while the status is off.
    pub fn off_variant(mut self, name: &str) -> Self {
        self.row.metadata.off_variant = Some(name.to_owned());
        self
    }

    /// Sets all metadata, including the variants.
    pub fn metadata(mut self, metadata: FlagMetadata) -> Self {
        self.row.metadata = metadata;
        self
    }
}

impl TestFlags {
    /// Returns a builder without flags.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a flag that is on.
    #[track_caller]
    pub fn on(self, name: &str) -> Self {
        self.flag(name, |flag| flag)
    }

    /// Adds a flag that is off.
    #[track_caller]
    pub fn off(self, name: &str) -> Self {
        self.flag(name, TestFlag::off)
    }

    /// Adds a flag that is on with a variant.
    #[track_caller]
    pub fn variant(self, name: &str, variant: &str) -> Self {
        self.flag(name, |flag| flag.default_variant(variant))
    }

    /// Adds the flag that `describe` configures, replacing one with the same name.
    #[track_caller]
    pub fn flag(mut self, name: &str, describe: impl FnOnce(TestFlag) -> TestFlag) -> Self {
        self.set_flag(name, describe);
        self
    }

    /// Returns the flags. Later changes through [`set`](Self::set) and [`set_flag`](Self::set_flag) update
    /// them.
    ///
    /// # Panics
    /// If a flag is broken, for example by an invalid config or an unknown class name.
    #[track_caller]
    pub fn build(&mut self) -> Flags {
        let flags = self.built.get_or_insert_with(|| {
            // Fails only if two activation types have the same name.
            Flags::from_rows(self.rows.clone()).unwrap_or_else(|error| panic!("{error}"))
        });
        let flags = flags.clone();
        assert_valid(&flags);
        flags
    }

    /// Turns a flag on or off, or on with a variant. An existing flag keeps its activations; an unknown one
    /// is added.
    ///
    /// # Panics
    /// Like [`build`](Self::build), once the flags are built.
    #[track_caller]
    pub fn set(&mut self, name: &str, answer: impl Into<Override>) {
        let answer = answer.into();
        if !self.rows.flags.iter().any(|row| row.name == name) {
            self.add(name, |flag| flag);
        }
        if let Some(row) = self.rows.flags.iter_mut().find(|row| row.name == name) {
            row.status = answer != Override::Off;
            if let Override::Variant(variant) = answer {
                row.metadata.default_variant = Some(variant);
            }
        }
        self.update();
    }

    /// Adds the flag that `describe` configures, replacing one with the same name.
    ///
    /// # Panics
    /// Like [`build`](Self::build), once the flags are built.
    #[track_caller]
    pub fn set_flag(&mut self, name: &str, describe: impl FnOnce(TestFlag) -> TestFlag) {
        self.add(name, describe);
        self.update();
    }

    fn add(&mut self, name: &str, describe: impl FnOnce(TestFlag) -> TestFlag) {
        let rows = &mut self.rows;
        let known = rows.flags.iter().find(|row| row.name == name).map(|row| row.id);
        let id = known.unwrap_or_else(|| rows.highest_ids().flags + 1);
        let TestFlag { row, activations } =
            describe(TestFlag { row: FlagRow::new(id, name, true), activations: Vec::new() });
        rows.flags.retain(|row| row.id != id);
        rows.links.retain(|link| link.flag_id != Some(id));
        rows.flags.push(row);
        for (class_name, config) in activations {
            let activation = rows.highest_ids().activations + 1;
            let activation_name = format!("of {name}");
            rows.activations.push(ActivationRow::new(
                activation,
                activation_name,
                class_name,
                config.to_string(),
            ));
            rows.links.push(LinkRow::new(id, activation));
        }
    }

    #[track_caller]
    fn update(&mut self) {
        if let Some(flags) = &self.built {
            self.rows.revision = Revision::new(self.rows.revision.number() + 1);
            flags.replace_rows(self.rows.clone());
            assert_valid(flags);
        }
    }
}

/// A test with broken flags would not test what it claims to.
#[track_caller]
fn assert_valid(flags: &Flags) {
    let issues = flags.issues();
    let broken: Vec<_> =
        issues.iter().filter(|issue| !issue.flags.is_empty()).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "the flags of this test are broken:\n{}", broken.join("\n"));
}
