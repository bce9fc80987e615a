// Callers of exported flags, some of whom lack attributes.
exports.callers = (count) =>
  Array.from({ length: count }, (_, i) => {
    const caller = { targetingKey: `user-${i}` };
    const pick = (name, list) => {
      const value = list[(i * 7 + name.length * 3 + (i >> 3)) % list.length];
      if (value !== undefined) caller[name] = value;
    };
    pick("plan", ["free", "pro", "team", undefined, "Pro"]);
    pick("country", ["DE", "AT", "US", "XX", undefined]);
    pick("age", [17, 18, 42.5, undefined, 65, -3]);
    pick("email", [`u${i}@example.com`, `u${i}@TEST.org`, undefined, `u${i}@example.net`]);
    pick("version", ["1.2.3", "1.10.0", "2.0.0-beta.1", "2.0.0", "v1.2.4", "1.2", undefined]);
    if (i % 10 === 9) delete caller.targetingKey;
    return caller;
  });
