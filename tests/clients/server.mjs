// The published provider of OpenFeature for Node servers: each flag is asked for by itself.
// node server.mjs URL FOLDER_OF_PACKAGES CASES
import { createRequire } from "node:module";
import { compare, load, questions } from "./compare.mjs";

const [url, packages, file] = process.argv.slice(2);
const require = createRequire(`${packages}/package.json`);
const { OpenFeature } = require("@openfeature/server-sdk");
const { OFREPProvider } = require("@openfeature/ofrep-provider");

await OpenFeature.setProviderAndWait(new OFREPProvider({ baseUrl: url }));
const client = OpenFeature.getClient();
const ask = {
  boolean: (key, fallback, context) => client.getBooleanDetails(key, fallback, context),
  string: (key, fallback, context) => client.getStringDetails(key, fallback, context),
  integer: (key, fallback, context) => client.getNumberDetails(key, fallback, context),
  float: (key, fallback, context) => client.getNumberDetails(key, fallback, context),
  object: (key, fallback, context) => client.getObjectDetails(key, fallback, context),
};
for (const question of questions(load(file))) {
  // This version puts keys into the address as they are, so that those with characters of an address are escaped by its user.
  const key = encodeURIComponent(question.key);
  // It takes an answer without a value, which stands for the code's default, for an error; the value is right.
  const noValue = !question.expected.error && !("value" in question.expected);
  const details = await ask[question.type](key, question.fallback, question.context);
  compare(question, details, { noValue });
}
compare.report("server-sdk with ofrep-provider");
