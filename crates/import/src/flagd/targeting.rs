//! Rules whose result is a variant.

use novi_files::Tree;

use super::{
    Variants,
    condition::{attribute_name, is_condition},
};
use crate::budget::Budget;
use crate::config::{Given, attribute, fields, inline, rules, text};

/// Translates the targeting of one flag.
#[derive(Debug)]
pub(super) struct Targeting<'a> {
    pub(super) flag: &'a str,
    pub(super) differences: Vec<String>,
    variants: &'a Variants<'a>,
    default: Option<&'a str>,
    evaluators: &'a Tree,
    budget: Budget,
}

impl<'a> Targeting<'a> {
    pub(super) fn new(
        flag: &'a str,
        variants: &'a Variants<'a>,
        default: Option<&'a str>,
        evaluators: &'a Tree,
    ) -> Self {
        Self { flag, differences: Vec::new(), variants, default, evaluators, budget: Budget::default() }
    }

    /// What the default variant gives.
    pub(super) fn default_variant(&self) -> Given {
        self.default.map_or(Given::Off, |name| self.variants.given(name))
    }

    pub(super) fn variant(&self, name: &str) -> Given {
        self.variants.given(name)
    }

    /// What a rule gives. Its result is the name of a variant; `null` stands for the default variant.
    pub(super) fn result(&mut self, rule: &Tree) -> Result<Given, String> {
        match rule {
            Tree::Null => Ok(self.default_variant()),
            Tree::String(name) => Ok(self.variants.given(name)),
            Tree::Bool(value) => Ok(self.variants.given(if *value { "true" } else { "false" })),
            Tree::Number(number) => Ok(self.variants.given(&number.to_string())),
            Tree::List(_) => Err("a list is not the name of a variant".to_owned()),
            Tree::Fields(_) => self.nested(|targeting| {
                let (operation, arguments) = operation(rule)?;
                targeting.operation(rule, operation, arguments)
            }),
        }
    }

    fn operation(&mut self, rule: &Tree, operation: &str, arguments: &Tree) -> Result<Given, String> {
        match operation {
            "if" | "?:" => self.chain(list(arguments)),
            "fractional" => self.fractional(list(arguments)),
            "var" => self.by_attribute(arguments),
            "$ref" => {
                let rule = self.evaluator(arguments)?;
                self.result(rule)
            }
            // They have no result for what is not a string or a version.
            "starts_with" | "ends_with" | "sem_ver" => {
                let (is_met, is_not) = (self.variant("true"), self.variant("false"));
                let condition = self.condition(rule)?;
                let has_result = has_result(operation, list(arguments))?;
                Ok(rules(vec![(condition, is_met), (has_result, is_not)], self.default_variant()))
            }
            _ if is_condition(operation) => {
                let (is_met, is_not) = (self.variant("true"), self.variant("false"));
                Ok(rules(vec![(self.condition(rule)?, is_met)], is_not))
            }
            _ => Err(format!("the operation `{operation}` has no equivalent")),
        }
    }

    /// `if`: conditions and results in turn, and what applies otherwise.
    fn chain(&mut self, arguments: &[Tree]) -> Result<Given, String> {
        let mut list = Vec::new();
        let mut fallthrough = self.default_variant();
        for pair in arguments.chunks(2) {
            match pair {
                [when, then] => list.push((self.condition(when)?, self.result(then)?)),
                [otherwise] => fallthrough = self.result(otherwise)?,
                _ => (),
            }
        }
        Ok(rules(list, fallthrough))
    }

    /// `var`: an attribute of the caller is the name of the variant.
    fn by_attribute(&mut self, arguments: &Tree) -> Result<Given, String> {
        let name = attribute_name(arguments)?;
        if self.variants.has("*") {
            return Err("a variant with the name `*` cannot be chosen by an attribute".to_owned());
        }
        let cases = self.variants.fields.iter().map(|(name, _)| (name.clone(), self.variant(name).result()));
        let cases: Vec<_> = cases.chain([("*".to_owned(), Tree::Bool(false))]).collect();
        let mut config = vec![("by", text(name)), ("cases", Tree::Fields(cases))];
        if self.default_variant() != Given::Off {
            config.push(("fallback", self.default_variant().result()));
        }
        Ok(Given::Then(inline("novi.switch", fields(config))))
    }

    /// The rule with a name.
    pub(super) fn evaluator(&self, name: &Tree) -> Result<&'a Tree, String> {
        let name = name.as_str().ok_or("$ref: expected the name of an evaluator")?;
        self.evaluators.get(name).ok_or_else(|| format!("$ref: there is no evaluator {name:?}"))
    }

    /// Goes one level deeper. Evaluators can name each other in a circle, and multiply.
    pub(super) fn nested<T>(
        &mut self,
        inside: impl FnOnce(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        self.budget.enter()?;
        let result = inside(self);
        self.budget.leave();
        result
    }
}

/// Whether an operation with three possible results has one.
fn has_result(operation: &str, arguments: &[Tree]) -> Result<Tree, String> {
    let name = arguments.first().and_then(|argument| argument.get("var"));
    let name = attribute_name(name.unwrap_or(&Tree::Null))?;
    Ok(if operation == "sem_ver" {
        attribute(name, "semver", text(">=0.0.0-0"))
    } else {
        // Any string.
        attribute(name, "contains", text(""))
    })
}

/// The name of an operation, and its arguments.
pub(super) fn operation(rule: &Tree) -> Result<(&str, &Tree), String> {
    match rule {
        Tree::Fields(fields) => match fields.as_slice() {
            [(operation, arguments)] => Ok((operation, arguments)),
            _ => Err("expected an object with one operation".to_owned()),
        },
        _ => Err("expected an operation".to_owned()),
    }
}

/// Arguments, which are a list, or one of them.
pub(super) fn list(arguments: &Tree) -> &[Tree] {
    match arguments {
        Tree::List(items) => items,
        one => std::slice::from_ref(one),
    }
}
