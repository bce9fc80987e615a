//! Which activation types there are.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, OnceLock},
};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer, de::DeserializeOwned, ser::SerializeStruct as _};

use crate::{
    activation::{Activation, Compile, Configured, Problem},
    error::{Error, Result},
    rows::issue::Issue,
};

/// An activation type: how rows name it and how a value of it is built.
#[derive(Clone)]
pub struct ActivationType {
    class: Cow<'static, str>,
    aliases: &'static [&'static str],
    description: Cow<'static, str>,
    location: Cow<'static, str>,
    /// Whether evaluating may panic: novi's own types do not.
    may_panic: bool,
    takes_members: bool,
    maker: Maker,
}

/// What makes activations of a type.
#[derive(Clone)]
enum Maker {
    /// A type of Rust.
    Code { schema: fn() -> Schema, build: Build },
    /// A file that this process has read.
    File(Arc<dyn Script>),
}

/// A file that is a type.
pub(crate) trait Script: Send + Sync {
    /// The JSON Schema of its config.
    fn schema(&self) -> Schema;

    /// Makes an activation, as [`Build`] does.
    fn build(&self, config: &str, row: &mut Compile<'_>) -> Result<Option<Arc<dyn Activation>>, Problem>;
}

/// A language in which files can be types; registered through `inventory`, as types are.
pub(crate) struct Language {
    /// How the names of such files end, behind the dot.
    pub(crate) extension: &'static str,
    /// What the file says of itself.
    pub(crate) describe: fn(&str) -> String,
    /// Reads a file, which is known by this name to whoever reads messages.
    pub(crate) read: fn(&str, &str) -> ReadScript,
}

/// A file as a type, or what is wrong with it and where.
pub(crate) type ReadScript = Result<Arc<dyn Script>, Vec<Problem>>;

inventory::collect!(Language);

impl Language {
    pub(crate) fn of(extension: &str) -> Option<&'static Self> {
        inventory::iter::<Self>.into_iter().find(|language| language.extension == extension)
    }
}

/// Makes an activation of a row's config; nothing if it can not be used, which is noted with the row.
type Build = fn(&str, &mut Compile<'_>) -> Result<Option<Arc<dyn Activation>>, Problem>;

inventory::collect!(ActivationType);

/// A type that carries its own registration, as [`#[novi::activation]`](macro@crate::activation) gives it one.
pub trait RegisteredActivation: Activation {
    /// The registration.
    const TYPE: ActivationType;
}

impl ActivationType {
    /// The type `T` under a class name. `location` is where the type is declared, for messages:
    /// `concat!(file!(), ":", line!())`.
    #[must_use]
    pub const fn new<T: Activation + DeserializeOwned + JsonSchema>(
        class: &'static str,
        aliases: &'static [&'static str],
        description: &'static str,
        location: &'static str,
    ) -> Self {
        let maker = Maker::Code { schema: schema::<T>, build: build::<T> };
        Self::made(class, aliases, description, location, (true, false), maker)
    }

    /// A type of novi's own, of which it is known that it does not panic.
    pub(crate) const fn configured<T: Configured>(
        class: &'static str,
        aliases: &'static [&'static str],
        description: &'static str,
        location: &'static str,
    ) -> Self {
        let maker = Maker::Code { schema: schema::<T::Config>, build: configure::<T> };
        Self::made(class, aliases, description, location, (false, T::TAKES_MEMBERS), maker)
    }

    const fn made(
        class: &'static str,
        aliases: &'static [&'static str],
        description: &'static str,
        location: &'static str,
        (may_panic, takes_members): (bool, bool),
        maker: Maker,
    ) -> Self {
        let (class, description) = (Cow::Borrowed(class), Cow::Borrowed(description));
        Self {
            class,
            aliases,
            description,
            location: Cow::Borrowed(location),
            may_panic,
            takes_members,
            maker,
        }
    }

    /// A type that is a file at this place.
    pub(crate) fn file(
        class: String,
        description: String,
        location: String,
        script: Arc<dyn Script>,
    ) -> Self {
        let (class, description, location) = (class.into(), description.into(), location.into());
        Self {
            class,
            aliases: &[],
            description,
            location,
            may_panic: false,
            takes_members: false,
            maker: Maker::File(script),
        }
    }

    pub(crate) const fn may_panic(&self) -> bool {
        self.may_panic
    }

    /// Whether rows of `activation_members` mean anything to it.
    pub(crate) const fn takes_members(&self) -> bool {
        self.takes_members
    }

    /// The name that rows have in `class_name`.
    #[must_use]
    pub fn class(&self) -> &str {
        &self.class
    }

    /// Other names that rows may have.
    #[must_use]
    pub const fn aliases(&self) -> &'static [&'static str] {
        self.aliases
    }

    /// What the type does.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Where the type is declared.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// The JSON Schema of the config.
    #[must_use]
    pub fn schema(&self) -> Schema {
        let mut schema = match &self.maker {
            Maker::Code { schema, .. } => schema(),
            Maker::File(script) => script.schema(),
        };
        schema.insert("title".to_owned(), self.class().into());
        schema
    }

    /// Builds an activation from the text of its config. What is wrong is noted with the row; there is no activation then,
    /// or one that is not to be asked.
    pub(crate) fn build(&self, config: Option<&str>, row: &mut Compile<'_>) -> Option<Arc<dyn Activation>> {
        let make = |text: &str, row: &mut Compile<'_>| match &self.maker {
            Maker::Code { build, .. } => build(text, row),
            Maker::File(script) => script.build(text, row),
        };
        let built = match config.filter(|text| !text.trim_start().is_empty()) {
            Some(text) => make(text, row),
            // A type without settings has nothing to say in its config: `{}` for a struct, `null` for a unit struct.
            None => make("{}", row).or_else(|_| make("null", row)).map_err(|problem| Problem {
                path: "config".to_owned(),
                message: format!("is empty; {}", problem.message),
            }),
        };
        built.unwrap_or_else(|problem| {
            row.problems.push(problem);
            None
        })
    }
}

