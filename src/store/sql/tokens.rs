//! The table `novi_tokens`.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::{
    error::Error,
    rows::violation::{RowRef, ViolationKind},
    store::{
        decode::{Cell, parse_time, time},
        sql::connection::{Connection, Statement, Value},
        tokens::{StoredToken, TokenColumns, TokenRow, TokenUse, secret::TokenHash},
    },
};

pub(super) async fn changes(connection: &mut dyn Connection) -> Result<Option<i64>, sqlx::Error> {
    // Not prepared: outside of a transaction a pooler may give the two steps of that to two connections.
    connection.integer(Statement::unprepared(connection.dialect().tokens.changes)).await
}

pub(super) async fn read(connection: &mut dyn Connection) -> Result<Vec<StoredToken>, sqlx::Error> {
    let tokens = connection.rows(Statement::new(connection.dialect().tokens.select), token).await?;
    Ok(tokens.into_iter().flatten().collect())
}

async fn insert(connection: &mut dyn Connection, token: &TokenColumns) -> Result<(), sqlx::Error> {
    let TokenColumns { name, role, subject, hash, created_by, expires_at } = token.clone();
    let values: [Value; 6] = [
        name.into(),
        role.as_str().into(),
        subject.into(),
        hash.into(),
        created_by.into(),
        expires_at.into(),
    ];
    let insert = Statement::new(connection.dialect().tokens.insert).bind_all(values);
    connection.execute(insert).await.map(drop)
}

/// Creates tokens. A name is free again when its token has expired. Returns the name that another token has, if an
/// insert fails.
pub(super) async fn create<'a>(
    connection: &mut dyn Connection,
    tokens: &'a [TokenColumns],
) -> Result<(), (sqlx::Error, Option<&'a str>)> {
    let failed = |error| (error, None);
    let now = Utc::now();
    let mut transaction = connection.begin_write().await.map_err(failed)?;
    let names: HashSet<&str> = tokens.iter().map(|token| token.name.as_str()).collect();
    for StoredToken { row, .. } in read(transaction.connection()).await.map_err(failed)? {
        if names.contains(row.name.as_str()) && row.expires_at.is_some_and(|end| end <= now) {
            replace(transaction.connection(), &row, row.expires_at, now).await.map_err(failed)?;
        }
    }
    for token in tokens {
        let inserted = insert(transaction.connection(), token).await;
        inserted.map_err(|error| (error, Some(token.name.as_str())))?;
    }
    transaction.commit().await.map_err(failed)
}

/// Notes that a token gives its name to another one, and when it ends. `false` if it has done so before, or
/// is revoked.
async fn replace(
    connection: &mut dyn Connection,
    row: &TokenRow,
    expires_at: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    const REPLACE: &str = "update novi_tokens set replaced_at = ?, expires_at = ? \
        where id = ? and replaced_at is null and revoked_at is null";
    let replace = Statement::new(REPLACE).bind(now).bind(expires_at).bind(row.id);
    Ok(connection.execute(replace).await? > 0)
}

/// Creates a token in the place of another one, which then ends. `false`, and nothing is written, if the
/// other has been replaced or revoked.
pub(super) async fn create_instead(
    connection: &mut dyn Connection,
    token: &TokenColumns,
    other: &TokenRow,
    end: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let mut transaction = connection.begin_write().await?;
    if !replace(transaction.connection(), other, Some(end), Utc::now()).await? {
        return transaction.rollback().await.map(|()| false);
    }
    insert(transaction.connection(), token).await?;
    transaction.commit().await.map(|()| true)
}

pub(super) async fn revoke(connection: &mut dyn Connection, token: &str) -> Result<(), sqlx::Error> {
    let (id, name) = id_or_name(token);
    let revoke = Statement::new(connection.dialect().tokens.revoke).bind(id).bind(name.map(str::to_owned));
    connection.execute(revoke).await.map(drop)
}

pub(super) async fn record_use(
    connection: &mut dyn Connection,
    uses: &[TokenUse],
) -> Result<(), sqlx::Error> {
    for token in uses {
        let update = Statement::new(connection.dialect().tokens.used);
        connection.execute(update.bind(token.at).bind(token.id).bind(token.at)).await?;
    }
    Ok(())
}

/// The tokens of an id or a name.
fn find(mut tokens: Vec<TokenRow>, token: &str) -> Vec<TokenRow> {
    let (id, name) = id_or_name(token);
    tokens.retain(|row| Some(row.id) == id || Some(&*row.name) == name);
    tokens
}

