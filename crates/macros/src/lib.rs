//! The macros of [novi](https://docs.rs/novi). Use them through that crate: `#[novi::enabled]`,
//! `#[novi::activation]`, `#[derive(novi::ToContext)]`, `#[derive(novi::Feature)]` and `#[novi::feature]`.
//!
//! A *flag* is a row in the database. A *feature* is a Rust type or impl block whose variants a flag selects;
//! its flag is named in `#[flag("...")]` or in the arguments of `#[novi::feature]`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod activation;
mod arguments;
mod case;
mod declare;
mod enabled;
mod factory;
mod feature;
mod options;
mod to_context;

use proc_macro::TokenStream;

/// Guards a function with a flag: while the flag is off, the body does not run.
///
/// The attribute takes the flag name, a string literal or the path of a constant, followed by options. It
/// supports functions and methods with a body, sync and async, also under `#[async_trait]`. It only inserts a
/// check before the body; the signature does not change. In an async function the check runs when its future
/// is first polled; the same applies to a function whose body is only `async {..}` or `Box::pin(async {..})`.
///
/// While the flag is off, a guarded function returns:
///
/// | return type | value |
/// |---|---|
/// | none | nothing |
/// | `Option<_>` | `None` |
/// | `Result<_, E>`, or an alias whose name ends in `Result` | `Err(E::from(novi::FlagDisabled))` |
/// | any other | `otherwise`, which is required |
///
/// Types are recognized by name, because a macro does not see more.
///
/// | option | meaning |
/// |---|---|
/// | `otherwise = expr` | the value to return while the flag is off; may use the arguments. Takes precedence over the table above |
/// | `variant = "..."` | run the body only if the flag is on with this variant: a string literal or the path of a constant |
/// | `expose = true` | record which variant the caller had, on or off, as `novi::Flags::expose` does |
/// | `ctx = expr` | the context, or any `novi::ToContext`: an argument, `self.user`, a call. Not moved. Default: the current context (`novi::context::scope`, `novi::context::sync_scope`) |
/// | `key = expr` | the targeting key in that context, or in the current one: any `novi::context::ToValue`, such as `user.id`. Not moved |
/// | `flags = expr` | the `novi::Flags`, or a reference. Default: the installed flags (`Flags::install`). Until flags are installed, every flag is off, and an error is logged once |
/// | `declare = true` | create the flag at the start if it does not exist, with `novi::FlagsBuilder::ensure_registered` |
/// | `status = true`, `description = "..."`, `owner = "..."` | of the flag that is created. Default: off, none, none |
/// | `crate = path` | the path of the crate novi, if it is renamed |
///
/// A `const fn` cannot be guarded, because it may run in the compiler, where there are no flags. Neither can
/// a function that never returns (`-> !`).
#[proc_macro_attribute]
pub fn enabled(arguments: TokenStream, item: TokenStream) -> TokenStream {
    enabled::expand(arguments.into(), item.into()).into()
}

/// Registers an activation type, so that rows can name it in `class_name`.
///
/// The attribute takes the class name, followed by options. It supports structs and enums without generic
/// parameters that implement `Activation` and derive `Deserialize`. Put it above the derives: it does not see
/// those above it.
///
/// | option | meaning |
/// |---|---|
/// | `alias = "..."` | another class name for rows; may be repeated |
/// | `description = "..."` | what the type does. Default: the first paragraph of its doc comment |
/// | `crate = path` | the path of the crate novi, if it is renamed |
///
/// In addition to the registration, the type gets:
/// - `JsonSchema`, unless it is derived already: forms and `novi check` use the schema of the config.
/// - `#[serde(deny_unknown_fields)]` if it is a struct with named fields, so that a misspelled field is an
///   issue instead of being ignored. Not with an incompatible serde attribute: `from`, `try_from`, `remote`,
///   `transparent`, or a field with `flatten`.
/// - `RegisteredActivation`, so that `Registry::with` accepts it where nothing is linked in automatically.
#[proc_macro_attribute]
pub fn activation(arguments: TokenStream, item: TokenStream) -> TokenStream {
    activation::expand(arguments.into(), item.into()).into()
}

/// Makes a struct a context without an intermediate map (`novi::ToContext`), and a struct or an enum a value
/// in a context (`novi::context::ToValue`).
///
/// Each named field is an attribute with the field's name. `novi::context::ToValue` converts its value: text
/// is borrowed; numbers, booleans and times are copied, so such a struct becomes a context without heap
/// allocation. An option that is `None` is left out. A struct that also derives `ToContext` is an object,
/// which takes one allocation; rules address its fields by a path with dots: `company.country`. The same
/// applies to maps with text keys. Vectors, slices and sets are lists. An enum whose variants have no fields
/// is the name of its variant, borrowed.
///
/// | option of a field | meaning |
/// |---|---|
/// | `#[context(key)]` | the caller's identity, the attribute `targetingKey`: text, an integer, or an option of these. Integers become text, which allocates |
/// | `#[context(rename = "...")]` | the attribute's name |
/// | `#[context(display)]` | the text of its `Display`, or of the value in an option. `#[context(key, display)]` is for ids such as UUIDs. Allocates |
/// | `#[context(flatten)]` | the field is a context, whose attributes are added to the struct's. The struct's own take precedence |
/// | `#[context(skip)]` | leave the field out |
///
/// | option of the type | meaning |
/// |---|---|
/// | `#[context(rename_all = "camelCase")]` | the case of the fields' or variants' names, as in serde |
/// | `#[context(crate = path)]` | the path of the crate novi, if it is renamed |
///
/// Variants of an enum support `#[context(rename = "...")]`.
///
/// In an object the identity is also called `targetingKey`: for a caller inside a request it is
/// `caller.targetingKey`. Flatten the caller to make it the identity of the request.
#[proc_macro_derive(ToContext, attributes(context))]
pub fn to_context(item: TokenStream) -> TokenStream {
    to_context::expand(item.into()).into()
}

