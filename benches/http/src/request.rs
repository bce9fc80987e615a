//! The request, and when a response is complete.

/// A question, as the bytes of it.
pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The context of one of many callers.
pub(crate) fn context(caller: usize) -> String {
    let country = ["CH", "US", "DE", "FR"][caller % 4];
    format!(r#"{{"context":{{"targetingKey":"user-{caller}","country":"{country}","plan":"pro","age":42}}}}"#)
}

/// The length of a response that starts with these bytes, or `None` if they do not contain it yet.
pub(crate) fn length(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    assert!(bytes.starts_with(b"HTTP/1.1 200"), "refused: {}", String::from_utf8_lossy(bytes));
    let text = std::str::from_utf8(&bytes[..head]).expect("a head is ASCII");
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    Some(head + length.expect("answers tell their length").expect("a length is a number"))
}
