//! Conversion of the caller's own types into contexts and values.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::Arc,
};

use chrono::{DateTime, TimeZone, Utc};

use crate::context::{Context, value::Value};

/// A type that can be converted into a [`Context`], with one attribute per field. Usually derived with
/// [`#[derive(ToContext)]`](derive@crate::ToContext).
///
/// Strings are borrowed, so a struct of strings and numbers takes a single allocation. By hand:
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
///         ctx.insert(novi::context::TARGETING_KEY, &self.id);
///         ctx.insert("plan", self.plan);
///     }
/// }
///
/// let caller = Caller { id: "user-7".to_owned(), plan: "pro" };
/// assert_eq!(caller.to_context(), Context::new().with("targetingKey", "user-7").with("plan", "pro"));
/// ```
///
/// Also implemented for maps from strings to values, and for references and smart pointers. `None` has no
/// attributes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a context",
    label = "expected a `novi::Context`, or a type with `#[derive(novi::ToContext)]`"
)]
pub trait ToContext {
    /// Sets the attributes in a context. Existing attributes with the same names are replaced.
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>);

    /// Returns the attributes as a context that borrows their strings.
    #[inline]
    #[must_use]
    fn to_context(&self) -> Context<'_> {
        let mut ctx = Context::new();
        self.add_to(&mut ctx);
        ctx
    }

    /// Returns the context itself if this is a context, otherwise a new one. Used by
    /// [`#[novi::enabled]`](macro@crate::enabled).
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

/// `None` adds no attributes.
impl<T: ToContext> ToContext for Option<T> {
    fn add_to<'a>(&'a self, ctx: &mut Context<'a>) {
        if let Some(some) = self {
            some.add_to(ctx);
        }
    }
}

/// A type that can be converted into a [`Value`]. Usually derived with
/// [`#[derive(ToContext)]`](derive@crate::ToContext): a struct with named fields becomes an object, and an
/// enum without fields becomes the name of its variant.
///
/// By hand, for a type that contains a string:
///
/// ```
/// use novi::{Value, context::ToValue};
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
    message = "`{Self}` cannot be used as a value of a context",
    label = "expected a boolean, number, string or date, or a list, map or option of them",
    note = "to use a struct or an enum, derive `novi::ToContext` for it",
    note = "to use the `Display` text of a field, add `#[context(display)]`; to leave it out, add `#[context(skip)]`"
)]
pub trait ToValue {
    /// Returns the value, which borrows its strings. [`Value::Null`] is equivalent to a missing attribute.
    #[must_use]
    fn to_value(&self) -> Value<'_>;
}

/// Borrows strings; lists and objects allocate.
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

/// Allocates, because a `char` is not stored as a string.
impl ToValue for char {
    fn to_value(&self) -> Value<'_> {
        Value::Str(Cow::Owned(self.to_string()))
    }
}

// Otherwise error messages list it by a path that depends on which other crates are built.
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

/// Functions called by code that `#[derive(ToContext)]` generates.
pub mod derived {
    use std::{borrow::Cow, fmt::Display};

    use crate::context::to_context::ToContext;
    use crate::context::{Context, TARGETING_KEY, value::Value};

    /// A field type that `#[context(key)]` accepts.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot be the targeting key, which must be a string",
        label = "expected a string, such as `String` or `&str`, or an `Option` of one",
        note = "to use the `Display` text of the field, write `#[context(key, display)]`"
    )]
    pub trait Key {
        /// The key as a string.
        fn key(&self) -> &str;
    }

    #[diagnostic::do_not_recommend]
    impl<T: AsRef<str> + ?Sized> Key for T {
        #[inline]
        fn key(&self) -> &str {
            self.as_ref()
        }
    }

    /// Sets the targeting key, if there is one.
    #[inline]
    pub fn key<'a, K: Key + ?Sized>(ctx: &mut Context<'a>, key: Option<&'a K>) {
        if let Some(key) = key {
            ctx.insert(TARGETING_KEY, key.key());
        }
    }

    /// Sets an attribute. Null is equivalent to a missing attribute and takes no space.
    #[inline]
    pub fn attribute<'a>(ctx: &mut Context<'a>, name: &'static str, value: Value<'a>) {
        if !value.is_null() {
            ctx.insert(name, value);
        }
    }

    /// The `Display` text of a value, if there is one.
    #[inline]
    pub fn displayed<D: Display + ?Sized>(value: Option<&D>) -> Value<'static> {
        value.map_or(Value::Null, |value| Value::Str(Cow::Owned(value.to_string())))
    }

    /// Adds the attributes of a flattened field.
    #[inline]
    pub fn flattened<'a, T: ToContext + ?Sized>(ctx: &mut Context<'a>, field: &'a T) {
        field.add_to(ctx);
    }

    /// The attributes as an object.
    #[inline]
    pub fn object<T: ToContext + ?Sized>(whole: &T) -> Value<'_> {
        Value::Object(whole.to_context().into_fields())
    }
}
