//! How code names the flag.

use std::collections::BTreeMap;

use syn::{
    Attribute, Expr, ExprCall, ExprMethodCall, ExprPath, Item, ItemConst, ItemEnum, ItemStatic, Lit, LitStr,
    Path, punctuated::Punctuated, visit::Visit,
};

use super::{Answer, SyntaxError};

/// Takes a flag out of the files of a program.
#[derive(Clone, Debug)]
pub struct Cleaner {
    flag: String,
    answer: Answer,
    /// Constants with the name of the flag.
    constants: Vec<String>,
    /// Enums that derive `Feature` for the flag: the name of the variant that is chosen.
    features: BTreeMap<String, Option<String>>,
    /// Of an enum that has not the variant of the answer: the names of its variants.
    unknown: Option<UnknownVariant>,
}

/// The answer is a variant that the code does not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} has no variant {variant:?}; it has {}", known.join(", "))]
#[non_exhaustive]
pub struct UnknownVariant {
    /// The enum.
    pub kind: String,
    /// The variant of the answer.
    pub variant: String,
    /// The variants of the enum.
    pub known: Vec<String>,
}

impl Cleaner {
    /// For a flag and what it decides from now on.
    #[must_use]
    pub fn new(flag: impl Into<String>, answer: Answer) -> Self {
        Self { flag: flag.into(), answer, constants: Vec::new(), features: BTreeMap::new(), unknown: None }
    }

    /// Whether the enums that were learned have the variant of the answer.
    ///
    /// # Errors
    /// [`UnknownVariant`] if one of them does not.
    pub fn check(&self) -> Result<(), UnknownVariant> {
        self.unknown.clone().map_or(Ok(()), Err)
    }

    /// Learns the constants and enums of a file that stand for the flag. Each file of the program should be learned before
    /// the first is cleaned.
    ///
    /// # Errors
    /// [`SyntaxError`] if the source code is not Rust.
    pub fn learn(&mut self, source: &str) -> Result<(), SyntaxError> {
        let file = syn::parse_file(source).map_err(|error| SyntaxError::of(&error))?;
        Learner(self).visit_file(&file);
        drop(file);
        super::forget_spans();
        Ok(())
    }

    pub(super) fn flag(&self) -> &str {
        &self.flag
    }

    /// Whether an answer with this variant, if one is wanted, is on.
    pub(super) fn is_on(&self, variant: Option<&str>) -> bool {
        match (&self.answer, variant) {
            (Answer::Off, _) | (Answer::On, Some(_)) => false,
            (_, None) => true,
            (Answer::Variant(answer), Some(variant)) => answer == variant,
        }
    }

    /// Whether an expression names the flag: a string, or a constant.
    pub(super) fn is_name(&self, name: &Expr) -> bool {
        match name {
            Expr::Lit(literal) => matches!(&literal.lit, Lit::Str(text) if text.value() == self.flag),
            Expr::Path(ExprPath { path, .. }) => path
                .segments
                .last()
                .is_some_and(|last| self.constants.iter().any(|known| last.ident == known)),
            Expr::Reference(reference) => self.is_name(&reference.expr),
            Expr::Paren(inner) => self.is_name(&inner.expr),
            _ => false,
        }
    }

    /// What a call of `is_enabled` for the flag returns.
    pub(super) fn enabled(&self, call: &ExprMethodCall) -> Option<bool> {
        let is_it = call.method == "is_enabled" && call.args.first().is_some_and(|name| self.is_name(name));
        is_it.then(|| self.is_on(None))
    }

    /// Whether an expression is a call of `choose` that is, or may be, for the flag.
    pub(super) fn may_choose(&self, call: &Expr) -> bool {
        match choice(call) {
            Some(Choice::Named(syn::GenericArgument::Type(syn::Type::Path(kind)))) => {
                let name = kind.path.segments.last().map(|last| last.ident.to_string());
                name.is_some_and(|name| self.features.contains_key(&name))
            }
            Some(Choice::Inferred) => !self.features.is_empty(),
            Some(Choice::Named(_)) | None => false,
        }
    }

    /// Whether tokens have the name of an enum of the flag.
    pub(super) fn has_type_in(&self, tokens: &str) -> bool {
        let mut words = tokens.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.any(|word| self.features.contains_key(word))
    }

    /// The path that a call of `choose` for the flag returns, such as `Layout::Grid`. `patterns` are those of the arms, which
    /// say the type if the call does not.
    pub(super) fn chosen<'p>(
        &self,
        call: &Expr,
        mut patterns: impl Iterator<Item = &'p Path>,
    ) -> Option<(String, String)> {
        let named = match choice(call)? {
            Choice::Named(syn::GenericArgument::Type(syn::Type::Path(kind))) => {
                kind.path.segments.last().map(|last| &last.ident)
            }
            Choice::Named(_) => None,
            Choice::Inferred => patterns.find_map(type_of),
        }?;
        let kind = named.to_string();
        let variant = self.features.get(&kind)?.clone()?;
        Some((kind, variant))
    }
}

