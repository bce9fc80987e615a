-- The revision: one number that every change of the rows raises, whoever makes it. Readers compare with `!=`.
create table novi_revision (
  slot integer primary key,
  revision integer not null,
  changed_at text
);
insert into novi_revision (slot, revision, changed_at) values (0, 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));

-- Who changed what, and when. `before` and `after` are the row as JSON. `reason` is for the programs that know one.
create table flag_history (
  id integer primary key,
  slot integer not null,
  revision integer,
  changed_at text not null,
  actor text,
  entity text not null,
  entity_id integer,
  other_id integer,
  operation text not null,
  before text,
  after text,
  reason text
);
create index flag_history_entity on flag_history (entity, entity_id);

-- A row's values can be of any type in SQLite. A blob, which JSON can not hold, is written in hexadecimal, so that no
-- odd value makes a write fail.

create trigger novi_flags_insert after insert on flags
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags', new.id, null, 'insert',
    null,
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'status', case when new.status = 1 then json('true') when new.status = 0 then json('false') when typeof(new.status) = 'blob' then hex(new.status) else new.status end)
  from novi_revision;
end;

create trigger novi_flags_update after update on flags
when old.id is not new.id
  or old.name is not new.name
  or old.status is not new.status
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'status', case when old.status = 1 then json('true') when old.status = 0 then json('false') when typeof(old.status) = 'blob' then hex(old.status) else old.status end),
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'status', case when new.status = 1 then json('true') when new.status = 0 then json('false') when typeof(new.status) = 'blob' then hex(new.status) else new.status end)
  from novi_revision;
end;

create trigger novi_flags_delete after delete on flags
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'status', case when old.status = 1 then json('true') when old.status = 0 then json('false') when typeof(old.status) = 'blob' then hex(old.status) else old.status end),
    null
  from novi_revision;
end;

create trigger novi_activations_insert after insert on activations
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activations', new.id, null, 'insert',
    null,
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'class_name', iif(typeof(new.class_name) = 'blob', hex(new.class_name), new.class_name),
      'config', iif(typeof(new.config) = 'blob', hex(new.config), new.config))
  from novi_revision;
end;

create trigger novi_activations_update after update on activations
when old.id is not new.id
  or old.name is not new.name
  or old.class_name is not new.class_name
  or old.config is not new.config
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activations', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'class_name', iif(typeof(old.class_name) = 'blob', hex(old.class_name), old.class_name),
      'config', iif(typeof(old.config) = 'blob', hex(old.config), old.config)),
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'class_name', iif(typeof(new.class_name) = 'blob', hex(new.class_name), new.class_name),
      'config', iif(typeof(new.config) = 'blob', hex(new.config), new.config))
  from novi_revision;
end;

create trigger novi_activations_delete after delete on activations
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activations', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'class_name', iif(typeof(old.class_name) = 'blob', hex(old.class_name), old.class_name),
      'config', iif(typeof(old.config) = 'blob', hex(old.config), old.config)),
    null
  from novi_revision;
end;

create trigger novi_flags_activations_insert after insert on flags_activations
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags_activations', new.flag_id, new.activation_id, 'insert',
    null,
    json_object(
      'flag_id', new.flag_id,
      'activation_id', new.activation_id)
  from novi_revision;
end;

create trigger novi_flags_activations_update after update on flags_activations
when old.flag_id is not new.flag_id
  or old.activation_id is not new.activation_id
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags_activations', new.flag_id, new.activation_id, 'update',
    json_object(
      'flag_id', old.flag_id,
      'activation_id', old.activation_id),
    json_object(
      'flag_id', new.flag_id,
      'activation_id', new.activation_id)
  from novi_revision;
end;

create trigger novi_flags_activations_delete after delete on flags_activations
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flags_activations', old.flag_id, old.activation_id, 'delete',
    json_object(
      'flag_id', old.flag_id,
      'activation_id', old.activation_id),
    null
  from novi_revision;
end;

