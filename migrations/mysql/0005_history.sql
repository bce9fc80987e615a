-- Every change leaves one record that says who made it and why, and every record raises the revision of its slot: a reader
-- that has seen all records knows all that has changed. MySQL commits each DDL statement: every statement can run again.

-- What `novi migrate` could do here: 'triggers' is 'missing' where the server refused to make them.
create table if not exists novi_state (
  name varchar(64) not null primary key,
  value varchar(255) not null
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin;

-- The least revision under which a reader has seen the record, whatever its slot. It puts records of different slots in
-- the order in which they became visible; those that nobody has seen are the newest.
set @novi_sql = if(
  exists (select 1 from information_schema.columns
    where table_schema = database() and table_name = 'flag_history' and column_name = 'seen'),
  'do 0',
  'alter table flag_history add column seen bigint null');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = if(
  exists (select 1 from information_schema.statistics
    where table_schema = database() and table_name = 'flag_history' and index_name = 'flag_history_revision'),
  'do 0',
  'create index flag_history_revision on flag_history (slot, revision)');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = if(
  exists (select 1 from information_schema.statistics
    where table_schema = database() and table_name = 'flag_history' and index_name = 'flag_history_seen'),
  'do 0',
  'create index flag_history_seen on flag_history (seen)');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- What all records have in common. Who changes is what the session says of itself (`set @novi_actor = 'jane'`), else
-- the database's user. A record that has a revision is one that somebody restores.
drop trigger if exists novi_record_added;
create trigger novi_record_added before insert on flag_history for each row
begin
  if new.revision is null then
    update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
      where slot = connection_id() % 64;
    set new.slot = connection_id() % 64,
      new.revision = (select revision from novi_revision where slot = connection_id() % 64),
      new.changed_at = utc_timestamp(6),
      new.actor = left(coalesce(nullif(@novi_actor, ''), user()), 255),
      new.reason = left(nullif(@novi_reason, ''), 10000);
  end if;
end;

drop trigger if exists novi_flags_insert;
create trigger novi_flags_insert after insert on flags for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags', new.id, null, 'insert',
    null,
    json_object(
      'id', new.id,
      'name', new.name,
      'status', json_extract(case new.status when 1 then 'true' when 0 then 'false' else coalesce(new.status, 'null') end, '$')));
end;

drop trigger if exists novi_flags_update;
create trigger novi_flags_update after update on flags for each row
begin
  if not (old.id <=> new.id and old.name <=> new.name and old.status <=> new.status) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', old.name,
      'status', json_extract(case old.status when 1 then 'true' when 0 then 'false' else coalesce(old.status, 'null') end, '$')),
    json_object(
      'id', new.id,
      'name', new.name,
      'status', json_extract(case new.status when 1 then 'true' when 0 then 'false' else coalesce(new.status, 'null') end, '$')));
    -- The key of these rows follows by a cascade, which fires no triggers.
    if old.id <> new.id then
      insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
      select 0, utc_timestamp(6), 'flag_metadata', new.id, null, 'update',
      json_object(
        'flag_id', old.id,
        'description', description,
        'owner', owner,
        'expires_at', expires_at,
        'tags', tags,
        'override_allowed', json_extract(case override_allowed when 1 then 'true' when 0 then 'false' else coalesce(override_allowed, 'null') end, '$'),
        'fail_mode', fail_mode,
        'variants', variants,
        'default_variant', default_variant,
        'row_version', row_version,
        'created_at', created_at),
      json_object(
        'flag_id', flag_id,
        'description', description,
        'owner', owner,
        'expires_at', expires_at,
        'tags', tags,
        'override_allowed', json_extract(case override_allowed when 1 then 'true' when 0 then 'false' else coalesce(override_allowed, 'null') end, '$'),
        'fail_mode', fail_mode,
        'variants', variants,
        'default_variant', default_variant,
        'row_version', row_version,
        'created_at', created_at)
      from flag_metadata where flag_id = new.id;
    end if;
  end if;
