"""Django with a database in memory, callers, and what scripts write."""

import json
import os

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connection

FIXTURES = os.path.join(os.path.dirname(__file__), "..", "tests", "fixtures")


def start(app):
    settings.configure(
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", app],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def write(system, tables, contexts, answers):
    """Writes the rows of tables as text, and the answers."""
    rows = {}
    with connection.cursor() as cursor:
        for table, columns in tables.items():
            listed = ", ".join(f"cast({name} as text)" for name in columns)
            cursor.execute(f"select {listed} from {table} order by 1")
            rows[table] = [list(row) for row in cursor.fetchall()]
    with open(os.path.join(FIXTURES, system, "tables.json"), "w") as file:
        lists = (f'"{name}":[\n' + ",\n".join(map(json.dumps, list_)) + "]" for name, list_ in rows.items())
        file.write("{" + ",\n".join(lists) + "}\n")
    with open(os.path.join(FIXTURES, system, "answers.json"), "w") as file:
        listed = ",\n".join(map(json.dumps, contexts))
        found = ",\n".join(f'{json.dumps(name)}:{{"codes":"{codes}"}}' for name, codes in answers.items())
        file.write('{"contexts":[\n' + listed + '],\n"answers":{\n' + found + "}}\n")