/// Makes a type whose values a flag selects: `novi::Feature`.
///
/// The variants of an **enum** are the flag's variants, so a `match` covers all of them. They have no fields.
/// One is the `#[default]`, as for the standard library's `Default`, which may be derived as well: the value
/// if the flag is off or does not exist, is on without a variant, or has a variant that the enum does not
/// have.
///
/// A **struct** is the value of the flag's variant, a JSON object that serde deserializes. It must derive
/// `Deserialize` and `Default` as well.
///
/// | option of the type | meaning |
/// |---|---|
/// | `#[flag("...")]` | the flag name. Default: the type's name. (Not `#[feature("...")]`, which is an attribute of rustc) |
/// | `#[flag(declare)]` | create the flag at the start if it does not exist, with `novi::FlagsBuilder::ensure_registered` |
/// | `#[flag(status = true)]`, `#[flag(description = "...")]`, `#[flag(owner = "...")]` | of the flag that is created. Default: off, none, none |
/// | `#[flag(rename_all = "kebab-case")]` | the case of the variants' names, as in serde. Default: unchanged |
/// | `#[flag(crate = path)]` | the path of the crate novi, if it is renamed |
///
/// Variants of an enum support `#[flag(rename = "...")]`. Serde names the fields of a struct.
///
/// The type registers itself: `novi::manifest()` lists it, and variants in the database that it does not have
/// are issues.
#[proc_macro_derive(Feature, attributes(flag, default))]
pub fn feature_type(item: TokenStream) -> TokenStream {
    feature::expand(item.into()).into()
}

/// Adds a function `create` to an impl block, which calls the function that a flag selects.
///
/// All functions of the block have the same signature, which `create` has, too. One is the `#[default]`;
/// helpers go into another block. The flag's variants are named after the functions, or by `#[flag(rename =
/// "...")]`. The macro generates an enum with `#[derive(novi::Feature)]` for them.
///
/// | option | meaning |
/// |---|---|
/// | `"..."` | first: the flag name. Default: the type's name |
/// | `ctx = expr` | the context, or any `novi::ToContext`: an argument, `self.user`, a call. Not moved. Default: the current context |
/// | `flags = expr` | the `novi::Flags`, or a reference. Default: the installed flags |
/// | `crate = path` | the path of the crate novi, if it is renamed |
#[proc_macro_attribute]
pub fn feature(arguments: TokenStream, item: TokenStream) -> TokenStream {
    factory::expand(arguments.into(), &item.into()).into()
}

#[cfg(test)]
mod tests {
    use super::{activation, enabled, factory, feature, to_context};

    /// Any input expands to code or `compile_error!`.
    #[test]
    fn invalid_input_does_not_panic() {
        let arguments = [
            "",
            ",",
            "=",
            "\"a\"",
            "a b",
            "\"\" = 1",
            "crate",
            "crate = ",
            "ctx = ,",
            "'a",
            "1, 2",
            "\"a\", x = [",
            "()",
            "\"a\", key = , variant = \"\"",
            "\"a\", key = a.b, variant = B::C, expose = true",
        ];
        let items = [
            "",
            ";",
            "fn",
            "fn f()",
            "fn f() {}",
            "fn f() -> impl Future<Output> { async {} }",
            "fn f() -> Pin<Box<dyn Future<Output = ()>>> { pin(async {}) }",
            "fn f() -> Box<u8, u8> { Box::pin() }",
            "fn f() -> Box { Box::pin(async {}) }",
            "struct",
            "struct S",
            "struct S;",
            "#[derive] #[serde] #[doc] struct S { #[serde(=)] a: u8 }",
            "#[derive(1)] #[serde(\"a\")] #[doc = 1] enum E {}",
            "let x = 1;",
            "#[context] struct S { #[context = 1] a: u8, #[context()] b: u8, #[context(,)] c: Option<> }",
            "#[context(rename_all = \"camelCase\")] struct S<T: Copy, 'a> where { __: &'a Self, #[context(key = )] b: T }",
            "#[context(rename_all)] enum E<T> { #[context(rename = )] A = 1, B(), C { a: T } }",
            "union U { a: u8 }",
            "impl A { fn f() {} #[default] fn g((a, b): (u8, u8)) {} const C: u8 = 1; fn create(&mut self, mut c: u8) {} }",
            "impl A for (u8,) {}",
            "impl (u8,) {}",
            "#[flag(\"a\", \"b\", rename_all = )] enum E { #[default] A, #[default(1)] #[flag(rename = \"A\")] B(u8) }",
            "#[flag = 1] struct S<T>(T);",
            "#[feature(\"a\")] enum E { #[default] A }",
        ];
        for arguments in arguments {
            // Some are invalid tokens, which the compiler rejects before it calls a macro.
            let Ok(arguments) = arguments.parse::<proc_macro2::TokenStream>() else { continue };
            for item in items {
                let item: proc_macro2::TokenStream = item.parse().unwrap();
                let written = [
                    enabled::expand(arguments.clone(), item.clone()),
                    activation::expand(arguments.clone(), item.clone()),
                    factory::expand(arguments.clone(), &item),
                ];
                let derived = [to_context::expand(item.clone()), feature::expand(item.clone())];
                for written in written.into_iter().chain(derived) {
                    assert!(!written.is_empty(), "({arguments}) on {item}");
                }
            }
        }
    }
}
