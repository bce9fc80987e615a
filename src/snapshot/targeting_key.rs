//! Flags whose answer depends on a targeting key that the caller does not have.

use crate::{
    activation::{evaluation::Evaluation, memo::Memo, trace::Tracer},
    context::{Context, timestamp::Timestamp},
    snapshot::{Flag, Logic, Snapshot, decision::Outcome},
};

impl Snapshot {
    /// Whether a caller without a targeting key would get another answer if draws by that key were won.
    ///
    /// The flag is evaluated twice more, with all such draws lost and with all of them won. So a rule that
    /// matches before a rollout is reached needs no key, nor does a rollout of 0 %.
    pub(super) fn needs_targeting_key(&self, index: u32, context: &Context<'_>) -> bool {
        let Some((home, flag)) = self.locate(index) else { return false };
        let Logic::Activations(conjunction) = &flag.logic else { return false };
        // Prerequisites may draw as well.
        if !conjunction.causes.may_draw() && home.prerequisite_nodes.is_empty() {
            return false;
        }
        let first = Evaluation::new(&home.around, context, &flag.named);
        if first.identity().is_some() {
            return false;
        }
        let now = first.timestamp();
        let outcome = |won| home.outcome_if_draws_are(won, flag, context, now);
        let (least, most) = (outcome(false), outcome(true));
        (least.enabled, least.variant) != (most.enabled, most.variant)
    }

    fn outcome_if_draws_are(&self, won: bool, flag: &Flag, context: &Context<'_>, now: Timestamp) -> Outcome {
        let tracer = Tracer::assuming(won);
        Memo::lend(self.memo_size(1), |memo| {
            let evaluation = Evaluation::new(&self.around, context, &flag.named)
                .with_tracer(&tracer)
                .with_memo(memo)
                .at(now);
            self.asked(flag, &evaluation)
        })
    }
}
