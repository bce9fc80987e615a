-- What novi counts of an activation beyond its row: the transactions that changed the activation or its members. A writer
-- names the version that it has seen, and so does not overwrite what it has not.
-- The row is bookkeeping: a change of it raises no revision and leaves no history; the edit that caused it has one.
create table activation_metadata (
  activation_id bigint primary key references activations (id) on delete cascade on update cascade,
  row_version bigint not null default 1,
  created_at timestamptz default clock_timestamp(),
  updated_at timestamptz default clock_timestamp()
);

insert into activation_metadata (activation_id) select id from activations;

-- What each transaction has changed that has not yet committed. Versions rise at the commit, in one order: to raise them
-- in each statement would make who adds a member wait for who has added another one, and two who add to the same two
-- lists in opposite order deadlock; and 100,000 inserts of a member would leave so many dead versions of one row, all of
-- which each next insert would have to pass.
create unlogged table novi_changed (
  xid xid8 not null,
  entity text not null,
  id bigint not null,
  primary key (xid, entity, id)
);

create function novi_raise_versions(of_xid xid8) returns void language plpgsql as $$
declare
  of_flags bigint[];
  of_activations bigint[];
begin
  with gone as (delete from novi_changed where xid = of_xid returning entity, id)
  select array_agg(id) filter (where entity = 'flags'), array_agg(id) filter (where entity = 'activations')
  into of_flags, of_activations from gone;
  update flag_metadata m set row_version = m.row_version + 1, updated_at = clock_timestamp()
  from (select flag_id from flag_metadata where flag_id = any (of_flags) order by flag_id for update) locked
  where m.flag_id = locked.flag_id;
  update activation_metadata m set row_version = m.row_version + 1, updated_at = clock_timestamp()
  from (
    select activation_id from activation_metadata where activation_id = any (of_activations)
    order by activation_id for update
  ) locked
  where m.activation_id = locked.activation_id;
end $$;

-- Notes rows for the commit. Where somebody has had the constraints checked at once, that moment is past.
create function novi_note(of_entity text, ids bigint[]) returns void language plpgsql as $$
begin
  insert into novi_changed (xid, entity, id)
  select pg_current_xact_id(), of_entity, id from unnest(ids) id where id is not null
  on conflict do nothing;
  if found and not exists (select 1 from novi_touch where xid = pg_current_xact_id()) then
    perform novi_raise_versions(pg_current_xact_id());
  end if;
end $$;

-- `security definer`: whoever may write to flags and activations need not be granted novi's own tables.
create function novi_bump() returns trigger language plpgsql security definer set search_path from current as $$
begin
  perform novi_raise_versions(new.xid);
  return null;
end $$;

-- By its name before novi_commit, which locks the revision: nobody is to wait for a row while he holds that.
create constraint trigger novi_bump after insert on novi_touch
  deferrable initially deferred for each row execute function novi_bump();

-- In adopted tables a config may be JSON, which has no equality; hence the texts.
create function novi_rows_changed() returns trigger language plpgsql security definer set search_path from current as $$
begin
  if tg_table_name = 'flags' then
    perform novi_note('flags', array(
      select added.id from added join gone on gone.id = added.id
      where (gone.name, gone.status) is distinct from (added.name, added.status)));
  else
    perform novi_note('activations', array(
      select added.id from added join gone on gone.id = added.id
      where (gone.name::text, gone.class_name::text, gone.config::text)
        is distinct from (added.name::text, added.class_name::text, added.config::text)));
  end if;
  return null;
end $$;

create function novi_activation_added() returns trigger language plpgsql security definer set search_path from current
as $$
begin
  insert into activation_metadata (activation_id) select id from added on conflict do nothing;
  return null;
end $$;

create function novi_members_changed() returns trigger language plpgsql security definer set search_path from current
as $$
begin
  if tg_op = 'INSERT' then
    perform novi_note('activations', array(select distinct activation_id from added));
  elsif tg_op = 'DELETE' then
    perform novi_note('activations', array(select distinct activation_id from gone));
  elsif tg_op = 'UPDATE' then
    perform novi_note('activations', array(
      select activation_id from (select * from gone except select * from added) was
      union select activation_id from (select * from added except select * from gone) is_now));
  else
    perform novi_note('activations', array(select activation_id from activation_metadata));
  end if;
  return null;
end $$;

-- What a flag is linked to is part of the flag.
create function novi_links_changed() returns trigger language plpgsql security definer set search_path from current
as $$
begin
  if tg_op = 'INSERT' then
    perform novi_note('flags', array(select distinct flag_id from added));
  elsif tg_op = 'DELETE' then
    perform novi_note('flags', array(select distinct flag_id from gone));
  elsif tg_op = 'UPDATE' then
    perform novi_note('flags', array(
      select flag_id from (select * from gone except select * from added) was
      union select flag_id from (select * from added except select * from gone) is_now));
  else
    perform novi_note('flags', array(select flag_id from flag_metadata));
  end if;
  return null;
end $$;

drop trigger novi_flag_changed on flags;
drop function novi_flag_changed();
create trigger novi_flags_changed after update on flags
  referencing old table as gone new table as added for each statement execute function novi_rows_changed();

create trigger novi_activation_added after insert on activations
  referencing new table as added for each statement execute function novi_activation_added();
create trigger novi_activations_changed after update on activations
  referencing old table as gone new table as added for each statement execute function novi_rows_changed();

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