end;

drop trigger if exists novi_flags_delete;
create trigger novi_flags_delete after delete on flags for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', old.name,
      'status', json_extract(case old.status when 1 then 'true' when 0 then 'false' else coalesce(old.status, 'null') end, '$')),
    null);
end;

drop trigger if exists novi_activations_insert;
create trigger novi_activations_insert after insert on activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activations', new.id, null, 'insert',
    null,
    json_object(
      'id', new.id,
      'name', new.name,
      'class_name', new.class_name,
      'config', new.config));
end;

drop trigger if exists novi_activations_update;
create trigger novi_activations_update after update on activations for each row
begin
  if not (old.id <=> new.id and old.name <=> new.name and old.class_name <=> new.class_name and
    old.config <=> new.config) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activations', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', old.name,
      'class_name', old.class_name,
      'config', old.config),
    json_object(
      'id', new.id,
      'name', new.name,
      'class_name', new.class_name,
      'config', new.config));
    -- The key of these rows follows by a cascade, which fires no triggers.
    if old.id <> new.id then
      insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
      select 0, utc_timestamp(6), 'activation_members', new.id, null, 'update',
      json_object(
        'activation_id', old.id,
        'member', member,
        'denied', json_extract(case denied when 1 then 'true' when 0 then 'false' else coalesce(denied, 'null') end, '$')),
      json_object(
        'activation_id', activation_id,
        'member', member,
        'denied', json_extract(case denied when 1 then 'true' when 0 then 'false' else coalesce(denied, 'null') end, '$'))
      from activation_members where activation_id = new.id;
    end if;
  end if;
end;

drop trigger if exists novi_activations_delete;
create trigger novi_activations_delete after delete on activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activations', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', old.name,
      'class_name', old.class_name,
      'config', old.config),
    null);
end;

drop trigger if exists novi_flags_activations_insert;
create trigger novi_flags_activations_insert after insert on flags_activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags_activations', new.flag_id, new.activation_id, 'insert',
    null,
    json_object(
      'flag_id', new.flag_id,
      'activation_id', new.activation_id));
end;

drop trigger if exists novi_flags_activations_update;
create trigger novi_flags_activations_update after update on flags_activations for each row
begin
  if not (old.flag_id <=> new.flag_id and old.activation_id <=> new.activation_id) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags_activations', new.flag_id, new.activation_id, 'update',
    json_object(
      'flag_id', old.flag_id,
      'activation_id', old.activation_id),
    json_object(
      'flag_id', new.flag_id,
      'activation_id', new.activation_id));
  end if;
end;

drop trigger if exists novi_flags_activations_delete;
create trigger novi_flags_activations_delete after delete on flags_activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags_activations', old.flag_id, old.activation_id, 'delete',
    json_object(
      'flag_id', old.flag_id,
      'activation_id', old.activation_id),
    null);
end;

drop trigger if exists novi_flag_metadata_insert;
create trigger novi_flag_metadata_insert after insert on flag_metadata for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flag_metadata', new.flag_id, null, 'insert',
    null,
    json_object(
      'flag_id', new.flag_id,
      'description', new.description,
      'owner', new.owner,
      'expires_at', new.expires_at,
      'tags', new.tags,
      'override_allowed', json_extract(case new.override_allowed when 1 then 'true' when 0 then 'false' else coalesce(new.override_allowed, 'null') end, '$'),
      'fail_mode', new.fail_mode,
      'variants', new.variants,
      'default_variant', new.default_variant,
      'row_version', new.row_version,
      'created_at', new.created_at));
end;

