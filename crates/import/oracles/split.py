"""What Split's SDK for Python answers for tests/fixtures/split/splits.json."""

import json
import logging
import os

from splitio.engine.evaluator import CONTROL, EvaluationContext, Evaluator
from splitio.engine.splitters import Splitter
from splitio.models import rule_based_segments, splits
from splitio.models.fallback_config import FallbackTreatmentCalculator, FallbackTreatmentsConfiguration

logging.disable(logging.CRITICAL)
folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "fixtures", "split")
source = json.load(open(os.path.join(folder, "splits.json")))
flags = {raw["name"]: splits.from_raw(raw) for raw in source["ff"]["d"] if raw["status"] == "ACTIVE"}
rule_based = {raw["name"]: rule_based_segments.from_raw(raw) for raw in source["rbs"]["d"]}
evaluator = Evaluator(Splitter(), FallbackTreatmentCalculator(FallbackTreatmentsConfiguration()))

contexts = []
for i in range(250):
    caller = {"targetingKey": f"user-{i}"}
    lists = {
        "plan": ["free", "pro", "team", None],
        "age": [17, 18, 42, None, "18", 64],
        "email": [f"u{i}@example.com", f"u{i}@test.org", None],
        "roles": [["admin", "dev"], ["dev"], [], None, ["staff", "dev"]],
        "beta": [True, False, None, "true"],
        "version": ["1.2.3", "1.2.4", "1.3.0", "2.0.0-beta.1", "2.0.0", None, "nonsense"],
    }
    for name, values in lists.items():
        value = values[(i * 7 + len(name) * 3 + (i >> 3)) % len(values)]
        if value is not None:
            caller[name] = value
    contexts.append(caller)

answers = {}
for raw in source["ff"]["d"]:
    listed = [part["treatment"] for condition in raw["conditions"] for part in condition["partitions"]]
    variants = sorted({*listed, raw["defaultTreatment"]})
    codes = ""
    for caller in contexts:
        key = caller["targetingKey"]
        members = {name: key in keys for name, keys in source["segments"].items()}
        attributes = {name: value for name, value in caller.items() if name != "targetingKey"}
        context = EvaluationContext(flags, {"unknown": False, **members}, rule_based)
        found = evaluator.eval_with_context(key, key, raw["name"], attributes, context)["treatment"]
        if found == CONTROL:
            codes += "-"
        elif set(variants) <= {"on", "off"}:
            codes += "+" if found == "on" else "-"
        else:
            codes += chr(97 + variants.index(found))
    answers[raw["name"]] = {"variants": variants, "codes": codes}

with open(os.path.join(folder, "answers.json"), "w") as file:
    listed = ",\n".join(map(json.dumps, contexts))
    found = ",\n".join(f"{json.dumps(name)}:{json.dumps(answer)}" for name, answer in answers.items())
    file.write('{"contexts":[\n' + listed + '],\n"answers":{\n' + found + "}}\n")
