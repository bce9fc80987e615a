//! W3C trace context: <https://www.w3.org/TR/trace-context/>.

use axum::http::HeaderMap;

/// The id of the request's trace, 32 lower-case hexadecimal digits, if its header `traceparent` is valid.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let known = hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
    let valid = hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let zero = |text: &str| text.bytes().all(|byte| byte == b'0');
    (known && valid && !zero(trace) && !zero(parent)).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_valid_traceparent_has_a_trace_id() {
        let parse = |text: &str| {
            let headers = [("traceparent".parse().unwrap(), text.parse().unwrap())].into_iter().collect();
            trace_id(&headers).map(str::to_owned)
        };
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        assert_eq!(parse(&good).as_deref(), Some(trace));
        assert_eq!(parse(&format!("cc-{trace}-00f067aa0ba902b7-01-more")).as_deref(), Some(trace));
        for bad in [
            String::new(),
            trace.to_owned(),
            good.replace("00-4", "ff-4"),
            good.replace('f', "F"),
            format!("{good}-more"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-00f067aa0ba902b7-01", &trace[1..]),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
        assert_eq!(trace_id(&HeaderMap::new()), None);
    }
}
