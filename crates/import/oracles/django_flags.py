"""What django-flags answers for conditions in its table."""

from django_setup import start, write

start("flags")

from django.contrib.auth.models import AnonymousUser, User  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from flags.models import FlagState  # noqa: E402
from flags.state import flag_enabled  # noqa: E402

names = set()


def flag(name, *conditions):
    names.add(name)
    for condition, value, *required in conditions:
        FlagState.objects.create(name=name, condition=condition, value=value, required=bool(required))


flag("on", ("boolean", "True"))
flag("off", ("boolean", "no"))
flag("required-off", ("boolean", "True"), ("boolean", "False", True))
flag("user", ("user", "u7"))
flag("users", ("user", "u1"), ("user", "u2"), ("user", "u3"))
flag("anonymous", ("anonymous", "True"))
flag("known", ("anonymous", "False"))
flag("parameter", ("parameter", "beta"))
flag("parameter-value", ("parameter", "beta=2"))
flag("path", ("path matches", r"^/shop/\d+"))
flag("past", ("after date", "2024-01-01T00:00:00Z"))
flag("future", ("after date", "2090-01-01T00:00:00+02:00"))
flag("until", ("before date", "2090-01-01 00:00:00+00:00"))
flag("over", ("before date", "2024-01-01T00:00:00Z"))
flag("no-zone", ("after date", "2024-01-01T00:00:00"))
flag("required", ("anonymous", "False", True), ("path matches", "/shop", True))
flag("both", ("user", "u4"), ("parameter", "beta"), ("path matches", "/shop", True))
flag("custom", ("my condition", "x"), ("user", "u5"))
for i in range(25):
    flag(f"mixed-{i}", ("user", f"u{i}"), ("parameter", f"beta={i % 3}"), ("path matches", "^/(shop|blog)/", i % 2))

contexts, requests = [], []
for i in range(300):
    user = AnonymousUser() if i % 6 == 5 else User(username=f"u{i % 60}")
    path = ["/", "/shop/12", "/shop/x", "/blog/1", "/about/shop"][i % 5]
    query = [{}, {"beta": "True"}, {"beta": "2"}, {"beta": "1", "x": "y"}][i // 5 % 4]
    request = RequestFactory().get(path, query)
    request.user = user
    requests.append(request)
    caller = {"is_authenticated": user.is_authenticated, "path": path, "query": query}
    contexts.append(caller | ({"username": user.username} if user.is_authenticated else {}))

answers = {name: "".join("+" if flag_enabled(name, request=request) else "-" for request in requests) for name in sorted(names)}
write("django-flags", {"flags_flagstate": ["id", "name", "condition", "value", "required"]}, contexts, answers)
