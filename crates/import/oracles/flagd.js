// What flagd answers for tests/fixtures/flagd/flags.json.
const fs = require("fs");
const { FlagdCore } = require("@openfeature/flagd-core");
const { callers } = require("./callers.js");

const folder = `${__dirname}/../tests/fixtures/flagd`;
const source = fs.readFileSync(`${folder}/flags.json`, "utf8");
const quiet = { error() {}, warn() {}, info() {}, debug() {} };
const core = new FlagdCore(undefined, quiet);
core.setConfigurations(source);

const contexts = callers(250);
const answers = {};
for (const [name, flag] of Object.entries(JSON.parse(source).flags)) {
  const variants = Object.keys(flag.variants);
  const values = Object.values(flag.variants);
  const type = typeof values[0];
  let codes = "";
  for (const context of contexts) {
    let code = "-";
    if (type === "boolean") {
      const found = core.resolveBooleanEvaluation(name, false, context, quiet);
      const several = values.filter((value) => value).length > 1;
      if (found.value) code = several ? String.fromCharCode(97 + variants.indexOf(found.variant)) : "+";
    } else {
      const resolve = { string: "String", number: "Number", object: "Object" }[type];
      const found = core[`resolve${resolve}Evaluation`](name, { string: "code", number: -1, object: {} }[type], context, quiet);
      if (found.variant !== undefined && !found.errorCode && flag.state === "ENABLED") {
        code = String.fromCharCode(97 + variants.indexOf(found.variant));
      }
    }
    codes += code;
  }
  answers[name] = { variants, codes };
}
fs.writeFileSync(`${folder}/answers.json`, JSON.stringify({ contexts, answers }, null, 0).replaceAll('},"', '},\n"') + "\n");
