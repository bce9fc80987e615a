"""The published provider of OpenFeature for Python: python ask.py URL CASES"""

import json
import sys
from urllib.parse import quote

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

url, file = sys.argv[1:]
with open(file, encoding="utf-8") as opened:
    cases = json.load(opened)
api.set_provider(OFREPProvider(url))
client = api.get_client()
ask = {
    "boolean": client.get_boolean_details,
    "string": client.get_string_details,
    "integer": client.get_integer_details,
    "float": client.get_float_details,
    "object": client.get_object_details,
}
fallbacks = {"boolean": False, "string": "fallback", "integer": -1, "float": -1.5, "object": {"fallback": True}}
right, wrong = 0, []


def check(key, type_, context, expected, fallback):
    global right
    attributes = {name: value for name, value in context.items() if name != "targetingKey"}
    # Keys are put into the address as they are, so that those with characters of an address are escaped by their user.
    found = ask[type_](quote(key, safe=""), fallback, EvaluationContext(context.get("targetingKey"), attributes))
    error = found.error_code.value if found.error_code else None
    reason = found.reason.value if hasattr(found.reason, "value") else found.reason
    if "error" in expected:
        got, want = (found.value, error), (fallback, expected["error"])
    else:
        value = expected.get("value", fallback)
        got = (found.value, type(found.value), found.variant, reason, error)
        want = (value, type(value), expected.get("variant", "off"), expected["reason"], None)
    if got == want:
        right += 1
    else:
        wrong.append(f"{key} as {type_} for {context}: found {got}, expected {want} {found.error_message}")


for context in cases["contexts"]:
    for flag in cases["flags"]:
        expected = next(
            answer
            for answer in flag["answers"]
            if answer.get("plan", context.get("plan")) == context.get("plan")
            and answer.get("targetingKey", "targetingKey" in context) == ("targetingKey" in context)
        )
        type_ = flag["type"]
        fallback = True if type_ == "boolean" and expected.get("value") is False else fallbacks[type_]
        check(flag["key"], type_, context, expected, fallback)
        if "value" in expected:
            other = "boolean" if type_ == "string" else "string"
            check(flag["key"], other, context, {"error": "TYPE_MISMATCH"}, fallbacks[other])
for line in wrong:
    print(line, file=sys.stderr)
print(f"openfeature-sdk with openfeature-provider-ofrep: {right} of {right + len(wrong)} cases right")
sys.exit(1 if wrong else 0)
