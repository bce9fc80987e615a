//! The activations to which a config refers by their ids.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
};

use crate::activation::{
    compile::{ChildReference, CompileContext, Linker, MAX_INLINE_DEPTH, Unresolved},
    issue_policy::IssuePolicy,
    registry::Registry,
    verdict::Variant,
};

/// A reference to an activation by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reference {
    /// The place in the config, such as `.rules[0].when` or `[1].config.activations[2]`.
    pub path: String,
    /// The id of the row in `activations`.
    pub id: i64,
}

/// The ids of other activations in a config, inline activations included. A config that cannot be read has none.
///
/// ```
/// use novi::activation::{Registry, references};
///
/// let config = r#"[7, {"class_name": "novi.not", "config": 9}]"#;
/// let found = references(&Registry::global()?, "novi.and", Some(config));
/// let found: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.id)).collect();
/// assert_eq!(found, [("[0]", 7), ("[1].config", 9)]);
/// # Ok::<(), novi::Error>(())
/// ```
#[must_use]
pub fn references(registry: &Registry, class_name: &str, config: Option<&str>) -> Vec<Reference> {
    let mut recorder = Recorder { registry, prefix: String::new(), depth: 0, found: Vec::new() };
    recorder.read(class_name, config);
    recorder.found
}

/// Compiles configs only to learn their children.
struct Recorder<'a> {
    registry: &'a Registry,
    prefix: String,
    depth: u32,
    found: Vec<Reference>,
}

impl Recorder<'_> {
    fn read(&mut self, class_name: &str, config: Option<&str>) {
        let Some(kind) = self.registry.find(class_name) else { return };
        let mut compile = CompileContext {
            class_name,
            name: "",
            members: &[],
            linker: self,
            problems: Vec::new(),
            omitted: 0,
            policy: IssuePolicy::default(),
            warnings: Vec::new(),
            by_flag: false,
            by_name: Cell::new(false),
        };
        // A type of a service may panic.
        let _ = panic::catch_unwind(AssertUnwindSafe(|| drop(kind.build(config, &mut compile))));
    }
}

impl Linker for Recorder<'_> {
    fn child(&mut self, path: &str, reference: &ChildReference) -> Result<u32, Unresolved> {
        let place = format!("{}{path}", self.prefix);
        match reference {
            ChildReference::Id(id) => self.found.push(Reference { path: place, id: *id }),
            ChildReference::Inline { class_name, config, bare } if self.depth < MAX_INLINE_DEPTH => {
                let inner = if *bare { place } else { format!("{place}.config") };
                let outer = std::mem::replace(&mut self.prefix, inner);
                self.depth += 1;
                self.read(class_name, config.as_deref());
                self.depth -= 1;
                self.prefix = outer;
            }
            ChildReference::Inline { .. } | ChildReference::Flag(_) => {}
        }
        Ok(0)
    }

    fn variant(&mut self, _: &str) -> Variant {
        Variant::DRAWN
    }

    fn number(&mut self, _: &str) -> Variant {
        Variant::DRAWN
    }
}
