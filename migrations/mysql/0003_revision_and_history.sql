-- The revision: the sum of these counters, which every change of the rows raises, whoever makes it. Readers compare
-- with `!=`. Each connection has one of 64 slots: with a single row, writers would wait for each other until they
-- commit, and writers in opposite order would deadlock.
create table if not exists novi_revision (
  slot smallint not null primary key,
  revision bigint not null,
  changed_at datetime(6) not null
) engine = InnoDB;
insert ignore into novi_revision (slot, revision, changed_at) values
  (0, 1, utc_timestamp(6)), (1, 0, utc_timestamp(6)), (2, 0, utc_timestamp(6)), (3, 0, utc_timestamp(6)),
  (4, 0, utc_timestamp(6)), (5, 0, utc_timestamp(6)), (6, 0, utc_timestamp(6)), (7, 0, utc_timestamp(6)),
  (8, 0, utc_timestamp(6)), (9, 0, utc_timestamp(6)), (10, 0, utc_timestamp(6)), (11, 0, utc_timestamp(6)),
  (12, 0, utc_timestamp(6)), (13, 0, utc_timestamp(6)), (14, 0, utc_timestamp(6)), (15, 0, utc_timestamp(6)),
  (16, 0, utc_timestamp(6)), (17, 0, utc_timestamp(6)), (18, 0, utc_timestamp(6)), (19, 0, utc_timestamp(6)),
  (20, 0, utc_timestamp(6)), (21, 0, utc_timestamp(6)), (22, 0, utc_timestamp(6)), (23, 0, utc_timestamp(6)),
  (24, 0, utc_timestamp(6)), (25, 0, utc_timestamp(6)), (26, 0, utc_timestamp(6)), (27, 0, utc_timestamp(6)),
  (28, 0, utc_timestamp(6)), (29, 0, utc_timestamp(6)), (30, 0, utc_timestamp(6)), (31, 0, utc_timestamp(6)),
  (32, 0, utc_timestamp(6)), (33, 0, utc_timestamp(6)), (34, 0, utc_timestamp(6)), (35, 0, utc_timestamp(6)),
  (36, 0, utc_timestamp(6)), (37, 0, utc_timestamp(6)), (38, 0, utc_timestamp(6)), (39, 0, utc_timestamp(6)),
  (40, 0, utc_timestamp(6)), (41, 0, utc_timestamp(6)), (42, 0, utc_timestamp(6)), (43, 0, utc_timestamp(6)),
  (44, 0, utc_timestamp(6)), (45, 0, utc_timestamp(6)), (46, 0, utc_timestamp(6)), (47, 0, utc_timestamp(6)),
  (48, 0, utc_timestamp(6)), (49, 0, utc_timestamp(6)), (50, 0, utc_timestamp(6)), (51, 0, utc_timestamp(6)),
  (52, 0, utc_timestamp(6)), (53, 0, utc_timestamp(6)), (54, 0, utc_timestamp(6)), (55, 0, utc_timestamp(6)),
  (56, 0, utc_timestamp(6)), (57, 0, utc_timestamp(6)), (58, 0, utc_timestamp(6)), (59, 0, utc_timestamp(6)),
  (60, 0, utc_timestamp(6)), (61, 0, utc_timestamp(6)), (62, 0, utc_timestamp(6)), (63, 0, utc_timestamp(6));

