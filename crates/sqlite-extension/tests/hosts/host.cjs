// Loads the extension in better-sqlite3: host.cjs LIBRARY MIGRATION PACKAGES
const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const [library, migration, packages] = process.argv.slice(2);
const Database = require(path.join(packages, "node_modules", "better-sqlite3"));
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "novi-sqlite."));
const open = () => new Database(path.join(folder, "app.db")).loadExtension(library);

const [first, second] = [open(), open()];
first.exec(fs.readFileSync(migration, "utf8"));
first.exec("insert into flags (id, name, status) values (1, 'New', false)");
// A prepared statement is run again, with the rows of each time.
const reason = second.prepare("select novi_reason('New', 'targetingKey', ?)").pluck();
assert.equal(reason.get(7), "DISABLED");
first.exec("update flags set status = true");
assert.equal(reason.get(7), "STATIC");
assert.throws(() => second.prepare("select novi_enabled('Mew')").get(), /flag "Mew" was not found; did you mean "New"/);
const version = second.prepare("select sqlite_version()").pluck().get();
// A statement that an extension keeps would make this an error.
first.close();
second.close();
fs.rmSync(folder, { recursive: true });
console.log(`better-sqlite3, SQLite ${version}: ok`);
