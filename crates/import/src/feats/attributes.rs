//! The attributes of callers that segments stand for.

use std::collections::BTreeMap;

use crate::{collector::Collector, report::Outcome};

/// The attributes of callers that segments stand for.
#[derive(Debug)]
pub(super) struct Attributes(BTreeMap<String, String>);

impl Attributes {
    /// The attributes of these segments.
    pub(super) fn of(segments: impl Iterator<Item = String>) -> Self {
        Self(segments.map(|segment| (segment.clone(), attribute(&segment))).collect())
    }

    /// The attribute of a segment.
    ///
    /// # Errors
    /// Another segment has the same.
    pub(super) fn get(&self, segment: &str) -> Result<&str, String> {
        let Some(attribute) = self.0.get(segment) else { return Err(format!("unknown segment {segment:?}")) };
        let other = self.0.iter().find(|(other, of)| *of == attribute && other.as_str() != segment);
        match other {
            None => Ok(attribute),
            Some((other, _)) => {
                Err(format!("the segments {segment} and {other} would both be the attribute {attribute:?}"))
            }
        }
    }

    /// Reports which attribute each segment stands for.
    pub(super) fn note(&self, collector: &mut Collector) {
        for (segment, attribute) in &self.0 {
            let outcome = match self.get(segment) {
                Ok(_) => Outcome::Mapped,
                Err(why) => Outcome::NotMapped { why },
            };
            collector.note(format!("segment {segment} (attribute `{attribute}`)"), None, outcome);
        }
    }
}

/// `shop.segments.UserId` is the attribute `user_id`.
fn attribute(segment: &str) -> String {
    let class = segment.rsplit('.').next().unwrap_or(segment);
    let mut name = String::new();
    let mut is_after_small = false;
    for character in class.chars() {
        if character.is_uppercase() && is_after_small {
            name.push('_');
        }
        is_after_small = !character.is_uppercase();
        name.extend(character.to_lowercase());
    }
    name
}
