// What cases.json asks, and whether the answers are those that it has.
import { readFileSync } from "node:fs";
import { isDeepStrictEqual } from "node:util";

export const load = (file) => JSON.parse(readFileSync(file, "utf8"));

const fallbacks = { boolean: false, string: "fallback", integer: -1, float: -1.5, object: { fallback: true } };

/// Each flag by each context, as its own type and as another one.
export function* questions({ contexts, flags }) {
  for (const context of contexts) {
    for (const flag of flags) {
      const fits = (answer) =>
        (answer.plan === undefined || answer.plan === context.plan) &&
        (answer.targetingKey === undefined || answer.targetingKey === "targetingKey" in context);
      const expected = flag.answers.find(fits);
      const fallback = flag.type === "boolean" && expected.value === false ? true : fallbacks[flag.type];
      yield { key: flag.key, type: flag.type, context, fallback, expected };
      if ("value" in expected) {
        const other = flag.type === "string" ? "boolean" : "string";
        yield { key: flag.key, type: other, context, fallback: fallbacks[other], expected: { error: "TYPE_MISMATCH" } };
      }
    }
  }
}

let right = 0;
const wrong = [];

export function compare(question, details, { noValue }) {
  const { expected, fallback, key, type, context } = question;
  let want;
  let found;
  if (expected.error) {
    want = { value: fallback, errorCode: expected.error };
    found = { value: details.value, errorCode: details.errorCode };
  } else if (noValue) {
    want = { value: fallback };
    found = { value: details.value };
  } else {
    want = { value: expected.value, variant: expected.variant, reason: expected.reason, errorCode: undefined };
    const { value, variant, reason, errorCode } = details;
    found = { value, variant, reason, errorCode };
  }
  compare.check(`${key} as ${type} for ${JSON.stringify(context)}`, found, want, details.errorMessage);
}

compare.check = (what, found, want, more = "") => {
  if (isDeepStrictEqual(found, want)) {
    right += 1;
  } else {
    wrong.push(`${what}: found ${JSON.stringify(found)}, expected ${JSON.stringify(want)} ${more}`);
  }
};

compare.report = (client) => {
  for (const line of wrong) console.error(line);
  console.log(`${client}: ${right} of ${right + wrong.length} cases right`);
  if (wrong.length > 0) process.exitCode = 1;
};
