-- The three core tables, column for column those of Python novi: tables that it made are adopted as they are.
-- Columns are never added to them, so that positional inserts keep working.
create table if not exists flags (
  id integer primary key,
  name varchar(255) not null unique,
  status boolean not null
);

create table if not exists activations (
  id integer primary key,
  name varchar(255) not null,
  class_name varchar(255) not null,
  config text
);

create table if not exists flags_activations (
  flag_id integer not null references flags (id) on delete cascade,
  activation_id integer not null references activations (id) on delete restrict
);

-- Python's table has no key. A pair that is there twice says nothing more than once.
delete from flags_activations
where flag_id is not null and activation_id is not null
  and rowid not in (select min(rowid) from flags_activations group by flag_id, activation_id);

create unique index if not exists flags_activations_pair on flags_activations (flag_id, activation_id);
create index if not exists flags_activations_activation on flags_activations (activation_id);

-- Adopted tables have no delete rules, and many programs leave foreign keys off: these triggers hold in any case.
-- To drop a condition would open a flag, hence the refusal.
create trigger novi_activation_in_use before delete on activations
when exists (select 1 from flags_activations where activation_id = old.id)
begin
  select raise(abort, 'flags are linked to this activation: unlink them first');
end;

create trigger novi_flag_unlink before delete on flags
begin
  delete from flags_activations where flag_id = old.id;
end;
