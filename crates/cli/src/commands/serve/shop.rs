//! The shop of `novi serve --demo`: flags of all kinds, with dates around the current time and a short history.

use chrono::{DateTime, Days, NaiveTime, Utc};
use novi::{
    rows::{ActivationRow, FlagMetadata, FlagRow, LinkRow, MemberRow, ValueType},
    store::{Author, Change, Edit},
};
use serde_json::{Value, json};

use super::orders;

/// The ids of the shop start here, above those of the other sample rows.
const FIRST_ID: i64 = 101;

/// An edit, and how many hours ago it was made.
type Dated = (Edit, u32);

/// The edits that make the shop, in order: a week of history.
/// `has_orders` says whether there will be a table with orders, for the metrics of the experiment.
pub(super) fn edits(now: DateTime<Utc>, has_orders: bool) -> Vec<Dated> {
    let mut opening =
        Opening { changes: Vec::new(), next_flag: FIRST_ID, next_activation: FIRST_ID, now, has_orders };
    opening.flags();
    let edit = |actor: &str, reason: &str, changes: Vec<Change>| {
        let author = Author { actor: Some(actor.to_owned()), reason: Some(reason.to_owned()) };
        Edit::new(changes).by(author)
    };
    vec![
        (edit("ada", "Open the shop", opening.changes), 7 * 24 - 2),
        (edit("grace", "No errors at 10 % for two days", vec![rollout(25)]), 5 * 24 + 3),
        (
            edit(
                "linus",
                "Replaced by the new header",
                vec![Change::SetStatus { flag: "legacy.banner".to_owned(), status: false }],
            ),
            2 * 24 + 6,
        ),
        (
            edit(
                "ada",
                "Asked for by support",
                vec![Change::InsertMember(MemberRow::allowed(BETA_TESTERS, "user-12"))],
            ),
            19,
        ),
    ]
}

/// The activations that later edits change.
const ROLLOUT: i64 = 101;
const BETA_TESTERS: i64 = 102;

fn rollout(percentage: u32) -> Change {
    let config = json!({"percentage": percentage}).to_string();
    Change::UpdateActivation(ActivationRow::new(ROLLOUT, "Share of the customers", "novi.percentage", config))
}

struct Opening {
    changes: Vec<Change>,
    next_flag: i64,
    next_activation: i64,
    now: DateTime<Utc>,
    has_orders: bool,
}

impl Opening {
    fn flags(&mut self) {
        let share = self.activation("Share of the customers", "novi.percentage", &json!({"percentage": 10}));
        let testers = self.activation("Beta testers", "novi.members", &json!({}));
        debug_assert_eq!((share, testers), (ROLLOUT, BETA_TESTERS));
        for (member, denied) in [("user-3", false), ("user-7", false), ("user-9", false), ("user-4", true)] {
            let member = MemberRow { denied, ..MemberRow::allowed(testers, member) };
            self.changes.push(Change::InsertMember(member));
        }
        let at_home = json!({"attribute": "country", "in": ["DE", "AT"]});
        let at_home = self.activation("Germany and Austria", "novi.attribute", &at_home);
        self.flag(
            "checkout.express",
            &[share, at_home],
            FlagMetadata { tags: tags(&["checkout"]), ..about("Pay with one click", "checkout") },
        );
        self.flag(
            "beta.features",
            &[testers],
            FlagMetadata { tags: tags(&["beta"]), ..about("Everything that is not finished", "platform") },
        );
        self.experiment();
        let layout = json!({
            "rules": [
                {"when": {"class_name": "novi.attribute", "config": {"attribute": "staff", "equals": true}}, "variant": "next"},
                {"when": {"class_name": "novi.attribute", "config": {"attribute": "plan", "equals": "pro"}},
                 "split": {"variants": {"grid": 50, "list": 50}}}
            ],
            "fallthrough": "list"
        });
        let layout = self.activation("Layout by plan", "novi.rules", &layout);
        self.flag(
            "home.layout",
            &[layout],
            FlagMetadata {
                variants: Some(
                    r#"{"grid": {"columns": 4}, "list": {"columns": 1}, "next": {"columns": 3}}"#.to_owned(),
                ),
                default_variant: Some("list".to_owned()),
                tags: tags(&["home"]),
                ..about("The columns of the first page", "web")
            },
        );
        let sale = json!({"startDateTime": self.date(5), "endDateTime": self.date(26)});
        let sale = self.activation("Three weeks of sale", "novi.date_time", &sale);
        self.flag(
            "winter.sale",
            &[sale, at_home],
            FlagMetadata {
                tags: tags(&["campaign"]),
                expires_at: self.days(60),
                ..about("Prices and banners of the sale", "marketing")
            },
        );
        let ramp = json!({
            "linear": true,
            "steps": [{"at": self.date(-2), "percentage": 0}, {"at": self.date(5), "percentage": 100}]
        });
        let ramp = self.activation("A week from 0 to 100 %", "novi.ramp", &ramp);
        self.flag(
            "payments.wallet",
            &[ramp],
            FlagMetadata { tags: tags(&["checkout"]), ..about("Pay with a wallet", "checkout") },
        );
        let weekdays = ["mon", "tue", "wed", "thu", "fri"];
        let hours =
            json!({"timezone": "Europe/Berlin", "weekdays": weekdays, "from": "08:00", "to": "18:00"});
        let hours = self.activation("Office hours", "novi.schedule", &hours);
        self.flag("support.chat", &[hours], about("Chat while somebody answers", "support"));
        let basket = json!({"expression": "plan == 'pro' || basket.total > 100.0"});
        let basket = self.activation("Pro, or a large basket", "novi.expression", &basket);
        self.flag("shipping.free", &[basket], about("No costs of shipping", "checkout"));
        let express = json!({"flag": "checkout.express"});
        let express = self.activation("Where express checkout is on", "novi.flag", &express);
        self.flag("returns.self-service", &[express], about("Customers print the label", "support"));
        let version = json!({"attribute": "app.version", "semver": ">=2.4.0"});
        let version = self.activation("App 2.4 and later", "novi.attribute", &version);
        self.flag("app.offline-mode", &[version], about("Browse without a connection", "mobile"));
        let banner = FlagMetadata { expires_at: self.days(-20), ..about("The banner of last year", "web") };
        self.flag("legacy.banner", &[], banner);
        let status =
            FlagMetadata { tags: tags(&["kill-switch"]), ..about("Take the shop offline", "platform") };
        self.flag("maintenance.mode", &[], status);
        if let Some(Change::InsertFlag(row)) = self.changes.last_mut() {
            row.status = false;
        }
    }

