//! The shapes of the configs of types, made once for each page.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use novi::activation::Registry;

use crate::forms::shape::{Kinds, Shape};

/// What stands for the values of a flag's variants in place of a type. No class name has a space.
pub(crate) const VARIANTS: &str = "values of variants";

/// The same for a flag whose values are strings, where `7` is one.
pub(crate) const TEXT_VARIANTS: &str = "strings of variants";

pub(crate) struct Types<'a> {
    registry: &'a Registry,
    known: Mutex<HashMap<String, Arc<Shape>>>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        let variants = |kinds| Arc::new(Shape::Map(Box::new(Shape::Literal(kinds))));
        let known = [(VARIANTS, variants(Kinds::Any)), (TEXT_VARIANTS, variants(Kinds::Strings))];
        let known = known.map(|(name, shape)| (name.to_owned(), shape)).into();
        Self { registry, known: Mutex::new(known) }
    }

    /// The shape of the configs of a type. `None` if no type has the name.
    pub(crate) fn shape(&self, class: &str) -> Option<Arc<Shape>> {
        // Nothing panics while it is locked.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = known.get(class) {
            return Some(Arc::clone(shape));
        }
        let kind = self.registry.find(class)?;
        let shape = Arc::new(Shape::of(kind.schema().as_value()));
        known.insert(class.to_owned(), Arc::clone(&shape));
        Some(shape)
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = &'a str> {
        self.registry.iter().map(novi::activation::ActivationType::class)
    }
}
