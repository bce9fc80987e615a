//! The network of a caller's address.

use novi_match::network::parse as parse_network;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{
        Activation, CompileContext, Configured, Phrase, Phrasing, Verdict,
        evaluation::Evaluation,
        phrase::{alternatives, shown},
        value_text,
    },
    builtin::{
        audience::{
            attribute_names::AttributeNames,
            network::{self, Networks},
            string_list::StringList,
        },
        register::register,
    },
    context::value::Value,
};

/// See [`Config`].
struct Ip {
    networks: Networks,
    by: AttributeNames,
}

/// On for callers whose IP address is in one of some networks.
///
/// ```sql
/// INSERT INTO flags (id, name, status) VALUES (190, 'Admin pages', true);
/// INSERT INTO activations (id, name, class_name, config) VALUES
///     (190, 'From the office', 'novi.ip', '{"networks": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]}');
/// INSERT INTO flags_activations (flag_id, activation_id) VALUES (190, 190);
/// ```
///
/// A single address is a network, too. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the
/// IPv4 address. If the attribute is a list, one address must be in a network. If it is missing or not an
/// address, the condition is not met.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One network or several
    networks: StringList,
    /// The attribute with the address. A list is tried in order. Default: `ip`
    #[serde(default = "ip")]
    by: AttributeNames,
}

fn ip() -> AttributeNames {
    AttributeNames::One("ip".into())
}

register!(Ip, "novi.ip", [], "On for callers whose IP address is in one of some networks");

impl Activation for Ip {
    fn evaluate(&self, evaluation: &Evaluation<'_>) -> Verdict {
        let is_in = |value: &Value<'_>| value.as_str().is_some_and(|text| self.networks.contain(text));
        let met = match self.by.find(evaluation) {
            Some(Value::List(values)) => values.iter().any(is_in),
            value => value.is_some_and(is_in),
        };
        evaluation
            .note(|| format!("{}: expected an address in {}", self.by.names().join(", "), self.networks));
        met.into()
    }
}

impl Configured for Ip {
    type Config = Config;

    fn configure(config: Config, row: &mut CompileContext<'_>) -> Option<Self> {
        let by = config.by.validate(".by", row);
        if config.networks.iter().len() == 0 {
            row.problem(".networks", "expected at least one network, found none");
        }
        let mut networks = Vec::new();
        for (index, text) in config.networks.iter().enumerate() {
            match parse_network(text) {
                Some(network) => networks.push(network),
                None => row.problem(
                    &config.networks.path(".networks", index),
                    format!("expected {}, found {text:?}", network::EXPECTED),
                ),
            }
        }
        let networks = Networks::new(config.networks.into_boxed().into(), &networks);
        Some(Self { networks, by: by? })
    }

    fn words(config: &Config, _: &mut Phrasing<'_>) -> Phrase {
        let networks = alternatives("networks", config.networks.iter().map(value_text));
        let names: Vec<String> = config.by.names().iter().map(|name| value_text(name)).collect();
        Phrase::condition(format!("{} is in {networks}", shown(&names, ", else ")))
    }
}
