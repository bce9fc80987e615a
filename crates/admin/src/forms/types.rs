//! The shapes of the configs of types, made once for each page.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use novi::activation::Registry;

use crate::forms::shape::Shape;

pub(crate) struct Types<'a> {
    registry: &'a Registry,
    known: Mutex<HashMap<String, Arc<Shape>>>,
}

impl<'a> Types<'a> {
    pub(crate) fn new(registry: &'a Registry) -> Self {
        Self { registry, known: Mutex::default() }
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
