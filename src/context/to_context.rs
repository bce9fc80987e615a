//! Contexts from the caller's own types.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
};

use chrono::{DateTime, TimeZone, Utc};

use crate::context::{Context, value::Value};

/// What a [`Context`] can be made from: one attribute a field. Derive it with [`#[derive(ToContext)]`](derive@crate::ToContext).
///
/// Text is borrowed, so that a struct of text and numbers becomes a context by one block of the heap. By hand:
///
/// ```
/// use novi::{Context, ToContext};
///
/// struct Caller {
///     id: String,
///     plan: &'static str,
/// }
///
/// impl ToContext for Caller {
///     fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
///         ctx.insert(novi::TARGETING_KEY, &self.id);
///         ctx.insert("plan", self.plan);
///     }
/// }
///
/// let caller = Caller { id: "user-7".to_owned(), plan: "pro" };
/// assert_eq!(caller.to_context(), Context::new().with("targetingKey", "user-7").with("plan", "pro"));
/// ```
///
/// Maps from text to values are contexts as well, and so are references and pointers to one. An `Option` that is `None`
/// knows nothing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no context",
    label = "expected a `novi::Context`, or a type with `#[derive(novi::ToContext)]`"
)]
pub trait ToContext {
    /// Sets the attributes in a context, replacing those of the same names.
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>);

    /// The attributes as a context, which borrows their text.
    #[inline]
    #[must_use]
    fn to_context(&self) -> Context<'_> {
        let mut ctx = Context::new();
        self.add_to(&mut ctx);
        ctx
    }

    /// The context itself if this is one, else one that is made. [`#[novi::enabled]`](macro@crate::enabled) asks for it.
    #[inline]
    #[must_use]
    fn as_context(&self) -> Cow<'_, Context<'_>> {
        Cow::Owned(self.to_context())
    }
}

impl ToContext for Context<'_> {
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
        ctx.extend_distinct(self.iter().map(|(name, value)| (Cow::Borrowed(name), value.to_value())));
    }

    #[inline]
    fn as_context(&self) -> Cow<'_, Context<'_>> {
        Cow::Borrowed(self)
    }
}

/// `None` adds nothing.
impl<T: ToContext> ToContext for Option<T> {
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
        if let Some(known) = self {
            known.add_to(ctx);
        }
    }
}

/// What one attribute of a [`Context`] can be made from. Derive it with [`#[derive(ToContext)]`](derive@crate::ToContext),
/// which makes an enum without fields the name of its variant, and a struct with named fields an object.
///
/// By hand, for a type that has its text:
///
/// ```
/// use novi::{ToValue, Value};
///
/// struct Country(String);
///
/// impl ToValue for Country {
///     fn to_value(&self) -> Value<'_> {
///         self.0.to_value()
///     }
/// }
///
/// assert_eq!(Country("NZ".to_owned()).to_value().as_str(), Some("NZ"));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of a context",
    label = "expected truth values, numbers, text, instants, or lists, maps and options of them",
    note = "a struct or an enum becomes one by `#[derive(novi::ToContext)]`",
    note = "a field whose type has `Display` becomes its text by `#[context(display)]`, and is left out by `#[context(skip)]`"
)]
pub trait ToValue {
    /// The value, which borrows its text. [`Value::Null`] is the same as no attribute.
    #[must_use]
    fn to_value(&self) -> Value<'_>;
}

/// Text is borrowed; a list or an object allocates the list of its parts.
impl ToValue for Value<'_> {
    fn to_value(&self) -> Value<'_> {
        match self {
            Value::Null => Value::Null,
            Value::Bool(value) => Value::Bool(*value),
            Value::Int(number) => Value::Int(*number),
            Value::UInt(number) => Value::UInt(*number),
            Value::BigInt(digits) => Value::BigInt(Cow::Borrowed(digits)),
            Value::Float(number) => Value::Float(*number),
            Value::Str(text) => Value::Str(Cow::Borrowed(text)),
            Value::Instant(instant) => Value::Instant(*instant),
            Value::List(values) => list(values),
            Value::Object(fields) => Value::Object(
                fields.iter().map(|(name, value)| (Cow::Borrowed(&**name), value.to_value())).collect(),
            ),
        }
    }
}

impl ToValue for Context<'_> {
    fn to_value(&self) -> Value<'_> {
        Value::Object(self.to_context().into_fields())
    }
}

impl ToValue for str {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        Value::Str(Cow::Borrowed(self))
    }
}

impl ToValue for String {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        Value::Str(Cow::Borrowed(self))
    }
}

/// The only text that allocates: a character has no text to borrow.
impl ToValue for char {
    fn to_value(&self) -> Value<'_> {
        Value::Str(Cow::Owned(self.to_string()))
    }
}

// Whether the compiler lists it among others by its full path depends on what else is built.
#[diagnostic::do_not_recommend]
impl<Z: TimeZone> ToValue for DateTime<Z> {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        Value::Instant(self.with_timezone(&Utc))
    }
}

impl ToValue for () {
    fn to_value(&self) -> Value<'_> {
        Value::Null
    }
}

macro_rules! copied {
    ($($kind:ty),*) => {$(
        impl ToValue for $kind {
            #[inline]
            fn to_value(&self) -> Value<'_> {
                Value::from(*self)
            }
        }
    )*};
}
copied!(bool, i8, i16, i32, i64, u8, u16, u32, u64, usize, f32, f64);

