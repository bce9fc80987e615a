//! `#[derive(Feature)]`: an enum of a flag's variants, or a struct with the value of one.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Attribute, Data, DataEnum, DataStruct, DeriveInput, Fields, Ident, LitStr, Meta, Variant, ext::IdentExt,
    parse2, spanned::Spanned,
};

use crate::{
    arguments::{Errors, crate_path},
    case::Case,
    declare::Declare,
    options::{Known, Options},
};

const OF_ENUM: Known = Known {
    attribute: "flag",
    first: Some("the flag name"),
    listed: "the flag name `\"...\"`, `rename_all = \"...\"`, `declare` or `crate = path`",
    flags: &["declare"],
    values: &[
        ("rename_all", "\"kebab-case\""),
        ("status", "true"),
        ("description", "\"what it is for\""),
        ("owner", "\"name\""),
        ("crate", "path"),
    ],
};

const OF_STRUCT: Known = Known {
    listed: "the flag name `\"...\"`, `declare` or `crate = path`",
    values: &[
        ("status", "true"),
        ("description", "\"what it is for\""),
        ("owner", "\"name\""),
        ("crate", "path"),
    ],
    ..OF_ENUM
};

const OF_VARIANT: Known = Known {
    attribute: "flag",
    first: None,
    listed: "`rename = \"...\"`",
    flags: &[],
    values: &[("rename", "\"name\"")],
};

const OF_FIELD: Known = Known { listed: "no options: serde names the fields", values: &[], ..OF_VARIANT };

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let known = if matches!(input.data, Data::Struct(_)) { OF_STRUCT } else { OF_ENUM };
    let target = Target::parse(&input, &known, &mut errors);
    let parts = match &input.data {
        Data::Enum(data) => target.of_enum(data, &mut errors),
        Data::Struct(data) => target.of_struct(data, &mut errors),
        Data::Union(data) => {
            let message = "expected an enum or a struct, found a union";
            errors.at(data.union_token.span(), message);
            None
        }
    };
    match (errors.tokens(), parts) {
        (None, Some(parts)) => target.write(&parts, true),
        // With an implementation: without one, each use of the type would be an error, too.
        (errors, _) => {
            let never = quote!(::core::unreachable!());
            let nothing = Parts { info: quote!(of_enum(&[], "")), fallback: never.clone(), read: never };
            let written = target.write(&nothing, false);
            quote!(#errors #written)
        }
    }
}

struct Target<'a> {
    input: &'a DeriveInput,
    flag: String,
    rename_all: Option<Case>,
    novi: TokenStream,
    /// The registration of a flag that is to be created.
    declared: Option<TokenStream>,
}

/// The parts that differ between enums and structs.
struct Parts {
    /// The last call that creates the registration.
    info: TokenStream,
    fallback: TokenStream,
    read: TokenStream,
}

