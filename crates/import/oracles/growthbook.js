// What GrowthBook's SDK for JavaScript answers for tests/fixtures/growthbook/features.json.
const fs = require("fs");
const { GrowthBook } = require("@growthbook/growthbook");
const { callers } = require("./callers.js");

const folder = `${__dirname}/../tests/fixtures/growthbook`;
const source = JSON.parse(fs.readFileSync(`${folder}/features.json`, "utf8"));
const contexts = callers(250).filter((caller) => caller.targetingKey);
console.error = () => {};
const answers = {};
for (const [name, feature] of Object.entries(source.features)) {
  const values = [feature.defaultValue];
  for (const rule of feature.rules || []) {
    for (const value of ["force" in rule ? [rule.force] : [], rule.variations || []].flat()) {
      if (!values.some((known) => JSON.stringify(known) === JSON.stringify(value))) values.push(value);
    }
  }
  const variants = values.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
  const isBoolean = values.every((value) => typeof value === "boolean");
  let codes = "";
  for (const { targetingKey, ...rest } of contexts) {
    const sdk = new GrowthBook({ ...source, attributes: { id: targetingKey, ...rest } });
    const { value } = sdk.evalFeature(name);
    const shown = typeof value === "string" ? value : JSON.stringify(value);
    if (value === null) codes += "-";
    else if (isBoolean) codes += value ? "+" : "-";
    else codes += String.fromCharCode(97 + variants.indexOf(shown));
  }
  answers[name] = { variants, codes };
}
const text = JSON.stringify({ contexts, answers }).replaceAll('},"', '},\n"').replaceAll('},{"t', '},\n{"t');
fs.writeFileSync(`${folder}/answers.json`, text + "\n");
