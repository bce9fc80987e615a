"""Records what hanoi decides: the release 0.0.4, and the head of its repository.

    pip install hanoi==0.0.4 redis
    python hanoi.py redis://127.0.0.1:6379/9 ../tests/fixtures/hanoi    # the database is emptied

The head is in no package index. It differs from the release in two ways that matter here, which are patched in:
the prefix of keys, and `<=` in place of `>=`.
"""

import importlib.util
import re
import sys
from pathlib import Path
from urllib.parse import urlparse

from redis import Redis

sys.path = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
import hanoi.backend

sys.path.append(str(Path(__file__).resolve().parent))
from callers import callers, dump, write

FUNCTIONS = [
    # name, percentage, field, variants, users, rule, enabled
    ("everybody", 100, None, None, [], None, True),
    ("nobody", 0, None, None, [], None, True),
    ("one", 1, None, None, [], None, True),
    ("quarter", 25, None, None, ["user-0", "user-5"], None, True),
    ("cdc_on", 80, None, ["foo", "bar"], ["447568118926", "user-995"], r"01$", True),
    ("ninety-nine", 99, None, None, [], None, True),
    ("users only", 0, None, ["a", "b", "c"], ["user-10", "user-15", "2", "Zoë 4 01"], None, True),
    ("repeated", 50, None, ["x", "y", "x"], [], None, True),
    ("single", 40, None, ["only"], [], r"^user-\d+7$", True),
    ("by id", 30, "id", ["left", "right"], ["user-20"], None, True),
    ("all, with variants", 100, None, ["v1", "v2", "v3", "v4"], [], None, True),
    ("retired", 100, None, ["v1", "v2"], ["user-0"], None, False),
]


def head():
    text = Path(hanoi.backend.__file__).read_text()
    text = re.sub(r"% 100 >= ", "% 100 <= ", text)
    text = text.replace('"rollout:{0}"', '"h:{0}"').replace('"rollout:users:{0}"', '"h:users:{0}"')
    spec = importlib.util.spec_from_loader("hanoi_head", loader=None)
    module = importlib.util.module_from_spec(spec)
    exec(compile(text, "hanoi_head.py", "exec"), module.__dict__)
    return module


def answers(backend, with_rules):
    keys = callers()
    found = {}
    for name, _, _, variants, _, rule, _ in FUNCTIONS:
        if with_rules and rule is not None:
            backend.set_rule(name, re.compile(rule))
        letters = []
        for key in keys:
            if not backend.is_enabled(name, key):
                letters.append("0")
            else:
                variant = backend.variant(name, key) if variants else None
                letters.append(str(1 + variants.index(variant)) if variants else "1")
        found[name] = "".join(letters)
    return found


def fill(module, backend):
    for name, percentage, field, variants, users, _, enabled in FUNCTIONS:
        feature = module.Feature(name, field, percentage, variants)
        backend.add_functionality(feature)
        for user in users:
            backend.add(name, user)
        if not enabled:
            backend.disable(name)


def main(url, folder):
    parts = urlparse(url)
    connection = dict(host=parts.hostname, port=parts.port, db=int(parts.path[1:] or 0))
    text = Redis(**connection, decode_responses=True)
    folder = Path(folder)
    for version, module in (("0.0.4", hanoi.backend), ("head", head())):
        for layout in ("RedisBackEnd", "RedisHighPerfBackEnd", "MemoryBackEnd"):
            text.flushdb()
            is_memory = layout == "MemoryBackEnd"
            backend = getattr(module, layout)(*([] if is_memory else [Redis(**connection)]))
            fill(module, backend)
            # Rules live in the memory of a process alone.
            recorded = answers(backend, with_rules=is_memory)
            if is_memory:
                source = {
                    "version": version,
                    "functions": {
                        name: {
                            "enabled": feature.enabled,
                            "percentage": feature.percentage,
                            "field": feature.field,
                            "variants": feature.variants,
                            "users": backend.reg.get(name, []),
                            "rule": backend.rules[name].pattern if name in backend.rules else None,
                        }
                        for name, feature in backend.funcs.items()
                    },
                }
            else:
                source = dump(text)
            case = {"source": source, "callers": callers(), "variants": {f[0]: f[3] or [] for f in FUNCTIONS}, "answers": recorded}
            path = folder / f"{version}-{layout}.json"
            write(path, case)
    text.flushdb()


main(*sys.argv[1:])
