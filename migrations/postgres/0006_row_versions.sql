-- What novi counts of an activation beyond its row: the transactions that changed the activation or its members. A writer
-- names the version that it has seen, and so does not overwrite what it has not.
-- The row is bookkeeping: a change of it raises no revision and leaves no history; the edit that caused it has one.
create table activation_metadata (
  activation_id bigint primary key references activations (id) on delete cascade on update cascade,
  row_version bigint not null default 1,
  created_at timestamptz default clock_timestamp(),
  updated_at timestamptz default clock_timestamp(),
  -- The transaction that raised the version last. Each raises it once, or 100,000 inserts of a member would leave so many
  -- dead versions of one row, all of which each next insert would have to pass.
  raised_by xid8
);

insert into activation_metadata (activation_id) select id from activations;

-- `security definer`: whoever may write to activations need not be granted novi's own tables.
create function novi_activation_added() returns trigger language plpgsql security definer set search_path from current
as $$
begin
  insert into activation_metadata (activation_id, raised_by) select id, pg_current_xact_id() from added
  on conflict do nothing;
  return null;
end $$;

create function novi_activation_changed() returns trigger language plpgsql security definer set search_path from current
as $$
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = clock_timestamp(), raised_by = pg_current_xact_id()
  where activation_id = new.id and raised_by is distinct from pg_current_xact_id();
  return null;
end $$;

-- Once a statement, in the order of the ids, so that two of them do not wait for each other in a circle.
create function novi_members_changed() returns trigger language plpgsql security definer set search_path from current
as $$
declare
  changed bigint[];
begin
  if tg_op = 'INSERT' then
    changed := array(select distinct activation_id from added);
  elsif tg_op = 'DELETE' then
    changed := array(select distinct activation_id from gone);
  elsif tg_op = 'UPDATE' then
    changed := array(
      select activation_id from (select * from gone except select * from added) was
      union select activation_id from (select * from added except select * from gone) is_now);
  else
    changed := array(select activation_id from activation_metadata);
  end if;
  update activation_metadata m
  set row_version = m.row_version + 1, updated_at = clock_timestamp(), raised_by = pg_current_xact_id()
  from (
    select activation_id from activation_metadata
    where activation_id = any (changed) and raised_by is distinct from pg_current_xact_id()
    order by activation_id for update
  ) locked
  where m.activation_id = locked.activation_id;
  return null;
end $$;

-- What a flag is linked to is part of the flag.
create function novi_links_changed() returns trigger language plpgsql security definer set search_path from current
as $$
declare
  changed bigint[];
begin
  if tg_op = 'INSERT' then
    changed := array(select distinct flag_id from added);
  elsif tg_op = 'DELETE' then
    changed := array(select distinct flag_id from gone);
  elsif tg_op = 'UPDATE' then
    changed := array(
      select flag_id from (select * from gone except select * from added) was
      union select flag_id from (select * from added except select * from gone) is_now);
  else
    changed := array(select flag_id from flag_metadata);
  end if;
  -- A flag that goes takes its links along, and its metadata.
  update flag_metadata m
  set row_version = m.row_version + 1, updated_at = clock_timestamp()
  from (
    select flag_id from flag_metadata
    where flag_id = any (changed) and exists (select 1 from flags where id = flag_id)
    order by flag_id for update
  ) locked
  where m.flag_id = locked.flag_id;
  return null;
end $$;

create trigger novi_activation_added after insert on activations
  referencing new table as added for each statement execute function novi_activation_added();
-- As texts: in adopted tables a config may be JSON, which has no equality.
create trigger novi_activation_changed after update on activations for each row
  when ((old.name::text, old.class_name::text, old.config::text)
    is distinct from (new.name::text, new.class_name::text, new.config::text))
  execute function novi_activation_changed();

create trigger novi_members_added after insert on activation_members
  referencing new table as added for each statement execute function novi_members_changed();
create trigger novi_members_changed after update on activation_members
  referencing old table as gone new table as added for each statement execute function novi_members_changed();
create trigger novi_members_removed after delete on activation_members
  referencing old table as gone for each statement execute function novi_members_changed();
create trigger novi_members_truncated after truncate on activation_members
  for each statement execute function novi_members_changed();

create trigger novi_links_added after insert on flags_activations
  referencing new table as added for each statement execute function novi_links_changed();
create trigger novi_links_changed after update on flags_activations
  referencing old table as gone new table as added for each statement execute function novi_links_changed();
create trigger novi_links_removed after delete on flags_activations
  referencing old table as gone for each statement execute function novi_links_changed();
create trigger novi_links_truncated after truncate on flags_activations
  for each statement execute function novi_links_changed();
