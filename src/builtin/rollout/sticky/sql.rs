//! Draws as SQL: the hashes that databases know.

use crate::{
    activation::{
        bucket::Hash,
        sql::{Condition, Digest, Draw, Expression, SqlContext},
    },
    builtin::{
        audience::attribute_names::AttributeNames,
        rollout::sticky::hash::{HashName, Purpose},
    },
};

/// The draw of a row by this hash; `None` after refusing it.
pub(in crate::builtin) fn draw(
    by: Option<&AttributeNames>,
    salt: Option<&str>,
    hash: HashName,
    purpose: Purpose,
    sql: &mut SqlContext<'_>,
) -> Option<Draw> {
    let draw = known_draw(by, salt, hash, purpose, sql);
    if draw.is_none() {
        sql.refuse(
            ".hash",
            format!(
                "databases cannot compute the hash {:?}; draw by \"hash\": \"sha256\", which gives each caller \
                 another place",
                hash.name()
            ),
        );
    }
    draw
}

/// The draw of a row by this hash; `None` if databases do not know it.
pub(in crate::builtin) fn known_draw(
    by: Option<&AttributeNames>,
    salt: Option<&str>,
    hash: HashName,
    purpose: Purpose,
    sql: &SqlContext<'_>,
) -> Option<Draw> {
    let default = if hash.is_salted() { sql.flag_name().to_owned() } else { String::new() };
    let salt = salt.map_or(default, str::to_owned);
    let key = sql.key(by.map(AttributeNames::names));
    let skip = if purpose.is_variant() { 4 } else { 0 };
    let with_salt = |digest, between: &str, skip, divisor| Draw {
        digest,
        before: format!("{salt}{between}").into(),
        key: key.clone(),
        after: "".into(),
        skip,
        divisor,
    };
    let after_key = |divisor| Draw {
        before: "".into(),
        after: salt.as_str().into(),
        ..with_salt(Digest::Crc32, "", 0, divisor)
    };
    Some(match hash {
        HashName::Sha256 => with_salt(Digest::Sha256, ":", skip, Some(Hash::BUCKETS)),
        HashName::Md5 => with_salt(Digest::Md5, ":", skip, Some(Hash::BUCKETS)),
        HashName::Ufc => with_salt(Digest::Md5, "-", 0, Some(purpose.divisor(10_000))),
        HashName::Crc32 => after_key(Some(purpose.divisor(100))),
        HashName::Rollout => after_key(None),
        HashName::Flipper => with_salt(Digest::Crc32, "", 0, Some(Hash::BUCKETS)),
        HashName::Flagr => with_salt(Digest::Crc32, "", 0, Some(1_000)),
        _ => return None,
    })
}

/// On for the callers whose position is in one of these ranges.
pub(in crate::builtin) fn within(
    draw: Option<Draw>,
    ranges: impl IntoIterator<Item = (u32, u32)>,
) -> Condition {
    draw.map_or_else(|| Condition::always(false), |draw| Expression::draw(draw, ranges).into())
}
