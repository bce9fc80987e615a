//! Where a caller comes from, by its address.

use novi_match::network::parse as parse_network;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::{
    activation::{Activation, Compile, Configured, Verdict, evaluation::Check},
    builtin::{
        audience::{
            attribute_names::By,
            network::{self, Networks},
            string_list::Texts,
        },
        register,
    },
    context::value::Value,
};

/// [`Config`] tells all of it.
struct Ip {
    networks: Networks,
    by: By,
}

/// On for callers whose IP address is in one of these networks.
///
/// ```sql
/// INSERT INTO activations VALUES (15, 'From the office', 'novi.ip', '{"networks": ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]}');
/// ```
///
/// An address alone is a network of one. An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address.
/// Of a list of addresses one must be in a network. A caller without the attribute, or with one that is no address, is in
/// none (R4).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    /// One network or several
    networks: Texts,
    /// The attribute that has the address, or several of which the first counts; `ip` if not given
    #[serde(default = "ip")]
    by: By,
}

fn ip() -> By {
    By::One("ip".into())
}

register!(Ip, "novi.ip", [], "On for callers whose IP address is in one of these networks");

impl Activation for Ip {
    fn evaluate(&self, check: &Check<'_>) -> Verdict {
        let is_in = |value: &Value<'_>| value.as_str().is_some_and(|text| self.networks.contain(text));
        let met = match self.by.find(check) {
            Some(Value::List(values)) => values.iter().any(is_in),
            value => value.is_some_and(is_in),
        };
        check.note(|| format!("{}: expected an address in {}", self.by.names().join(", "), self.networks));
        met.into()
    }
}

impl Configured for Ip {
    type Config = Config;

    fn configure(config: Config, row: &mut Compile<'_>) -> Option<Self> {
        let by = config.by.checked(".by", row);
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
}
