-- When flags were last evaluated, by their names. No foreign key and no triggers: it is no part of the revision or of the
-- history, and whoever writes it locks no row that flags are changed by.
create table novi_usage (
  flag text collate "C" not null primary key,
  first_seen timestamptz not null,
  last_evaluated timestamptz not null,
  last_on timestamptz,
  last_off timestamptz,
  evaluations bigint not null
);

-- Since when there is such a table: a flag that was not evaluated before tells nothing.
create table novi_usage_since (
  id smallint primary key check (id = 1),
  since timestamptz not null
);
insert into novi_usage_since (id, since) values (1, clock_timestamp());
