-- Generated from migrations/postgres.evaluations.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- How often flags were evaluated in each hour, by result. Old hours are deleted. Without a foreign key and without
-- triggers, as novi_usage.
create table if not exists novi_evaluations (
  flag text collate "C" not null,
  hour timestamptz not null,
  enabled boolean not null,
  variant text collate "C" not null,
  evaluations bigint not null,
  primary key (flag, hour, enabled, variant)
);
create index if not exists novi_evaluations_hour on novi_evaluations (hour);

comment on table novi_evaluations is 'Evaluations of flags by hour and result; old hours are deleted; may be emptied';
comment on column novi_evaluations.flag is 'The name of the flag';
comment on column novi_evaluations.hour is 'The start of the hour';
comment on column novi_evaluations.enabled is 'Whether the flag was on';
comment on column novi_evaluations.variant is 'The variant; empty without one, and for a flag that was off';
comment on column novi_evaluations.evaluations is 'How often the flag was evaluated to this result, in all processes';
