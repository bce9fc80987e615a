// What Unleash's client for Node answers for tests/fixtures/unleash/client.json.
const fs = require("fs");
const { Unleash, InMemStorageProvider } = require("unleash-client");

const folder = `${__dirname}/../tests/fixtures/unleash`;
const source = JSON.parse(fs.readFileSync(`${folder}/client.json`, "utf8"));
const contexts = Array.from({ length: 300 }, (_, i) => {
  const caller = {};
  const pick = (name, list) => {
    const value = list[(i * 7 + name.length * 3 + (i >> 3)) % list.length];
    if (value !== undefined) caller[name] = value;
  };
  caller.userId = `${i}`;
  pick("sessionId", [`s-${i}`, undefined]);
  pick("remoteAddress", ["10.0.0.7", "10.1.2.3", "192.168.1.5", "2001:db8::1", undefined]);
  pick("environment", ["production", "development"]);
  pick("appName", ["shop", "api"]);
  pick("plan", ["free", "pro", "team", undefined, " pro", "Pro"]);
  pick("age", ["17", "18", "42.5", undefined, "old", "-3"]);
  pick("email", [`u${i}@example.com`, `u${i}@TEST.org`, undefined]);
  pick("version", ["1.2.3", "1.10.0", "2.0.0-beta.1", "2.0.0", "v1.2.4", "1.2", undefined]);
  if (i % 10 === 9) delete caller.userId;
  if (i % 6 === 5) caller.currentTime = i % 4 ? "2020-01-01T00:00:00Z" : "2030-01-01T00:00:00Z";
  return caller;
});

const own = ["userId", "sessionId", "remoteAddress", "environment", "appName", "currentTime"];
const asContext = (caller) => {
  const context = { properties: {} };
  for (const [name, value] of Object.entries(caller)) {
    if (name === "currentTime") context.currentTime = new Date(value);
    else if (own.includes(name)) context[name] = value;
    else context.properties[name] = value;
  }
  return context;
};

const unleash = new Unleash({
  appName: "oracle",
  url: "http://127.0.0.1:9/api",
  refreshInterval: 0,
  disableMetrics: true,
  skipInstanceCountWarning: true,
  storageProvider: new InMemStorageProvider(),
  bootstrap: { data: source.features, segments: source.segments },
});
unleash.on("error", () => {});
unleash.on("warn", () => {});
unleash.once("ready", () => {
  const answers = {};
  for (const feature of source.features) {
    const all = [...(feature.variants || []), ...(feature.strategies || []).flatMap((s) => s.variants || [])];
    const variants = [...new Set(all.map((v) => v.name))];
    const codes = contexts.map((caller) => {
      const context = asContext(caller);
      if (!unleash.isEnabled(feature.name, context)) return "-";
      const variant = unleash.getVariant(feature.name, context);
      return variant.enabled ? String.fromCharCode(97 + variants.indexOf(variant.name)) : "+";
    });
    answers[feature.name] = { variants, codes: codes.join("") };
  }
  const text = JSON.stringify({ contexts, answers }).replaceAll('},"', '},\n"');
  fs.writeFileSync(`${folder}/answers.json`, text + "\n");
  unleash.destroy();
});
