//! The class names of rows, and their types.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::{
    activation::registry::{ActivationType, Registry},
    snapshot::compile::ids::index,
};

/// Interns the class names of rows and finds their types.
#[derive(Default)]
pub(super) struct ClassInterner<'a> {
    pub(super) names: Vec<Box<str>>,
    types: Vec<Option<&'a ActivationType>>,
    ids: HashMap<Box<str>, u32, RandomState>,
}

impl<'a> ClassInterner<'a> {
    pub(super) fn intern(&mut self, name: &str, registry: &'a Registry) -> (u32, Option<&'a ActivationType>) {
        if let Some(known) = self.ids.get(name) {
            return (*known, self.types.get(*known as usize).copied().flatten());
        }
        let (id, kind) = (index(self.names.len()), registry.find(name));
        self.names.push(name.into());
        self.types.push(kind);
        self.ids.insert(name.into(), id);
        (id, kind)
    }
}