-- Who changed what, and when. `before` and `after` are the row as JSON. `revision` is that of the slot.
-- `reason` is for the programs that know one.
create table if not exists flag_history (
  id bigint not null auto_increment primary key,
  slot smallint not null,
  revision bigint,
  changed_at datetime(6) not null,
  actor varchar(255),
  entity varchar(64) not null,
  entity_id bigint,
  other_id bigint,
  operation varchar(16) not null,
  `before` longtext,
  `after` longtext,
  reason text,
  index flag_history_entity (entity, entity_id)
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin;

-- MySQL has row triggers only, none for truncate.

drop trigger if exists novi_flags_insert;
create trigger novi_flags_insert after insert on flags for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags', new.id, null, 'insert',
      null,
      json_object('id', new.id, 'name', new.name, 'status', json_extract(if(new.status, 'true', 'false'), '$'))
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_flags_update;
create trigger novi_flags_update after update on flags for each row
begin
  if not (old.id <=> new.id and old.name <=> new.name and old.status <=> new.status) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags', new.id, null, 'update',
      json_object('id', old.id, 'name', old.name, 'status', json_extract(if(old.status, 'true', 'false'), '$')),
      json_object('id', new.id, 'name', new.name, 'status', json_extract(if(new.status, 'true', 'false'), '$'))
    from novi_revision where slot = connection_id() % 64;
  end if;
end;

drop trigger if exists novi_flags_delete;
create trigger novi_flags_delete after delete on flags for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags', old.id, null, 'delete',
      json_object('id', old.id, 'name', old.name, 'status', json_extract(if(old.status, 'true', 'false'), '$')),
      null
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_activations_insert;
create trigger novi_activations_insert after insert on activations for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activations', new.id, null, 'insert',
      null,
      json_object('id', new.id, 'name', new.name, 'class_name', new.class_name, 'config', new.config)
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_activations_update;
create trigger novi_activations_update after update on activations for each row
begin
  if not (old.id <=> new.id and old.name <=> new.name and old.class_name <=> new.class_name
    and old.config <=> new.config) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activations', new.id, null, 'update',
      json_object('id', old.id, 'name', old.name, 'class_name', old.class_name, 'config', old.config),
      json_object('id', new.id, 'name', new.name, 'class_name', new.class_name, 'config', new.config)
    from novi_revision where slot = connection_id() % 64;
  end if;
end;

drop trigger if exists novi_activations_delete;
create trigger novi_activations_delete after delete on activations for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activations', old.id, null, 'delete',
      json_object('id', old.id, 'name', old.name, 'class_name', old.class_name, 'config', old.config),
      null
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_flags_activations_insert;
create trigger novi_flags_activations_insert after insert on flags_activations for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags_activations', new.flag_id, new.activation_id, 'insert',
      null,
      json_object('flag_id', new.flag_id, 'activation_id', new.activation_id)
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_flags_activations_update;
create trigger novi_flags_activations_update after update on flags_activations for each row
begin
  if not (old.flag_id <=> new.flag_id and old.activation_id <=> new.activation_id) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags_activations', new.flag_id, new.activation_id, 'update',
      json_object('flag_id', old.flag_id, 'activation_id', old.activation_id),
      json_object('flag_id', new.flag_id, 'activation_id', new.activation_id)
    from novi_revision where slot = connection_id() % 64;
  end if;
end;

drop trigger if exists novi_flags_activations_delete;
create trigger novi_flags_activations_delete after delete on flags_activations for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flags_activations', old.flag_id, old.activation_id, 'delete',
      json_object('flag_id', old.flag_id, 'activation_id', old.activation_id),
      null
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_flag_metadata_insert;
create trigger novi_flag_metadata_insert after insert on flag_metadata for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flag_metadata', new.flag_id, null, 'insert',
      null,
      json_object('flag_id', new.flag_id, 'description', new.description, 'owner', new.owner,
      'expires_at', new.expires_at, 'tags', new.tags,
      'override_allowed', json_extract(if(new.override_allowed, 'true', 'false'), '$'),
      'fail_mode', new.fail_mode, 'variants', new.variants, 'default_variant', new.default_variant,
      'row_version', new.row_version)
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_flag_metadata_update;
create trigger novi_flag_metadata_update after update on flag_metadata for each row
begin
  -- Bookkeeping alone raises the revision and leaves no history.
  if not (old.row_version <=> new.row_version and old.updated_at <=> new.updated_at
    and old.created_at <=> new.created_at) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  end if;
  if not (old.flag_id <=> new.flag_id and old.description <=> new.description and old.owner <=> new.owner
    and old.expires_at <=> new.expires_at and old.tags <=> new.tags
    and old.override_allowed <=> new.override_allowed and old.fail_mode <=> new.fail_mode
    and old.variants <=> new.variants and old.default_variant <=> new.default_variant) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flag_metadata', new.flag_id, null, 'update',
      json_object('flag_id', old.flag_id, 'description', old.description, 'owner', old.owner,
      'expires_at', old.expires_at, 'tags', old.tags,
      'override_allowed', json_extract(if(old.override_allowed, 'true', 'false'), '$'),
      'fail_mode', old.fail_mode, 'variants', old.variants, 'default_variant', old.default_variant,
      'row_version', old.row_version),
      json_object('flag_id', new.flag_id, 'description', new.description, 'owner', new.owner,
      'expires_at', new.expires_at, 'tags', new.tags,
      'override_allowed', json_extract(if(new.override_allowed, 'true', 'false'), '$'),
      'fail_mode', new.fail_mode, 'variants', new.variants, 'default_variant', new.default_variant,
      'row_version', new.row_version)
    from novi_revision where slot = connection_id() % 64;
  end if;
end;

drop trigger if exists novi_flag_metadata_delete;
create trigger novi_flag_metadata_delete after delete on flag_metadata for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'flag_metadata', old.flag_id, null, 'delete',
      json_object('flag_id', old.flag_id, 'description', old.description, 'owner', old.owner,
      'expires_at', old.expires_at, 'tags', old.tags,
      'override_allowed', json_extract(if(old.override_allowed, 'true', 'false'), '$'),
      'fail_mode', old.fail_mode, 'variants', old.variants, 'default_variant', old.default_variant,
      'row_version', old.row_version),
      null
    from novi_revision where slot = connection_id() % 64;
end;