impl fmt::Debug for ActivationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActivationType")
            .field("class", &self.class)
            .field("aliases", &self.aliases)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// What a program needs to offer the type: names, description, and the JSON Schema of the config.
impl Serialize for ActivationType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut json = serializer.serialize_struct("ActivationType", 4)?;
        json.serialize_field("class_name", self.class())?;
        json.serialize_field("aliases", self.aliases())?;
        json.serialize_field("description", self.description())?;
        json.serialize_field("schema", &self.schema())?;
        json.end()
    }
}

fn schema<T: JsonSchema>() -> Schema {
    // Drafts differ little for what configs need; forms and editors know 2020-12 best.
    SchemaGenerator::default().into_root_schema_for::<T>()
}

fn build<T: Activation + DeserializeOwned>(
    config: &str,
    row: &mut Compile<'_>,
) -> Result<Option<Arc<dyn Activation>>, Problem> {
    let mut activation: T = read(config)?;
    activation.compile(row);
    Ok(Some(Arc::new(activation)))
}

fn configure<T: Configured>(
    config: &str,
    row: &mut Compile<'_>,
) -> Result<Option<Arc<dyn Activation>>, Problem> {
    let activation = T::configure(read(config)?, row);
    Ok(activation.map(|activation| Arc::new(activation) as Arc<dyn Activation>))
}

fn read<T: DeserializeOwned>(config: &str) -> Result<T, Problem> {
    // To know the path to what is wrong takes time; so it is found out only when something is.
    serde_json::from_str(config).or_else(|_| read_with_path(config))
}

#[cold]
fn read_with_path<T: DeserializeOwned>(config: &str) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_str(config);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = match error.path().to_string() {
            path if path == "." || path == "?" => "config".to_owned(),
            path if path.starts_with('[') => format!("config{path}"),
            path => format!("config.{path}"),
        };
        Problem { path, message: message(&error.into_inner()) }
    })?;
    json.end().map_err(|error| Problem { path: "config".to_owned(), message: error.to_string() })?;
    Ok(value)
}

