//! `#[novi::enabled]`: a check before the body of a function.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{
    Block, Expr, ExprAsync, ExprReference, GenericArgument, Item, ItemFn, PathArguments, ReturnType,
    Signature, Stmt, Token, TraitItemFn, Type, TypeParamBound, parse2, spanned::Spanned,
};

use crate::{
    arguments::{Arguments, Errors, crate_path, literal, located_at, truth},
    declare::Declare,
};

const OPTIONS: &str = "`variant`, `expose`, `otherwise`, `ctx`, `key`, `flags`, `declare`, `status`, `description`, `owner` \
                       and `crate`";

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let guard = Guard::parse(arguments, &mut errors);
    let function = parse_function(&item, &mut errors);
    let guarded = function.and_then(|function| guard.insert_into(function, &mut errors));
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
    /// Whether the exposure is recorded.
    exposes: bool,
    ctx: Option<Expr>,
    key: Option<Expr>,
    flags: Option<Expr>,
    declare: Declare,
    novi: TokenStream,
}

enum Otherwise {
    Absent,
    /// Given, but invalid.
    Invalid,
    Given(Expr),
}

impl Guard {
    fn parse(arguments: TokenStream, errors: &mut Errors) -> Self {
        let mut arguments = Arguments::parse(arguments, OPTIONS, errors);
        let name = arguments.name.take();
        match &name {
            None => {
                errors.at(Span::call_site(), "missing flag name; expected `#[novi::enabled(\"flag name\")]`");
            }
            Some(name) => check_name("flag", name, errors),
        }
        // With the user's span: a message that spans both would point at the whole attribute.
        let novi = quote_spanned!(name.as_ref().map_or_else(Span::call_site, Spanned::span)=> ::novi);
        let otherwise = Otherwise::Absent;
        let mut guard = Self {
            name,
            otherwise,
            variant: None,
            exposes: false,
            ctx: None,
            key: None,
            flags: None,
            declare: Declare::default(),
            novi,
        };
        arguments.each_option(OPTIONS, &[], errors, |key, value, errors| {
            match key {
                "otherwise" => guard.otherwise = value.map_or(Otherwise::Invalid, Otherwise::Given),
                "variant" => {
                    if let Some(name) = &value {
                        check_name("variant", name, errors);
                    }
                    guard.variant = value;
                }
                "expose" => {
                    if let Some(value) = value {
                        guard.exposes = errors.keep(truth(&value)).unwrap_or_default();
                    }
                }
                "ctx" => guard.ctx = value,
                "key" => guard.key = value,
                "flags" => guard.flags = value,
                "crate" => {
                    if let Some(path) = value.and_then(|value| errors.keep(crate_path(&value))) {
                        guard.novi = path;
                    }
                }
                "declare" => {
                    if let Some(value) = value {
                        guard.declare.is_declared = errors.keep(truth(&value)).unwrap_or_default();
                    }
                }
                key => return guard.declare.take(key, value.as_ref(), errors),
            }
            true
        });
        guard
    }

