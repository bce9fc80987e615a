//! `#[novi::enabled]`: a check before the body of a function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Block, Expr, ExprAsync, ExprReference, GenericArgument, Item, ItemFn, PathArguments, ReturnType,
    Signature, Stmt, Token, TraitItemFn, Type, TypeParamBound, parse2, spanned::Spanned,
};

use crate::arguments::{Arguments, Errors, crate_path, literal, located_at};

const OPTIONS: &str = "`variant`, `otherwise`, `ctx`, `key`, `flags` and `crate`";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let guard = Guard::read(arguments, &mut errors);
    let function = read_function(&item, &mut errors);
    let guarded = function.and_then(|function| guard.put_into(function, &mut errors));
    match (errors.with_item(&item), guarded) {
        (None, Some(guarded)) => guarded.into_token_stream(),
        (errors, _) => errors.unwrap_or(item),
    }
}

/// The attribute's arguments.
struct Guard {
    name: Option<Expr>,
    otherwise: Otherwise,
    variant: Option<Expr>,
    ctx: Option<Expr>,
    key: Option<Expr>,
    flags: Option<Expr>,
    novi: TokenStream,
}

enum Otherwise {
    Absent,
    /// It is there, but could not be read.
    Broken,
    Given(Expr),
}

impl Guard {
    fn read(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Arguments::read(arguments, OPTIONS, errors);
        let name = arguments.name.take();
        match &name {
            None => errors
                .at(Span::call_site(), "which flag? its name comes first: `#[novi::enabled(\"Flag name\")]`"),
            Some(name) => check_name("flag", name, errors),
        }
        // Where the user wrote, not where the macro did: a message that spans both would point at the whole attribute.
        let novi = quote_spanned!(name.as_ref().map_or_else(Span::call_site, Spanned::span)=> ::novi);
        let otherwise = Otherwise::Absent;
        let mut guard = Self { name, otherwise, variant: None, ctx: None, key: None, flags: None, novi };
        arguments.each_option(OPTIONS, &[], errors, |key, value, errors| {
            match key {
                "otherwise" => guard.otherwise = value.map_or(Otherwise::Broken, Otherwise::Given),
                "variant" => {
                    if let Some(name) = &value {
                        check_name("variant", name, errors);
                    }
                    guard.variant = value;
                }
                "ctx" => guard.ctx = value,
                "key" => guard.key = value,
                "flags" => guard.flags = value,
                "crate" => {
                    if let Some(path) = value.and_then(|value| errors.keep(crate_path(&value))) {
                        guard.novi = path;
                    }
                }
                _ => return false,
            }
            true
        });
        guard
    }

    /// The function with a check before its body; nothing if that can not be.
    fn put_into(&self, mut function: ItemFn, errors: &mut Errors) -> Option<ItemFn> {
        check_signature(&function.sig, errors);
        let future = future_output(&function.sig.output);
        let inner = future.and_then(|_| async_tail(&mut function.block));
        let output = match (&inner, &function.sig.output) {
            (Some(_), _) => future,
            (None, ReturnType::Type(_, output)) => Some(&**output),
            (None, ReturnType::Default) => None,
        };
        if output.is_some_and(|output| matches!(bare(output), Type::Never(_))) {
            errors.at(
                output.span(),
                "a function that never returns can not be guarded: it has nothing to give while the flag is off",
            );
            return None;
        }
        let off = self.off(output, errors)?;
        let check = self.check(&off)?;
        match inner {
            // The check belongs to the future: the task that awaits has the context, not the one that calls.
            Some(future) => guard_block(&mut future.block, check),
            None => guard_block(&mut function.block, check),
        }
        Some(function)
    }