/// What serde_json says. Where the path tells the place, the line and column of one line of text add nothing.
fn message(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    match message.strip_suffix(&place) {
        Some(message) if error.is_data() => message.to_owned(),
        _ => message,
    }
}

/// The activation types that rows can name.
///
/// [`Registry::global`] holds what the program's crates registered through `inventory`. A crate whose code is never
/// named is not linked, so what it would register is missing: name it once (`use that_crate as _;`), or add its types
/// by [`with`](Self::with).
#[derive(Clone, Debug, Default)]
pub struct Registry {
    types: BTreeMap<Cow<'static, str>, ActivationType>,
    /// By class name and by alias.
    names: HashMap<Cow<'static, str>, ActivationType, foldhash::fast::RandomState>,
    /// What is wrong with files, each with the class that it would be.
    issues: Vec<(Option<String>, Issue)>,
}

impl Registry {
    /// No types at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// The types that were registered through `inventory`, by novi and by any crate that is linked.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] when two types claim one name.
    pub fn global() -> Result<Self> {
        // Where types collide there is no registry, and each caller is to hear of it: so an error is not kept.
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        if let Some(known) = GLOBAL.get() {
            return Ok(known.clone());
        }
        let mut registry = Self::empty();
        for registered in inventory::iter::<ActivationType> {
            registry.add(registered.clone())?;
        }
        Ok(GLOBAL.get_or_init(|| registry).clone())
    }

    /// This registry and one type more.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] when another type claims one of its names. Adding a type again is no error.
    pub fn with<T: RegisteredActivation>(mut self) -> Result<Self> {
        self.add(T::TYPE)?;
        Ok(self)
    }

    /// Adds a type.
    ///
    /// # Errors
    /// [`Error::DuplicateClass`] when another type claims one of its names. Adding a type again is no error.
    pub fn add(&mut self, new: ActivationType) -> Result<()> {
        let aliases = new.aliases.iter().map(|alias| Cow::Borrowed(*alias));
        let names: Vec<Cow<'static, str>> = std::iter::once(new.class.clone()).chain(aliases).collect();
        for name in &names {
            if let Some(known) = self.find(name) {
                if known.location == new.location && known.class == new.class {
                    return Ok(());
                }
                // Registration has no order; sorted, the message is the same each time.
                let mut places = [known.location().to_owned(), new.location().to_owned()];
                places.sort();
                let [first, second] = places;
                return Err(Error::DuplicateClass { class: name.to_string(), first, second });
            }
        }
        self.names.extend(names.into_iter().map(|name| (name, new.clone())));
        self.types.insert(new.class.clone(), new);
        Ok(())
    }

    /// The type that rows call by this class name or alias.
    #[must_use]
    pub fn find(&self, class_name: &str) -> Option<&ActivationType> {
        self.names.get(class_name)
    }

    /// All types, sorted by class name.
    pub fn iter(&self) -> impl Iterator<Item = &ActivationType> {
        self.types.values()
    }

    /// Notes what is wrong with a file, and the class that it would be.
    pub(crate) fn note(&mut self, class: Option<String>, issue: Issue) {
        self.issues.push((class, issue));
    }

    /// What is wrong with files, each with the class that it would be.
    pub(crate) fn issues(&self) -> &[(Option<String>, Issue)] {
        &self.issues
    }

    /// What is wrong with a row that names no type.
    pub(crate) fn unknown(&self, class_name: &str) -> Problem {
        let mut names: Vec<&str> = self.names.keys().map(|name| &**name).collect();
        // Of two names that are as similar, the same one is told each time.
        names.sort_unstable();
        let similar = crate::error::suggest::most_similar(class_name, names.into_iter());
        let similar = similar.map(|name| format!(" (did you mean {name:?}?)")).unwrap_or_default();
        Problem {
            path: "class_name".to_owned(),
            message: format!(
                "unknown activation class {class_name:?}{similar}; `novi types` lists those that it knows. A type from \
                 another crate is known once the program names that crate: `use that_crate as _;`"
            ),
        }
    }
}
