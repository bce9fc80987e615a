"""Records the state of Knora's toggles: those of its documentation, and 300 more.

    pip install pyhocon
    python knora.py ../tests/fixtures/knora

Knora is a service in Scala. A toggle is on in its default version if it is enabled by default, else off; a request
that may override it names a version to turn it on, and none to turn it off.
"""

import json
import sys
from pathlib import Path

from pyhocon import ConfigFactory

DOCUMENTED = """
contact = "A developer <a.developer@example.org>"
app {
    feature-toggles {
        new-foo {
            description = "Replace the old foo routes with new ones."

            available-versions = [ 1, 2 ]
            default-version = 1
            enabled-by-default = yes
            override-allowed = yes

            expiration-date = "2021-12-01T00:00:00Z"

            developer-emails = [
                "A developer <a.developer@example.org>"
            ]
        }

        new-bar : {
            description = "Replace the old bar routes with new ones.", available-versions = [1, 2, 3]
            default-version = 3
            enabled-by-default = true
            override-allowed = off
            expiration-date = "2021-12-01T00:00:00+01:00"
            developer-emails = [ ${contact}, "Another <b@example.org>" ]
        }

        fast-baz {
            // A long-lived toggle has no expiration date.
            description = "Replace the slower, more accurate baz route with a faster, less accurate one."
            available-versions = [ 1 ]
            default-version = 1
            enabled-by-default = no
            override-allowed = yes
            developer-emails = []
        }
    }
}
app.feature-toggles.new-foo.default-version = 2
"""


def more(number):
    versions = number % 5 + 1
    return f"""
app.feature-toggles {{
    toggle-{number} {{
        description = "Toggle {number}", available-versions = {list(range(1, versions + 1))}
        default-version = {number // 5 % versions + 1}
        enabled-by-default = {["yes", "no", "on", "off", "true", "false"][number % 6]}
        override-allowed = {["true", "false", "yes"][number % 3]}
        developer-emails = ["dev{number}@example.org"]
    }}
}}
"""


def main(folder):
    text = DOCUMENTED
    text += "".join(more(number) for number in range(300))
    toggles = ConfigFactory.parse_string(text)["app.feature-toggles"]
    recorded = {}
    for name, toggle in toggles.items():
        recorded[name] = {
            "version": toggle.get_int("default-version") if toggle.get_bool("enabled-by-default") else None,
            "versions": len(toggle.get_list("available-versions")),
            "override": toggle.get_bool("override-allowed"),
            "description": toggle.get_string("description"),
            "emails": toggle.get_list("developer-emails"),
            "expires": toggle.get_string("expiration-date", None),
        }
    Path(folder, "application.conf").write_text(text)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(toggle)}" for name, toggle in recorded.items())
    Path(folder, "toggles.json").write_text("{" + lines + "}\n")


main(*sys.argv[1:])
