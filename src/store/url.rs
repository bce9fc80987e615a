//! The addresses of databases.

/// An address without its password, for errors and logs.
///
/// Cautious rather than exact: an invalid address must not show a password either.
pub(in crate::store) fn redacted(url: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    // A password may have `@`, `/` or even `?` in it, unescaped.
    let mut shown = match url.rsplit_once('@') {
        Some((credentials, _)) => {
            let start = credentials.find("://").map_or(0, |at| at + 3);
            let secret = credentials[start..].find(':').map(|at| start + at + 1);
            let host = address.rsplit_once('@').map_or("", |(_, host)| host);
            match secret {
                Some(secret) => format!("{}***@{host}", &url[..secret]),
                None => address.to_owned(),
            }
        }
        None => address.to_owned(),
    };
    if let Some(query) = query.filter(|query| !query.contains('@')) {
        shown.push('?');
        let parameters = query.split('&').map(|parameter| match parameter.split_once('=') {
            Some((key, _)) if key.to_ascii_lowercase().contains("pass") => format!("{key}=***"),
            _ => parameter.to_owned(),
        });
        shown.push_str(&parameters.collect::<Vec<_>>().join("&"));
    }
    shown
}

/// An IPv6 address without the brackets that URLs put around it, which sqlx keeps and does not look up.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) fn ipv6_host(host: &str) -> Option<&str> {
    let address = host.strip_prefix('[')?.strip_suffix(']')?;
    address.parse::<std::net::Ipv6Addr>().is_ok().then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(any(feature = "postgres", feature = "mysql"))]
    #[test]
    fn brackets_of_ipv6_addresses_are_no_part_of_the_host() {
        assert_eq!(ipv6_host("[::1]"), Some("::1"));
        for host in ["::1", "localhost", "[localhost]", "[::1", "127.0.0.1", "/run/postgresql"] {
            assert_eq!(ipv6_host(host), None, "{host}");
        }
    }

    #[test]
    fn passwords_are_never_shown() {
        for (url, shown) in [
            ("postgres://ann:secret@db:5432/novi", "postgres://ann:***@db:5432/novi"),
            ("postgres://ann@db/novi?sslmode=require", "postgres://ann@db/novi?sslmode=require"),
            ("mysql://ann:a@secret/x@db/novi", "mysql://ann:***@db/novi"),
            ("postgres://db/novi?user=ann&password=secret", "postgres://db/novi?user=ann&password=***"),
            ("postgres:ann:secret@db", "postgres:***@db"),
            ("sqlite://novi.db", "sqlite://novi.db"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(redacted(url), shown);
        }
        for url in
            ["postgres://ann:secret?@db/novi", "postgres://ann:se?secret@db", "x:secret@", "é:secret@é"]
        {
            assert!(!redacted(url).contains("secret"), "{url} -> {}", redacted(url));
        }
    }
}
