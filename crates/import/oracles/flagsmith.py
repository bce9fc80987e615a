"""What Flagsmith's engine answers for tests/fixtures/flagsmith/environment.json."""

import json
import os

from flag_engine.engine import get_evaluation_result

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "flagsmith")
source = json.load(open(os.path.join(folder, "environment.json")))


def feature(state, priority=None):
    options = sorted(state["multivariate_feature_state_values"], key=lambda option: option["id"])
    found = {
        "key": str(state["django_id"]),
        "name": state["feature"]["name"],
        "enabled": state["enabled"],
        "value": state["feature_state_value"],
        "variants": [
            {"value": o["multivariate_feature_option"]["value"], "weight": o["percentage_allocation"], "priority": o["id"]}
            for o in options
        ],
    }
    return found if priority is None else {**found, "priority": priority}


def rule(source):
    conditions = [
        {"operator": c["operator"], "property": c["property_"], "value": c["value"]} for c in source["conditions"]
    ]
    return {"type": source["type"], "conditions": conditions, "rules": [rule(inner) for inner in source["rules"]]}


# As the SDK maps the document: overrides of identities are segments that take precedence.
segments = {}
for number, caller in enumerate(source["identity_overrides"]):
    condition = {"operator": "IN", "property": "$.identity.identifier", "value": [caller["identifier"]]}
    segments[f"i{number}"] = {
        "key": "",
        "name": "identity_overrides",
        "rules": [{"type": "ALL", "conditions": [condition], "rules": []}],
        "overrides": [feature(state, float("-inf")) for state in caller["identity_features"]],
    }
for segment in source["project"]["segments"]:
    segments[str(segment["id"])] = {
        "key": str(segment["id"]),
        "name": segment["name"],
        "rules": [rule(inner) for inner in segment["rules"]],
        "overrides": [feature(s, s["feature_segment"]["priority"]) for s in segment["feature_states"]],
    }
features = {state["feature"]["name"]: feature(state) for state in source["feature_states"]}

contexts = []
for i in range(250):
    identifier = f"user-{i}"
    caller = {"targetingKey": identifier, "identity_key": f"{source['api_key']}_{identifier}"}
    lists = {
        "plan": ["free", "pro", "team", None, "pro "],
        "age": [17, 18, 42.5, None, "18", 64, "9"],
        "count": [0, 1, 4, 7, -2, None, "4"],
        "email": [f"u{i}@example.com", f"u{i}@test.org", None],
        "beta": [True, False, None, "true"],
        "version": ["1.2.3", "1.3.0", "1.10.0", "2.0.0-beta.1", None, "x"],
    }
    for name, values in lists.items():
        value = values[(i * 7 + len(name) * 3 + (i >> 3)) % len(values)]
        if value is not None:
            caller[name] = value
    contexts.append(caller)

answers = {}
results = []
for caller in contexts:
    traits = {name: value for name, value in caller.items() if name not in ("targetingKey", "identity_key")}
    identity = {"identifier": caller["targetingKey"], "key": caller["identity_key"], "traits": traits}
    environment = {"key": source["api_key"], "name": source["name"]}
    context = {"environment": environment, "identity": identity, "features": features, "segments": segments}
    results.append(get_evaluation_result(context)["flags"])
for name in features:
    values = []
    for found in [features[name], *(o for s in segments.values() for o in s["overrides"] if o["name"] == name)]:
        values += [found["value"], *(variant["value"] for variant in found["variants"])]
    variants = sorted({value if isinstance(value, str) else json.dumps(value) for value in values})
    has_values = any(value is not None for value in values)
    codes = ""
    for result in results:
        found = result[name]
        value = found["value"] if isinstance(found["value"], str) else json.dumps(found["value"])
        codes += "-" if not found["enabled"] else chr(97 + variants.index(value)) if has_values else "+"
    answers[name] = {"variants": variants, "codes": codes}

with open(os.path.join(folder, "answers.json"), "w") as file:
    listed = ",\n".join(map(json.dumps, contexts))
    found = ",\n".join(f"{json.dumps(name)}:{json.dumps(answer)}" for name, answer in answers.items())
    file.write('{"contexts":[\n' + listed + '],\n"answers":{\n' + found + "}}\n")
