//! The arguments of the attributes: a name, then options of the form `key = value`.
//!
//! Parsing continues after an error, so that the compiler reports all errors at once.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{
    Error, Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Result, Token,
    ext::IdentExt,
    parse::{ParseStream, Parser},
    spanned::Spanned,
};

/// All errors of one use of an attribute.
#[derive(Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    pub(crate) fn at(&mut self, span: Span, message: impl std::fmt::Display) {
        self.push(Error::new(span, message));
    }

    /// Returns the value; stores an error.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    /// Only the errors, as a derive returns them.
    pub(crate) fn tokens(&self) -> Option<TokenStream> {
        self.0.as_ref().map(Error::to_compile_error)
    }

    /// The unchanged item and the errors. Without the item, each of its uses would be an error, too.
    pub(crate) fn with_item(&self, item: &TokenStream) -> Option<TokenStream> {
        let errors = self.tokens()?;
        Some(quote!(#item #errors))
    }
}

/// The text between the parentheses of an attribute.
#[derive(Default)]
pub(crate) struct Arguments {
    /// The first argument, if it is not an option.
    pub(crate) name: Option<Expr>,
    /// The options in order; `None` for an invalid value.
    pub(crate) options: Vec<(Ident, Option<Expr>)>,
}

impl Arguments {
    /// Parses the arguments. Messages list the options in `known`.
    pub(crate) fn parse(tokens: TokenStream, known: &str, errors: &mut Errors) -> Self {
        let mut arguments = Self::default();
        let read = |input: ParseStream<'_>| {
            let mut first = true;
            while !input.is_empty() {
                if let Err(error) = arguments.parse_one(first, known, input) {
                    errors.push(error);
                    skip_to_comma(input);
                }
                first = false;
                if !input.is_empty() {
                    input.parse::<Token![,]>()?;
                }
            }
            Ok(())
        };
        if let Err(error) = read.parse2(tokens) {
            errors.push(error);
        }
        arguments
    }

    fn parse_one(&mut self, first: bool, known: &str, input: ParseStream<'_>) -> Result<()> {
        if is_option(input) {
            // Keys may be keywords, such as `crate`.
            let key = input.call(Ident::parse_any)?;
            input.parse::<Token![=]>()?;
            match input.parse() {
                Ok(value) => self.options.push((key, Some(value))),
                Err(error) => {
                    self.options.push((key, None));
                    return Err(error);
                }
            }
        } else if first {
            self.name = Some(input.parse()?);
        } else {
            return Err(input.error(format!("expected an option `key = value`; the options are {known}")));
        }
        if input.is_empty() || input.peek(Token![,]) { Ok(()) } else { Err(input.error("expected `,`")) }
    }

    /// Calls `take` with each option; it returns whether it supports the key. A duplicate option is an error
    /// unless it is `repeatable`.
    pub(crate) fn each_option(
        self,
        known: &str,
        repeatable: &[&str],
        errors: &mut Errors,
        mut take: impl FnMut(&str, Option<Expr>, &mut Errors) -> bool,
    ) {
        let mut seen = Vec::new();
        for (key, value) in self.options {
            let name = key.to_string();
            if seen.contains(&name) && !repeatable.contains(&name.as_str()) {
                errors.at(key.span(), format!("duplicate option `{name}`"));
            } else if !take(&name, value, errors) {
                errors.at(key.span(), format!("unknown option `{name}`; the options are {known}"));
            }
            seen.push(name);
        }
    }
}

/// Whether `key =` comes next, but not `key ==`.
fn is_option(input: ParseStream<'_>) -> bool {
    input.peek(Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==])
}

/// Skips to where parsing can continue after an error.
pub(crate) fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// Changes the location of the tokens in messages, but not how their names resolve.
pub(crate) fn located_at(span: Span, tokens: TokenStream) -> TokenStream {
    let locate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(span));
        token
    };
    tokens.into_iter().map(locate).collect()
}

/// The text of a string literal.
pub(crate) fn literal(expr: &Expr) -> Option<&LitStr> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text),
        Expr::Group(group) => literal(&group.expr),
        _ => None,
    }
}

/// The string literal, or an error.
pub(crate) fn text(value: &Expr) -> Result<LitStr> {
    literal(value).cloned().ok_or_else(|| Error::new(value.span(), "expected a string literal"))
}

/// The Boolean literal, or an error.
pub(crate) fn truth(value: &Expr) -> Result<bool> {
    match value {
        Expr::Lit(ExprLit { lit: Lit::Bool(truth), .. }) => Ok(truth.value),
        other => Err(Error::new(other.span(), "expected `true` or `false`")),
    }
}

/// The value of the option `crate`.
pub(crate) fn crate_path(value: &Expr) -> Result<TokenStream> {
    match value {
        Expr::Path(ExprPath { qself: None, path, .. }) => Ok(path.to_token_stream()),
        other => {
            Err(Error::new(other.span(), "expected a path without quotes, such as `crate = my_crate::novi`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name, the keys of the options, and the errors.
    fn read(tokens: &str) -> (Option<String>, Vec<String>, Vec<String>) {
        let mut errors = Errors::default();
        let read = Arguments::parse(tokens.parse().unwrap(), "`a` and `b`", &mut errors);
        let keys = read.options.into_iter().map(|(key, value)| match value {
            Some(value) => format!("{key} = {}", value.to_token_stream()),
            None => format!("{key} = ?"),
        });
        let errors = errors.0.into_iter().flatten().map(|error| error.to_string());
        (read.name.map(|name| name.to_token_stream().to_string()), keys.collect(), errors.collect())
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().copied().map(str::to_owned).collect()
    }

    #[test]
    fn values_may_contain_commas_and_keys_may_be_keywords() {
        let (name, options, errors) = read("A::B, a = f::<u8, u8>(|x, y| x), crate = crate, a = 1 == 1,");
        assert_eq!(name.as_deref(), Some("A :: B"));
        assert_eq!(options, ["a = f :: < u8 , u8 > (| x , y | x)", "crate = crate", "a = 1 == 1"]);
        assert_eq!(errors, owned(&[]));
    }

    #[test]
    fn comparison_is_not_an_option() {
        assert_eq!(read("a == b").0.as_deref(), Some("a == b"));
    }

    #[test]
    fn parsing_continues_after_an_error() {
        let (name, options, errors) = read("\"x\" y, a =, fn, b = 1 2, , a = 3");
        assert_eq!(name.as_deref(), Some("\"x\""));
        assert_eq!(options, ["a = ?", "b = 1", "a = 3"]);
        let no_option = "expected an option `key = value`; the options are `a` and `b`";
        assert_eq!(errors, ["expected `,`", "expected an expression", no_option, "expected `,`", no_option]);
    }

    #[test]
    fn duplicate_options_are_errors_unless_repeatable() {
        let mut errors = Errors::default();
        let read = Arguments::parse("a = 1, b = 2, a = 3, b = 4, c = 5".parse().unwrap(), "", &mut errors);
        let mut taken = String::new();
        read.each_option("`a` and `b`", &["b"], &mut errors, |key, _, _| {
            taken.push_str(key);
            key != "c"
        });
        assert_eq!(taken, "abbc");
        let errors: Vec<_> = errors.0.into_iter().flatten().map(|error| error.to_string()).collect();
        assert_eq!(errors, ["duplicate option `a`", "unknown option `c`; the options are `a` and `b`"]);
    }
}