create trigger novi_flag_metadata_insert after insert on flag_metadata
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flag_metadata', new.flag_id, null, 'insert',
    null,
    json_object(
      'flag_id', new.flag_id,
      'description', iif(typeof(new.description) = 'blob', hex(new.description), new.description),
      'owner', iif(typeof(new.owner) = 'blob', hex(new.owner), new.owner),
      'expires_at', iif(typeof(new.expires_at) = 'blob', hex(new.expires_at), new.expires_at),
      'tags', iif(typeof(new.tags) = 'blob', hex(new.tags), new.tags),
      'override_allowed', case when new.override_allowed = 1 then json('true') when new.override_allowed = 0 then json('false') when typeof(new.override_allowed) = 'blob' then hex(new.override_allowed) else new.override_allowed end,
      'fail_mode', iif(typeof(new.fail_mode) = 'blob', hex(new.fail_mode), new.fail_mode),
      'variants', iif(typeof(new.variants) = 'blob', hex(new.variants), new.variants),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'row_version', new.row_version)
  from novi_revision;
end;

-- Bookkeeping alone raises the revision and leaves no history.
create trigger novi_flag_metadata_kept after update on flag_metadata
when old.row_version is not new.row_version or old.updated_at is not new.updated_at
  or old.created_at is not new.created_at
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
end;

create trigger novi_flag_metadata_update after update on flag_metadata
when old.flag_id is not new.flag_id
  or old.description is not new.description
  or old.owner is not new.owner
  or old.expires_at is not new.expires_at
  or old.tags is not new.tags
  or old.override_allowed is not new.override_allowed
  or old.fail_mode is not new.fail_mode
  or old.variants is not new.variants
  or old.default_variant is not new.default_variant
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flag_metadata', new.flag_id, null, 'update',
    json_object(
      'flag_id', old.flag_id,
      'description', iif(typeof(old.description) = 'blob', hex(old.description), old.description),
      'owner', iif(typeof(old.owner) = 'blob', hex(old.owner), old.owner),
      'expires_at', iif(typeof(old.expires_at) = 'blob', hex(old.expires_at), old.expires_at),
      'tags', iif(typeof(old.tags) = 'blob', hex(old.tags), old.tags),
      'override_allowed', case when old.override_allowed = 1 then json('true') when old.override_allowed = 0 then json('false') when typeof(old.override_allowed) = 'blob' then hex(old.override_allowed) else old.override_allowed end,
      'fail_mode', iif(typeof(old.fail_mode) = 'blob', hex(old.fail_mode), old.fail_mode),
      'variants', iif(typeof(old.variants) = 'blob', hex(old.variants), old.variants),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'row_version', old.row_version),
    json_object(
      'flag_id', new.flag_id,
      'description', iif(typeof(new.description) = 'blob', hex(new.description), new.description),
      'owner', iif(typeof(new.owner) = 'blob', hex(new.owner), new.owner),
      'expires_at', iif(typeof(new.expires_at) = 'blob', hex(new.expires_at), new.expires_at),
      'tags', iif(typeof(new.tags) = 'blob', hex(new.tags), new.tags),
      'override_allowed', case when new.override_allowed = 1 then json('true') when new.override_allowed = 0 then json('false') when typeof(new.override_allowed) = 'blob' then hex(new.override_allowed) else new.override_allowed end,
      'fail_mode', iif(typeof(new.fail_mode) = 'blob', hex(new.fail_mode), new.fail_mode),
      'variants', iif(typeof(new.variants) = 'blob', hex(new.variants), new.variants),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'row_version', new.row_version)
  from novi_revision;
end;

create trigger novi_flag_metadata_delete after delete on flag_metadata
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'flag_metadata', old.flag_id, null, 'delete',
    json_object(
      'flag_id', old.flag_id,
      'description', iif(typeof(old.description) = 'blob', hex(old.description), old.description),
      'owner', iif(typeof(old.owner) = 'blob', hex(old.owner), old.owner),
      'expires_at', iif(typeof(old.expires_at) = 'blob', hex(old.expires_at), old.expires_at),
      'tags', iif(typeof(old.tags) = 'blob', hex(old.tags), old.tags),
      'override_allowed', case when old.override_allowed = 1 then json('true') when old.override_allowed = 0 then json('false') when typeof(old.override_allowed) = 'blob' then hex(old.override_allowed) else old.override_allowed end,
      'fail_mode', iif(typeof(old.fail_mode) = 'blob', hex(old.fail_mode), old.fail_mode),
      'variants', iif(typeof(old.variants) = 'blob', hex(old.variants), old.variants),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'row_version', old.row_version),
    null
  from novi_revision;
end;
