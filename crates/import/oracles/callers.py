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


def write(path, recorded):
    """Writes a field of the two upper levels per line, which keeps differences short."""
    import json

    def text(value):
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))

    def block(value):
        if isinstance(value, dict):
            return "{\n" + ",\n".join(f"{text(key)}: {text(item)}" for key, item in value.items()) + "\n}"
        if value and isinstance(value[0], dict):
            return "[\n" + ",\n".join(map(text, value)) + "\n]"
        return text(value)

    fields = ",\n".join(f"{text(key)}: {block(value)}" for key, value in recorded.items())
    path.write_text("{" + fields + "}\n")


def dump(redis):
    """All keys, in the form that `novi import` reads from a file."""
    readers = {
        "string": lambda key: redis.get(key),
        "set": lambda key: sorted(redis.smembers(key)),
        "stream": lambda key: [[entry, fields] for entry, fields in redis.xrange(key)],
    }
    keys = sorted(redis.keys("*"))
    return {key: readers.get(redis.type(key), lambda _: None)(key) for key in keys}