impl ToValue for isize {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        Value::Int(*self as i64)
    }
}

impl ToValue for i128 {
    fn to_value(&self) -> Value<'_> {
        match (i64::try_from(*self), u64::try_from(*self)) {
            (Ok(int), _) => Value::Int(int),
            (_, Ok(uint)) => Value::UInt(uint),
            _ => Value::BigInt(Cow::Owned(self.to_string())),
        }
    }
}

impl ToValue for u128 {
    fn to_value(&self) -> Value<'_> {
        u64::try_from(*self).map_or_else(|_| Value::BigInt(Cow::Owned(self.to_string())), Value::from)
    }
}

impl<T: ToValue> ToValue for Option<T> {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

fn list<'a, T: ToValue + 'a>(values: impl IntoIterator<Item = &'a T>) -> Value<'a> {
    Value::List(values.into_iter().map(ToValue::to_value).collect())
}

impl<T: ToValue> ToValue for [T] {
    fn to_value(&self) -> Value<'_> {
        list(self)
    }
}

impl<T: ToValue, const N: usize> ToValue for [T; N] {
    fn to_value(&self) -> Value<'_> {
        list(self)
    }
}

macro_rules! lists {
    ($($list:ty $(, $hasher:ident)?;)*) => {$(
        impl<T: ToValue $(, $hasher)?> ToValue for $list {
            fn to_value(&self) -> Value<'_> {
                list(self)
            }
        }
    )*};
}
lists! {
    Vec<T>;
    VecDeque<T>;
    BTreeSet<T>;
    HashSet<T, S>, S;
}

macro_rules! maps {
    ($($map:ty $(, $hasher:ident)?;)*) => {$(
        impl<K: AsRef<str>, V: ToValue $(, $hasher)?> ToContext for $map {
            fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
                ctx.extend_distinct(self.iter().map(|(name, value)| (Cow::Borrowed(name.as_ref()), value.to_value())));
            }
        }

        impl<K: AsRef<str>, V: ToValue $(, $hasher)?> ToValue for $map {
            fn to_value(&self) -> Value<'_> {
                let fields = self.iter().map(|(name, value)| (Cow::Borrowed(name.as_ref()), value.to_value()));
                Value::Object(fields.collect())
            }
        }
    )*};
}
maps! {
    BTreeMap<K, V>;
    HashMap<K, V, S>, S;
}

macro_rules! through {
    ($($pointer:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl<T: ToContext + ?Sized> ToContext for $pointer {
            fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
                (**self).add_to(ctx);
            }

            #[inline]
            fn to_context(&self) -> Context<'_> {
                (**self).to_context()
            }

            #[inline]
            fn as_context(&self) -> Cow<'_, Context<'_>> {
                (**self).as_context()
            }
        }

        #[diagnostic::do_not_recommend]
        impl<T: ToValue + ?Sized> ToValue for $pointer {
            #[inline]
            fn to_value(&self) -> Value<'_> {
                (**self).to_value()
            }
        }
    )*};
}
through!(&T, &mut T, Box<T>, Rc<T>, Arc<T>);

impl<B: ToOwned + ToValue + ?Sized> ToValue for Cow<'_, B> {
    #[inline]
    fn to_value(&self) -> Value<'_> {
        (**self).to_value()
    }
}

/// What the code that `#[derive(ToContext)]` writes calls.
pub mod derived {
    use std::{borrow::Cow, fmt::Display};

    use crate::context::to_context::ToContext;
    use crate::context::{Context, TARGETING_KEY, value::Value};

    /// What `#[context(key)]` takes.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` can not be the targeting key, which is text",
        label = "expected text, such as `String` or `&str`, or an `Option` of text",
        note = "`#[context(key, display)]` takes the text that the type displays"
    )]
    pub trait Key {
        /// The key's text.
        fn key(&self) -> &str;
    }

    #[diagnostic::do_not_recommend]
    impl<T: AsRef<str> + ?Sized> Key for T {
        #[inline]
        fn key(&self) -> &str {
            self.as_ref()
        }
    }

    /// The targeting key, if it is known.
    #[inline]
    pub fn key<'a, K: Key + ?Sized>(ctx: &mut Context<'a>, key: Option<&'a K>) {
        if let Some(key) = key {
            ctx.insert(TARGETING_KEY, key.key());
        }
    }

    /// An attribute. One that is null counts as not there, and need not take room.
    #[inline]
    pub fn attribute<'a>(ctx: &mut Context<'a>, name: &'static str, value: Value<'a>) {
        if !value.is_null() {
            ctx.insert(name, value);
        }
    }

    /// The text that is displayed, if there is something to display.
    #[inline]
    pub fn displayed<D: Display + ?Sized>(value: Option<&D>) -> Value<'static> {
        value.map_or(Value::Null, |value| Value::Str(Cow::Owned(value.to_string())))
    }

    /// The attributes of a field whose own name is left out.
    #[inline]
    pub fn flattened<'a, T: ToContext + ?Sized>(ctx: &mut Context<'a>, field: &'a T) {
        field.add_to(ctx);
    }

    /// The attributes as one value.
    #[inline]
    pub fn object<T: ToContext + ?Sized>(whole: &T) -> Value<'_> {
        Value::Object(whole.to_context().into_fields())
    }
}
