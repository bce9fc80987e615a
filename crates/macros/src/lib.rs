//! The macros of [novi](https://docs.rs/novi). Use them through that crate: `#[novi::enabled]`, `#[novi::activation]`,
//! `#[derive(novi::ToContext)]`, `#[derive(novi::Feature)]` and `#[novi::feature]`.

mod activation;
mod arguments;
mod case;
mod enabled;
mod factory;
mod feature;
mod options;
mod to_context;

use proc_macro::TokenStream;

/// Guards a function with a flag: while the flag is off, the body does not run.
///
/// The attribute takes the flag's name, a string literal or the path of a constant, and then options. It goes on
/// functions and methods that have a body, sync and async, under `#[async_trait]` too. It only puts a check before the
/// body; the signature stays as it is. The check of an async function is made when its future is first polled, and so
/// is that of a function whose body is nothing but `async {..}` or `Box::pin(async {..})`.
///
/// What a guarded function gives while its flag is off:
///
/// | it returns | it gives |
/// |---|---|
/// | nothing | nothing |
/// | `Option<_>` | `None` |
/// | `Result<_, E>`, or an alias whose name ends in `Result` | `Err(E::from(novi::FlagDisabled))` |
/// | anything else | `otherwise`, which must be there |
///
/// Types are told by their name, for that is all that a macro sees.
///
/// | option | meaning |
/// |---|---|
/// | `otherwise = expr` | what to give instead, made from the arguments; wins over the table above |
/// | `variant = "..."` | the body runs only when the flag is on with this variant: a string literal, or the path of a constant |
/// | `ctx = expr` | the context, or whatever is `novi::ToContext`: an argument, `self.user`, a call. It is not moved. Default: the current context (`novi::in_context`, `novi::with_context`) |
/// | `key = expr` | the targeting key in that context, or in the current one: whatever is `novi::ToValue`, as `user.id`. It is not moved |
/// | `flags = expr` | the `novi::Flags` to ask, or a reference to one. Default: the installed ones (`Flags::install`); while none are, every flag is off, and an error is logged once |
/// | `crate = path` | where the crate novi is, if it goes by another name |
///
/// A `const fn` can not be guarded, for constants are made before there are flags, nor can a function that never
/// returns (`-> !`).
#[proc_macro_attribute]
pub fn enabled(arguments: TokenStream, item: TokenStream) -> TokenStream {
    enabled::expand(arguments.into(), item.into()).into()
}

/// Registers an activation type, so that rows can name it in `class_name`.
///
/// The attribute takes the class name and then options. It goes on a struct or an enum without generic parameters
/// that implements `Activation` and derives `Deserialize`; put it above the derives, for it does not see those that
/// stand above it.
///
/// | option | meaning |
/// |---|---|
/// | `alias = "..."` | another name that rows may have; may be given several times |
/// | `description = "..."` | what the type does. Default: the first paragraph of its doc comment |
/// | `crate = path` | where the crate novi is, if it goes by another name |
///
/// Beside the registration, the type gets:
/// - `JsonSchema`, unless it is derived already: forms and `novi check` read the config's schema.
/// - `#[serde(deny_unknown_fields)]` if it is a struct with named fields, so that a misspelt setting is an issue and
///   not ignored. Not if a serde attribute of the type speaks against it: `from`, `try_from`, `remote`,
///   `transparent`, or a field with `flatten`.
/// - `RegisteredActivation`, so that `Registry::with` takes it where nothing is linked in by itself.
#[proc_macro_attribute]
pub fn activation(arguments: TokenStream, item: TokenStream) -> TokenStream {
    activation::expand(arguments.into(), item.into()).into()
}

