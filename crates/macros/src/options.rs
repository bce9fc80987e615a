//! What stands in `#[context(...)]` and `#[flag(...)]`.

use proc_macro2::Span;
use syn::{
    Attribute, Error, Expr, Ident, LitStr, Meta, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

use crate::arguments::{Errors, skip_to_comma, text};

/// The options of one place.
pub(crate) struct Known {
    /// The attribute in which they stand.
    pub(crate) attribute: &'static str,
    /// What a string literal that comes first is, if there may be one.
    pub(crate) first: Option<&'static str>,
    /// All of them, for messages.
    pub(crate) told: &'static str,
    /// Those that stand alone.
    pub(crate) flags: &'static [&'static str],
    /// Those with a value, and how that is written.
    pub(crate) values: &'static [(&'static str, &'static str)],
}

/// The options that are given, in their order. All are known and given once.
#[derive(Default)]
pub(crate) struct Options {
    /// The string literal that comes first.
    pub(crate) first: Option<LitStr>,
    /// No value for a flag, nor for what could not be read.
    given: Vec<(Ident, Option<Expr>)>,
}

impl Options {
    pub(crate) fn read(attributes: &[Attribute], known: &Known, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(known.attribute)) {
            let Meta::List(list) = &attribute.meta else {
                errors.at(
                    attribute.meta.span(),
                    format!("expected options in parentheses, `#[{}(...)]`: {}", known.attribute, known.told),
                );
                continue;
            };
            let read = |input: ParseStream<'_>| {
                while !input.is_empty() {
                    if let Err(error) = options.read_one(known, input) {
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

    fn read_one(&mut self, known: &Known, input: ParseStream<'_>) -> Result<()> {
        if let (Some(what), true) = (known.first, input.peek(LitStr)) {
            let first: LitStr = input.parse()?;
            if self.first.is_some() || !self.given.is_empty() {
                return Err(Error::new(first.span(), format!("{what} comes first, and once")));
            }
            if first.value().trim().is_empty() {
                return Err(Error::new(first.span(), format!("{what} can not be empty")));
            }
            self.first = Some(first);
            return at_end_of_one(input);
        }
        // Keywords such as `crate` are keys as well.
        let key = input
            .call(Ident::parse_any)
            .map_err(|error| Error::new(error.span(), format!("expected an option: {}", known.told)))?;
        let name = key.to_string();
        let how = known.values.iter().find(|(value, _)| *value == name).map(|(_, how)| how);
        let wrong = |message: String| Err(Error::new(key.span(), message));
        if how.is_none() && !known.flags.contains(&&*name) {
            return wrong(format!("unknown option `{name}`; expected {}", known.told));
        }
        if self.has(&name).is_some() {
            return wrong(format!("option `{name}` is given twice"));
        }
        self.given.push((key.clone(), None));
        match (how, input.peek(Token![=])) {
            (Some(how), false) => return wrong(format!("option `{name}` takes a value: `{name} = {how}`")),
            (None, true) => return wrong(format!("option `{name}` takes no value")),
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

    /// Where the option stands, if it is given.
    pub(crate) fn has(&self, name: &str) -> Option<Span> {
        self.given.iter().find(|(key, _)| key == name).map(|(key, _)| key.span())
    }

    pub(crate) fn value(&self, name: &str) -> Option<&Expr> {
        self.given.iter().find(|(key, _)| key == name)?.1.as_ref()
    }

    /// The text of an option, which has to be a string literal with something in it.
    pub(crate) fn text(&self, name: &str, errors: &mut Errors) -> Option<LitStr> {
        let text = errors.keep(text(self.value(name)?))?;
        if text.value().is_empty() {
            errors.at(text.span(), "a name can not be empty");
            return None;
        }
        Some(text)
    }

    /// Those that make no sense beside another one, which is given; `why` tells.
    pub(crate) fn refuse(&self, senseless: &[&str], why: &str, errors: &mut Errors) {
        for (key, _) in &self.given {
            if senseless.iter().any(|name| key == name) {
                errors.at(key.span(), format!("{why}: leave out `{key}`"));
            }
        }
    }
}

fn at_end_of_one(input: ParseStream<'_>) -> Result<()> {
    if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected `,`")) }
}
