//! The placeholders in the SQL of a metric.

/// Replaces `:start` and `:end` outside of strings, quoted names and comments.
pub(super) fn with_times(sql: &str, start: &str, end: &str) -> String {
    let mut text = String::with_capacity(sql.len() + start.len() + end.len());
    let mut rest = sql;
    while let Some(at) = rest.find(['\'', '"', '`', '-', ':']) {
        let (before, found) = rest.split_at(at);
        text.push_str(before);
        let length = match found.chars().next() {
            Some(quote @ ('\'' | '"' | '`')) => {
                found.get(1..).and_then(|inner| inner.find(quote)).map_or(found.len(), |close| close + 2)
            }
            Some('-') if found.starts_with("--") => found.find('\n').unwrap_or(found.len()),
            // A cast of PostgreSQL.
            Some(':') if found.starts_with("::") => 2,
            Some(':') => {
                let name: String =
                    found.chars().skip(1).take_while(|next| next.is_alphanumeric() || *next == '_').collect();
                let value = match name.as_str() {
                    "start" => start,
                    "end" => end,
                    _ => {
                        text.push(':');
                        rest = found.get(1..).unwrap_or_default();
                        continue;
                    }
                };
                text.push_str(value);
                rest = found.get(1 + name.len()..).unwrap_or_default();
                continue;
            }
            _ => 1,
        };
        let (taken, left) = found.split_at_checked(length).unwrap_or((found, ""));
        text.push_str(taken);
        rest = left;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_replaced_outside_of_strings() {
        let sql = "select ':start', \":end\", a::start, b -- :start isn't\n where t >= :start and t < :end and x = :started";
        let expected = "select ':start', \":end\", a::start, b -- :start isn't\n where t >= S and t < E and x = :started";
        assert_eq!(with_times(sql, "S", "E"), expected);
        assert_eq!(with_times("'", "S", "E"), "'");
        assert_eq!(with_times("é':", "S", "E"), "é':");
    }
}
