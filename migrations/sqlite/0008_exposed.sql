-- Whether callers with a client token may see and evaluate the flag. Those who hold such tokens are browsers and phones:
-- nothing is told to them unless somebody says so.
alter table flag_metadata add column exposed boolean not null default false;

-- Triggers name the columns that a record has.
drop trigger novi_flag_metadata_replace;
drop trigger novi_flag_metadata_insert;
drop trigger novi_flag_metadata_update;
drop trigger novi_flag_metadata_kept;
drop trigger novi_flag_metadata_delete;

create trigger novi_flag_metadata_replace before insert on flag_metadata
begin
  delete from novi_replaced where entity = 'flag_metadata';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'flag_metadata', flag_id, null, json_object(
      'flag_id', flag_id,
      'description', iif(typeof(description) = 'blob', hex(description), description),
      'owner', iif(typeof(owner) = 'blob', hex(owner), owner),
      'expires_at', iif(typeof(expires_at) = 'blob', hex(expires_at), expires_at),
      'tags', iif(typeof(tags) = 'blob', hex(tags), tags),
      'override_allowed', case when override_allowed = 1 then json('true') when override_allowed = 0 then json('false') when typeof(override_allowed) = 'blob' then hex(override_allowed) else override_allowed end,
      'exposed', case when exposed = 1 then json('true') when exposed = 0 then json('false') when typeof(exposed) = 'blob' then hex(exposed) else exposed end,
      'fail_mode', iif(typeof(fail_mode) = 'blob', hex(fail_mode), fail_mode),
      'variants', iif(typeof(variants) = 'blob', hex(variants), variants),
      'default_variant', iif(typeof(default_variant) = 'blob', hex(default_variant), default_variant),
      'row_version', iif(typeof(row_version) = 'blob', hex(row_version), row_version),
      'created_at', iif(typeof(created_at) = 'blob', hex(created_at), created_at))
  from flag_metadata where flag_id = new.flag_id;
end;

create trigger novi_flag_metadata_insert after insert on flag_metadata
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'flag_metadata', new.flag_id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    json_object(
      'flag_id', new.flag_id,
      'description', iif(typeof(new.description) = 'blob', hex(new.description), new.description),
      'owner', iif(typeof(new.owner) = 'blob', hex(new.owner), new.owner),
      'expires_at', iif(typeof(new.expires_at) = 'blob', hex(new.expires_at), new.expires_at),
      'tags', iif(typeof(new.tags) = 'blob', hex(new.tags), new.tags),
      'override_allowed', case when new.override_allowed = 1 then json('true') when new.override_allowed = 0 then json('false') when typeof(new.override_allowed) = 'blob' then hex(new.override_allowed) else new.override_allowed end,
      'exposed', case when new.exposed = 1 then json('true') when new.exposed = 0 then json('false') when typeof(new.exposed) = 'blob' then hex(new.exposed) else new.exposed end,
      'fail_mode', iif(typeof(new.fail_mode) = 'blob', hex(new.fail_mode), new.fail_mode),
      'variants', iif(typeof(new.variants) = 'blob', hex(new.variants), new.variants),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'row_version', iif(typeof(new.row_version) = 'blob', hex(new.row_version), new.row_version),
      'created_at', iif(typeof(new.created_at) = 'blob', hex(new.created_at), new.created_at))
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'flag_metadata' and replaced.entity_id = new.flag_id;
  delete from novi_replaced where entity = 'flag_metadata';
end;

-- `after` has the version that the row is given here.
create trigger novi_flag_metadata_update after update on flag_metadata
when old.flag_id is not new.flag_id
  or old.description is not new.description
  or old.owner is not new.owner
  or old.expires_at is not new.expires_at
  or old.tags is not new.tags
  or old.override_allowed is not new.override_allowed
  or old.exposed is not new.exposed
  or old.fail_mode is not new.fail_mode
  or old.variants is not new.variants
  or old.default_variant is not new.default_variant
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flag_metadata', new.flag_id, null, 'update',
    json_object(
      'flag_id', old.flag_id,
      'description', iif(typeof(old.description) = 'blob', hex(old.description), old.description),
      'owner', iif(typeof(old.owner) = 'blob', hex(old.owner), old.owner),
      'expires_at', iif(typeof(old.expires_at) = 'blob', hex(old.expires_at), old.expires_at),
      'tags', iif(typeof(old.tags) = 'blob', hex(old.tags), old.tags),
      'override_allowed', case when old.override_allowed = 1 then json('true') when old.override_allowed = 0 then json('false') when typeof(old.override_allowed) = 'blob' then hex(old.override_allowed) else old.override_allowed end,
      'exposed', case when old.exposed = 1 then json('true') when old.exposed = 0 then json('false') when typeof(old.exposed) = 'blob' then hex(old.exposed) else old.exposed end,
      'fail_mode', iif(typeof(old.fail_mode) = 'blob', hex(old.fail_mode), old.fail_mode),
      'variants', iif(typeof(old.variants) = 'blob', hex(old.variants), old.variants),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'row_version', iif(typeof(old.row_version) = 'blob', hex(old.row_version), old.row_version),
      'created_at', iif(typeof(old.created_at) = 'blob', hex(old.created_at), old.created_at)),
    json_object(
      'flag_id', new.flag_id,
      'description', iif(typeof(new.description) = 'blob', hex(new.description), new.description),
      'owner', iif(typeof(new.owner) = 'blob', hex(new.owner), new.owner),
      'expires_at', iif(typeof(new.expires_at) = 'blob', hex(new.expires_at), new.expires_at),
      'tags', iif(typeof(new.tags) = 'blob', hex(new.tags), new.tags),
      'override_allowed', case when new.override_allowed = 1 then json('true') when new.override_allowed = 0 then json('false') when typeof(new.override_allowed) = 'blob' then hex(new.override_allowed) else new.override_allowed end,
      'exposed', case when new.exposed = 1 then json('true') when new.exposed = 0 then json('false') when typeof(new.exposed) = 'blob' then hex(new.exposed) else new.exposed end,
      'fail_mode', iif(typeof(new.fail_mode) = 'blob', hex(new.fail_mode), new.fail_mode),
      'variants', iif(typeof(new.variants) = 'blob', hex(new.variants), new.variants),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'row_version', old.row_version + 1,
      'created_at', iif(typeof(new.created_at) = 'blob', hex(new.created_at), new.created_at)));
  update flag_metadata
  set row_version = old.row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.flag_id;
