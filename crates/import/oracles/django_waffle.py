"""What django-waffle answers for flags and switches."""

from django_setup import start, write

start("waffle")

from django.contrib.auth.models import AnonymousUser, Group, User  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from waffle import flag_is_active, get_waffle_flag_model, switch_is_active  # noqa: E402
from waffle.models import Sample, Switch  # noqa: E402

groups = [Group.objects.create(name=name) for name in ["editors", "testers", "sales"]]
users = []
for i in range(400):
    user = User.objects.create(username=f"u{i}", is_staff=i % 5 == 0, is_superuser=i % 17 == 0)
    user.groups.set([group for n, group in enumerate(groups) if (i >> n) % 3 == 0])
    users.append(user)

Flag = get_waffle_flag_model()


def flag(name, users=(), groups=(), **fields):
    created = Flag.objects.create(name=name, **{"superusers": False, **fields})
    created.users.set(users)
    created.groups.set(groups)


flag("on", everyone=True, note="For all")
flag("off", everyone=False, superusers=True)
flag("nobody")
flag("default-superusers", superusers=True)
flag("staff", staff=True)
flag("authenticated", authenticated=True)
flag("languages", languages="de, fr")
flag("users", users=users[5:40])
flag("one-group", groups=groups[:1])
flag("groups", groups=groups[1:])
flag("users-and-groups", users=users[300:], groups=groups[:1], staff=True)
flag("all", users=users[:3], groups=groups[2:], staff=True, superusers=True, languages="en")
flag("percent-zero", percent="0.0", users=users[7:9])
flag("percent-all", percent="99.9")
flag("percent", percent="12.5", superusers=True)
flag("testing", testing=True, staff=True)
for i in range(12):
    flag(f"mixed-{i}", users=users[i * 20 : i * 25], groups=groups[i % 3 :], staff=i % 2 == 0, superusers=i % 3 == 0)
Switch.objects.create(name="switch-on", active=True, note="A switch")
Switch.objects.create(name="switch-off", active=False)
Sample.objects.create(name="sample", percent="40.0")
Sample.objects.create(name="sample-all", percent="100.0")
Switch.objects.create(name="staff", active=True)

contexts, requests = [], []
for i, user in enumerate(users + [AnonymousUser()] * 6):
    request = RequestFactory().get("/")
    request.user = user
    caller = {"is_authenticated": user.is_authenticated}
    if user.is_authenticated:
        caller |= {"targetingKey": str(user.pk), "is_staff": user.is_staff, "is_superuser": user.is_superuser}
        caller["groups"] = [group.name for group in user.groups.all()]
    if i % 4:
        caller["language"] = request.LANGUAGE_CODE = ["de", "en", "fr", "it"][i // 4 % 4]
    contexts.append(caller)
    requests.append(request)

answers = {}
for name in Flag.objects.values_list("name", flat=True):
    answers[name] = "".join("+" if flag_is_active(request, name) else "-" for request in requests)
for name in ["switch-on", "switch-off"]:
    answers[name] = ("+" if switch_is_active(name) else "-") * len(contexts)

tables = {
    "waffle_flag": ["id", "name", "everyone", "percent", "testing", "superusers", "staff", "authenticated", "languages", "note"],
    "waffle_flag_users": ["id", "flag_id", "user_id"],
    "waffle_flag_groups": ["id", "flag_id", "group_id"],
    "waffle_switch": ["id", "name", "active", "note"],
    "waffle_sample": ["id", "name", "percent", "note"],
    "auth_group": ["id", "name"],
}
write("django-waffle", tables, contexts, answers)
