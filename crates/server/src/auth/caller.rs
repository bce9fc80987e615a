//! The caller of a request.

use std::{iter, sync::Arc};

use novi::{Context, Decision, Flags, Value, context::TARGETING_KEY, snapshot::Snapshot, store::token::Role};

use crate::{
    http::{
        describe::{Input, Operation, Schemas},
        error::ApiError,
    },
    tokens::token::Token,
};

/// The caller of a request, and what it may do.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// `None` for an anonymous caller.
    role: Option<Role>,
    token: Option<Arc<Token>>,
}

impl Caller {
    /// A caller without a token.
    pub(crate) const ANONYMOUS: Self = Self { role: None, token: None };

    /// A caller with full access: a local user, or one that the application has authenticated.
    pub(crate) const TRUSTED: Self = Self { role: Some(Role::Admin), token: None };

    pub(crate) fn with_token(token: Arc<Token>) -> Self {
        Self { role: Some(token.role), token: Some(token) }
    }

    pub(crate) fn role(&self) -> Option<Role> {
        self.role
    }

    /// The only user that the caller may evaluate for, if its token has one.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.token.as_ref()?.subject.as_deref()
    }

    pub(crate) fn token_id(&self) -> Option<i64> {
        self.token.as_ref().map(|token| token.id)
    }

    /// The caller's name in the history.
    pub(crate) fn name(&self) -> Option<&str> {
        self.token.as_ref().map(|token| &*token.name)
    }

    /// Whether the caller has the role `server` or a higher one: it sees all flags, and may override them.
    pub(crate) fn is_trusted(&self) -> bool {
        self.role.is_some_and(|role| role >= Role::Server)
    }

    /// Whether the caller may see the flag.
    pub(crate) fn may_see(&self, decision: &Decision<&Snapshot>) -> bool {
        self.is_trusted() || decision.exposed()
    }

    /// The context with the subject of the caller's token as targeting key.
    ///
    /// # Errors
    /// 403 if the context names another user.
    pub(crate) fn restrict<'a>(
        &self,
        mut context: Context<'a>,
        flags: &Flags,
    ) -> Result<Context<'a>, ApiError> {
        let Some(subject) = self.subject().filter(|_| !self.is_trusted()) else { return Ok(context) };
        for name in iter::once(TARGETING_KEY).chain(flags.identity_names()) {
            let is_another = match context.get(name) {
                None | Some(Value::Null) => false,
                Some(Value::Str(text)) => *text != subject,
                Some(Value::Int(number)) => number.to_string() != subject,
                Some(_) => true,
            };
            if is_another {
                return Err(ApiError::forbidden(format!(
                    "context.{name}: this token may only evaluate for its own user"
                )));
            }
        }
        context.insert(TARGETING_KEY, subject.to_owned());
        Ok(context)
    }
}

impl Input for axum::Extension<Caller> {
    fn describe(_: &mut Operation, _: &mut Schemas) {}
}
