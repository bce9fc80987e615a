"""What PostHog's SDK for Python answers for tests/fixtures/posthog/flags.json."""

import json
import os

from posthog.feature_flags import InconclusiveMatchError, RequiresServerEvaluation, match_feature_flag_properties

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "posthog")
source = json.load(open(os.path.join(folder, "flags.json")))
flags = {flag["key"]: flag for flag in source["flags"]}

contexts = []
for i in range(250):
    caller = {"targetingKey": f"user-{i}"}
    lists = {
        "plan": ["free", "pro", "team", "Pro"],
        "age": [17, 18, 42.5, "18", 64],
        "level": ["5", 18, "18.5", "x"],
        "email": [f"u{i}@example.com", f"U{i}@test.org", f"u{i}@TEST.ORG"],
        "beta": [True, False, "true", "FALSE", "maybe"],
        "since": ["2025-01-01", "2026-06-30T12:00:00Z", "2026-01-01T00:00:00+00:00"],
        "version": ["1.2.3", "1.2.4", "1.3.0", "2.0.0-beta.1", "2.0.0", "v1.2", "0.9.9"],
        "$feature_enrollment/enrolled": [True, False, "true"],
    }
    for name, values in lists.items():
        caller[name] = values[(i * 7 + len(name) * 3 + (i >> 3)) % len(values)]
    contexts.append(caller)

answers = {}
for name, flag in flags.items():
    variants = [variant["key"] for variant in (flag["filters"].get("multivariate") or {}).get("variants", [])]
    if holdout := flag["filters"].get("holdout"):
        variants.append(f"holdout-{holdout['id']}")
    codes = ""
    for caller in contexts:
        properties = {key: value for key, value in caller.items() if key != "targetingKey"}
        try:
            found = flag["active"] and match_feature_flag_properties(
                flag,
                caller["targetingKey"],
                properties,
                cohort_properties=source["cohorts"],
                flags_by_key=flags,
                evaluation_cache={},
                bucketing_value=caller["targetingKey"],
            )
        except (InconclusiveMatchError, RequiresServerEvaluation):
            found = False
        codes += chr(97 + variants.index(found)) if isinstance(found, str) else "+" if found else "-"
    answers[name] = {"variants": variants, "codes": codes}

with open(os.path.join(folder, "answers.json"), "w") as file:
    listed = ",\n".join(map(json.dumps, contexts))
    found = ",\n".join(f"{json.dumps(name)}:{json.dumps(answer)}" for name, answer in answers.items())
    file.write('{"contexts":[\n' + listed + '],\n"answers":{\n' + found + "}}\n")
