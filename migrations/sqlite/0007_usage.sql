-- When flags were last evaluated, by their names. No foreign key and no triggers: it is no part of the revision or of the
-- history, and whoever writes it touches no row that flags are changed by. Times are UTC text.
create table novi_usage (
  flag text not null primary key check (typeof(flag) = 'text'),
  first_seen text not null,
  last_evaluated text not null,
  last_on text,
  last_off text,
  evaluations integer not null
) without rowid;

-- Since when there is such a table: a flag that was not evaluated before tells nothing.
create table novi_usage_since (
  id integer primary key check (id = 1),
  since text not null
);
insert into novi_usage_since (id, since) values (1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));