/// Makes a struct a context, without a map in between: `novi::ToContext`. Makes a struct or an enum a value in a
/// context: `novi::ToValue`.
///
/// Each named field is an attribute, by the field's name. It is whatever `novi::ToValue` makes of it: text is borrowed,
/// numbers, truth values and instants are copied, so that a struct of these becomes a context without the heap. An
/// option that is `None` is left out. A struct that also has the derive is an object, which takes one allocation, and
/// rules reach into it by a path with dots: `company.country`. So are maps with text for keys. Vectors, slices and sets
/// are lists. An enum whose variants have no fields is the name of its variant, borrowed.
///
/// | option of a field | meaning |
/// |---|---|
/// | `#[context(key)]` | it is the caller's identity, the attribute `targetingKey`: text, or an option of text |
/// | `#[context(rename = "...")]` | the attribute's name |
/// | `#[context(display)]` | the text of its `Display`, or of that in an option. With `key`: `#[context(key, display)]` for ids that are numbers or UUIDs. Allocates |
/// | `#[context(flatten)]` | it is a context, whose attributes become those of the struct. The struct's own win over them |
/// | `#[context(skip)]` | it is left out |
///
/// | option of the type | meaning |
/// |---|---|
/// | `#[context(rename_all = "camelCase")]` | the case of the fields' or variants' names; the cases are those of serde |
/// | `#[context(crate = path)]` | where the crate novi is, if it goes by another name |
///
/// Variants of an enum take `#[context(rename = "...")]`.
///
/// In an object the identity is called `targetingKey` too: of a caller in a request it is `caller.targetingKey`. To make
/// the request's identity of it, flatten the caller.
#[proc_macro_derive(ToContext, attributes(context))]
pub fn to_context(item: TokenStream) -> TokenStream {
    to_context::expand(item.into()).into()
}

/// Makes a type's values what a flag chooses among: `novi::Feature`.
///
/// The variants of an **enum** are the flag's variants, so that a `match` on it has all of them. They have no fields, and
/// one is the `#[default]`, as for the `Default` of the standard library, which may be derived as well: what the code
/// does when the flag is off or does not exist, when it is on without a variant, and when it names one that the code
/// does not know.
///
/// A **struct** is the value of the flag's variant, a JSON object, read by serde: it derives `Deserialize` and `Default`
/// as well.
///
/// | option of the type | meaning |
/// |---|---|
/// | `#[flag("...")]` | the flag's name. Default: the type's name |
/// | `#[flag(rename_all = "kebab-case")]` | the case of the variants' names; the cases are those of serde. Default: as they are written |
/// | `#[flag(crate = path)]` | where the crate novi is, if it goes by another name |
///
/// Variants of an enum take `#[flag(rename = "...")]`. Names of a struct's fields are the business of serde.
///
/// The type registers itself: `novi::manifest()` lists it, and what the rows have that it does not know is an issue.
#[proc_macro_derive(Feature, attributes(flag, default))]
pub fn feature_type(item: TokenStream) -> TokenStream {
    feature::expand(item.into()).into()
}

/// Adds a function `create` to an impl block, which calls the one of its functions that a flag chooses.
///
/// All functions of the block have the same signature, and one is the `#[default]`; helpers go into another block.
/// `create` has that signature too. The flag's variants have the functions' names, or those of
/// `#[flag(rename = "...")]`. It is an enum with `#[derive(novi::Feature)]` that is written for you.
///
/// | option | meaning |
/// |---|---|
/// | `"..."` | comes first: the flag's name. Default: the type's name |
/// | `ctx = expr` | the context, or whatever is `novi::ToContext`: an argument, `self.user`, a call. It is not moved. Default: the current context |
/// | `flags = expr` | the `novi::Flags` to ask, or a reference to one. Default: the installed ones |
/// | `crate = path` | where the crate novi is, if it goes by another name |
#[proc_macro_attribute]
pub fn feature(arguments: TokenStream, item: TokenStream) -> TokenStream {
    factory::expand(arguments.into(), &item.into()).into()
}

#[cfg(test)]
mod tests {
    use super::{activation, enabled, factory, feature, to_context};

    /// Whatever is written, the answer is code or `compile_error!`, and never a panic.
    #[test]
    fn nothing_makes_them_panic() {
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
            "\"a\", key = a.b, variant = B::C",
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
        ];
        for arguments in arguments {
            // Some are no tokens; the compiler refuses these before it asks a macro.
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
