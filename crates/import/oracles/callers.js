// Callers with attributes of many kinds, some of them missing.
exports.callers = (count) =>
  Array.from({ length: count }, (_, i) => {
    const caller = { targetingKey: `user-${i}` };
    const pick = (name, list) => {
      const value = list[(i * 7 + name.length * 3 + (i >> 3)) % list.length];
      if (value !== undefined) caller[name] = value;
    };
    pick("plan", ["free", "pro", "team", undefined, "", "enterprise"]);
    pick("age", [17, 18, 19, 42.5, 0, undefined, 64]);
    pick("score", ["5", 7, "18", 18, undefined, 0, 1, true, false, "0", "1"]);
    pick("country", ["US", "CA", "DE", "FR", undefined]);
    pick("email", [`u${i}@example.com`, `u${i}@test.org`, undefined, `U${i}@EXAMPLE.COM`]);
    pick("version", ["1.2.3", "1.3.0", "2.0.0-beta.1", "2.0.0", "v1.2.4", "1.2", undefined, "nonsense"]);
    pick("beta", [true, false, undefined]);
    pick("roles", [["admin", "dev"], ["dev"], [], undefined, ["administrator"]]);
    pick("since", ["2025-01-01", "2026-06-30", undefined]);
    pick("layout", ["grid", "list", undefined, "map", "none such"]);
    if (i % 4) caller.address = { city: ["Berlin", "Paris", "Rome"][i % 3] };
    if (i % 50 === 49) delete caller.targetingKey;
    return caller;
  });