/// The type that a call of `choose` returns.
enum Choice<'c> {
    Named(&'c syn::GenericArgument),
    Inferred,
}

/// `None` if an expression is no call of `choose`.
fn choice(call: &Expr) -> Option<Choice<'_>> {
    let arguments = match call {
        Expr::MethodCall(ExprMethodCall { method, turbofish, .. }) if method == "choose" => {
            turbofish.as_ref().map(|turbofish| &turbofish.args)
        }
        Expr::Call(ExprCall { func, .. }) => {
            let Expr::Path(ExprPath { path, .. }) = &**func else { return None };
            let last = path.segments.last().filter(|last| last.ident == "choose")?;
            match &last.arguments {
                syn::PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
                _ => None,
            }
        }
        _ => return None,
    };
    Some(arguments.and_then(Punctuated::first).map_or(Choice::Inferred, Choice::Named))
}

/// The type of a path such as `Layout::Grid`.
pub(super) fn type_of(path: &Path) -> Option<&syn::Ident> {
    path.segments.iter().rev().nth(1).map(|segment| &segment.ident)
}

struct Learner<'c>(&'c mut Cleaner);

impl Learner<'_> {
    fn constant(&mut self, name: &syn::Ident, value: &Expr) {
        let is_flag = matches!(value, Expr::Lit(literal) if matches!(&literal.lit, Lit::Str(text) if text.value() == self.0.flag));
        if is_flag {
            self.0.constants.push(name.to_string());
        }
    }

    fn feature(&mut self, item: &ItemEnum) {
        if !item.attrs.iter().any(derives_feature) {
            return;
        }
        let options = options(&item.attrs);
        let name = options.name.unwrap_or_else(|| item.ident.to_string());
        if name != self.0.flag {
            return;
        }
        let default = || {
            let is_default = |variant: &&syn::Variant| {
                variant.attrs.iter().any(|attribute| attribute.path().is_ident("default"))
            };
            item.variants.iter().find(is_default).map(|variant| variant.ident.to_string())
        };
        let chosen = match &self.0.answer {
            Answer::Variant(wanted) => item.variants.iter().find(|variant| is_called(variant, wanted)),
            _ => None,
        };
        if let (Answer::Variant(variant), None) = (&self.0.answer, chosen) {
            self.0.unknown = Some(UnknownVariant {
                kind: item.ident.to_string(),
                variant: variant.clone(),
                known: item.variants.iter().map(|variant| variant.ident.to_string()).collect(),
            });
        }
        let chosen = chosen.map(|variant| variant.ident.to_string()).or_else(default);
        self.0.features.insert(item.ident.to_string(), chosen);
    }
}

impl<'ast> Visit<'ast> for Learner<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(ItemConst { ident, expr, .. }) | Item::Static(ItemStatic { ident, expr, .. }) => {
                self.constant(ident, expr);
            }
            Item::Enum(item) => self.feature(item),
            _ => (),
        }
        syn::visit::visit_item(self, item);
    }

    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.constant(&item.ident, &item.expr);
    }
}

fn derives_feature(attribute: &Attribute) -> bool {
    let mut found = false;
    if attribute.path().is_ident("derive") {
        let _ = attribute.parse_nested_meta(|meta| {
            found |= meta.path.segments.last().is_some_and(|last| last.ident == "Feature");
            Ok(())
        });
    }
    found
}

/// The arguments of `#[flag(...)]`.
#[derive(Default)]
struct FlagOptions {
    name: Option<String>,
    rename: Option<String>,
}

fn options(attributes: &[Attribute]) -> FlagOptions {
    let mut options = FlagOptions::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("flag")) {
        let Ok(list) = attribute.meta.require_list() else { continue };
        if let Ok(name) = syn::parse2::<LitStr>(list.tokens.clone().into_iter().take(1).collect()) {
            options.name = Some(name.value());
        }
        let _ = attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("rename") {
                options.rename = Some(meta.value()?.parse::<LitStr>()?.value());
            }
            Ok(())
        });
    }
    options
}

/// Whether a variant of an enum has this name in the rows. Which case `rename_all` chose makes no difference.
fn is_called(variant: &syn::Variant, wanted: &str) -> bool {
    if let Some(name) = options(&variant.attrs).rename {
        return name == wanted;
    }
    let letters = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    letters(&variant.ident.to_string()) == letters(wanted)
}
