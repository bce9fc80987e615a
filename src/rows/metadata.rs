//! What a team notes about its flags for clients: names with strings, numbers and booleans.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, MapAccess, Visitor},
};
use serde_json::Value as Json;

/// Metadata that clients get with decisions: strings, numbers and booleans by name.
///
/// ```
/// use novi::rows::ClientMetadata;
///
/// let metadata: ClientMetadata = serde_json::from_str(r#"{"team": "shop", "tier": 1}"#)?;
/// assert_eq!(metadata.get("team"), Some(&"shop".into()));
/// let error = serde_json::from_str::<ClientMetadata>(r#"{"teams": ["shop"]}"#).unwrap_err();
/// assert!(error.to_string().starts_with("teams: expected a string, a number or a boolean, found a list"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct ClientMetadata(BTreeMap<String, Json>);

impl ClientMetadata {
    /// The value with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'de> Deserialize<'de> for ClientMetadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MetadataVisitor;

        impl<'de> Visitor<'de> for MetadataVisitor {
            type Value = ClientMetadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"an object of strings, numbers and booleans, like {"team": "shop"}"#)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ClientMetadata, A::Error> {
                let mut metadata = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Json>()? {
                    let found = match &value {
                        Json::String(_) | Json::Number(_) | Json::Bool(_) => {
                            metadata.insert(name, value);
                            continue;
                        }
                        Json::Null => "null",
                        Json::Array(_) => "a list",
                        Json::Object(_) => "an object",
                    };
                    let message = format!("{name}: expected a string, a number or a boolean, found {found}");
                    return Err(A::Error::custom(message));
                }
                Ok(ClientMetadata(metadata))
            }
        }

        deserializer.deserialize_map(MetadataVisitor)
    }
}
