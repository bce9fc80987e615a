//! `#[novi::feature]`: a function `create` that calls the function that a flag selects.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Attribute, Expr, FnArg, Ident, ImplItem, ImplItemFn, ItemImpl, LitStr, Pat, ReturnType, Signature, Type,
    ext::IdentExt, parse2, spanned::Spanned,
};

use crate::{
    arguments::{Arguments, Errors, crate_path, text},
    enabled::given,
};

const OPTIONS: &str = "`ctx`, `flags` and `crate`";

pub(crate) fn expand(arguments: TokenStream, item: &TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let factory = Factory::parse(arguments, &mut errors);
    let written = parse_impl(item, &mut errors).and_then(|target| factory.write(target, &mut errors));
    match (errors.tokens(), written) {
        (None, Some(written)) => written,
        // Without the item, because the attributes of its functions would be errors, too.
        (errors, _) => errors.unwrap_or_default(),
    }
}

/// The attribute's arguments.
struct Factory {
    flag: Option<LitStr>,
    ctx: Option<Expr>,
    flags: Option<Expr>,
    novi: TokenStream,
}

impl Factory {
    fn parse(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Arguments::parse(arguments, OPTIONS, errors);
        let flag = arguments.name.take().and_then(|name| errors.keep(text(&name)));
        let mut factory = Self { flag, ctx: None, flags: None, novi: quote!(::novi) };
        arguments.each_option(OPTIONS, &[], errors, |key, value, errors| {
            match key {
                "ctx" => factory.ctx = value,
                "flags" => factory.flags = value,
                "crate" => {
                    if let Some(path) = value.and_then(|value| errors.keep(crate_path(&value))) {
                        factory.novi = path;
                    }
                }
                _ => return false,
            }
            true
        });
        factory
    }

    fn write(&self, (mut target, name): (ItemImpl, Ident), errors: &mut Errors) -> Option<TokenStream> {
        let mut functions = target.items.iter_mut().filter_map(|item| match item {
            ImplItem::Fn(function) => Some(function),
            _ => None,
        });
        let Some(first) = functions.next() else {
            errors.at(name.span(), "expected a function for each variant, found none");
            return None;
        };
        let mut variants = vec![variant(first)];
        let (model, mut vis) = (first.sig.clone(), first.vis.clone());
        for function in functions {
            if shape(&function.sig) != shape(&model) {
                let message = format!("expected the same signature as `{}`", model.ident);
                errors.at(function.sig.ident.span(), message);
            }
            if function.attrs.iter().any(|attribute| attribute.path().is_ident("default")) {
                vis = function.vis.clone();
            }
            variants.push(variant(function));
        }
        for (_, name) in variants.iter().filter(|(_, name)| name == "create") {
            errors.at(name.span(), "`create` is the name of the generated function; choose another name");
        }
        let (signature, arguments) = create(&model, errors);
        let Self { novi, flag, .. } = self;
        let flag = flag.clone().unwrap_or_else(|| LitStr::new(&name.unraw().to_string(), name.span()));
        let ctx = given(self.ctx.as_ref(), &quote!(#novi::ToContext::as_context), &quote!(&*));
        let flags =
            given(self.flags.as_ref(), &quote!(#novi::__private::AsFlags::as_flags), &TokenStream::new());
        let (attributes, names): (Vec<_>, Vec<_>) = variants.into_iter().unzip();
        let wait = model.asyncness.map(|_| quote!(.await));
        let call = quote!((#(#arguments),*) #wait);
        let about = format!("Calls the function that the flag {:?} selects.", flag.value());
        let function = quote! {
            #[doc = #about]
            #vis #signature {
                #[derive(#novi::Feature)]
                #[flag(#flag, crate = #novi)]
                #[allow(non_camel_case_types)]
                enum #name { #(#(#attributes)* #names,)* }

                match #novi::__private::choose::<#name>(#flags, #ctx) {
                    #(#name::#names => Self::#names #call,)*
                }
            }
        };
        target.items.push(ImplItem::Verbatim(function));
        Some(target.into_token_stream())
    }
}

/// The impl block, and the name of its type.
fn parse_impl(item: &TokenStream, errors: &mut Errors) -> Option<(ItemImpl, Ident)> {
    let Ok(target) = parse2::<ItemImpl>(item.clone()) else {
        errors.at(Span::call_site(), "expected an impl block, such as `impl PaymentProcessor { .. }`");
        return None;
    };
    if let Some((of, _)) = &target.trait_ {
        errors.at(
            of.span(),
            "expected an inherent impl block: `create` cannot be added to a trait implementation",
        );
        return None;
    }
    let name = match &*target.self_ty {
        Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.clone()),
        _ => None,
    };
    if name.is_none() {
        errors.at(target.self_ty.span(), "expected the impl block of a named type");
    }
    name.map(|name| (target, name))
}

/// The variant of a function. Takes the attributes of the variant from the function.
fn variant(function: &mut ImplItemFn) -> (Vec<Attribute>, Ident) {
    let is_ours =
        |attribute: &Attribute| attribute.path().is_ident("default") || attribute.path().is_ident("flag");
    let (ours, others) = std::mem::take(&mut function.attrs).into_iter().partition(is_ours);
    function.attrs = others;
    (ours, function.sig.ident.clone())
}

/// The signature without names, for comparison.
fn shape(signature: &Signature) -> String {
    let inputs = signature.inputs.iter().map(|input| match input {
        FnArg::Receiver(receiver) => receiver.to_token_stream(),
        FnArg::Typed(typed) => typed.ty.to_token_stream(),
    });
    let output = match &signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, output) => output.to_token_stream(),
    };
    let (asyncness, safety, generics) = (&signature.asyncness, &signature.safety, &signature.generics);
    let clause = &generics.where_clause;
    quote!(#asyncness #safety #generics (#(#inputs),*) -> #output #clause).to_string()
}

/// The signature of `create`, and the arguments it passes on.
fn create(model: &Signature, errors: &mut Errors) -> (Signature, Vec<TokenStream>) {
    let mut signature = model.clone();
    signature.constness = None;
    signature.ident = Ident::new("create", model.ident.span());
    let mut arguments = Vec::new();
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                arguments.push(quote_spanned!(receiver.self_token.span()=> self));
            }
            FnArg::Typed(typed) => match &mut *typed.pat {
                Pat::Ident(name) if name.subpat.is_none() && name.by_ref.is_none() => {
                    name.mutability = None;
                    arguments.push(name.ident.to_token_stream());
                }
                other => errors.at(other.span(), "expected a plain name, which `create` can pass on"),
            },
        }
    }
    (signature, arguments)
}
