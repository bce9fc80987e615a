//! `#[derive(ToContext)]`: a struct's fields as the attributes of a context, an enum's variant as its name.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Data, DataEnum, DataStruct, DeriveInput, Error, Fields, GenericArgument, Ident, LitStr, PathArguments,
    Type, Variant, ext::IdentExt, parse2, spanned::Spanned,
};

use crate::{
    arguments::{Errors, crate_path, located_at},
    case::Case,
    options::{Known, Options},
};

/// OpenFeature's name for the identity of the caller, as in the crate novi.
const TARGETING_KEY: &str = "targetingKey";

const OF_TYPE: Known = Known {
    attribute: "context",
    first: None,
    listed: "`rename_all = \"...\"` or `crate = path`",
    flags: &[],
    values: &[("rename_all", "\"camelCase\""), ("crate", "path")],
};

const OF_FIELD: Known = Known {
    attribute: "context",
    first: None,
    listed: "`key`, `rename = \"...\"`, `display`, `flatten` or `skip`",
    flags: &["key", "display", "flatten", "skip"],
    values: &[("rename", "\"name\"")],
};

const OF_VARIANT: Known = Known {
    attribute: "context",
    first: None,
    listed: "`rename = \"...\"`",
    flags: &[],
    values: &[("rename", "\"name\"")],
};

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let input = match parse2::<DeriveInput>(item) {
        Ok(input) => input,
        Err(error) => return error.to_compile_error(),
    };
    let mut errors = Errors::default();
    let target = Target::parse(&input, &mut errors);
    let written = match &input.data {
        Data::Struct(data) => target.of_struct(data, &mut errors),
        Data::Enum(data) => target.of_enum(data, &mut errors),
        Data::Union(data) => {
            errors.at(data.union_token.span(), "expected a struct or an enum, found a union");
            TokenStream::new()
        }
    };
    match errors.tokens() {
        None => written,
        // With empty implementations: without them, each use of the type would be an error, too.
        Some(errors) => {
            let empty = target.write_context(&[], &TokenStream::new());
            let null = target.write_value(&[], &target.null());
            quote!(#errors #empty #null)
        }
    }
}

/// The type that becomes a context or a value.
struct Target<'a> {
    input: &'a DeriveInput,
    rename_all: Option<Case>,
    novi: TokenStream,
}

/// A field that is not skipped.
struct Field<'a> {
    name: &'a Ident,
    kind: &'a Type,
    role: Role,
}

enum Role {
    Attribute { name: String, display: bool },
    Key { display: bool },
    Flattened,
}

impl<'a> Target<'a> {
    fn parse(input: &'a DeriveInput, errors: &mut Errors) -> Self {
        let options = Options::parse(&input.attrs, &OF_TYPE, errors);
        let novi = options.value("crate").and_then(|value| errors.keep(crate_path(value)));
        let rename_all = Case::parse(&options, errors);
        Self { input, rename_all, novi: novi.unwrap_or_else(|| quote!(::novi)) }
    }

