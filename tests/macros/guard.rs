//! `#[novi::enabled]` on every shape of function, with its flag on and off.

// The tests need shapes that lints reject.
#![allow(
    clippy::manual_async_fn,
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::unnecessary_wraps,
    clippy::unused_unit
)]

use std::{error::Error, fmt, sync::Arc};

use novi::{
    Context, FlagDisabled, Flags,
    rows::{FlagRow, Rows},
};

const ON: &str = "on";
const OFF: &str = "off";

fn flags() -> Flags {
    let flags = vec![FlagRow::new(1, ON, true), FlagRow::new(2, OFF, false)];
    Flags::from_rows(Rows { flags, ..Rows::default() }).unwrap()
}

mod while_off {
    use super::*;

    #[novi::enabled("on", flags = flags())]
    fn push_on(list: &mut Vec<u8>) {
        list.push(1);
    }

    #[novi::enabled("off", flags = flags())]
    fn push_off(list: &mut Vec<u8>) -> () {
        list.push(1);
    }

    #[test]
    fn does_nothing_without_a_return_type() {
        let mut list = Vec::new();
        push_off(&mut list);
        assert!(list.is_empty());
        push_on(&mut list);
        assert_eq!(list, [1]);
    }

    #[novi::enabled(ON, flags = flags())]
    fn some() -> Option<u8> {
        Some(1)
    }

    #[novi::enabled(super::OFF, flags = flags())]
    fn none() -> std::option::Option<u8> {
        Some(1)
    }

    #[test]
    fn returns_none_for_an_option() {
        assert_eq!((some(), none()), (Some(1), None));
    }

    #[derive(Debug)]
    enum OwnError {
        Off(FlagDisabled),
    }

    impl From<FlagDisabled> for OwnError {
        fn from(off: FlagDisabled) -> Self {
            Self::Off(off)
        }
    }

    type OwnResult<T> = Result<T, OwnError>;

    #[novi::enabled("off", flags = flags())]
    fn own_error() -> OwnResult<u8> {
        Ok(1)
    }

    #[novi::enabled("off", flags = flags())]
    fn boxed_error() -> Result<u8, Box<dyn Error + Send + Sync>> {
        Ok(1)
    }

    #[novi::enabled("on", flags = flags())]
    fn no_error() -> Result<u8, FlagDisabled> {
        Ok(1)
    }

    #[test]
    fn returns_an_error_for_a_result() {
        let OwnError::Off(off) = own_error().unwrap_err();
        assert_eq!(off.flag(), "off");
        assert_eq!(boxed_error().unwrap_err().downcast_ref::<FlagDisabled>(), Some(&off));
        assert_eq!(off.to_string(), "flag \"off\" is off");
        assert_eq!(no_error(), Ok(1));
    }

    #[novi::enabled("off", flags = flags(), otherwise = text.len())]
    fn from_arguments(text: String) -> usize {
        drop(text);
        0
    }

    #[novi::enabled("off", flags = flags(), otherwise = Some(7))]
    fn not_none() -> Option<u8> {
        None
    }

    #[novi::enabled("off", flags = flags(), otherwise = list.push(2))]
    fn not_nothing(list: &mut Vec<u8>) {
        list.push(1);
    }

    #[novi::enabled("off", flags = flags(), otherwise = panic!("on purpose"))]
    fn never_back() -> u8 {
        1
    }

    #[test]
    fn returns_otherwise_if_given() {
        assert_eq!(from_arguments("four".to_owned()), 4);
        assert_eq!(not_none(), Some(7));
        let mut list = Vec::new();
        not_nothing(&mut list);
        assert_eq!(list, [2]);
        std::panic::catch_unwind(never_back).unwrap_err();
    }
}

mod functions {
    use super::*;

    #[novi::enabled("on", flags = flags, otherwise = Default::default())]
    fn generic<T, const N: usize>(flags: &Flags, value: T) -> [T; N]
    where
        T: Clone + Default,
        [T; N]: Default,
    {
        std::array::from_fn(|_| value.clone())
    }

    #[novi::enabled("off", flags = flags(), otherwise = b)]
    fn longer<'a, 'b: 'a>(a: &'a str, b: &'b str) -> &'a str {
        if a.len() > b.len() { a } else { b }
    }

    #[novi::enabled("off", flags = flags())]
    fn opaque(limit: u8) -> Option<impl Iterator<Item = u8>> {
        Some(0..limit)
    }

