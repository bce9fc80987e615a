"""Records what feats.py decides at each of its states.

    git clone https://github.com/roverdotcom/feats.py feats-checkout && git -C feats-checkout checkout 28b9ef6
    pip install redis
    python feats.py feats-checkout redis://127.0.0.1:6379/9 ../tests/fixtures/feats     # the database is emptied

The feature and its segments are those of the README. Without a selector for a caller, the feature has its default.
"""

import sys
from pathlib import Path

from redis import Redis

from callers import callers, dump, write

COUNTRIES = ["CA", "US", "DE", "", "*x"]
PLATFORMS = ["ios", "android", "web"]


class Segment:
    def __init__(self, name, field):
        self.name, self.field = name, field

    def segment(self, caller):
        return caller[self.field]


class Groups:
    """A persister that remembers the group of every third caller."""

    def __init__(self):
        self.groups = {key: ["red", "blue", "other"][number % 3] for number, key in enumerate(callers()) if number % 3 == 0}
        self.groups |= {key: "blue" for number, key in enumerate(callers()) if number % 9 == 3}

    def get_existing_test_group(self, caller):
        return self.groups.get(caller["user_id"])


GROUPS = Groups()


def app(selectors):
    """What states need of an application."""

    class App:
        segments = {
            segment.name: segment
            for segment in (
                Segment("shop.segments.Country", "country"),
                Segment("shop.segments.Platform", "platform"),
                Segment("shop.segments.UserId", "user_id"),
            )
        }

        def _name(self, value):
            return f"{type(value).__module__}.{type(value).__qualname__}"

        def get_segment(self, name):
            return self.segments[name]

        def get_persister(self, name):
            return GROUPS

        def get_selector(self, name):
            return {f"{cls.__module__}.{cls.__qualname__}": cls for cls in selectors}[name]

    return App()


def states(app, State, Static, Rollout, Experiment):
    country, platform, user = (app.segments[f"shop.segments.{name}"] for name in ("Country", "Platform", "UserId"))
    acme, premium = Static("acme for all", "acme"), Static("premium for all", "premium")
    slowly = Rollout("5 % aperture", user, {"aperture": 5, "acme": 95})
    faster = Rollout("half aperture", user, {"aperture": 50, "premium": 0, "acme": 50})
    thirds = Rollout("thirds", user, {"a": 1, "b": 1, "c": 1})
    fine = Rollout("thousandths", user, {"rare": 1, "often": 999})
    widest = Rollout("widest", user, {"x": 2000, "y": 2095})
    by_platform = Rollout("by platform", platform, {"left": 128, "right": 128})

    colors = Experiment("colors", GROUPS, {"red": 0.5, "blue": 0.5})
    # This commit writes a list of weights, which it cannot read back.
    colors.weights = {"red": 0.5, "blue": 0.5}

    def state(segments, mapping, by="dev@example.com", unused=()):
        used = [selector for place, selector in enumerate(mapping.values()) if selector not in list(mapping.values())[:place]]
        return State(segments, used + list(unused), mapping, by)

    return {
        "shop.payments.PaymentProcessor": [
            (1576268467400, state([], {})),
            (1576268567400, state([country], {("CA",): premium}, "ops@example.com")),
            (1576278567400, state([country], {("CA",): premium, ("US",): slowly})),
            (1576378567400, state([country], {("US",): faster, None: acme}, unused=[premium])),
        ],
        "shop.todo.AllowedPriorities": [
            (1576300000000, state([], {(): thirds})),
            (1576400000000, state([platform, country], {("ios", "CA"): premium, ("web", ""): acme, None: thirds})),
        ],
        "shop.todo.Fine": [(1576300000001, state([], {None: fine}))],
        "shop.todo.Widest": [(1576300000002, state([], {(): widest}))],
        "shop.todo.ByPlatform": [(1576300000003, state([], {(): by_platform}))],
        "shop.todo.Colors": [(1576300000005, state([country], {("CA",): acme, None: colors}))],
        "shop.todo.Static": [(1576300000004, state([], {None: acme}))],
    }


def main(checkout, url, folder):
    # This file has the name of the package.
    sys.path = [checkout] + [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]
    from feats.selector import Experiment, Rollout, Static
    from feats.state import FeatureState

    application = app([Experiment, Rollout, Static])
    redis = Redis.from_url(url, decode_responses=True)
    redis.flushdb()
    for feature, history in states(application, FeatureState, Static, Rollout, Experiment).items():
        for time, state in history:
            redis.xadd(f"feature:{feature}", state.serialize(application), id=f"{time}-0")
    keys = [
        {"user_id": key, "country": COUNTRIES[number % 5], "platform": PLATFORMS[number % 3]}
        for number, key in enumerate(callers())
    ]
    recorded = []
    for key in sorted(redis.keys("*")):
        for entry, fields in redis.xrange(key):
            state = FeatureState.deserialize(application, fields)
            implementations = []
            letters = []
            for caller in keys:
                selector = state.find_selector(caller)
                if selector is None:
                    letters.append("0")
                    continue
                if isinstance(selector, Experiment) and GROUPS.get_existing_test_group(caller) is None:
                    # A group at random, which the application would remember.
                    letters.append("?")
                    continue
                name = selector.select(caller)
                if name not in implementations:
                    implementations.append(name)
                letters.append(str(1 + implementations.index(name)))
            recorded.append({
                "flag": key.removeprefix("feature:"),
                "entry": entry,
                "variants": implementations,
                "answers": "".join(letters),
            })
    groups = {"shop.todo.Colors": GROUPS.groups}
    case = {"source": dump(redis), "groups": groups, "callers": [list(key.values()) for key in keys], "states": recorded}
    write(Path(folder, "states.json"), case)
    redis.flushdb()


main(*sys.argv[1:])
