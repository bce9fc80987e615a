// What Unleash's client for Node answers for tests/fixtures/export/unleash.json, which novi has written.
const fs = require("fs");
const { Unleash, InMemStorageProvider } = require("unleash-client");
const { callers } = require("./export_callers.js");

const folder = `${__dirname}/../tests/fixtures/export`;
const source = JSON.parse(fs.readFileSync(`${folder}/unleash.json`, "utf8"));
const features = source.features.map(({ name }) => ({
  name,
  enabled: source.featureEnvironments.find((state) => state.featureName === name).enabled,
  strategies: source.featureStrategies
    .filter((strategy) => strategy.featureName === name)
    .sort((a, b) => a.sortOrder - b.sortOrder),
}));

// Attributes of Unleash's callers are strings.
const contexts = callers(500).map((caller) => (caller.age === undefined ? caller : { ...caller, age: `${caller.age}` }));
const asContext = ({ targetingKey, ...properties }) => ({ userId: targetingKey, properties });

const unleash = new Unleash({
  appName: "oracle",
  url: "http://127.0.0.1:9/api",
  refreshInterval: 0,
  disableMetrics: true,
  skipInstanceCountWarning: true,
  storageProvider: new InMemStorageProvider(),
  bootstrap: { data: features, segments: source.segments },
});
unleash.on("error", () => {});
unleash.on("warn", () => {});
unleash.once("ready", () => {
  const answers = {};
  for (const feature of features) {
    const variants = [...new Set(feature.strategies.flatMap((s) => s.variants).map((v) => v.name))];
    const codes = contexts.map((caller) => {
      const context = asContext(caller);
      if (!unleash.isEnabled(feature.name, context)) return "-";
      const variant = unleash.getVariant(feature.name, context);
      return variant.enabled ? String.fromCharCode(97 + variants.indexOf(variant.name)) : "+";
    });
    answers[feature.name] = { variants, codes: codes.join("") };
  }
  const text = JSON.stringify({ contexts, answers }).replaceAll('},"', '},\n"');
  fs.writeFileSync(`${folder}/unleash-answers.json`, text + "\n");
  unleash.destroy();
});