drop trigger if exists novi_flag_metadata_update;
create trigger novi_flag_metadata_update after update on flag_metadata for each row
begin
  if not (old.flag_id <=> new.flag_id and old.description <=> new.description and old.owner <=> new.owner and
    old.expires_at <=> new.expires_at and old.tags <=> new.tags and
    old.override_allowed <=> new.override_allowed and old.fail_mode <=> new.fail_mode and
    old.variants <=> new.variants and old.default_variant <=> new.default_variant)
    -- Bookkeeping. That of novi's own triggers belongs to a change that has its record already: it raises the version by one.
    or not (old.created_at <=> new.created_at)
    or not ((old.row_version <=> new.row_version and old.updated_at <=> new.updated_at)
      or old.row_version + 1 <=> new.row_version) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flag_metadata', new.flag_id, null, 'update',
    json_object(
      'flag_id', old.flag_id,
      'description', old.description,
      'owner', old.owner,
      'expires_at', old.expires_at,
      'tags', old.tags,
      'override_allowed', json_extract(case old.override_allowed when 1 then 'true' when 0 then 'false' else coalesce(old.override_allowed, 'null') end, '$'),
      'fail_mode', old.fail_mode,
      'variants', old.variants,
      'default_variant', old.default_variant,
      'row_version', old.row_version,
      'created_at', old.created_at),
    json_object(
      'flag_id', new.flag_id,
      'description', new.description,
      'owner', new.owner,
      'expires_at', new.expires_at,
      'tags', new.tags,
      'override_allowed', json_extract(case new.override_allowed when 1 then 'true' when 0 then 'false' else coalesce(new.override_allowed, 'null') end, '$'),
      'fail_mode', new.fail_mode,
      'variants', new.variants,
      'default_variant', new.default_variant,
      'row_version', new.row_version,
      'created_at', new.created_at));
  end if;
end;

drop trigger if exists novi_flag_metadata_delete;
create trigger novi_flag_metadata_delete after delete on flag_metadata for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flag_metadata', old.flag_id, null, 'delete',
    json_object(
      'flag_id', old.flag_id,
      'description', old.description,
      'owner', old.owner,
      'expires_at', old.expires_at,
      'tags', old.tags,
      'override_allowed', json_extract(case old.override_allowed when 1 then 'true' when 0 then 'false' else coalesce(old.override_allowed, 'null') end, '$'),
      'fail_mode', old.fail_mode,
      'variants', old.variants,
      'default_variant', old.default_variant,
      'row_version', old.row_version,
      'created_at', old.created_at),
    null);
end;

drop trigger if exists novi_activation_members_insert;
create trigger novi_activation_members_insert after insert on activation_members for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activation_members', new.activation_id, null, 'insert',
    null,
    json_object(
      'activation_id', new.activation_id,
      'member', new.member,
      'denied', json_extract(case new.denied when 1 then 'true' when 0 then 'false' else coalesce(new.denied, 'null') end, '$')));
end;

drop trigger if exists novi_activation_members_update;
create trigger novi_activation_members_update after update on activation_members for each row
begin
  if not (old.activation_id <=> new.activation_id and old.member <=> new.member and
    old.denied <=> new.denied) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activation_members', new.activation_id, null, 'update',
    json_object(
      'activation_id', old.activation_id,
      'member', old.member,
      'denied', json_extract(case old.denied when 1 then 'true' when 0 then 'false' else coalesce(old.denied, 'null') end, '$')),
    json_object(
      'activation_id', new.activation_id,
      'member', new.member,
      'denied', json_extract(case new.denied when 1 then 'true' when 0 then 'false' else coalesce(new.denied, 'null') end, '$')));
  end if;
end;

drop trigger if exists novi_activation_members_delete;
create trigger novi_activation_members_delete after delete on activation_members for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activation_members', old.activation_id, null, 'delete',
    json_object(
      'activation_id', old.activation_id,
      'member', old.member,
      'denied', json_extract(case old.denied when 1 then 'true' when 0 then 'false' else coalesce(old.denied, 'null') end, '$')),
    null);
end;

-- Not by `where not exists`, which would lock the gap that the next new flag goes to: writers would wait for each other, or
-- deadlock.
drop trigger if exists novi_flag_added;
create trigger novi_flag_added after insert on flags for each row
begin
  insert ignore into flag_metadata (flag_id) values (new.id);
end;
