//! The attribute macros of [novi](https://docs.rs/novi). Use them through that crate: `#[novi::enabled]` and
//! `#[novi::activation]`.

mod activation;
mod arguments;
mod enabled;

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
/// | `ctx = expr` | the context, or a reference to one: an argument, `self.ctx`, a call. It is not moved. Default: the current context (`novi::in_context`, `novi::with_context`) |
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

#[cfg(test)]
mod tests {
    use super::{activation, enabled};

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
        ];
        for arguments in arguments {
            // Some are no tokens; the compiler refuses these before it asks a macro.
            let Ok(arguments) = arguments.parse::<proc_macro2::TokenStream>() else { continue };
            for item in items {
                let item: proc_macro2::TokenStream = item.parse().unwrap();
                let written = [
                    enabled::expand(arguments.clone(), item.clone()),
                    activation::expand(arguments.clone(), item.clone()),
                ];
                for written in written {
                    assert!(!written.is_empty(), "({arguments}) on {item}");
                }
            }
        }
    }
}
