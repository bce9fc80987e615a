"""Compares the decisions of novi with those of DuckDB, and of novi's extension in SQLite.

    python3 duckdb_and_extension.py FILE [EXTENSION MIGRATION]

FILE is what the test of novi-sql writes with NOVI_TEST_SQL_OUT. EXTENSION is the library of crates/sqlite-extension,
and MIGRATION the script that creates novi's tables.
"""

import collections
import json
import re
import sqlite3
import sys

import duckdb

# Where a refusal is, before what it is.
PLACE = re.compile(r'^(activation \d+|flag) "(?:[^"\\]|\\.)*"[, :]*', re.DOTALL)
NOW = "2026-11-28T12:00:00Z"
COLUMNS = ["id", "number", "plan", 'odd "`name', "age", "score", "beta", "seen", "joined", "clock"]
ATTRIBUTES = ["targetingKey", "number", "plan", "country", "age", "score", "beta", "seen", "user.joined",
              "currentDateTime"]
TYPES = ["varchar", "bigint", "varchar collate nocase", "varchar", "bigint", "double", "boolean", "timestamptz",
         "timestamp", "timestamptz"]


def differ(what, line, index, found, expected):
    flag = f"flag {line['flag']!r} of set {line['set']}"
    sys.exit(f"{what} differs: {flag}, caller {index}: {found}, novi {expected}\n{line['sql']}")


class DuckDb:
    def __init__(self, callers):
        self.connection = duckdb.connect()
        self.connection.execute("set timezone = 'Asia/Kolkata'")
        names = ", ".join('"' + name.replace('"', '""') + f'" {kind}' for name, kind in zip(COLUMNS, TYPES))
        self.connection.execute(f"create table callers (row_id bigint, {names})")
        self.connection.execute("create table novi_sql_assignments (experiment varchar, unit varchar, variant varchar)")
        for index, caller in enumerate(callers):
            # A timestamp without a zone is one of UTC.
            caller = [value[:-6] if place == 8 and value else value for place, value in enumerate(caller)]
            self.connection.execute("insert into callers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", [index, *caller])
        self.stated, self.reasons = 0, collections.Counter()

    def compare(self, line):
        if line["sql"] is None:
            for reason in line["refused"]:
                self.reasons[PLACE.sub("", reason, count=1)] += 1
            return
        self.stated += 1
        query = f"select cast(({line['sql']['on']}) as integer), {line['sql']['variant']} from callers order by row_id"
        found = self.connection.execute(query).fetchall()
        for index, (pair, expected) in enumerate(zip(found, line["decided"], strict=True)):
            if (pair[0], pair[1]) != (int(expected[0]), expected[1]):
                differ("DuckDB", line, index, pair, expected)


def contexts(callers, has_clock):
    for caller in callers:
        context = dict(zip(ATTRIBUTES, caller))
        if not has_clock or context["currentDateTime"] is None:
            context["currentDateTime"] = NOW
        yield json.dumps({name: value for name, value in context.items() if value is not None})


def in_sqlite(callers, lines, rows, extension, migration):
    """The flags of one set, by the extension."""
    connection = sqlite3.connect(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(extension)
    connection.executescript(open(migration, encoding="utf-8").read())
    for flag in rows["flags"]:
        connection.execute("insert into flags (id, name, status) values (?, ?, ?)",
                           [flag["id"], flag["name"], flag["status"]])
        metadata = flag["metadata"]
        connection.execute("update flag_metadata set default_variant = ?, off_variant = ? where flag_id = ?",
                           [metadata["default_variant"], metadata["off_variant"], flag["id"]])
    connection.executemany("insert into activations (id, name, class_name, config) values (?, ?, ?, ?)",
                           [[row["id"], row["name"], row["class_name"], row["config"]] for row in rows["activations"]])
    connection.executemany("insert into flags_activations (flag_id, activation_id) values (?, ?)",
                           [[link["flag_id"], link["activation_id"]] for link in rows["links"]])
    connection.executemany("insert into activation_members (activation_id, member, denied) values (?, ?, ?)",
                           [[row["activation_id"], row["member"], row["denied"]] for row in rows["members"]])
    connection.execute("create table callers (row_id integer, context text)")
    connection.executemany("insert into callers values (?, ?)", enumerate(contexts(callers, lines[0]["clock"])))
    query = "select novi_enabled(?1, context), novi_variant(?1, context) from callers order by row_id"
    for line in lines:
        found = connection.execute(query, [line["flag"]]).fetchall()
        for index, (pair, expected) in enumerate(zip(found, line["decided"], strict=True)):
            if (pair[0], pair[1]) != (int(expected[0]), expected[1]):
                differ("The extension", line, index, pair, expected)


def main():
    file, *extension = sys.argv[1:]
    with open(file, encoding="utf-8") as lines:
        callers = json.loads(next(lines))["callers"]
        database, flags, waiting, by_extension = DuckDb(callers), 0, [], 0
        for text in lines:
            line = json.loads(text)
            if "flag" in line:
                flags += 1
                database.compare(line)
                waiting.append(line)
                continue
            if extension:
                in_sqlite(callers, waiting, line["rows"], *extension)
                by_extension += len(waiting)
            waiting = []
    refused = flags - database.stated
    print(f"DuckDB {duckdb.__version__}: {database.stated} flags without a difference, {refused} refused")
    for reason, count in database.reasons.most_common():
        print(f"    {count} {reason}")
    if extension:
        print(f"novi's extension in SQLite {sqlite3.sqlite_version}: {by_extension} flags without a difference")
    if database.stated * 4 < flags:
        sys.exit("DuckDB states few flags")


main()