    #[novi::enabled("off", flags = flags(), otherwise = vec![0].into_iter())]
    fn opaque_itself(limit: u8) -> impl Iterator<Item = u8> {
        (1..limit).collect::<Vec<_>>().into_iter()
    }

    /// A body that starts with an attribute and an item.
    #[novi::enabled("on", flags = flags())]
    #[must_use]
    fn opening_with_items() -> Option<u8> {
        #![allow(unused_mut)]
        const ONE: u8 = 1;
        use std::convert::identity;
        let mut one = identity(ONE);
        Some(one)
    }

    #[novi::enabled("off", flags = flags())]
    #[novi::enabled("on", flags = flags())]
    fn outer_off() -> Option<u8> {
        Some(1)
    }

    #[novi::enabled("on", flags = flags())]
    #[novi::enabled("off", flags = flags())]
    fn inner_off() -> Option<u8> {
        Some(1)
    }

    macro_rules! guarded {
        ($name:ident, $flag:expr, $output:ty, $answer:expr) => {
            #[novi::enabled($flag, flags = flags())]
            fn $name() -> $output {
                $answer
            }
        };
    }
    guarded!(from_a_macro, "off", Result<u8, FlagDisabled>, Ok(1));

    #[test]
    fn take_any_shape() {
        assert_eq!(generic::<u8, 3>(&flags(), 7), [7; 3]);
        assert_eq!(longer("long", "b"), "b");
        assert!(opaque(3).is_none());
        assert_eq!(opaque_itself(9).collect::<Vec<_>>(), [0]);
        assert_eq!(opening_with_items(), Some(1));
        assert_eq!((outer_off(), inner_off()), (None, None));
        from_a_macro().unwrap_err();
    }

    mod elsewhere {
        pub(super) use novi as flags_of_ours;
    }

    #[novi::enabled("on", flags = flags(), crate = elsewhere::flags_of_ours)]
    fn under_another_name() -> Option<u8> {
        Some(1)
    }

    #[test]
    fn find_novi_by_another_name() {
        assert_eq!(under_another_name(), Some(1));
    }
}

mod methods {
    use super::*;

    struct Service {
        flags: Arc<Flags>,
        ctx: Context<'static>,
        calls: u32,
    }

    impl Service {
        const FLAG: &'static str = ON;

        #[novi::enabled(Self::FLAG, flags = self.flags, ctx = self.ctx, otherwise = &mut self.calls)]
        fn count(&mut self) -> &mut u32 {
            self.calls += 1;
            &mut self.calls
        }

        #[novi::enabled("off", flags = &*self.flags, otherwise = self.old(by).await)]
        async fn add(&mut self, by: u32) -> u32 {
            self.calls += by;
            self.calls
        }

        async fn old(&self, by: u32) -> u32 {
            tokio::task::yield_now().await;
            self.calls + 100 * by
        }

        #[novi::enabled("on", flags = self.flags)]
        fn into_context(self) -> Option<Context<'static>> {
            Some(self.ctx)
        }
    }

    trait Greeting {
        fn flags(&self) -> Flags;

        #[novi::enabled("off", flags = self.flags(), otherwise = format!("Hi {name}"))]
        fn greet(&self, name: &str) -> String {
            format!("Good day, {name}")
        }
    }

    impl Greeting for Service {
        fn flags(&self) -> Flags {
            (*self.flags).clone()
        }
    }

    #[tokio::test]
    async fn access_fields_of_self() {
        let mut service = Service { flags: Arc::new(flags()), ctx: Context::new(), calls: 0 };
        assert_eq!(*service.count(), 1);
        assert_eq!(service.add(2).await, 201);
        assert_eq!(service.greet("you"), "Hi you");
        assert!(service.into_context().is_some());
    }
}

mod contexts {
    use super::*;

    /// Flag `vip` is on for the user of this name.
    pub(super) fn vip() -> Flags {
        Flags::from_rows(Rows {
            flags: vec![FlagRow::new(1, "vip", true)],
            activations: vec![novi::rows::ActivationRow::new(
                1,
                "The very one",
                "guard.user",
                r#"{"name": "vip"}"#,
            )],
            links: vec![novi::rows::LinkRow::new(1, 1)],
            ..Rows::default()
        })
        .unwrap()
    }