    /// What the function gives while the flag is off.
    fn off(&self, output: Option<&Type>, errors: &mut Errors) -> Option<TokenStream> {
        let (name, novi) = (&self.name, &self.novi);
        match &self.otherwise {
            Otherwise::Given(expr) => return Some(expr.to_token_stream()),
            Otherwise::Broken => return None,
            Otherwise::Absent => {}
        }
        let Some(output) = output.map(bare).filter(|output| !is_unit(output)) else {
            return Some(TokenStream::new());
        };
        let last = match output {
            Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        match last.as_deref() {
            Some("Option") => Some(quote!(::core::option::Option::None)),
            Some(name_of_type) if name_of_type.ends_with("Result") => {
                // The user's type gets the blame if it can not be made from FlagDisabled.
                let located = |tokens| located_at(output.span(), tokens);
                let (name, novi) = (located(quote!(#name)), located(quote!(#novi)));
                let disabled = match &self.variant {
                    None => quote_spanned!(output.span()=> #novi::FlagDisabled::new(#name)),
                    Some(variant) => {
                        let variant = located(quote!(#variant));
                        quote_spanned!(output.span()=> #novi::FlagDisabled::without_variant(#name, #variant))
                    }
                };
                Some(quote_spanned! {output.span()=>
                    ::core::result::Result::Err(::core::convert::From::from(#disabled))
                })
            }
            _ => {
                errors.at(
                    output.span(),
                    "what does the function give while the flag is off? say it in the attribute: \
                     `otherwise = <expression>`",
                );
                None
            }
        }
    }

    /// The statement that returns while the flag is off.
    fn check(&self, off: &TokenStream) -> Option<Stmt> {
        let (name, novi) = (self.name.as_ref()?, &self.novi);
        // A context that is made for the question lives as long as the condition of the `if` below.
        let ctx = given(self.ctx.as_ref(), &quote!(#novi::ToContext::as_context), &quote!(&*));
        let flags =
            given(self.flags.as_ref(), &quote!(#novi::__private::AsFlags::as_flags), &TokenStream::new());
        let (asked, more) = if self.key.is_none() && self.variant.is_none() {
            (quote_spanned!(name.span()=> is_enabled), None)
        } else {
            let key = given(self.key.as_ref(), &quote!(#novi::ToValue::to_value), &TokenStream::new());
            let variant = match &self.variant {
                None => quote!(::core::option::Option::None),
                Some(variant) => quote_spanned!(variant.span()=> ::core::option::Option::Some(#variant)),
            };
            (quote_spanned!(name.span()=> is_on), Some(quote!(, #key, #variant)))
        };
        let enabled = if self.flags.is_none() && literal(name).is_some() {
            // The flag is looked up once. A name that is no literal may depend on what a static can not see.
            quote_spanned! {name.span()=> {
                static GUARDED: #novi::__private::Guarded = #novi::__private::Guarded::new(#name);
                GUARDED.#asked(#ctx #more)
            }}
        } else {
            quote_spanned!(name.span()=> #novi::__private::#asked(#flags, #name, #ctx #more))
        };
        // `otherwise` may well diverge itself, and the error may well be FlagDisabled.
        let check = quote! {
            if !#enabled {
                #[allow(unreachable_code, clippy::diverging_sub_expression, clippy::useless_conversion)]
                return #off;
            }
        };
        Some(Stmt::Expr(Expr::Verbatim(check), None))
    }
}

/// The function, if the item is one that can run.
fn read_function(item: &TokenStream, errors: &mut Errors) -> Option<ItemFn> {
    let error = match parse2::<ItemFn>(item.clone()) {
        Ok(function) => return Some(function),
        Err(error) => error,
    };
    if let Ok(method) = parse2::<TraitItemFn>(item.clone()) {
        errors.at(
            method.sig.ident.span(),
            "there is no body to guard: put the attribute on the implementations of this method",
        );
    } else if parse2::<Item>(item.clone()).is_ok() {
        errors.at(Span::call_site(), "only a function or a method with a body can be guarded");
    } else {
        errors.push(error);
    }
    None
}

/// What is wrong with the name of a `thing`: a flag, or a variant.
fn check_name(thing: &str, name: &Expr, errors: &mut Errors) {
    match literal(name) {
        Some(text) if text.value().trim().is_empty() => {
            errors.at(text.span(), format!("a {thing}'s name can not be empty"));
        }
        Some(_) => {}
        None if matches!(name, Expr::Path(_)) => {}
        None => errors.at(
            name.span(),
            format!(
                "expected the {thing}'s name: a string literal, or the path of a constant of type `&'static str`"
            ),
        ),
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    if let Some(constness) = &signature.constness {
        errors.at(
            constness.span(),
            "a const fn can not be guarded: it may run in the compiler, where there are no flags",
        );
    }
}

/// An expression of the user's as an option of what `borrow` makes of a reference to it. It gets the blame if that can
/// not be.
pub(crate) fn given(expr: Option<&Expr>, borrow: &TokenStream, reborrow: &TokenStream) -> TokenStream {
    let Some(expr) = expr else { return quote!(::core::option::Option::None) };
    let (span, expr, borrow) = (expr.span(), borrowed(expr), located_at(expr.span(), borrow.clone()));
    let borrowed = quote_spanned!(span=> #borrow(#expr));
    quote!(::core::option::Option::Some(#reborrow #borrowed))
}

/// The expression behind `&`, with parentheses where they are needed.
fn borrowed(expr: &Expr) -> Expr {
    Expr::Reference(ExprReference {
        attrs: Vec::new(),
        and_token: Token![&](expr.span()),
        mutability: None,
        expr: Box::new(expr.clone()),
    })
}

fn guard_block(block: &mut Block, check: Stmt) {
    let mut body = std::mem::take(&mut block.stmts);
    block.stmts.push(check);
    if matches!(body.first(), Some(Stmt::Item(_))) {
        // Lints want items before other statements: those that the body opens with get a block of their own.
        let body = Block { brace_token: block.brace_token, stmts: body };
        block.stmts.push(Stmt::Expr(Expr::Verbatim(body.into_token_stream()), None));
    } else {
        block.stmts.append(&mut body);
    }
}

/// The type without what macros put around it.
fn bare(mut output: &Type) -> &Type {
    loop {
        output = match output {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return output,
        }
    }
}

fn is_unit(output: &Type) -> bool {
    matches!(output, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The async block that is all of a function's body: `async move {..}`, or `Box::pin(async move {..})` as
/// `#[async_trait]` leaves it.
fn async_tail(body: &mut Block) -> Option<&mut ExprAsync> {
    let [Stmt::Expr(tail, None)] = body.stmts.as_mut_slice() else { return None };
    match tail {
        Expr::Async(future) => Some(future),
        Expr::Call(call) => {
            let Expr::Path(callee) = &*call.func else { return None };
            let mut names = callee.path.segments.iter().rev().map(|segment| &segment.ident);
            let is_box_pin = names.next().is_some_and(|name| name == "pin")
                && names.next().is_some_and(|name| name == "Box");
            match call.args.first_mut() {
                Some(Expr::Async(future)) if is_box_pin => Some(future),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `T` of a function that returns `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T>>>`, or `BoxFuture<'_, T>`
/// as the crate futures calls that.
fn future_output(output: &ReturnType) -> Option<&Type> {
    let ReturnType::Type(_, output) = output else { return None };
    let mut output = bare(output);
    loop {
        let bounds = match output {
            Type::Path(path) => {
                let last = path.path.segments.last()?;
                let inner = only_type(&last.arguments)?;
                if last.ident == "BoxFuture" || last.ident == "LocalBoxFuture" {
                    return Some(inner);
                }
                output = bare(inner);
                continue;
            }
            Type::ImplTrait(future) => &future.bounds,
            Type::TraitObject(future) => &future.bounds,
            _ => return None,
        };
        return bounds.iter().find_map(output_of_bound);
    }
}

/// The type between angle brackets that has no other type beside it.
fn only_type(arguments: &PathArguments) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    let mut types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(inner) => Some(inner),
        _ => None,
    });
    types.next().filter(|_| types.next().is_none())
}

fn output_of_bound(bound: &TypeParamBound) -> Option<&Type> {
    let TypeParamBound::Trait(bound) = bound else { return None };
    let last = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(output) if output.ident == "Output" => Some(&output.ty),
        _ => None,
    })
}
