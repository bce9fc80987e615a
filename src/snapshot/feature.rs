//! Types whose values a flag chooses among, and the list of those that a program has.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::activation::Problem;

/// A type whose values a flag chooses among: an enum of the flag's variants, or a struct that is the value of one. Made by
/// [`#[derive(novi::Feature)]`](derive@crate::Feature).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no feature",
    label = "expected a type with `#[derive(novi::Feature)]`"
)]
pub trait Feature: Sized {
    /// The flag's name.
    const FLAG: &'static str;

    /// What the program knows of the type.
    const REGISTERED: RegisteredFeature;

    /// What the code does when the flag says nothing that it understands.
    fn fallback() -> Self;

    /// What the answer of a flag that is on means, or what the code does not understand of it.
    #[doc(hidden)]
    fn read(answer: &Answer<'_>) -> Result<Self, Problem>;
}

/// What a flag that is on answers.
#[doc(hidden)]
#[derive(Debug)]
pub struct Answer<'a> {
    /// The variant, if one was assigned.
    pub variant: Option<&'a str>,
    /// The variant's value, if the metadata give it one.
    pub value: Option<&'a Json>,
}

/// Whether a feature is an enum of variants, or a struct that is read from their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// Its variants are the flag's.
    Enum,
    /// It is read from the value of the flag's variant, a JSON object.
    Struct,
}

/// A type with `#[derive(novi::Feature)]`, as it registers itself.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredFeature {
    flag: &'static str,
    type_name: &'static str,
    location: &'static str,
    kind: FeatureKind,
    variants: &'static [&'static str],
    default: Option<&'static str>,
    check: Check,
}

/// Tells what a struct can not read of a variant's value.
type Check = fn(&Json) -> Result<(), Problem>;

inventory::collect!(RegisteredFeature);

impl RegisteredFeature {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(flag: &'static str, type_name: &'static str, location: &'static str) -> Self {
        let (kind, variants, default, check) = (FeatureKind::Enum, [].as_slice(), None, is_object as Check);
        Self { flag, type_name, location, kind, variants, default, check }
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn of_enum(mut self, variants: &'static [&'static str], default: &'static str) -> Self {
        (self.variants, self.default) = (variants, Some(default));
        self
    }

    #[doc(hidden)]
    #[must_use]
    pub const fn of_struct(mut self, check: Check) -> Self {
        (self.kind, self.check) = (FeatureKind::Struct, check);
        self
    }

    /// Whether it is the registration of the same type.
    pub(crate) fn is(&self, other: &Self) -> bool {
        (self.flag, self.type_name, self.location) == (other.flag, other.type_name, other.location)
    }

    pub(crate) const fn flag(&self) -> &'static str {
        self.flag
    }

    pub(crate) const fn type_name(&self) -> &'static str {
        self.type_name
    }
}

/// All types with `#[derive(novi::Feature)]` that are linked into the program.
pub(crate) fn registered() -> impl Iterator<Item = &'static RegisteredFeature> {
    inventory::iter::<RegisteredFeature>.into_iter()
}

/// What the features of a program know: [`manifest`] gives it, `novi check --against FILE` compares rows with it.
///
/// Displayed it is JSON, so that a program can print it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The features, by the names of their flags.
    pub features: Vec<ManifestFeature>,
}

/// A feature of a [`Manifest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManifestFeature {
    /// The flag's name.
    pub flag: String,
    /// Whether it is an enum or a struct.
    pub kind: FeatureKind,
    /// The variants that an enum knows, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// The variant that an enum takes when the flag is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The type, by its path.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its file and line.
    pub location: String,
    /// Of a manifest that was read from a file no more is known than that a value is an object.
    #[serde(skip, default = "object_check")]
    check: Check,
}

fn object_check() -> Check {
    is_object
}

/// The features of this program: all types with [`#[derive(novi::Feature)]`](derive@crate::Feature) that are linked into it.
///
/// ```
/// // in a command of yours, for `novi check --against manifest.json`
/// println!("{}", novi::manifest());
/// ```
#[must_use]
pub fn manifest() -> Manifest {
    let owned = |feature: &RegisteredFeature| ManifestFeature {
        flag: feature.flag.to_owned(),
        kind: feature.kind,
        variants: feature.variants.iter().copied().map(str::to_owned).collect(),
        default: feature.default.map(str::to_owned),
        type_name: feature.type_name.to_owned(),
        location: feature.location.to_owned(),
        check: feature.check,
    };
    let mut features: Vec<_> = registered().map(owned).collect();
    // Registration has no order; sorted, the manifest is the same each time.
    features.sort_by(|a, b| (&a.flag, &a.type_name, &a.location).cmp(&(&b.flag, &b.type_name, &b.location)));
    Manifest { features }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

impl ManifestFeature {
    /// What an enum does not know of a variant's name.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), String> {
        if self.kind == FeatureKind::Struct || self.variants.iter().any(|known| known == name) {
            return Ok(());
        }
        let known: Vec<_> = self.variants.iter().map(|known| format!("{known:?}")).collect();
        Err(format!("expected one of {}, which {self} knows, found {name:?}", known.join(", ")))
    }

    /// What a struct can not read of a variant's value.
    pub(crate) fn check_value(&self, value: &Json) -> Result<(), Problem> {
        if self.kind == FeatureKind::Enum { Ok(()) } else { (self.check)(value) }
    }
}

/// The type and where it is, for messages.
impl fmt::Display for ManifestFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.type_name, self.location)
    }
}

fn is_object(value: &Json) -> Result<(), Problem> {
    if value.is_object() { Ok(()) } else { Err(problem("", format!("expected an object, found {value}"))) }
}

fn problem(path: &str, message: String) -> Problem {
    Problem { path: path.to_owned(), message }
}

/// What the code that `#[derive(Feature)]` writes calls.
pub mod derived {
    pub use crate::snapshot::feature::Answer;
    use crate::snapshot::feature::{DeserializeOwned, Json, Problem, problem};

    /// What a struct makes of a value.
    ///
    /// # Errors
    /// The value is not what the struct reads; the path begins with a dot or is empty.
    pub fn read<T: DeserializeOwned>(value: &Json) -> Result<T, Problem> {
        // To know the path to what is wrong takes time; so it is found out only when something is.
        T::deserialize(value).or_else(|_| {
            serde_path_to_error::deserialize(value).map_err(|error| {
                let path = match error.path().to_string() {
                    path if path == "." || path == "?" => String::new(),
                    path if path.starts_with('[') => path,
                    path => format!(".{path}"),
                };
                problem(&path, error.into_inner().to_string())
            })
        })
    }

    /// Whether a struct can read a value.
    ///
    /// # Errors
    /// As [`read`].
    pub fn check<T: DeserializeOwned>(value: &Json) -> Result<(), Problem> {
        read::<T>(value).map(drop)
    }

    /// The problem of a variant that an enum does not have.
    #[must_use]
    pub fn unknown_variant<T: crate::snapshot::feature::Feature>(name: &str) -> Problem {
        let known: Vec<_> = T::REGISTERED.variants.iter().map(|known| format!("{known:?}")).collect();
        problem("", format!("expected one of {}, found {name:?}", known.join(", ")))
    }
}
