"""Records what the service with `GET /features` answers. Its rule is in its README: features for everybody, and those
of the user as far as they are active.

    pip install redis
    python features_service.py redis://127.0.0.1:6379/8 redis://127.0.0.1:6379/9 ../tests/fixtures/features_service
    # both databases are emptied
"""

import sys
from pathlib import Path

from redis import Redis

from callers import callers, dump, write

FEATURES = [f"feature_{number}" for number in range(1, 13)]


def features_of(users, features, token):
    """The rule of the service."""
    found = set(features.smembers("global_features"))
    user = users.get(f"token:{token}") if token else None
    if user is not None:
        active = features.smembers("active_features")
        found |= features.smembers(f"features:user:{user}") & active
    return found


def main(features_url, users_url, folder):
    features = Redis.from_url(features_url, decode_responses=True)
    users = Redis.from_url(users_url, decode_responses=True)
    features.flushdb()
    users.flushdb()
    keys = callers()
    tokens = {key: f"a-token-of-twenty-letters-{number}" for number, key in enumerate(keys)}
    tokens[keys[0]] = "1234"
    for key, token in tokens.items():
        users.set(f"token:{token}", key)
    features.sadd("global_features", "feature_1", "feature_2")
    # `feature_2` is for everybody whether it is active or not; 4 and 5 are retired.
    features.sadd("active_features", "feature_1", "feature_3", "feature_6", "feature_7", "feature_8", "feature_9")
    for number, key in enumerate(keys):
        own = [name for place, name in enumerate(FEATURES) if place >= 2 and number % (place + 1) == 0]
        own = [name for name in own if name != "feature_9"]
        if own:
            features.sadd(f"features:user:{key}", *own)
    answers = {name: "" for name in FEATURES}
    for key in keys:
        found = features_of(users, features, tokens[key])
        for name in FEATURES:
            answers[name] += "1" if name in found else "0"
    anonymous = features_of(users, features, None)
    recorded = {
        "source": dump(features),
        "tokens": dict(list(dump(users).items())[:20]),
        "callers": keys,
        "answers": answers,
        "anonymous": {name: "1" if name in anonymous else "0" for name in FEATURES},
    }
    write(Path(folder, "answers.json"), recorded)
    features.flushdb()
    users.flushdb()


main(*sys.argv[1:])