/// The token of an id or a name that can be rotated.
pub(super) fn current(all: &[TokenRow], token: &str) -> Result<Option<TokenRow>, Error> {
    let is_current = |row: &&TokenRow| row.revoked_at.is_none() && row.replaced_at.is_none();
    let tokens = find(all.to_vec(), token);
    let Some(row) = tokens.iter().find(is_current).or(tokens.last()) else { return Ok(None) };
    let (field, state) = match (row.revoked_at, row.replaced_at) {
        (None, None) => return Ok(Some(row.clone())),
        (Some(_), _) => ("revoked_at", "revoked"),
        (None, Some(_)) => ("replaced_at", "replaced by another one"),
    };
    let advice = match all.iter().filter(|other| other.name == row.name).find(is_current) {
        Some(successor) => format!("rotate token {}, which has its name now", successor.id),
        None => "`novi token create` creates one with this name".to_owned(),
    };
    let message = format!("token {} is {state}; {advice}", row.id);
    Err(RowRef::named("novi_tokens", &row.name).field(field, ViolationKind::Value, message).into())
}

/// Those of the tokens of an id or a name that the last revocation revoked; the newest if none is revoked.
pub(super) fn revoked(tokens: Vec<TokenRow>, token: &str) -> Vec<TokenRow> {
    let mut tokens = find(tokens, token);
    let last = tokens.iter().filter_map(|row| row.revoked_at).max();
    tokens.retain(|row| row.revoked_at == last);
    tokens
}

fn id_or_name(text: &str) -> (Option<i64>, Option<&str>) {
    text.parse().map_or((None, Some(text)), |id| (Some(id), None))
}

/// Another token has this name.
pub(super) fn duplicate(name: &str) -> Error {
    let message =
        "another token has this name; revoke it with `novi token revoke`, or use `novi token rotate`";
    RowRef::named("novi_tokens", name).field("name", ViolationKind::Duplicate, message.to_owned()).into()
}

/// The token of a row; `None`, and a warning, if the row is invalid. An end that cannot be read counts as
/// past.
fn token(cells: &mut dyn Iterator<Item = Cell>) -> Option<StoredToken> {
    let mut next = || cells.next().unwrap_or(Cell::Null);
    let end = |cell: Cell| {
        let text = cell.into_optional_text()?;
        Some(parse_time(&text).unwrap_or(DateTime::<Utc>::UNIX_EPOCH))
    };
    let id = next().into_integer().unwrap_or_default();
    let name = next().into_text();
    let (role, subject) = (next().into_text(), next().into_optional_text());
    let hash = next().into_text();
    let (created_at, created_by) = (time(next()), next().into_optional_text());
    let (expires_at, revoked_at) = (end(next()), end(next()));
    let (replaced_at, last_used_at) = (end(next()), time(next()));
    let invalid = |what: &str| tracing::warn!("novi_tokens#{id} {name:?} is ignored: {what}");
    let role = match role.parse() {
        Ok(role) => role,
        Err(expected) => {
            invalid(&format!("role: {expected}"));
            return None;
        }
    };
    let Some(hash) = TokenHash::parse(&hash) else {
        invalid("hash: expected the SHA-256 of a secret, as 64 hexadecimal digits");
        return None;
    };
    let row = TokenRow {
        id,
        name,
        role,
        subject,
        created_at,
        created_by,
        expires_at,
        revoked_at,
        replaced_at,
        last_used_at,
    };
    Some(StoredToken { row, hash })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::tokens::secret::Role;

    #[test]
    fn invalid_rows_grant_nothing() {
        let hash = TokenHash::of("x");
        let read = |role: &str, hash: &str, expires: Option<&str>| {
            let text = |text: &str| Cell::Text(text.to_owned());
            let expires = expires.map_or(Cell::Null, text);
            let columns = [
                Cell::Integer(1),
                text("ci"),
                text(role),
                Cell::Null,
                text(hash),
                Cell::Null,
                Cell::Null,
                expires,
                Cell::Null,
                Cell::Null,
                Cell::Null,
            ];
            token(&mut columns.into_iter())
        };
        let good = read("admin", &hash.to_string(), None).unwrap();
        assert_eq!((good.row.role, good.hash, good.row.expires_at), (Role::Admin, hash, None));
        assert_eq!(read("root", &hash.to_string(), None), None);
        assert_eq!(read("admin", "secret", None), None);
        let odd = read("admin", &hash.to_string(), Some("tomorrow")).unwrap();
        assert_eq!(odd.row.expires_at, Some(DateTime::<Utc>::UNIX_EPOCH));
    }
}
