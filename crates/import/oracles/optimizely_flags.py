"""What Optimizely's SDK for Python answers for tests/fixtures/optimizely/datafile.json.

With the argument `holdouts`: for the datafile with the fields of holdouts.json.
"""

import json
import os
import sys

from optimizely import logger
from optimizely.optimizely import Optimizely

folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "optimizely")
text = open(os.path.join(folder, "datafile.json")).read()
source = json.loads(text)
answers_file = "answers.json"
if sys.argv[1:] == ["holdouts"]:
    source |= json.load(open(os.path.join(folder, "holdouts.json")))
    text = json.dumps(source)
    answers_file = "holdouts.answers.json"
client = Optimizely(text, logger=logger.NoOpLogger())

contexts = []
for i in range(250):
    caller = {"targetingKey": f"user-{i}"}
    lists = {
        "plan": ["free", "pro", "team", None],
        "age": [17, 18, 42.5, None, "18", 64],
        "email": [f"u{i}@example.com", f"u{i}@test.org", None],
        "beta": [True, False, None],
        "version": ["1.2.3", "1.10.0", "2.0.0-beta.1", "2.0.0", "2.0.5", None, "3.1.0"],
    }
    for name, values in lists.items():
        value = values[(i * 7 + len(name) * 3 + (i >> 3)) % len(values)]
        if value is not None:
            caller[name] = value
    contexts.append(caller)

experiments = {experiment["id"]: experiment for experiment in source["experiments"]}
for group in source["groups"]:
    experiments |= {experiment["id"]: experiment for experiment in group["experiments"]}
rollouts = {rollout["id"]: rollout["experiments"] for rollout in source["rollouts"]}
answers = {}
for flag in source["featureFlags"]:
    listed = [experiments[key] for key in flag["experimentIds"]] + rollouts.get(flag["rolloutId"], [])
    variants = sorted({v["key"] for rule in listed for v in rule["variations"] if v["featureEnabled"]})
    has_names = len(variants) > 1 or bool(flag["variables"])
    codes = ""
    for caller in contexts:
        attributes = {name: value for name, value in caller.items() if name != "targetingKey"}
        found = client.create_user_context(caller["targetingKey"], attributes).decide(flag["key"], ["DISABLE_DECISION_EVENT"])
        codes += "-" if not found.enabled else chr(97 + variants.index(found.variation_key)) if has_names else "+"
    answers[flag["key"]] = {"variants": variants, "codes": codes}

with open(os.path.join(folder, answers_file), "w") as file:
    listed = ",\n".join(map(json.dumps, contexts))
    found = ",\n".join(f"{json.dumps(name)}:{json.dumps(answer)}" for name, answer in answers.items())
    file.write('{"contexts":[\n' + listed + '],\n"answers":{\n' + found + "}}\n")
