// What flagd answers for tests/fixtures/export/flagd.json, which novi has written.
const fs = require("fs");
const { FlagdCore } = require("@openfeature/flagd-core");
const { callers } = require("./export_callers.js");

const folder = `${__dirname}/../tests/fixtures/export`;
const source = fs.readFileSync(`${folder}/flagd.json`, "utf8");
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const core = new FlagdCore(undefined, quiet);
core.setConfigurations(source);

const contexts = callers(500);
const answers = {};
for (const [name, flag] of Object.entries(JSON.parse(source).flags)) {
  const variants = Object.keys(flag.variants);
  const type = typeof flag.variants[variants[0]];
  const resolve = { boolean: "Boolean", string: "String", number: "Number" }[type];
  const fallback = { boolean: false, string: "code", number: -1 }[type];
  const codes = contexts.map((context) => {
    const found = core[`resolve${resolve}Evaluation`](name, fallback, context, quiet);
    if (found.errorCode) throw new Error(`${name}: ${found.errorCode} ${found.errorMessage}`);
    if (type === "boolean") return found.value ? "+" : "-";
    return found.variant === undefined ? "-" : String.fromCharCode(97 + variants.indexOf(found.variant));
  });
  answers[name] = { variants, codes: codes.join("") };
}
const text = JSON.stringify({ contexts, answers }).replaceAll('},"', '},\n"');
fs.writeFileSync(`${folder}/flagd-answers.json`, text + "\n");
