//! The context of a request, from its handler back to the middleware.

use std::sync::{Arc, OnceLock};

use novi::Context;

/// The context that a handler evaluates with. After the handler, the toggles middleware lists the enabled
/// flags for the same one.
#[derive(Clone, Default)]
pub(crate) struct ContextSlot(Arc<OnceLock<Context<'static>>>);

impl ContextSlot {
    /// Sets the context. A second call changes nothing; no handler has two contexts.
    pub(crate) fn set(&self, context: &Context<'static>) {
        self.0.get_or_init(|| context.clone());
    }

    pub(crate) fn get(&self) -> Option<&Context<'static>> {
        self.0.get()
    }
}
