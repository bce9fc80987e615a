//! A database that can not be opened yet.

use std::{sync::Arc, time::Duration};

use tokio::{sync::OnceCell, time::sleep};

use crate::{
    error::{Error, Result},
    rows::{Revision, Rows},
    store::{
        BoxFuture, Cursor, Hints, NewToken, ReadSession, ReadStore, SchemaStore, StoredToken, TokenRow,
        TokenStore, TokenUse, Usage, UsageReport, UsageStore, connect, url,
    },
};

/// The database at an address, opened when it first can be: a SQLite file may not be there at the start of a program that
/// has other rows to answer from.
pub(crate) struct LateStore {
    url: String,
    store: Arc<OnceCell<Arc<dyn SchemaStore>>>,
}

impl LateStore {
    pub(crate) fn new(url: &str) -> Self {
        Self { url: url.to_owned(), store: Arc::default() }
    }

    async fn store(&self) -> Result<&Arc<dyn SchemaStore>> {
        self.store.get_or_try_init(|| connect(&self.url)).await
    }
}

impl ReadStore for LateStore {
    fn name(&self) -> String {
        self.store.get().map_or_else(|| url::redacted(&self.url), |store| store.name())
    }

    fn revision(&self) -> BoxFuture<'_, Result<Revision>> {
        Box::pin(async move { self.store().await?.revision().await })
    }

    fn load(&self) -> BoxFuture<'_, Result<Rows>> {
        Box::pin(async move { self.store().await?.load().await })
    }

    fn session(&self) -> BoxFuture<'_, Result<Option<Box<dyn ReadSession>>>> {
        Box::pin(async move { self.store().await?.session().await })
    }

    fn note_seen<'a>(&'a self, before: &'a Cursor, now: &'a Cursor) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Some(store) = self.store.get() {
                store.note_seen(before, now).await;
            }
        })
    }

    fn hints(&self, hints: Arc<Hints>, every: Duration) -> Option<BoxFuture<'static, ()>> {
        let store = Arc::clone(&self.store);
        Some(Box::pin(async move {
            // Whoever follows the rows opens it.
            let store = loop {
                match store.get() {
                    Some(store) => break store,
                    None => sleep(every).await,
                }
            };
            if let Some(told) = store.hints(hints, every) {
                told.await;
            }
        }))
    }

    fn usage_store(&self) -> Option<&dyn UsageStore> {
        Some(self)
    }

    fn token_store(&self) -> Option<&dyn TokenStore> {
        Some(self)
    }
}

/// What a database that [`connect`] opens can do.
fn keeps_tokens(store: &dyn SchemaStore) -> Result<&dyn TokenStore> {
    store
        .token_store()
        .ok_or_else(|| Error::store(store.name(), "could not read the tokens", "it keeps none"))
}

impl TokenStore for LateStore {
    fn token_changes(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        Box::pin(async move { keeps_tokens(&**self.store().await?)?.token_changes().await })
    }

    fn stored_tokens(&self) -> BoxFuture<'_, Result<Vec<StoredToken>>> {
        Box::pin(async move { keeps_tokens(&**self.store().await?)?.stored_tokens().await })
    }

    fn create_token(&self, token: NewToken) -> BoxFuture<'_, Result<TokenRow>> {
        Box::pin(async move { keeps_tokens(&**self.store().await?)?.create_token(token).await })
    }

    fn revoke_token<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<Option<TokenRow>>> {
        Box::pin(async move { keeps_tokens(&**self.store().await?)?.revoke_token(token).await })
    }

    fn record_token_use(&self, uses: Vec<TokenUse>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { keeps_tokens(&**self.store().await?)?.record_token_use(uses).await })
    }
}

impl UsageStore for LateStore {
    fn record_usage(&self, usage: Vec<Usage>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.record_usage(usage).await,
                None => Ok(()),
            }
        })
    }

    fn usage(&self) -> BoxFuture<'_, Result<UsageReport>> {
        Box::pin(async move {
            match self.store().await?.usage_store() {
                Some(store) => store.usage().await,
                None => Ok(UsageReport::default()),
            }
        })
    }
}

/// Whether what keeps a database from being opened may pass: other than an address that makes no sense, a file that is not
/// there does.
pub(crate) fn may_come_back(error: &Error, url: &str) -> bool {
    match error {
        Error::Store { .. } => true,
        Error::DatabaseUrl { message, .. } => {
            url.starts_with("sqlite:") && message.starts_with(crate::store::NO_FILE)
        }
        _ => false,
    }
}
