# Loads the extension in Python's sqlite3: host.py LIBRARY MIGRATION
import os
import sqlite3
import sys
import tempfile
import threading

library, migration = sys.argv[1:]
folder = tempfile.TemporaryDirectory()
file = os.path.join(folder.name, "app.db")


def connect():
    connection = sqlite3.connect(file)
    connection.enable_load_extension(True)
    connection.load_extension(library)
    return connection


def value(connection, call, *parameters):
    return connection.execute("select " + call, parameters).fetchone()[0]


first = connect()
with open(migration) as script:
    first.executescript(script.read())
first.execute("insert into flags (id, name, status) values (1, 'New', false)")
first.commit()
second = connect()
assert value(second, "novi_reason('New')") == "DISABLED"
first.execute("update flags set status = true")
assert value(first, "novi_reason('New')") == "STATIC", "its own transaction"
assert value(second, "novi_reason('New')") == "DISABLED", "before the commit"
first.commit()
assert value(second, "novi_enabled(?, 'targetingKey', ?)", "New", 7) == 1, "after the commit"
try:
    value(second, "novi_enabled('Mew')")
    raise SystemExit("no error")
except sqlite3.OperationalError as error:
    assert str(error) == 'novi_enabled: flag "Mew" was not found; did you mean "New"?', error


def evaluate():
    connection = connect()
    assert all(value(connection, "novi_enabled('New')") == 1 for _ in range(50))
    connection.close()


threads = [threading.Thread(target=evaluate) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
first.close()
second.close()
folder.cleanup()
print(f"Python, SQLite {sqlite3.sqlite_version}: ok")
