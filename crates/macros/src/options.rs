//! The options in `#[context(...)]` and `#[flag(...)]`.

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, Ident, LitStr, Meta, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

use crate::arguments::{Errors, skip_to_comma, text};

/// The options that one place supports.
pub(crate) struct Known {
    /// The attribute with the options.
    pub(crate) attribute: &'static str,
    /// The meaning of a leading string literal, if one is allowed.
    pub(crate) first: Option<&'static str>,
    /// All options, for messages.
    pub(crate) listed: &'static str,
    /// Options without a value.
    pub(crate) flags: &'static [&'static str],
    /// Options with a value, and an example of it.
    pub(crate) values: &'static [(&'static str, &'static str)],
}

/// The given options in order: all are supported, and none is duplicate.
#[derive(Default)]
pub(crate) struct Options {
    /// The leading string literal.
    pub(crate) first: Option<LitStr>,
    /// `None` for an option without a value, and for an invalid value.
    given: Vec<(Ident, Option<Expr>)>,
}

impl Options {
    pub(crate) fn parse(attributes: &[Attribute], known: &Known, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(known.attribute)) {
            let Meta::List(list) = &attribute.meta else {
                errors.at(
                    attribute.meta.span(),
                    format!("expected `#[{}(...)]` with {}", known.attribute, known.listed),
                );
                continue;
            };
            let read = |input: ParseStream<'_>| {
                while !input.is_empty() {
                    if let Err(error) = options.parse_one(known, input) {
                        errors.push(error);
                        skip_to_comma(input);
                    }
                    if !input.is_empty() {
                        input.parse::<Token![,]>()?;
                    }
                }
                Ok(())
            };
            if let Err(error) = read.parse2(list.tokens.clone()) {
                errors.push(error);
            }
        }
        options
    }

    fn parse_one(&mut self, known: &Known, input: ParseStream<'_>) -> Result<()> {
        if let (Some(what), true) = (known.first, input.peek(LitStr)) {
            let first: LitStr = input.parse()?;
            if self.first.is_some() || !self.given.is_empty() {
                return Err(Error::new(
                    first.span(),
                    format!("{what} must be the first option, and may be given only once"),
                ));
            }
            if first.value().trim().is_empty() {
                return Err(Error::new(first.span(), format!("{what} cannot be empty")));
            }
            self.first = Some(first);
            return at_end_of_one(input);
        }
        // Keys may be keywords, such as `crate`.
        let key = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), format!("expected {}", known.listed)))?;
        let name = key.to_string();
        let how = known.values.iter().find(|(value, _)| *value == name).map(|(_, how)| how);
        let error = |message: String| Err(Error::new(key.span(), message));
        if how.is_none() && !known.flags.contains(&&*name) {
            return error(format!("unknown option `{name}`; expected {}", known.listed));
        }
        if self.has(&name).is_some() {
            return error(format!("duplicate option `{name}`"));
        }
        self.given.push((key.clone(), None));
        match (how, input.peek(Token![=])) {
            (Some(how), false) => {
                return error(format!("missing value of option `{name}`; expected `{name} = {how}`"));
            }
            (None, true) => return error(format!("option `{name}` does not take a value")),
            (Some(_), true) => {
                input.parse::<Token![=]>()?;
                let value = input.parse()?;
                if let Some((_, given)) = self.given.last_mut() {
                    *given = Some(value);
                }
            }
            (None, false) => {}
        }
        at_end_of_one(input)
    }

    /// The location of the option, if it is given.
    pub(crate) fn has(&self, name: &str) -> Option<Span> {
        self.given.iter().find(|(key, _)| key == name).map(|(key, _)| key.span())
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Expr> {
        self.given.iter().find(|(key, _)| key == name)?.1.as_ref()
    }

    /// The value of an option that takes a non-empty string literal.
    pub(crate) fn text(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let text = errors.keep(text(self.value(name)?))?;
        if text.value().is_empty() {
            errors.at(text.span(), "expected a name, found an empty string");
            return None;
        }
        Some(text)
    }

    /// Reports options that conflict with another one. `why` says which.
    pub(crate) fn reject(&self, conflicting: &[&str], why: &str, errors: &mut Errors) {
        for (key, _) in &self.given {
            if conflicting.iter().any(|name| key == name) {
                errors.at(key.span(), format!("option `{key}` conflicts with {why}; remove one of them"));
            }
        }
    }
}

fn at_end_of_one(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected `,`")) }
}
