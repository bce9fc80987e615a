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

{{comments}}
