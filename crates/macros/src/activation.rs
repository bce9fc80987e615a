//! `#[novi::activation]`: the registration of an activation type.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Expr, ExprLit, Fields, Generics, Ident, Item, Lit, LitStr, Meta, Path, Token, parse2,
    punctuated::Punctuated, spanned::Spanned,
};

use crate::arguments::{Arguments, Errors, crate_path, text};

const OPTIONS: &str = "`alias`, `description` and `crate`";

/// Container attributes of serde that determine the fields, or are incompatible with `deny_unknown_fields`.
const DETERMINES_FIELDS: [&str; 5] = ["deny_unknown_fields", "from", "try_from", "remote", "transparent"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let registration = Registration::parse(arguments, &mut errors);
    let target = Target::parse(&item, &mut errors);
    match (errors.with_item(&item), target) {
        (None, Some(target)) => registration.write(&target),
        (errors, _) => errors.unwrap_or(item),
    }
}

/// The attribute's arguments.
struct Registration {
    class: Option<LitStr>,
    aliases: Vec<LitStr>,
    description: Option<LitStr>,
    novi: TokenStream,
}

impl Registration {
    fn parse(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Arguments::parse(arguments, OPTIONS, errors);
        let name = arguments.name.take();
        if name.is_none() {
            errors.at(
                Span::call_site(),
                "missing class name; expected `#[novi::activation(\"acme.office_hours\")]`",
            );
        }
        let class = name.and_then(|name| class_name(&name, errors));
        let mut registration = Self { class, aliases: Vec::new(), description: None, novi: quote!(::novi) };
        arguments.each_option(OPTIONS, &["alias"], errors, |key, value, errors| {
            match (key, value) {
                ("alias", Some(value)) => registration.add_alias(&value, errors),
                ("description", Some(value)) => registration.description = errors.keep(text(&value)),
                ("crate", Some(value)) => {
                    if let Some(path) = errors.keep(crate_path(&value)) {
                        registration.novi = path;
                    }
                }
                // Invalid values have been reported.
                ("alias" | "description" | "crate", None) => {}
                _ => return false,
            }
            true
        });
        registration
    }

    fn add_alias(&mut self, value: &Expr, errors: &mut Errors) {
        let Some(alias) = class_name(value, errors) else { return };
        let name = alias.value();
        if self.class.iter().chain(&self.aliases).any(|known| known.value() == name) {
            errors.at(alias.span(), format!("duplicate name {name:?}"));
        } else {
            self.aliases.push(alias);
        }
    }