    fn of_struct(&self, data: &DataStruct, errors: &mut Errors) -> TokenStream {
        let Fields::Named(fields) = &data.fields else {
            errors.at(
                self.input.ident.span(),
                "expected named fields, which become attributes: `struct Name { field: Type }`",
            );
            return TokenStream::new();
        };
        let mut read: Vec<Field<'_>> = Vec::new();
        for field in &fields.named {
            let options = Options::parse(&field.attrs, &OF_FIELD, errors);
            let Some(name) = &field.ident else { continue };
            let Some(role) = self.role(name, &field.ty, &options, errors) else { continue };
            if let Some(error) = duplicate(&read, name, &role, &options) {
                errors.push(error);
            }
            read.push(Field { name, kind: &field.ty, role });
        }
        // Flattened fields come first, so that the struct's own attributes take precedence.
        let (flattened, own): (Vec<_>, Vec<_>) =
            read.iter().partition(|field| matches!(field.role, Role::Flattened));
        let body = flattened.into_iter().chain(own).map(|field| self.add(field)).collect();
        let bounds: Vec<_> = read.iter().filter_map(|field| self.bound(field)).collect();
        let context = self.write_context(&bounds, &body);
        let novi = &self.novi;
        let value = self.write_value(&bounds, &quote!(#novi::__private::derived::object(self)));
        quote!(#context #value)
    }

    /// What a field becomes; `None` if it is skipped.
    fn role(&self, field: &Ident, kind: &Type, options: &Options, errors: &mut Errors) -> Option<Role> {
        let renamed = options.text("rename", errors).map(|name| name.value());
        let display = options.has("display").is_some();
        if options.has("skip").is_some() {
            let others = ["key", "rename", "display", "flatten"];
            options.reject(&others, "`skip`", errors);
            return None;
        }
        if options.has("flatten").is_some() {
            options.reject(&["key", "rename", "display"], "`flatten`", errors);
            return Some(Role::Flattened);
        }
        if options.has("key").is_some() {
            options.reject(&["rename"], "`key`, whose name is `targetingKey`", errors);
            return Some(Role::Key { display: display || is_integer(kind) });
        }
        let written = field.unraw().to_string();
        let name = renamed.unwrap_or_else(|| {
            self.rename_all.map_or_else(|| written.clone(), |case| case.of_field(&written))
        });
        if name.is_empty() {
            errors
                .at(field.span(), "the attribute name is empty; set one with `#[context(rename = \"...\")]`");
        }
        Some(Role::Attribute { name, display })
    }

    fn of_enum(&self, data: &DataEnum, errors: &mut Errors) -> TokenStream {
        let arms: Vec<_> = data.variants.iter().map(|variant| self.arm(variant, errors)).collect();
        let novi = &self.novi;
        self.write_value(
            &[],
            &quote! {{
                let name: &'static str = match *self { #(#arms)* };
                #novi::context::ToValue::to_value(name)
            }},
        )
    }

    fn arm(&self, variant: &Variant, errors: &mut Errors) -> TokenStream {
        let options = Options::parse(&variant.attrs, &OF_VARIANT, errors);
        let ident = &variant.ident;
        if !matches!(variant.fields, Fields::Unit) {
            let message = format!(
                "`{ident}` has fields, but only the variant's name becomes a value; remove the fields, or implement \
                 `novi::context::ToValue`"
            );
            errors.at(variant.fields.span(), message);
        }
        let renamed = options.text("rename", errors).map(|name| name.value());
        let written = ident.unraw().to_string();
        let name = renamed.unwrap_or_else(|| {
            self.rename_all.map_or_else(|| written.clone(), |case| case.of_variant(&written))
        });
        let name = LitStr::new(&name, ident.span());
        quote!(Self::#ident => #name,)
    }

    /// The statement that adds a field to the context. Errors point at the field's type.
    fn add(&self, field: &Field<'_>) -> TokenStream {
        let (span, name) = (Span::mixed_site().located_at(field.kind.span()), field.name);
        let novi = located_at(span, self.novi.clone());
        let derived = quote_spanned!(span=> #novi::__private::derived);
        let this = quote_spanned!(span=> &self.#name);
        let optional = if inside_option(field.kind).is_some() {
            quote_spanned!(span=> ::core::option::Option::as_ref(#this))
        } else {
            quote_spanned!(span=> ::core::option::Option::Some(#this))
        };
        match &field.role {
            Role::Flattened => quote_spanned!(span=> #derived::flattened(ctx, #this);),
            Role::Key { display: false } => quote_spanned!(span=> #derived::key(ctx, #optional);),
            Role::Key { display: true } => {
                quote_spanned!(span=> #derived::attribute(ctx, #TARGETING_KEY, #derived::displayed(#optional));)
            }
            Role::Attribute { name, display: true } => {
                quote_spanned!(span=> #derived::attribute(ctx, #name, #derived::displayed(#optional));)
            }
            Role::Attribute { name, display: false } => {
                quote_spanned!(span=> #derived::attribute(ctx, #name, #novi::context::ToValue::to_value(#this));)
            }
        }
    }

    /// The bound of a field whose type depends on generic parameters.
    fn bound(&self, field: &Field<'_>) -> Option<TokenStream> {
        let novi = &self.novi;
        let inside = inside_option(field.kind).unwrap_or(field.kind);
        let (kind, bound) = match field.role {
            Role::Attribute { display: false, .. } => (field.kind, quote!(#novi::context::ToValue)),
            Role::Attribute { display: true, .. } | Role::Key { display: true } => {
                (inside, quote!(::core::fmt::Display))
            }
            Role::Key { display: false } => (inside, quote!(#novi::__private::derived::Key)),
            Role::Flattened => (field.kind, quote!(#novi::ToContext)),
        };
        let tokens = kind.to_token_stream();
        let used =
            self.input.generics.type_params().map(|param| &param.ident).filter(|param| names(&tokens, param));
        let used: Vec<_> = used.collect();
        if used.is_empty() {
            None
        } else if names(&tokens, &self.input.ident) || names(&tokens, &Ident::new("Self", Span::call_site()))
        {
            // The type contains itself: a bound on the whole type would be circular.
            Some(quote!(#(#used: #bound),*))
        } else {
            Some(quote!(#kind: #bound))
        }
    }

    fn write_context(&self, bounds: &[TokenStream], body: &TokenStream) -> TokenStream {
        let novi = &self.novi;
        let ctx = Ident::new("ctx", Span::mixed_site());
        let this = Ident::new("self", Span::mixed_site());
        self.write(
            bounds,
            &quote!(#novi::ToContext),
            &quote! {
                #[allow(unused_variables)]
                fn add_to<'__novi>(&'__novi #this, #ctx: &mut #novi::Context<'__novi>) {
                    #body
                }
            },
        )
    }

    fn write_value(&self, bounds: &[TokenStream], body: &TokenStream) -> TokenStream {
        let novi = &self.novi;
        self.write(
            bounds,
            &quote!(#novi::context::ToValue),
            &quote! {
                #[allow(unreachable_code)]
                fn to_value(&self) -> #novi::Value<'_> {
                    #body
                }
            },
        )
    }

    fn null(&self) -> TokenStream {
        let novi = &self.novi;
        quote!(#novi::Value::Null)
    }

    fn write(&self, bounds: &[TokenStream], implemented: &TokenStream, method: &TokenStream) -> TokenStream {
        let name = &self.input.ident;
        let (generics, arguments, clause) = self.input.generics.split_for_impl();
        let written = clause.map(|clause| &clause.predicates).into_iter().flatten();
        quote! {
            #[automatically_derived]
            #[allow(deprecated)]
            impl #generics #implemented for #name #arguments
            where
                #(#written,)*
                #(#bounds,)*
            {
                #method
            }
        }
    }
}

/// The error if another field has the same attribute.
fn duplicate(fields: &[Field<'_>], field: &Ident, role: &Role, options: &Options) -> Option<Error> {
    let name = attribute_of(role)?;
    let other = fields.iter().find(|other| attribute_of(&other.role) == Some(name))?.name;
    let span = options.has("key").or_else(|| options.has("rename")).unwrap_or_else(|| field.span());
    Some(Error::new(span, format!("duplicate attribute `{name}`: the field `{other}` has the same name")))
}

fn attribute_of(role: &Role) -> Option<&str> {
    match role {
        Role::Attribute { name, .. } => Some(name),
        Role::Key { .. } => Some(TARGETING_KEY),
        Role::Flattened => None,
    }
}

/// The `T` of `Option<T>`, recognized by name: a macro does not see more.
fn inside_option(kind: &Type) -> Option<&Type> {
    match kind {
        Type::Group(group) => inside_option(&group.elem),
        Type::Paren(paren) => inside_option(&paren.elem),
        Type::Path(path) => {
            let last = path.path.segments.last().filter(|segment| segment.ident == "Option")?;
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inside) => Some(inside),
                _ => None,
            })
        }
        _ => None,
    }
}

/// Whether the type is an integer or an `Option` of one: as a key it becomes text.
fn is_integer(kind: &Type) -> bool {
    const INTEGERS: [&str; 12] =
        ["u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize"];
    match inside_option(kind).unwrap_or(kind) {
        Type::Path(path) => INTEGERS.iter().any(|name| path.path.is_ident(name)),
        _ => false,
    }
}

/// Whether the tokens contain the name.
fn names(tokens: &TokenStream, name: &Ident) -> bool {
    tokens.clone().into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => names(&group.stream(), name),
        _ => false,
    })
}
