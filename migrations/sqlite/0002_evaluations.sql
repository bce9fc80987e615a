-- Generated from migrations/sqlite.evaluations.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- How often flags were evaluated in each hour, by result. Old hours are deleted. Without a foreign key and without
-- triggers, as novi_usage.
create table if not exists novi_evaluations (
  flag text not null check (typeof(flag) = 'text'),
  hour text not null,
  enabled boolean not null,
  variant text not null check (typeof(variant) = 'text'),
  evaluations integer not null,
  primary key (flag, hour, enabled, variant)
) without rowid;
create index if not exists novi_evaluations_hour on novi_evaluations (hour);