    /// The function with a check before its body; `None` on errors.
    fn insert_into(&self, mut function: ItemFn, errors: &mut Errors) -> Option<ItemFn> {
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
                "a function that never returns cannot be guarded: it has no value to return while the flag is off",
            );
            return None;
        }
        let off = self.off(output, errors)?;
        let check = self.check(&off)?;
        match inner {
            // Inside the future: the task that awaits it has the context, not the caller of the function.
            Some(future) => guard_block(&mut future.block, check),
            None => guard_block(&mut function.block, check),
        }
        let name = self.name.to_token_stream();
        if let Some(registration) = self.declare.registration(&name, &self.novi, errors) {
            function.block.stmts.insert(0, Stmt::Expr(Expr::Verbatim(registration), None));
        }
        Some(function)
    }

    /// The value to return while the flag is off.
    fn off(&self, output: Option<&Type>, errors: &mut Errors) -> Option<TokenStream> {
        let (name, novi) = (&self.name, &self.novi);
        match &self.otherwise {
            Otherwise::Given(expr) => return Some(expr.to_token_stream()),
            Otherwise::Invalid => return None,
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
                // Errors point at the user's return type if it cannot be created from `FlagDisabled`.
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
                    ::core::result::Result::Err(#novi::__private::FromFlagDisabled::from_flag_disabled(#disabled))
                })
            }
            _ => {
                let message = format!(
                    "missing `otherwise = <expression>`: the function returns `{}`, which has no value for a flag that \
                     is off",
                    type_text(output)
                );
                errors.at(output.span(), message);
                None
            }
        }
    }

    /// The statement that returns while the flag is off.
    fn check(&self, off: &TokenStream) -> Option<Stmt> {
        let (name, novi) = (self.name.as_ref()?, &self.novi);
        // A temporary context lives as long as the condition of the `if` below.
        let ctx = given(self.ctx.as_ref(), &quote!(#novi::ToContext::as_context), &quote!(&*));
        let flags =
            given(self.flags.as_ref(), &quote!(#novi::__private::AsFlags::as_flags), &TokenStream::new());
        let (method, more) = if self.key.is_none() && self.variant.is_none() && !self.exposes {
            (quote_spanned!(name.span()=> is_enabled), None)
        } else {
            let key =
                given(self.key.as_ref(), &quote!(#novi::context::ToValue::to_value), &TokenStream::new());
            let variant = match &self.variant {
                None => quote!(::core::option::Option::None),
                Some(variant) => quote_spanned!(variant.span()=> ::core::option::Option::Some(#variant)),
            };
            let method = if self.exposes {
                quote_spanned!(name.span()=> is_on_exposed)
            } else {
                quote_spanned!(name.span()=> is_on)
            };
            (method, Some(quote!(, #key, #variant)))
        };
        let enabled = if self.flags.is_none() && literal(name).is_some() {
            // Looks the flag up once. Other names may depend on generic parameters, which a static cannot
            // use.
            quote_spanned! {name.span()=> {
                static GUARDED: #novi::__private::Guarded = #novi::__private::Guarded::new(#name);
                GUARDED.#method(#ctx #more)
            }}
        } else {
            quote_spanned!(name.span()=> #novi::__private::#method(#flags, #name, #ctx #more))
        };
        // `otherwise` may diverge.
        let check = quote! {
            if !#enabled {
                #[allow(unreachable_code, clippy::diverging_sub_expression)]
                return #off;
            }
        };
        Some(Stmt::Expr(Expr::Verbatim(check), None))
    }
}

/// The function, if the item is one with a body.
fn parse_function(item: &TokenStream, errors: &mut Errors) -> Option<ItemFn> {
    let error = match parse2::<ItemFn>(item.clone()) {
        Ok(function) => return Some(function),
        Err(error) => error,
    };
    if let Ok(method) = parse2::<TraitItemFn>(item.clone()) {
        errors.at(
            method.sig.ident.span(),
            "a method without a body cannot be guarded; put the attribute on its implementations",
        );
    } else if parse2::<Item>(item.clone()).is_ok() {
        errors.at(Span::call_site(), "expected a function or a method with a body");
    } else {
        errors.push(error);
    }
    None
}

/// Checks the name of a `thing`: a flag or a variant.
fn check_name(thing: &str, name: &Expr, errors: &mut Errors) {
    match literal(name) {
        Some(text) if text.value().trim().is_empty() => {
            errors.at(text.span(), format!("the {thing} name cannot be empty"));
        }
        Some(_) => {}
        None if matches!(name, Expr::Path(_)) => {}
        None => errors.at(
            name.span(),
            format!(
                "expected the {thing} name: a string literal or the path of a constant of type `&'static str`"
            ),
        ),
    }
}

fn check_signature(signature: &Signature, errors: &mut Errors) {
    if let Some(constness) = &signature.constness {
        errors.at(
            constness.span(),
            "a `const fn` cannot be guarded: it may run in the compiler, where there are no flags",
        );
    }
}

/// `Some(borrow(&expr))` for an expression of the user's, at which errors point; `None` without one.
pub(crate) fn given(expr: Option<&Expr>, borrow: &TokenStream, reborrow: &TokenStream) -> TokenStream {
    let Some(expr) = expr else { return quote!(::core::option::Option::None) };
    let (span, expr, borrow) = (expr.span(), borrowed(expr), located_at(expr.span(), borrow.clone()));
    let borrowed = quote_spanned!(span=> #borrow(#expr));
    quote!(::core::option::Option::Some(#reborrow #borrowed))
}

/// `&expr`, with parentheses if they are needed.
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
        // Clippy requires items before other statements, so leading items get a block of their own.
        let body = Block { brace_token: block.brace_token, stmts: body };
        block.stmts.push(Stmt::Expr(Expr::Verbatim(body.into_token_stream()), None));
    } else {
        block.stmts.append(&mut body);
    }
}

/// The type without the groups that macros add.
fn bare(mut output: &Type) -> &Type {
    loop {
        output = match output {
            Type::Group(group) => &group.elem,
            Type::Paren(paren) => &paren.elem,
            _ => return output,
        }
    }
}

/// The type as people write it: tokens are printed with spaces between them.
fn type_text(output: &Type) -> String {
    let text = output.to_token_stream().to_string();
    [(" < ", "<"), (" >", ">"), (" :: ", "::"), (":: ", "::"), ("& ", "&"), (" ,", ","), (" ;", ";")]
        .into_iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

fn is_unit(output: &Type) -> bool {
    matches!(output, Type::Tuple(tuple) if tuple.elems.is_empty())
}

/// The async block that is the whole body of a function: `async move {..}`, or `Box::pin(async move {..})`,
/// as `#[async_trait]` writes it.
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

/// The `T` of a function that returns `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T>>>`, or
/// `BoxFuture<'_, T>` of the crate futures.
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

/// The type between angle brackets, if it is the only one.
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