end;

-- Bookkeeping. That of novi's own triggers belongs to a change that has its record already: it raises the version by one.
create trigger novi_flag_metadata_kept after update on flag_metadata
when old.flag_id is new.flag_id
  and old.description is new.description
  and old.owner is new.owner
  and old.expires_at is new.expires_at
  and old.tags is new.tags
  and old.override_allowed is new.override_allowed
  and old.exposed is new.exposed
  and old.fail_mode is new.fail_mode
  and old.variants is new.variants
  and old.default_variant is new.default_variant
  and (old.row_version is not new.row_version or old.updated_at is not new.updated_at
    or old.created_at is not new.created_at)
  and (new.row_version is not old.row_version + 1 or old.created_at is not new.created_at)
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flag_metadata', new.flag_id, null, 'update',
    json_object(
      'flag_id', old.flag_id,
      'description', iif(typeof(old.description) = 'blob', hex(old.description), old.description),
      'owner', iif(typeof(old.owner) = 'blob', hex(old.owner), old.owner),
      'expires_at', iif(typeof(old.expires_at) = 'blob', hex(old.expires_at), old.expires_at),
      'tags', iif(typeof(old.tags) = 'blob', hex(old.tags), old.tags),
      'override_allowed', case when old.override_allowed = 1 then json('true') when old.override_allowed = 0 then json('false') when typeof(old.override_allowed) = 'blob' then hex(old.override_allowed) else old.override_allowed end,
      'exposed', case when old.exposed = 1 then json('true') when old.exposed = 0 then json('false') when typeof(old.exposed) = 'blob' then hex(old.exposed) else old.exposed end,
      'fail_mode', iif(typeof(old.fail_mode) = 'blob', hex(old.fail_mode), old.fail_mode),
      'variants', iif(typeof(old.variants) = 'blob', hex(old.variants), old.variants),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'row_version', iif(typeof(old.row_version) = 'blob', hex(old.row_version), old.row_version),
      'created_at', iif(typeof(old.created_at) = 'blob', hex(old.created_at), old.created_at)),
    json_object(
      'flag_id', new.flag_id,
      'description', iif(typeof(new.description) = 'blob', hex(new.description), new.description),
      'owner', iif(typeof(new.owner) = 'blob', hex(new.owner), new.owner),
      'expires_at', iif(typeof(new.expires_at) = 'blob', hex(new.expires_at), new.expires_at),
      'tags', iif(typeof(new.tags) = 'blob', hex(new.tags), new.tags),
      'override_allowed', case when new.override_allowed = 1 then json('true') when new.override_allowed = 0 then json('false') when typeof(new.override_allowed) = 'blob' then hex(new.override_allowed) else new.override_allowed end,
      'exposed', case when new.exposed = 1 then json('true') when new.exposed = 0 then json('false') when typeof(new.exposed) = 'blob' then hex(new.exposed) else new.exposed end,
      'fail_mode', iif(typeof(new.fail_mode) = 'blob', hex(new.fail_mode), new.fail_mode),
      'variants', iif(typeof(new.variants) = 'blob', hex(new.variants), new.variants),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'row_version', iif(typeof(new.row_version) = 'blob', hex(new.row_version), new.row_version),
      'created_at', iif(typeof(new.created_at) = 'blob', hex(new.created_at), new.created_at)));
end;

create trigger novi_flag_metadata_delete after delete on flag_metadata
begin
  delete from novi_replaced where entity = 'flag_metadata' and entity_id = old.flag_id;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('flag_metadata', old.flag_id, null, 'delete',
    json_object(
      'flag_id', old.flag_id,
      'description', iif(typeof(old.description) = 'blob', hex(old.description), old.description),
      'owner', iif(typeof(old.owner) = 'blob', hex(old.owner), old.owner),
      'expires_at', iif(typeof(old.expires_at) = 'blob', hex(old.expires_at), old.expires_at),
      'tags', iif(typeof(old.tags) = 'blob', hex(old.tags), old.tags),
      'override_allowed', case when old.override_allowed = 1 then json('true') when old.override_allowed = 0 then json('false') when typeof(old.override_allowed) = 'blob' then hex(old.override_allowed) else old.override_allowed end,
      'exposed', case when old.exposed = 1 then json('true') when old.exposed = 0 then json('false') when typeof(old.exposed) = 'blob' then hex(old.exposed) else old.exposed end,
      'fail_mode', iif(typeof(old.fail_mode) = 'blob', hex(old.fail_mode), old.fail_mode),
      'variants', iif(typeof(old.variants) = 'blob', hex(old.variants), old.variants),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'row_version', iif(typeof(old.row_version) = 'blob', hex(old.row_version), old.row_version),
      'created_at', iif(typeof(old.created_at) = 'blob', hex(old.created_at), old.created_at)));
end;
