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