    /// The flag with a running experiment.
    fn experiment(&mut self) {
        let mut ranking = json!({
            "hypothesis": "Visitors who find products by their meaning order more",
            "owner": "search",
            "variants": {"control": 50, "semantic": 30, "hybrid": 20},
            "control": "control",
            "start": self.date(-orders::DAYS),
            "state": "running"
        });
        if self.has_orders {
            ranking["metrics"] = json!({"primary": ["ordered", "revenue"], "guardrails": ["returned"]});
            for (name, metric) in orders::metrics() {
                self.activation(name, "novi.metric", &metric);
            }
        }
        let ranking = self.activation(orders::EXPERIMENT, "novi.experiment", &ranking);
        self.flag(
            orders::FLAG,
            &[ranking],
            FlagMetadata {
                tags: tags(&["search", "experiment"]),
                value_type: Some(ValueType::String),
                expires_at: self.days(40),
                ..about("How search results are ordered", "search")
            },
        );
    }

    fn activation(&mut self, name: &str, class: &str, config: &Value) -> i64 {
        let id = self.next_activation;
        self.next_activation += 1;
        self.changes.push(Change::InsertActivation(ActivationRow::new(id, name, class, config.to_string())));
        id
    }

    fn flag(&mut self, name: &str, activations: &[i64], metadata: FlagMetadata) {
        let id = self.next_flag;
        self.next_flag += 1;
        let links = activations.iter().map(|activation| Change::Link(LinkRow::new(id, *activation)));
        self.changes.extend(links);
        let place = self.changes.len() - activations.len();
        let metadata = FlagMetadata { exposed: true, ..metadata };
        self.changes.insert(place, Change::InsertFlag(FlagRow { metadata, ..FlagRow::new(id, name, true) }));
    }

    /// The start of a day, so many days from now.
    fn days(&self, days: i64) -> Option<DateTime<Utc>> {
        let day = self.now.date_naive();
        let count = Days::new(days.unsigned_abs());
        let day = if days < 0 { day.checked_sub_days(count) } else { day.checked_add_days(count) };
        Some(day?.and_time(NaiveTime::MIN).and_utc())
    }

    fn date(&self, days: i64) -> String {
        self.days(days).unwrap_or(self.now).date_naive().to_string()
    }
}

fn about(description: &str, owner: &str) -> FlagMetadata {
    FlagMetadata {
        description: Some(description.to_owned()),
        owner: Some(owner.to_owned()),
        ..FlagMetadata::default()
    }
}

fn tags(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}
