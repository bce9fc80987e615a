//! Features: types whose values a flag selects, and the manifest of a program's features.

use std::fmt;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use crate::activation::Problem;

/// A type whose value a flag selects: an enum of the flag's variants, or a struct that is read from the value
/// of a variant. Derived with [`#[derive(novi::Feature)]`](derive@crate::Feature).
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature",
    label = "expected a type with `#[derive(novi::Feature)]`"
)]
pub trait Feature: Sized {
    /// The flag's name.
    const FLAG: &'static str;

    /// The type as it is registered in the program.
    const REGISTERED: RegisteredFeature;

    /// The value if the flag is off, unknown, or has a variant that the type cannot read.
    fn fallback() -> Self;

    /// Reads the value from the decision of a flag that is on.
    #[doc(hidden)]
    fn read(answer: &Answer<'_>) -> Result<Self, Problem>;
}

/// The decision of a flag that is on.
#[doc(hidden)]
#[derive(Debug)]
pub struct Answer<'a> {
    /// The variant, if one was assigned.
    pub variant: Option<&'a str>,
    /// The variant's value, if the metadata define one.
    pub value: Option<&'a Json>,
}

/// Whether a feature is an enum of variants, or a struct that is read from their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// Its variants are those of the flag.
    Enum,
    /// It is read from the value of the flag's variant, which is a JSON object.
    Struct,
}

/// The registration of a type with `#[derive(novi::Feature)]`.
#[derive(Clone, Copy, Debug)]
pub struct RegisteredFeature {
    flag: &'static str,
    type_name: &'static str,
    location: &'static str,
    kind: FeatureKind,
    variants: &'static [&'static str],
    default: Option<&'static str>,
    check: ValueCheck,
}

/// Checks whether a struct can be read from the value of a variant.
type ValueCheck = fn(&Json) -> Result<(), Problem>;

inventory::collect!(RegisteredFeature);

impl RegisteredFeature {
    #[doc(hidden)]
    #[must_use]
    pub const fn new(flag: &'static str, type_name: &'static str, location: &'static str) -> Self {
        let (kind, variants, default, check) =
            (FeatureKind::Enum, [].as_slice(), None, is_object as ValueCheck);
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
    pub const fn of_struct(mut self, check: ValueCheck) -> Self {
        (self.kind, self.check) = (FeatureKind::Struct, check);
        self
    }

    /// Whether both are registrations of the same type.
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

/// The features of a program. [`manifest`] returns it; `novi check --against FILE` compares rows with it.
///
/// Its `Display` output is JSON.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// The features, sorted by the names of their flags.
    pub features: Vec<ManifestFeature>,
}

/// A feature of a [`Manifest`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ManifestFeature {
    /// The flag's name.
    pub flag: String,
    /// Whether it is an enum or a struct.
    pub kind: FeatureKind,
    /// The variants of an enum, in order of declaration.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<String>,
    /// The variant that an enum uses if the flag is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The path of the type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// File and line of the type.
    pub location: String,
    /// A manifest read from a file only knows that values must be objects.
    #[serde(skip, default = "object_check")]
    check: ValueCheck,
}

fn object_check() -> ValueCheck {
    is_object
}

/// Returns the features of this program: all types with [`#[derive(novi::Feature)]`](derive@crate::Feature)
/// that are linked into it.
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
    // The order of registration is unspecified.
    features.sort_by(|a, b| (&a.flag, &a.type_name, &a.location).cmp(&(&b.flag, &b.type_name, &b.location)));
    Manifest { features }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?)
    }
}

impl ManifestFeature {
    /// Checks that an enum has a variant of this name.
    pub(crate) fn check_name(&self, name: &str) -> Result<(), String> {
        if self.kind == FeatureKind::Struct || self.variants.iter().any(|known| known == name) {
            return Ok(());
        }
        let known: Vec<_> = self.variants.iter().map(|known| format!("{known:?}")).collect();
        Err(format!("expected one of {}, the variants of {self}, found {name:?}", known.join(", ")))
    }

    /// Checks that a struct can be read from a variant's value.
    pub(crate) fn check_value(&self, value: &Json) -> Result<(), Problem> {
        if self.kind == FeatureKind::Enum { Ok(()) } else { (self.check)(value) }
    }
}

/// Formats the type and its location, for messages.
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

/// Functions called by code that `#[derive(Feature)]` generates.
pub mod derived {
    pub use crate::snapshot::feature::Answer;
    use crate::{
        error::json_terms,
        snapshot::feature::{DeserializeOwned, Json, Problem, problem},
    };

    /// Reads a struct from a value.
    ///
    /// # Errors
    /// The value does not match the struct. The path is empty, or begins with a dot or a bracket.
    pub fn read<T: DeserializeOwned>(value: &Json) -> Result<T, Problem> {
        // Tracking the path takes time, so the value is read again only to report an error.
        T::deserialize(value).or_else(|_| {
            serde_path_to_error::deserialize(value).map_err(|error| {
                let path = match error.path().to_string() {
                    path if path == "." || path == "?" => String::new(),
                    path if path.starts_with('[') => path,
                    path => format!(".{path}"),
                };
                problem(&path, json_terms::translate(&error.into_inner().to_string()))
            })
        })
    }

    /// Checks that a struct can be read from a value.
    ///
    /// # Errors
    /// As [`read`].
    pub fn check<T: DeserializeOwned>(value: &Json) -> Result<(), Problem> {
        read::<T>(value).map(drop)
    }

    /// The problem of a variant that the enum does not have.
    #[must_use]
    pub fn unknown_variant<T: crate::snapshot::feature::Feature>(name: &str) -> Problem {
        let known: Vec<_> = T::REGISTERED.variants.iter().map(|known| format!("{known:?}")).collect();
        problem("", format!("expected one of {}, found {name:?}", known.join(", ")))
    }
}
