-- Whether callers with a client token may see and evaluate the flag. Those who hold such tokens are browsers and phones:
-- nothing is told to them unless somebody says so.
set @novi_sql = if(
  exists (select 1 from information_schema.columns
    where table_schema = database() and table_name = 'flag_metadata' and column_name = 'exposed'),
  'do 0',
  'alter table flag_metadata add column exposed boolean not null default false');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Triggers name the columns that a record has.

drop trigger if exists novi_flag_metadata_changed;
create trigger novi_flag_metadata_changed before update on flag_metadata for each row
begin
  if not (old.description <=> new.description and old.owner <=> new.owner
    and old.expires_at <=> new.expires_at and old.tags <=> new.tags
    and old.override_allowed <=> new.override_allowed and old.exposed <=> new.exposed
    and old.fail_mode <=> new.fail_mode
    and old.variants <=> new.variants and old.default_variant <=> new.default_variant) then
    set new.row_version = old.row_version + 1, new.updated_at = utc_timestamp(6);
  end if;
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
        'exposed', json_extract(case exposed when 1 then 'true' when 0 then 'false' else coalesce(exposed, 'null') end, '$'),
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
        'exposed', json_extract(case exposed when 1 then 'true' when 0 then 'false' else coalesce(exposed, 'null') end, '$'),
        'fail_mode', fail_mode,
        'variants', variants,
        'default_variant', default_variant,
        'row_version', row_version,
        'created_at', created_at)
      from flag_metadata where flag_id = new.id;
    end if;
  end if;
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
      'exposed', json_extract(case new.exposed when 1 then 'true' when 0 then 'false' else coalesce(new.exposed, 'null') end, '$'),
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
    old.override_allowed <=> new.override_allowed and old.exposed <=> new.exposed
    and old.fail_mode <=> new.fail_mode and
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
      'exposed', json_extract(case old.exposed when 1 then 'true' when 0 then 'false' else coalesce(old.exposed, 'null') end, '$'),
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
      'exposed', json_extract(case new.exposed when 1 then 'true' when 0 then 'false' else coalesce(new.exposed, 'null') end, '$'),
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
      'exposed', json_extract(case old.exposed when 1 then 'true' when 0 then 'false' else coalesce(old.exposed, 'null') end, '$'),
      'fail_mode', old.fail_mode,
      'variants', old.variants,
      'default_variant', old.default_variant,
      'row_version', old.row_version,
      'created_at', old.created_at),
    null);
end;
