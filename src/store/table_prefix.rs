//! The setting `table_prefix`: what the names of novi's tables begin with. It is a parameter of the address
//! of a database, so that whatever opens the address finds the tables.

#[cfg(feature = "sql")]
use crate::{
    error::{Error, Result},
    store::url,
};

/// PostgreSQL cuts names after 63 characters, and MySQL rejects names of more than 64. The longest of novi's
/// has 32.
const LONGEST: usize = 20;

const PARAMETER: &str = "table_prefix=";

/// Checks a prefix; an empty one is none.
///
/// # Errors
/// A sentence.
pub(crate) fn check(prefix: &str) -> Result<(), String> {
    let is_valid = prefix.len() <= LONGEST
        && prefix.chars().all(|letter| matches!(letter, 'a'..='z' | '0'..='9' | '_'))
        && !prefix.starts_with(|first: char| first.is_ascii_digit());
    if is_valid {
        return Ok(());
    }
    Err(format!(
        "expected at most {LONGEST} lower-case letters, digits and underscores that do not begin with a digit, such as \
         \"acme_\", found {prefix:?}; some servers treat upper-case letters in names of tables as lower-case ones"
    ))
}

/// An address with a prefix.
///
/// # Errors
/// A sentence if the address has another one.
pub(crate) fn add(mut url: String, prefix: &str) -> Result<String, String> {
    if prefix.is_empty() {
        return Ok(url);
    }
    check(prefix)?;
    let query = url.split_once('?').map(|(_, query)| query);
    match query.unwrap_or_default().split('&').find_map(|part| part.strip_prefix(PARAMETER)) {
        Some(other) if other == prefix => return Ok(url),
        Some(other) => {
            return Err(format!("the URL has {PARAMETER}{other}; set it there or here, not in both"));
        }
        None => (),
    }
    match query {
        None => url.push('?'),
        Some("") => (),
        Some(_) => url.push('&'),
    }
    url.push_str(PARAMETER);
    url.push_str(prefix);
    Ok(url)
}

/// Takes the prefix out of an address: returns the address without it, and the prefix.
///
/// # Errors
/// [`Error::DatabaseUrl`] if the prefix is invalid.
#[cfg(feature = "sql")]
pub(in crate::store) fn take(url: &str) -> Result<(String, String)> {
    let (mut rest, mut prefix) = (url.to_owned(), String::new());
    if let Some((address, query)) = url.split_once('?') {
        let (mine, others): (Vec<_>, Vec<_>) = query.split('&').partition(|part| part.starts_with(PARAMETER));
        if let Some(found) = mine.last().and_then(|part| part.strip_prefix(PARAMETER)) {
            found.clone_into(&mut prefix);
            rest = [address, &others.join("&")].join(if others.is_empty() { "" } else { "?" });
        }
    }
    check(&prefix).map_err(|message| Error::DatabaseUrl {
        url: url::redacted(url),
        message: format!("table_prefix: {message}"),
    })?;
    Ok((rest, prefix))
}

/// An address as drivers take it: without the parameter `table_prefix`, which only novi knows.
#[must_use]
pub fn without_prefix(url: &str) -> String {
    let Some((address, query)) = url.split_once('?') else { return url.to_owned() };
    let others: Vec<&str> = query.split('&').filter(|part| !part.starts_with(PARAMETER)).collect();
    [address, &others.join("&")].join(if others.is_empty() { "" } else { "?" })
}

/// What the names of novi's tables begin with, in an address.
#[must_use]
pub fn prefix(url: &str) -> &str {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').filter_map(|part| part.strip_prefix(PARAMETER)).next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_short_and_in_lower_case() {
        for good in ["", "acme_", "_", "a", "novi_", "a1b2_", "abcdefghijklmnopqrst"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in
            ["Acme_", "1st_", "a-b", "a b", "a.b", "ä_", "a'", "abcdefghijklmnopqrstu", "a;drop table x"]
        {
            let problem = check(bad).unwrap_err();
            assert!(problem.contains("at most 20 lower-case letters") && problem.contains(bad), "{problem}");
        }
    }

    #[cfg(feature = "sql")]
    #[test]
    fn the_address_carries_the_prefix() {
        for (url, with) in [
            ("sqlite://novi.db", "sqlite://novi.db?table_prefix=acme_"),
            ("sqlite://novi.db?mode=rwc", "sqlite://novi.db?mode=rwc&table_prefix=acme_"),
            ("mysql://host/db?", "mysql://host/db?table_prefix=acme_"),
        ] {
            assert_eq!(add(url.to_owned(), "acme_").unwrap(), with);
            assert_eq!(add(with.to_owned(), "acme_").unwrap(), with, "no second one");
            assert_eq!(add(url.to_owned(), "").unwrap(), url);
            let (rest, taken) = take(with).unwrap();
            assert_eq!((rest.as_str(), taken.as_str()), (url.trim_end_matches('?'), "acme_"));
            assert_eq!(take(url).unwrap(), (url.to_owned(), String::new()));
            assert_eq!((without_prefix(with).as_str(), prefix(with)), (rest.as_str(), "acme_"));
            assert_eq!((without_prefix(url).as_str(), prefix(url)), (url, ""));
        }
        let other = add("sqlite://novi.db?table_prefix=shop_".to_owned(), "acme_").unwrap_err();
        assert!(other.contains("the URL has table_prefix=shop_"), "{other}");
        let bad = take("mysql://ann:secret@host/db?table_prefix=Acme").unwrap_err().to_string();
        assert!(bad.contains("table_prefix: expected at most 20") && !bad.contains("secret"), "{bad}");
    }
}
