//! Texts and charts of pages.

use std::fmt::{self, Write as _};

use askama::{Template, filters::HtmlSafe};
use chrono::{DateTime, NaiveTime, SecondsFormat, TimeDelta, Utc};
use novi::{
    activation::{ActivationWords, Share},
    rows::{FailMode, FlagRow},
};
use serde_json::Value;

/// The number of colors of variants.
pub(crate) const COLORS: usize = 8;

/// HTML that needs no escaping, because it was made here from escaped texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markup(String);

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Markup {}

impl Markup {
    /// HTML in which all texts are escaped.
    pub(crate) fn of(html: String) -> Self {
        Self(html)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A template, which escapes what it contains; empty if it cannot be rendered.
    pub(crate) fn rendered(template: &impl Template) -> Self {
        Self(template.render().unwrap_or_default())
    }
}

/// A text as HTML.
pub(crate) struct Escaped<'a>(pub(crate) &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            match letter {
                '&' => f.write_str("&amp;")?,
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                letter => f.write_char(letter)?,
            }
        }
        Ok(())
    }
}

/// A text as it is.
pub(crate) fn text(text: &str) -> Markup {
    Markup(Escaped(text).to_string())
}

/// Words of an activation: what is between backticks is code.
pub(crate) fn words(text: &str) -> Markup {
    if !text.matches('`').count().is_multiple_of(2) {
        return Markup(Escaped(text).to_string());
    }
    let mut html = String::new();
    for (place, part) in text.split('`').enumerate() {
        // Writing to a string does not fail.
        let _ = if place % 2 == 0 {
            write!(html, "{}", Escaped(part))
        } else {
            write!(html, "<code>{}</code>", Escaped(part))
        };
    }
    Markup(html)
}

/// The rule of a flag as a sentence: what callers get now, and what they would get while the flag is off.
pub(crate) fn rule(row: &FlagRow, is_broken: bool, rule: &str) -> Markup {
    let Markup(html) = words(rule);
    let (now, before) = match (row.status, is_broken, row.metadata.fail_mode) {
        (true, false, _) => return Markup(html.replacen("on", "On", 1)),
        (false, ..) => ("Off for every caller.", "If turned on:"),
        (true, true, FailMode::Off) => ("Broken, so off for every caller.", "Its rule:"),
        (true, true, FailMode::On) => ("Broken, so on for every caller.", "Its rule:"),
        (true, true, FailMode::LastKnown) => ("Broken, so decided by its last valid rows.", "Its rule:"),
    };
    Markup(format!("<strong>{now}</strong> <span class=\"muted\">{before} {html}</span>"))
}

/// A paragraph of Markdown: code, bold text and the lines of a list.
pub(crate) fn markdown(text: &str) -> Markup {
    let text = text.replace("\n- ", "\u{0}").replace('\n', " ");
    let mut lines = Vec::new();
    for line in text.split('\u{0}') {
        let Markup(html) = words(line);
        let parts: Vec<&str> = html.split("**").collect();
        let bold = |(place, part): (usize, &&str)| {
            if place % 2 == 1 { format!("<strong>{part}</strong>") } else { (*part).to_owned() }
        };
        let is_even = parts.len() % 2 == 1;
        lines.push(if is_even { parts.iter().enumerate().map(bold).collect() } else { html.clone() });
    }
    Markup(lines.join("<br>· "))
}

/// The first shares among activations, in which a variant counts more than a plain share.
pub(crate) fn shares(activations: &[ActivationWords]) -> &[Share] {
    let has_variants =
        |activation: &&ActivationWords| activation.shares.iter().any(|share| share.variant.is_some());
    let all = || {
        let inner = activations.iter().filter(|activation| activation.class_name == "novi.and");
        activations.iter().chain(inner.flat_map(|activation| &activation.activations))
    };
    let found = all().find(has_variants).or_else(|| all().find(|activation| !activation.shares.is_empty()));
    found.map_or(&[], |activation| &activation.shares)
}

/// A bar of the shares, with a legend.
pub(crate) fn bar(shares: &[Share]) -> Markup {
    let parts = shares.iter().enumerate().map(|(place, share)| {
        let name = share.variant.as_deref().unwrap_or("on");
        (format!("s{}", place % COLORS), name, share.percent)
    });
    bar_of(parts)
}