    pub(super) fn user(name: &'static str) -> Context<'static> {
        Context::new().with("user", name)
    }

    #[novi::activation("guard.user")]
    #[derive(serde::Deserialize)]
    struct User {
        name: String,
    }

    impl novi::activation::Activation for User {
        fn evaluate(&self, check: &novi::activation::Evaluation<'_>) -> novi::activation::Verdict {
            (check.get("user").and_then(|user| user.as_str()) == Some(&self.name)).into()
        }
    }

    #[novi::enabled("vip", flags = vip(), ctx = ctx)]
    fn owned(ctx: Context<'_>) -> Option<Context<'_>> {
        Some(ctx)
    }

    #[novi::enabled("vip", flags = vip(), ctx = ctx)]
    fn shared<'a>(ctx: &Context<'a>) -> Option<Context<'a>> {
        Some(ctx.clone())
    }

    #[novi::enabled("vip", flags = vip(), ctx = ctx)]
    fn exclusive(ctx: &mut Context<'_>) -> Option<usize> {
        ctx.insert("seen", true);
        Some(ctx.len())
    }

    #[novi::enabled("vip", flags = vip(), ctx = ctx)]
    fn twice(ctx: &&Context<'_>) -> Option<usize> {
        Some(ctx.len())
    }

    #[novi::enabled("vip", flags = vip(), ctx = request.1)]
    fn field(request: (u8, Arc<Context<'static>>)) -> Option<Arc<Context<'static>>> {
        Some(request.1)
    }

    #[novi::enabled("vip", flags = vip(), ctx = Context::new().with("user", name))]
    fn made(name: &str) -> Option<&str> {
        Some(name)
    }

    #[novi::enabled("vip", flags = vip(), ctx = if first { *a } else { b })]
    fn chosen(first: bool, a: &&Context<'static>, b: &Context<'static>) -> Option<bool> {
        Some(a == &b)
    }

    #[novi::enabled("vip", flags = vip(), ctx = loaded(name).await)]
    async fn awaited(name: &'static str) -> Option<&'static str> {
        Some(name)
    }

    async fn loaded(name: &'static str) -> Context<'static> {
        tokio::task::yield_now().await;
        user(name)
    }

    #[tokio::test]
    async fn are_borrowed_in_any_form() {
        let (vip, mut other) = (user("vip"), user("other"));
        assert_eq!((owned(vip.clone()), owned(other.clone())), (Some(vip.clone()), None));
        assert_eq!((shared(&vip), shared(&other)), (Some(vip.clone()), None));
        assert_eq!((exclusive(&mut vip.clone()), exclusive(&mut other)), (Some(2), None));
        assert_eq!((twice(&&vip), twice(&&other)), (Some(1), None));
        assert!(field((1, Arc::new(vip.clone()))).is_some());
        assert_eq!((made("vip"), made("other")), (Some("vip"), None));
        assert_eq!((chosen(true, &&vip, &other), chosen(false, &&vip, &other)), (Some(false), None));
        assert_eq!((awaited("vip").await, awaited("other").await), (Some("vip"), None));
    }

    #[novi::enabled("vip", flags = vip())]
    fn current() -> Option<u8> {
        Some(1)
    }

    #[novi::enabled("vip", flags = vip())]
    async fn current_async() -> Option<u8> {
        tokio::task::yield_now().await;
        Some(1)
    }

    #[test]
    fn are_taken_from_the_thread() {
        assert_eq!(current(), None);
        assert_eq!(novi::context::sync_scope(user("vip"), current), Some(1));
        assert_eq!(
            novi::context::sync_scope(user("vip"), || novi::context::sync_scope(user("other"), current)),
            None
        );
    }

    #[tokio::test]
    async fn belong_to_the_task_that_awaits() {
        let made_outside = current_async();
        assert_eq!(novi::context::scope(user("vip"), made_outside).await, Some(1));
        let made_inside = novi::context::sync_scope(user("vip"), current_async);
        assert_eq!(made_inside.await, None);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn stay_with_their_task() {
        let task = |number: u32| async move {
            for _ in 0..100 {
                let is_vip = number.is_multiple_of(2);
                assert_eq!(current_async().await.is_some(), is_vip, "task {number}");
                tokio::task::yield_now().await;
            }
        };
        let spawn = |number: u32| {
            let ctx = user(if number.is_multiple_of(2) { "vip" } else { "other" });
            tokio::spawn(novi::context::scope(ctx, task(number)))
        };
        for task in (0..16).map(spawn).collect::<Vec<_>>() {
            task.await.unwrap();
        }
    }

    #[tokio::test]
    async fn are_not_inherited_by_a_spawned_task() {
        let inner = novi::context::scope(user("vip"), async { tokio::spawn(current_async()).await.unwrap() });
        assert_eq!(inner.await, None);
    }
}

mod futures {
    use std::pin::Pin;

    use super::{contexts::*, *};

    #[novi::enabled("off", flags = flags())]
    async fn fallible(text: &str) -> Result<String, Box<dyn Error + Send + Sync>> {
        tokio::task::yield_now().await;
        Ok(text.to_owned())
    }

    #[novi::enabled("on", flags = flags(), otherwise = T::default())]
    async fn generic<T: Default + Send + Sync + Clone>(value: &T) -> T {
        tokio::task::yield_now().await;
        value.clone()
    }

    #[novi::enabled("vip", flags = vip())]
    fn written_out(text: &str) -> impl Future<Output = Option<usize>> + Send {
        async move { Some(text.len()) }
    }

    #[novi::enabled("vip", flags = vip(), otherwise = 0)]
    fn boxed(text: &str) -> Pin<Box<dyn Future<Output = usize> + Send + '_>> {
        Box::pin(async move { text.len() })
    }

    type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

    #[novi::enabled("vip", flags = vip())]
    fn by_alias(text: &str) -> BoxFuture<'_, Option<usize>> {
        Box::pin(async move { Some(text.len()) })
    }

    #[novi::enabled("off", flags = flags(), otherwise = Box::pin(std::future::ready(0)))]
    fn prepared(text: &str) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        let length = text.len();
        Box::pin(async move { length })
    }

    #[async_trait::async_trait]
    trait Store: Sync {
        async fn load(&self, id: u8) -> Result<u8, OwnError>;

        async fn forget(&mut self);

        #[novi::enabled("vip", flags = vip(), otherwise = vec![id])]
        async fn all<T: Copy + Send + fmt::Debug + 'static>(&self, id: T) -> Vec<T> {
            tokio::task::yield_now().await;
            vec![id, id]
        }
    }

    #[derive(Debug, PartialEq)]
    struct OwnError(String);

    impl From<FlagDisabled> for OwnError {
        fn from(off: FlagDisabled) -> Self {
            Self(off.to_string())
        }
    }

    struct Memory {
        factor: u8,
    }

    #[async_trait::async_trait]
    impl Store for Memory {
        #[novi::enabled("vip", flags = vip(), ctx = user(if self.factor > 1 { "vip" } else { "other" }))]
        async fn load(&self, id: u8) -> Result<u8, OwnError> {
            tokio::task::yield_now().await;
            Ok(id * self.factor)
        }

        #[novi::enabled("vip", flags = vip())]
        async fn forget(&mut self) {
            self.factor = 0;
        }
    }

    fn assert_send<T: Send>(future: T) -> T {
        future
    }

    #[tokio::test]
    async fn stay_send() {
        assert_send(fallible("x")).await.unwrap_err();
        assert_eq!(assert_send(generic(&7)).await, 7);
        assert_eq!(assert_send(prepared("x")).await, 0);
    }

    #[tokio::test]
    async fn evaluate_when_they_are_polled() {
        assert_eq!(novi::context::scope(user("vip"), written_out("four")).await, Some(4));
        assert_eq!(novi::context::scope(user("vip"), boxed("four")).await, 4);
        assert_eq!(novi::context::scope(user("vip"), by_alias("four")).await, Some(4));
        assert_eq!(novi::context::sync_scope(user("vip"), || by_alias("four")).await, None);
        let (written_out, boxed) =
            novi::context::sync_scope(user("vip"), || (written_out("four"), boxed("four")));
        assert_eq!((written_out.await, boxed.await), (None, 0));
    }

    #[tokio::test]
    async fn work_with_async_trait() {
        let mut memory = Memory { factor: 2 };
        assert_eq!(memory.load(3).await, Ok(6));
        assert_eq!(memory.all(5).await, [5]);
        assert_eq!(novi::context::scope(user("vip"), memory.all(5)).await, [5, 5]);
        let forget = novi::context::sync_scope(user("vip"), || memory.forget());
        forget.await;
        assert_eq!(memory.factor, 2);
        novi::context::scope(user("vip"), memory.forget()).await;
        assert_eq!(memory.load(3).await, Err(OwnError("flag \"vip\" is off".to_owned())));
    }
}