impl<'a> Target<'a> {
    fn parse(input: &'a DeriveInput, known: &Known, errors: &mut Errors) -> Self {
        let options = Options::parse(&input.attrs, known, errors);
        for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("feature")) {
            // A derive cannot have this attribute: rustc reports it as malformed, without a hint.
            errors.at(
                attribute.path().span(),
                "`#[feature]` is an attribute of rustc; write `#[flag(\"flag name\")]`",
            );
        }
        if !input.generics.params.is_empty() {
            errors.at(
                input.generics.params.span(),
                "a feature cannot have generic parameters: a flag belongs to one type",
            );
        }
        let written = || input.ident.unraw().to_string();
        let flag = options.first.as_ref().map_or_else(written, LitStr::value);
        let novi = options
            .value("crate")
            .and_then(|value| errors.keep(crate_path(value)))
            .unwrap_or_else(|| quote!(::novi));
        let mut declare = Declare::new(options.has("declare").is_some());
        for key in ["status", "description", "owner"] {
            if let Some(value) = options.value(key) {
                declare.take(key, Some(value), errors);
            }
        }
        let declared = declare.registration(&quote!(#flag), &novi, errors);
        Self { input, flag, rename_all: Case::parse(&options, errors), novi, declared }
    }

    fn of_enum(&self, data: &DataEnum, errors: &mut Errors) -> Option<Parts> {
        let mut names: Vec<(String, &Ident)> = Vec::new();
        let mut default: Option<(&Ident, String)> = None;
        for variant in &data.variants {
            let name = self.name_of(variant, errors);
            if let Some((_, other)) = names.iter().find(|(known, _)| *known == name) {
                let message = format!("duplicate variant {name:?}: `{other}` has the same name");
                errors.at(variant.ident.span(), message);
            }
            if is_default(&variant.attrs, errors) {
                match &default {
                    None => default = Some((&variant.ident, name.clone())),
                    Some((first, _)) => errors.at(
                        variant.ident.span(),
                        format!("duplicate `#[default]`: `{first}` is the default"),
                    ),
                }
            }
            names.push((name, &variant.ident));
        }
        let Some((default, default_name)) = default else {
            errors.at(
                self.input.ident.span(),
                "missing `#[default]` on the variant to use while the flag is off",
            );
            return None;
        };
        let novi = &self.novi;
        let (names, idents): (Vec<_>, Vec<_>) = names.into_iter().unzip();
        Some(Parts {
            info: quote!(of_enum(&[#(#names),*], #default_name)),
            fallback: quote!(Self::#default),
            read: quote! {
                match answer.variant {
                    ::core::option::Option::None => ::core::result::Result::Ok(Self::#default),
                    #(::core::option::Option::Some(#names) => ::core::result::Result::Ok(Self::#idents),)*
                    ::core::option::Option::Some(other) => {
                        ::core::result::Result::Err(#novi::__private::feature::unknown_variant::<Self>(other))
                    }
                }
            },
        })
    }

    fn name_of(&self, variant: &Variant, errors: &mut Errors) -> String {
        let options = Options::parse(&variant.attrs, &OF_VARIANT, errors);
        let ident = &variant.ident;
        if !matches!(variant.fields, Fields::Unit) {
            let message = "expected a variant without fields: a flag selects variants by name; to read a variant's \
                           value, derive `novi::Feature` for a struct";
            errors.at(variant.fields.span(), message);
        }
        let renamed = options.text("rename", errors).map(|name| name.value());
        let written = ident.unraw().to_string();
        renamed.unwrap_or_else(|| {
            self.rename_all.map_or_else(|| written.clone(), |case| case.of_variant(&written))
        })
    }

    fn of_struct(&self, data: &DataStruct, errors: &mut Errors) -> Option<Parts> {
        for field in &data.fields {
            Options::parse(&field.attrs, &OF_FIELD, errors);
        }
        if !matches!(data.fields, Fields::Named(_)) {
            errors.at(
                self.input.ident.span(),
                "expected named fields, because the value is a JSON object: `struct Name { field: Type }`",
            );
            return None;
        }
        let novi = &self.novi;
        // Errors about missing traits point at the type.
        let name = &self.input.ident;
        let (fallback, check, read) = (
            quote_spanned!(name.span()=> <#name as ::core::default::Default>::default()),
            quote_spanned!(name.span()=> #novi::__private::feature::check::<#name>),
            quote_spanned!(name.span()=> #novi::__private::feature::read::<#name>),
        );
        Some(Parts {
            info: quote!(of_struct(#check)),
            fallback: fallback.clone(),
            read: quote! {
                match answer.value {
                    ::core::option::Option::None => ::core::result::Result::Ok(#fallback),
                    ::core::option::Option::Some(value) => #read(value),
                }
            },
        })
    }

    fn write(&self, parts: &Parts, registers: bool) -> TokenStream {
        let (Self { flag, novi, declared, .. }, name) = (self, &self.input.ident);
        let Parts { info, fallback, read } = parts;
        let (generics, arguments, clause) = self.input.generics.split_for_impl();
        let submit = registers.then(|| {
            quote! {
                #novi::__private::inventory::submit! {
                    <#name as #novi::Feature>::REGISTERED
                }
                #declared
            }
        });
        quote! {
            #[automatically_derived]
            impl #generics #novi::Feature for #name #arguments #clause {
                const FLAG: &'static str = #flag;
                const REGISTERED: #novi::snapshot::RegisteredFeature = #novi::snapshot::RegisteredFeature::new(
                    #flag,
                    ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                    ::core::concat!(::core::file!(), ":", ::core::line!()),
                ).#info;

                fn fallback() -> Self {
                    #fallback
                }

                #[allow(unused_variables)]
                fn read(
                    answer: &#novi::__private::feature::Answer<'_>,
                ) -> ::core::result::Result<Self, #novi::activation::Problem> {
                    #read
                }
            }

            #submit
        }
    }
}

/// Whether a variant is the default.
fn is_default(attributes: &[Attribute], errors: &mut Errors) -> bool {
    let mut defaults = attributes.iter().filter(|attribute| attribute.path().is_ident("default"));
    let Some(default) = defaults.next() else { return false };
    if !matches!(default.meta, Meta::Path(_)) {
        errors.at(default.meta.span(), "expected `#[default]` without arguments");
    }
    for twice in defaults {
        errors.at(twice.meta.span(), "duplicate `#[default]`");
    }
    true
}
