// What LaunchDarkly's server SDK answers for tests/fixtures/launchdarkly/flags.json.
const fs = require("fs");
const { init } = require("@launchdarkly/node-server-sdk");
const { FileDataSourceFactory } = require("@launchdarkly/node-server-sdk/integrations");

const folder = `${__dirname}/../tests/fixtures/launchdarkly`;
const source = JSON.parse(fs.readFileSync(`${folder}/flags.json`, "utf8"));
const contexts = Array.from({ length: 250 }, (_, i) => {
  const caller = { targetingKey: `user-${i}` };
  const pick = (name, list) => {
    const value = list[(i * 7 + name.length * 3 + (i >> 3)) % list.length];
    if (value !== undefined) caller[name] = value;
  };
  pick("plan", ["free", "pro", "team", undefined]);
  pick("age", [17, 18, 42.5, undefined, "18", 64]);
  pick("email", [`u${i}@example.com`, `u${i}@test.org`, undefined]);
  pick("roles", [["admin", "dev"], ["dev"], undefined, ["staff"]]);
  pick("beta", [true, false, undefined]);
  pick("version", ["1.2.3", "1.10.0", "2.0.0-beta.1", "2.0.0", "2.0", "v1.2.4", "2", undefined, "02.0.0", "1.2.3.4"]);
  pick("since", ["2025-01-01T00:00:00Z", "2026-06-30T12:00:00+02:00", 1700000000000, 1800000000000, undefined]);
  if (i % 4) caller.organization = { key: `org-${i % 9}`, plan: ["gold", "iron"][i % 2] };
  if (i % 3) caller.address = { city: ["Berlin", "Paris"][i % 2] };
  return caller;
});
const asContext = ({ targetingKey, organization, ...rest }) => {
  const user = { key: targetingKey, ...rest };
  return organization ? { kind: "multi", user, organization } : { kind: "user", ...user };
};

(async () => {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const files = new FileDataSourceFactory({ paths: [`${folder}/flags.json`] });
  const client = init("key", { updateProcessor: files.getFactory(), sendEvents: false, logger: silent });
  await client.waitForInitialization({ timeout: 10 });
  const answers = {};
  for (const [name, flag] of Object.entries(source.flags)) {
    const isBoolean = flag.variations.every((value) => typeof value === "boolean");
    const variants = flag.variations.map((value) => (typeof value === "string" ? value : JSON.stringify(value)));
    let codes = "";
    for (const caller of contexts) {
      const found = await client.variationDetail(name, asContext(caller), null);
      const index = found.variationIndex;
      if (index === undefined || index === null) codes += "-";
      else if (isBoolean) codes += found.value ? "+" : "-";
      else codes += String.fromCharCode(97 + index);
    }
    answers[name] = { variants, codes };
  }
  const text = JSON.stringify({ contexts, answers }).replaceAll('},"', '},\n"').replaceAll('},{"t', '},\n{"t');
  fs.writeFileSync(`${folder}/answers.json`, text + "\n");
  client.close();
})();