/// A bar of parts, with a legend. Each has the class of its color, a name and its percentage.
pub(crate) fn bar_of<'a>(parts: impl Iterator<Item = (String, &'a str, f64)>) -> Markup {
    let (mut rectangles, mut legend, mut start) = (String::new(), String::new(), 0.0);
    for (class, name, percent) in parts {
        let width = percent.clamp(0.0, 100.0 - start);
        let label = format!("{name} {} %", rounded(percent));
        // Writing to a string does not fail.
        let _ = write!(rectangles, r#"<rect class="{class}" x="{start:.3}" width="{width:.3}" height="8"/>"#);
        let _ = write!(legend, r#"<li><span class="dot {class}"></span>{}</li>"#, Escaped(&label));
        start += width;
    }
    if legend.is_empty() {
        return Markup::default();
    }
    Markup(format!(
        r#"<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">{rectangles}</svg><ul class="legend">{legend}</ul>"#
    ))
}

/// A number with at most two decimals.
fn rounded(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}

/// A time, with how long ago it is.
pub(crate) fn time(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let is_day = at.time() == NaiveTime::MIN;
    let text = at.format(if is_day { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M UTC" });
    Markup(format!(
        r#"<time datetime="{exact}" title="{exact}">{text}</time> <span class="muted">({})</span>"#,
        ago(at, Utc::now())
    ))
}

/// How long ago a time is.
pub(crate) fn since(at: DateTime<Utc>) -> Markup {
    let exact = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    Markup(format!(r#"<time datetime="{exact}" title="{exact}">{}</time>"#, ago(at, Utc::now())))
}

/// A time in a JSON field; empty if it is missing.
pub(crate) fn time_of(value: &Value) -> Markup {
    let parsed = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    parsed.map_or_else(Markup::default, |at| time(at.to_utc()))
}

fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let (length, past) = if at <= now { (now - at, true) } else { (at - now, false) };
    let text = match length {
        length if length < TimeDelta::minutes(1) => return "now".to_owned(),
        length if length < TimeDelta::hours(1) => counted(length.num_minutes(), "minute"),
        length if length < TimeDelta::days(1) => counted(length.num_hours(), "hour"),
        length if length < TimeDelta::days(60) => counted(length.num_days(), "day"),
        length if length < TimeDelta::days(730) => counted(length.num_days() / 30, "month"),
        length => counted(length.num_days() / 365, "year"),
    };
    if past { format!("{text} ago") } else { format!("in {text}") }
}

fn counted(number: i64, unit: &str) -> String {
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

/// A JSON value as text: a string without quotes.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// JSON with line breaks, or the text itself if it is not JSON. Numbers stay as they are.
pub(crate) fn pretty(text: &str) -> String {
    /// Longer texts are not worth the time.
    const LONGEST: usize = 256 * 1024;
    if text.len() > LONGEST {
        return text.to_owned();
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap_or_else(|_| text.to_owned()),
        Err(_) => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_and_have_code() {
        assert_eq!(words("by `a<b>` & \"c\"").0, "by <code>a&lt;b&gt;</code> &amp; &quot;c&quot;");
        assert_eq!(words("a ` b").0, "a ` b");
    }

    #[test]
    fn rules_and_docs_are_html() {
        let row = |status| FlagRow::new(1, "a", status);
        assert_eq!(rule(&row(true), false, "on if `a` is <b>").0, "On if <code>a</code> is &lt;b&gt;");
        assert!(rule(&row(false), false, "on").0.starts_with("<strong>Off for every caller.</strong>"));
        assert!(
            rule(&row(true), true, "on").0.starts_with("<strong>Broken, so off for every caller.</strong>")
        );
        assert_eq!(
            markdown("**A.** b\nc\n- `d`\n- <e>").0,
            "<strong>A.</strong> b c<br>· <code>d</code><br>· &lt;e&gt;"
        );
        assert_eq!(markdown("a ** b").0, "a ** b");
    }

    #[test]
    fn bar_never_exceeds_its_width() {
        let share = |percent| Share { variant: Some("<x>".to_owned()), percent };
        let html = bar(&[share(80.0), share(50.0)]).0;
        assert!(html.contains(r#"x="80.000" width="20.000""#), "{html}");
        assert!(html.contains("&lt;x&gt; 50 %") && !html.contains("<x>"), "{html}");
        assert_eq!(bar(&[]), Markup::default());
    }

    #[test]
    fn times_are_told_by_their_distance() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap_or_default();
        for (seconds, expected) in [
            (-30, "now"),
            (-60, "1 minute ago"),
            (-7200, "2 hours ago"),
            (86_400 * 3, "in 3 days"),
            (-86_400 * 100, "3 months ago"),
            (-86_400 * 800, "2 years ago"),
        ] {
            assert_eq!(ago(now + TimeDelta::seconds(seconds), now), expected);
        }
    }
}
