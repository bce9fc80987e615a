"""Callers that every oracle evaluates: keys of several forms, the same on every run."""


def callers(count=1000):
    forms = (
        lambda n: f"user-{n}",
        lambda n: str(447568110000 + 7919 * n),
        lambda n: str(n),
        lambda n: f"{n * 2654435761 % 2**32:08x}@example.com",
        lambda n: f"Zoë {n} 01",
    )
    return [forms[n % len(forms)](n) for n in range(count)]


def dump(redis):
    """All keys, in the form that `novi import` reads from a file."""
    readers = {
        "string": lambda key: redis.get(key),
        "set": lambda key: sorted(redis.smembers(key)),
        "stream": lambda key: [[entry, fields] for entry, fields in redis.xrange(key)],
    }
    keys = sorted(redis.keys("*"))
    return {key: readers.get(redis.type(key), lambda _: None)(key) for key in keys}