    fn write(&self, target: &Target) -> TokenStream {
        let (Self { class, aliases, novi, .. }, name) = (self, &target.name);
        let description = match &self.description {
            Some(text) => text.to_token_stream(),
            None => summary(&target.attributes).to_token_stream(),
        };
        let mut attributes = TokenStream::new();
        if target.derive_schema {
            let schemars = quote!(#novi::__private::schemars);
            let path = schemars.to_string().replace(' ', "");
            attributes.extend(quote!(#[derive(#schemars::JsonSchema)] #[schemars(crate = #path)]));
        }
        if target.deny_unknown_fields {
            attributes.extend(quote!(#[serde(deny_unknown_fields)]));
        }
        let (written, item) = (&target.attributes, &target.item);
        // Errors about missing traits point at the type.
        let new = quote_spanned!(name.span()=> #novi::activation::ActivationType::new::<#name>);
        let implementation =
            quote_spanned!(name.span()=> impl #novi::activation::RegisteredActivation for #name);
        // Added attributes come last: a helper attribute must be below its derive.
        quote! {
            #(#written)*
            #attributes
            #item

            #implementation {
                const TYPE: #novi::activation::ActivationType = #new(
                    #class,
                    &[#(#aliases),*],
                    #description,
                    ::core::concat!(::core::file!(), ":", ::core::line!()),
                );
            }

            #novi::__private::inventory::submit! {
                <#name as #novi::activation::RegisteredActivation>::TYPE
            }
        }
    }
}

/// The type, and how to register it.
struct Target {
    name: Ident,
    /// The attributes of the type.
    attributes: Vec<Attribute>,
    /// The type without its attributes.
    item: Item,
    derive_schema: bool,
    deny_unknown_fields: bool,
}

impl Target {
    fn parse(item: &TokenStream, errors: &mut Errors) -> Option<Self> {
        let mut item = errors.keep(parse2::<Item>(item.clone()))?;
        let (name, generics, attributes, fields) = match &mut item {
            Item::Struct(item) => (&item.ident, &item.generics, &mut item.attrs, Some(&item.fields)),
            Item::Enum(item) => (&item.ident, &item.generics, &mut item.attrs, None),
            Item::Union(item) => {
                let message = "expected a struct or an enum, found a union";
                errors.at(item.union_token.span(), message);
                return None;
            }
            _ => {
                errors.at(Span::call_site(), "expected a struct or an enum");
                return None;
            }
        };
        check_generics(generics, errors);
        let attributes = std::mem::take(attributes);
        let traits = derives(&attributes);
        let derived = |name: &str| traits.iter().any(|known| known == name);
        let deny_unknown_fields =
            derived("Deserialize") && fields.is_some_and(|fields| may_deny_unknown(&attributes, fields));
        let derive_schema = !derived("JsonSchema");
        let name = name.clone();
        Some(Self { name, attributes, item, derive_schema, deny_unknown_fields })
    }
}

/// Whether `deny_unknown_fields` applies to the struct, and no other serde attribute is incompatible with it.
fn may_deny_unknown(attributes: &[Attribute], fields: &Fields) -> bool {
    let Fields::Named(fields) = fields else { return false };
    let determined = serde_keys(attributes).iter().any(|key| DETERMINES_FIELDS.contains(&key.as_str()));
    let flattened =
        fields.named.iter().flat_map(|field| serde_keys(&field.attrs)).any(|key| key == "flatten");
    !determined && !flattened
}

fn check_generics(generics: &Generics, errors: &mut Errors) {
    if !generics.params.is_empty() {
        errors.at(
            generics.params.span(),
            "an activation type cannot have generic parameters: a class name identifies one type",
        );
    }
}

/// A class name or an alias.
fn class_name(value: &Expr, errors: &mut Errors) -> Option<LitStr> {
    let name = errors.keep(text(value))?;
    let blank = name.value().chars().any(char::is_whitespace);
    if name.value().is_empty() {
        errors.at(name.span(), "the class name cannot be empty");
    } else if blank {
        errors.at(
            name.span(),
            "a class name cannot contain whitespace; separate words with `_` and `.`, as in `acme.office_hours`",
        );
    } else {
        return Some(name);
    }
    None
}

/// The names of the traits in `#[derive(...)]`, without their paths.
fn derives(attributes: &[Attribute]) -> Vec<String> {
    let derives = attributes.iter().filter(|attribute| attribute.path().is_ident("derive"));
    let paths =
        |derive: &Attribute| derive.parse_args_with(Punctuated::<Path, Token![,]>::parse_terminated).ok();
    let last = |path: Path| Some(path.segments.last()?.ident.to_string());
    derives.filter_map(paths).flatten().filter_map(last).collect()
}

/// The keys in `#[serde(...)]`.
fn serde_keys(attributes: &[Attribute]) -> Vec<String> {
    let serde = attributes.iter().filter(|attribute| attribute.path().is_ident("serde"));
    let metas =
        |serde: &Attribute| serde.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated).ok();
    serde.filter_map(metas).flatten().filter_map(|meta| Some(meta.path().get_ident()?.to_string())).collect()
}

/// The first paragraph of a doc comment, on one line.
fn summary(attributes: &[Attribute]) -> String {
    let text = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    });
    let text: Vec<_> = text.collect();
    // `split` instead of `lines`: an empty `///` is a line, too.
    let lines = text.iter().flat_map(|text| text.split('\n')).map(str::trim);
    let paragraph: Vec<_> =
        lines.skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty()).collect();
    paragraph.join(" ")
}
