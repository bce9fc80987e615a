//! The options of attributes that declare their flag: it is created if it does not exist.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, LitStr, spanned::Spanned};

use crate::arguments::{Errors, text, truth};

/// How a flag is declared.
#[derive(Default)]
pub(crate) struct Declare {
    /// Whether it is.
    pub(crate) is_declared: bool,
    status: bool,
    description: Option<LitStr>,
    owner: Option<LitStr>,
    /// The first option that has a meaning only for a flag that is declared.
    detail: Option<(Span, &'static str)>,
}

impl Declare {
    pub(crate) fn new(is_declared: bool) -> Self {
        Self { is_declared, ..Self::default() }
    }

    /// Takes an option. Returns whether it is one of these.
    pub(crate) fn take(&mut self, key: &str, value: Option<&Expr>, errors: &mut Errors) -> bool {
        let detail = match key {
            "status" => "status",
            "description" => "description",
            "owner" => "owner",
            _ => return false,
        };
        let Some(value) = value else { return true };
        self.detail.get_or_insert((value.span(), detail));
        match key {
            "status" => self.status = errors.keep(truth(value)).unwrap_or_default(),
            "description" => self.description = errors.keep(text(value)),
            _ => self.owner = errors.keep(text(value)),
        }
        true
    }

    /// The registration of a flag, if it is declared. `flag` is its name.
    pub(crate) fn registration(
        &self,
        flag: &TokenStream,
        novi: &TokenStream,
        errors: &mut Errors,
    ) -> Option<TokenStream> {
        if !self.is_declared {
            if let Some((span, option)) = self.detail {
                errors.at(span, format!("option `{option}` is for a flag that is created: add `declare`"));
            }
            return None;
        }
        let option = |text: &Option<LitStr>| {
            let some = |text: &LitStr| quote_spanned!(text.span()=> ::core::option::Option::Some(#text));
            text.as_ref().map_or_else(|| quote!(::core::option::Option::None), some)
        };
        let (status, description, owner) = (self.status, option(&self.description), option(&self.owner));
        Some(quote! {
            #novi::__private::inventory::submit! {
                #novi::__private::RegisteredDeclaration {
                    flag: #flag,
                    status: #status,
                    description: #description,
                    owner: #owner,
                    location: ::core::concat!(::core::file!(), ":", ::core::line!()),
                }
            }
        })
    }
}
