// The published provider of OpenFeature for browsers: it evaluates all flags at once, and an event stream notifies it of changes.
// node web.mjs URL FOLDER_OF_PACKAGES CASES COMMAND_THAT_TURNS_BOOL_ON_OFF
import { execSync } from "node:child_process";
import { createRequire } from "node:module";
import { compare, load, questions } from "./compare.mjs";

const [url, packages, file, change] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
globalThis.EventSource = require("eventsource").EventSource;
const statuses = [];
const fetchAsBefore = globalThis.fetch;
globalThis.fetch = async (...request) => {
  const response = await fetchAsBefore(...request);
  statuses.push(response.status);
  return response;
};
const { OpenFeature, ProviderEvents } = require("@openfeature/web-sdk");
const { OFREPWebProvider } = require("@openfeature/ofrep-web-provider");

const cases = load(file);
await OpenFeature.setContext(cases.contexts[0]);
await OpenFeature.setProviderAndWait(new OFREPWebProvider({ baseUrl: url, pollInterval: 0 }));
const client = OpenFeature.getClient();
const ask = {
  boolean: (key, fallback) => client.getBooleanDetails(key, fallback),
  string: (key, fallback) => client.getStringDetails(key, fallback),
  integer: (key, fallback) => client.getNumberDetails(key, fallback),
  float: (key, fallback) => client.getNumberDetails(key, fallback),
  object: (key, fallback) => client.getObjectDetails(key, fallback),
};
for (const context of cases.contexts) {
  await OpenFeature.setContext(context);
  for (const question of questions({ ...cases, contexts: [context] })) {
    const noValue = !question.expected.error && !("value" in question.expected);
    compare(question, ask[question.type](question.key, question.fallback), { noValue });
  }
}
// A change of the rows arrives by the event stream: nothing polls.
const changed = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, resolve));
const before = client.getBooleanValue("bool-on", false);
execSync(change, { stdio: "inherit" });
const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no event within 20 s")), 20_000));
await Promise.race([changed, late]);
compare.check("the change by event stream", [before, client.getBooleanValue("bool-on", true)], [true, false]);
// The same question again: only that it is still so is answered.
await OpenFeature.setContext({ ...cases.contexts.at(-1) });
compare.check("the same question again", statuses.at(-1), 304);
compare.report("web-sdk with ofrep-web-provider");
process.exit(process.exitCode ?? 0);
