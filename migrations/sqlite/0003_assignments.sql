-- Generated from migrations/sqlite.assignments.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- Which variant each unit of an experiment had first. Facts and not flags: without triggers and without a history. The
-- rows of the experiment '' are marks: assignments of the experiment that is their unit were forgotten.
create table if not exists novi_assignments (
  id integer primary key autoincrement,
  experiment text not null check (typeof(experiment) = 'text'),
  unit text not null check (typeof(unit) = 'text'),
  variant text not null check (typeof(variant) = 'text'),
  revision integer not null,
  assigned_at text not null
);
create unique index if not exists novi_assignments_unit on novi_assignments (experiment, unit);

-- The same for programs that analyze experiments, with the names that they expect.
drop view if exists novi_exposures;
create view novi_exposures as
select unit as user_id, assigned_at as timestamp, experiment as experiment_id, variant as variation_id
from novi_assignments where experiment <> '';
