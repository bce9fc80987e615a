//! Strategies: the first that is on for the caller decides the variant.

use novi_files::Tree;

use super::{constraint::constraint, feature::Translation, list};
use crate::config::{Given, always, and, attribute, constant, fields, inline, number, rules, text, texts};

/// What is different for a rollout of Unleash's own choice of the attribute.
const DRAWN: &str = "callers without `userId` and `sessionId` are off, where Unleash draws at random";

impl Translation<'_> {
    pub(super) fn strategies(&mut self) -> Result<Option<Tree>, String> {
        let mut list_of_rules = Vec::new();
        for strategy in self.feature.strategies.clone() {
            let when = self.condition(strategy)?;
            let variants = list(strategy, "variants");
            let given = if variants.is_empty() || constant(&when) == Some(false) {
                Given::On
            } else {
                let parameter = |name: &str| parameter(strategy, name);
                let salt = parameter("groupId").filter(|text| !text.is_empty());
                let salt = salt.unwrap_or(self.feature.name).to_owned();
                let inherited = parameter("stickiness");
                self.variant_of(variants, &salt, inherited)?.map_or(Given::On, Given::Then)
            };
            list_of_rules.push((when, given));
        }
        if list_of_rules.is_empty() {
            return Ok(None);
        }
        Ok(Some(rules(list_of_rules, Given::Off).activation()))
    }

    /// Whether a strategy is on for the caller.
    fn condition(&mut self, strategy: &Tree) -> Result<Tree, String> {
        let mut all = vec![self.own_condition(strategy)];
        let mut constraints: Vec<&Tree> = list(strategy, "constraints").iter().collect();
        for id in list(strategy, "segments") {
            let id = if let Tree::Number(id) = id { id.as_i64() } else { None };
            let Some(segment) = id.and_then(|id| self.segment(id)) else {
                all.push(always(false));
                continue;
            };
            if let Some(found) = segment.constraints {
                constraints.extend(found);
                continue;
            }
            self.differs(format!(
                "a strategy is off, since the source lacks the constraints of the segment {:?}: add what \
                 /api/admin/segments returns as `segments`",
                segment.name
            ));
            all.push(always(false));
        }
        for found in constraints {
            all.push(constraint(found)?);
        }
        Ok(and(all))
    }

    /// The conditions of a strategy without its constraints.
    fn own_condition(&mut self, strategy: &Tree) -> Tree {
        let name = strategy.get("name").and_then(Tree::as_str).unwrap_or_default();
        let words = |name: &str| -> Vec<String> {
            let words = parameter(strategy, name).unwrap_or_default().split(',');
            words.map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
        };
        match name {
            "default" => always(true),
            "userWithId" => is_in("userId", words("userIds")),
            "gradualRolloutUserId" => percentage(strategy, "percentage", text("userId")),
            "gradualRolloutSessionId" => percentage(strategy, "percentage", text("sessionId")),
            "gradualRolloutRandom" => self.drawn(strategy, "percentage"),
            "flexibleRollout" => match parameter(strategy, "stickiness").unwrap_or("default") {
                "" | "default" | "random" => self.drawn(strategy, "rollout"),
                stickiness => percentage(strategy, "rollout", text(stickiness)),
            },
            "remoteAddress" => {
                let networks = words("IPs");
                if networks.iter().any(|network| network.contains(':') && network.contains('/')) {
                    self.differs(
                        "callers in networks of IPv6 addresses are on, as in some of Unleash's clients",
                    );
                }
                in_networks("remoteAddress", networks)
            }
            "applicationHostname" => {
                let hosts = words("hostNames");
                if hosts.is_empty() {
                    return always(false);
                }
                inline("novi.host", fields([("hosts", texts(hosts))]))
            }
            _ => {
                self.differs(format!(
                    "the strategy {name:?} is code of the program, and is off here: replace it by an activation"
                ));
                always(false)
            }
        }
    }

    /// A rollout by the user or the session, and for all others at random.
    fn drawn(&mut self, strategy: &Tree, share: &str) -> Tree {
        let found = share_of(strategy, share);
        if found <= 0.0 {
            return always(false);
        }
        if found >= 100.0 {
            return always(true);
        }
        if parameter(strategy, "stickiness") == Some("random") || share == "percentage" {
            self.differs(
                "callers are drawn once, by `userId` or `sessionId`, where Unleash draws at each evaluation",
            );
        } else {
            self.differs(DRAWN);
        }
        percentage(strategy, share, texts(["userId", "sessionId"]))
    }
}

fn parameter<'a>(strategy: &'a Tree, name: &str) -> Option<&'a str> {
    strategy.get("parameters")?.get(name)?.as_str()
}

/// A percentage, which is a string or a number.
fn share_of(strategy: &Tree, name: &str) -> f64 {
    let value = strategy.get("parameters").and_then(|parameters| parameters.get(name));
    let value = value.and_then(|value| value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()));
    value.filter(|share: &f64| share.is_finite()).unwrap_or_default()
}

fn percentage(strategy: &Tree, share: &str, by: Tree) -> Tree {
    let share = share_of(strategy, share);
    if share <= 0.0 {
        return always(false);
    }
    let salt = parameter(strategy, "groupId").unwrap_or_default();
    let config = [
        ("percentage", number(share.min(100.0))),
        ("hash", text("unleash")),
        ("salt", text(salt)),
        ("by", by),
    ];
    inline("novi.percentage", fields(config))
}

/// In a list of strings.
pub(super) fn is_in(name: &str, values: Vec<String>) -> Tree {
    if values.is_empty() { always(false) } else { attribute(name, "in", texts(values)) }
}

/// In one of the networks. Unleash ignores invalid ones.
pub(super) fn in_networks(name: &str, networks: Vec<String>) -> Tree {
    let is_network = |text: &String| {
        let (address, length) = text.split_once('/').map_or((text.as_str(), None), |(a, n)| (a, Some(n)));
        let most = match address.parse() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
    };
    let networks: Vec<String> = networks.into_iter().filter(is_network).collect();
    if networks.is_empty() { always(false) } else { attribute(name, "in_cidr", texts(networks)) }
}
