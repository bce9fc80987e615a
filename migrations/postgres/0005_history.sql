-- Every change leaves one record that says who made it and why, and every raise of the revision has a record: a reader that
-- has seen all records knows all that has changed.
create index flag_history_revision on flag_history (slot, revision);

-- Who changes: what the session says of itself (`set novi.actor = 'jane'`), else the database's user.
create function novi_actor() returns text language sql stable as $$
  select coalesce(nullif(current_setting('novi.actor', true), ''), session_user)
$$;

create or replace function novi_record() returns trigger language plpgsql security definer set search_path from current
as $$
declare
  was json := case when tg_op <> 'INSERT' then row_to_json(old) end;
  is_now json := case when tg_op <> 'DELETE' then row_to_json(new) end;
  row_ json := coalesce(is_now, was);
begin
  if tg_op = 'UPDATE' then
    if was::text = is_now::text then
      return null;
    end if;
    -- Bookkeeping of novi's own triggers belongs to a change that has its record already: it raises the version by one.
    if tg_table_name = 'flag_metadata' and pg_trigger_depth() > 1
      and (is_now ->> 'row_version')::bigint = (was ->> 'row_version')::bigint + 1
      and was::jsonb - array['row_version', 'updated_at'] = is_now::jsonb - array['row_version', 'updated_at'] then
      return null;
    end if;
  end if;
  insert into novi_touch (xid) values (pg_current_xact_id()) on conflict do nothing;
  insert into flag_history (actor, reason, entity, entity_id, other_id, operation, before, after, xid)
  values (novi_actor(), nullif(current_setting('novi.reason', true), ''), tg_table_name,
    (row_ ->> tg_argv[0])::bigint, (row_ ->> tg_argv[1])::bigint, lower(tg_op),
    was::text, is_now::text, pg_current_xact_id());
  return null;
end $$;

-- Before the rows are gone: a record for each of them.
create or replace function novi_record_truncate() returns trigger language plpgsql security definer
set search_path from current as $$
declare
  rows_gone bigint;
begin
  execute format(
    'insert into flag_history (actor, reason, entity, entity_id, other_id, operation, before, xid)
     select novi_actor(), nullif(current_setting(''novi.reason'', true), ''''), $1,
       (gone ->> $2)::bigint, (gone ->> $3)::bigint, ''delete'', gone::text, pg_current_xact_id()
     from (select row_to_json(it) as gone from %I.%I it) rows_gone', tg_table_schema, tg_table_name)
  using tg_table_name, tg_argv[0], tg_argv[1];
  get diagnostics rows_gone = row_count;
  if rows_gone > 0 then
    insert into novi_touch (xid) values (pg_current_xact_id()) on conflict do nothing;
  end if;
  return null;
end $$;

-- A change happens when it is committed: until then nobody sees it.
create or replace function novi_commit() returns trigger language plpgsql security definer set search_path from current
as $$
declare
  reached record;
begin
  delete from novi_touch where xid = new.xid;
  update novi_revision set revision = revision + 1, changed_at = clock_timestamp() where slot = 0
  returning revision, changed_at into reached;
  update flag_history set revision = reached.revision, changed_at = reached.changed_at, xid = null
  where xid = new.xid;
  perform pg_notify('novi', reached.revision::text);
  return null;
end $$;

drop trigger novi_flags_truncate on flags;
drop trigger novi_activations_truncate on activations;
drop trigger novi_flags_activations_truncate on flags_activations;
drop trigger novi_flag_metadata_truncate on flag_metadata;
drop trigger novi_activation_members_truncate on activation_members;
create trigger novi_flags_truncate before truncate on flags
  for each statement execute function novi_record_truncate('id');
create trigger novi_activations_truncate before truncate on activations
  for each statement execute function novi_record_truncate('id');
create trigger novi_flags_activations_truncate before truncate on flags_activations
  for each statement execute function novi_record_truncate('flag_id', 'activation_id');
create trigger novi_flag_metadata_truncate before truncate on flag_metadata
  for each statement execute function novi_record_truncate('flag_id');
create trigger novi_activation_members_truncate before truncate on activation_members
  for each statement execute function novi_record_truncate('activation_id');
