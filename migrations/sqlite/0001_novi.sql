-- Generated from migrations/sqlite.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- The three core tables have the columns of Python novi: tables that it made are adopted as they are. Columns are never
-- added to them, so that positional inserts keep working. Times are UTC text.
-- Every statement of this file can run again: `novi migrate` repairs tables by running it. Triggers first, since they may
-- name tables that are missing.
drop trigger if exists novi_record_added;
drop trigger if exists novi_activation_in_use;
drop trigger if exists novi_flag_unlink;
drop trigger if exists novi_flags_replace;
drop trigger if exists novi_flags_replace_by_update;
drop trigger if exists novi_flags_insert;
drop trigger if exists novi_flag_replaced;
drop trigger if exists novi_flags_replaced_by_update;
drop trigger if exists novi_flags_update;
drop trigger if exists novi_flags_delete;
drop trigger if exists novi_activations_replace;
drop trigger if exists novi_activations_insert;
drop trigger if exists novi_activations_update;
drop trigger if exists novi_activations_delete;
drop trigger if exists novi_flags_activations_insert;
drop trigger if exists novi_flags_activations_update;
drop trigger if exists novi_flags_activations_delete;
drop trigger if exists novi_flag_metadata_replace;
drop trigger if exists novi_flag_metadata_insert;
drop trigger if exists novi_flag_metadata_update;
drop trigger if exists novi_flag_metadata_kept;
drop trigger if exists novi_flag_metadata_delete;
drop trigger if exists novi_activation_members_replace;
drop trigger if exists novi_activation_members_insert;
drop trigger if exists novi_activation_members_update;
drop trigger if exists novi_activation_members_delete;
drop trigger if exists novi_activation_added;
drop trigger if exists novi_activation_changed;
drop trigger if exists novi_activation_metadata_removed;
drop trigger if exists novi_member_added;
drop trigger if exists novi_member_changed;
drop trigger if exists novi_member_removed;
drop trigger if exists novi_link_added;
drop trigger if exists novi_link_changed;
drop trigger if exists novi_link_removed;
drop trigger if exists novi_tokens_insert;
drop trigger if exists novi_tokens_update;
drop trigger if exists novi_tokens_delete;

create table if not exists flags (
  id integer primary key check (id >= 1),
  name varchar(255) not null unique check (typeof(name) <> 'text' or (name <> '' and name not like ' %' and name not like '% ' and length(name) <= 255)),
  status boolean not null default false
);

create table if not exists activations (
  id integer primary key check (id >= 1),
  name varchar(255) not null,
  class_name varchar(255) not null,
  config text
);

create table if not exists flags_activations (
  flag_id integer not null references flags (id) on delete cascade,
  activation_id integer not null references activations (id) on delete restrict
);

-- Python's table has no key, and a pair may be there twice.
delete from flags_activations
where flag_id is not null and activation_id is not null
  and rowid not in (select min(rowid) from flags_activations group by flag_id, activation_id);

create unique index if not exists flags_activations_pair on flags_activations (flag_id, activation_id);
create index if not exists flags_activations_activation on flags_activations (activation_id);

-- What novi stores about a flag beyond its row, in a table of its own.
create table if not exists flag_metadata (
  flag_id integer primary key references flags (id) on delete cascade on update cascade,
  description text,
  owner text,
  expires_at text,
  tags text,
  override_allowed boolean not null default true,
  exposed boolean not null default false,
  fail_mode varchar(20) not null default 'off' check (fail_mode in ('off', 'on', 'last_known')),
  variants text,
  value_type varchar(20),
  default_variant text,
  off_variant text,
  metadata text,
  row_version integer not null default 1,
  created_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
insert or ignore into flag_metadata (flag_id) select id from flags;

-- How often an activation or its members changed. A writer names the version that it has read, and so does not overwrite
-- changes that it has not read. A change of this table raises no revision and leaves no history; the edit behind it does.
create table if not exists activation_metadata (
  activation_id integer primary key references activations (id) on delete cascade on update cascade,
  row_version integer not null default 1 check (typeof(row_version) = 'integer'),
  created_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
insert or ignore into activation_metadata (activation_id) select id from activations;

-- The members of lists, beside their activation, so that one is added by an insert of its own.
-- SQLite stores a value of any type in any column, hence the checks.
create table if not exists activation_members (
  activation_id integer not null references activations (id) on delete cascade on update cascade,
  member varchar(255) not null check (typeof(member) = 'text'),
  denied boolean not null default false check (denied in (0, 1)),
  primary key (activation_id, member)
) without rowid;

-- The revision: a number that every change of the rows raises, also one by plain SQL. Readers compare with `!=`. The stamp is
-- drawn with each change: with it readers notice that the database was restored, or lost commits and made others.
create table if not exists novi_revision (
  slot integer primary key,
  revision integer not null,
  changed_at text,
  stamp integer not null
);

-- Who changed what, when and why. `before` and `after` are the row as JSON. Every change leaves one record, and every record
-- raises the revision: a reader that has seen all records knows all changes.
create table if not exists flag_history (
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
  reason text,
  follows integer
);
create index if not exists flag_history_entity on flag_history (entity, entity_id);
create index if not exists flag_history_revision on flag_history (slot, revision);

insert or ignore into novi_revision (slot, revision, changed_at, stamp)
select 0, coalesce(max(revision), 0) + 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), random() from flag_history;

-- SQLite has no users and no variables of a session. A writer that wants to be named sets this row in the transaction of
-- the change, and back to null before the commit. Changes of it raise no revision and leave no history.
create table if not exists novi_session (
  id integer primary key check (id = 1),
  actor text,
  reason text
);
insert or ignore into novi_session (id) values (1);

-- What triggers insert into this view becomes a record, with a revision of its own.
drop view if exists novi_record;
create view novi_record as
select entity, entity_id, other_id, operation, before, after from flag_history;

create trigger novi_record_added instead of insert on novi_record
begin
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, before, after, reason, follows)
  select current.slot, current.revision + 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), session.actor,
    new.entity, new.entity_id, new.other_id, new.operation, new.before, new.after, session.reason, current.stamp
  from novi_revision current left join novi_session session on session.id = 1
  where current.slot = 0;
  update novi_revision
  set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), stamp = random()
  where slot = 0;
end;

-- `insert or replace` and `update or replace` remove rows that are in the way without firing a trigger for them. Rows that
-- may be in the way are kept here until the new row is there, or until the next one comes.
create table if not exists novi_replaced (
  entity text not null,
  entity_id integer,
  other,
  before text
);

-- When flags were last evaluated, by their names. Without a foreign key and without triggers: it is no part of the revision
-- or of the history, and writing it touches no row that flags are changed by.
create table if not exists novi_usage (
  flag text not null primary key check (typeof(flag) = 'text'),
  first_seen text not null,
  last_evaluated text not null,
  last_on text,
  last_off text,
  evaluations integer not null
) without rowid;

-- Since when usage is recorded: what was not evaluated before that is unknown.
create table if not exists novi_usage_since (
  id integer primary key check (id = 1),
  since text not null
);
insert or ignore into novi_usage_since (id, since) values (1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'));

-- Who may call a server. Only the SHA-256 of a token's secret is stored, in hexadecimal digits. A change of a token raises
-- no revision and leaves no history.
create table if not exists novi_tokens (
  id integer primary key autoincrement,
  name text not null check (typeof(name) = 'text'),
  role text not null check (role in ('client', 'server', 'admin')),
  subject text,
  hash text not null unique check (typeof(hash) = 'text' and length(hash) = 64),
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  created_by text,
  expires_at text,
  revoked_at text,
  replaced_at text,
  last_used_at text
);
-- A name can be used again.
create unique index if not exists novi_tokens_name on novi_tokens (name) where revoked_at is null and replaced_at is null;

-- A number that is drawn at random whenever tokens are created, changed or removed, and 0 before: servers read it all the
-- time, and the tokens when it differs.
create table if not exists novi_token_changes (
  id integer primary key check (id = 1),
  changes integer not null
);
insert or ignore into novi_token_changes (id, changes) values (1, 0);

-- Adopted tables have no delete rules, and many programs leave foreign keys off: the triggers hold in any case.
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

-- Records. A row's values can be of any type in SQLite; a blob, which JSON cannot hold, is written in hexadecimal, so that
-- no odd value makes a write fail.

create trigger novi_flags_replace before insert on flags
begin
  delete from novi_replaced where entity = 'flags';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'flags', id, null, json_object(
    'id', id,
    'name', iif(typeof(name) = 'blob', hex(name), name),
    'status', case when status = 1 then json('true') when status = 0 then json('false') when typeof(status) = 'blob' then hex(status) else status end)
  from flags where id = new.id or name = new.name;
end;

create trigger novi_flags_replace_by_update before update of id, name on flags
begin
  delete from novi_replaced where entity = 'flags';
  insert into novi_replaced (entity, entity_id, before)
  select 'flags', id, json_object(
    'id', id,
    'name', iif(typeof(name) = 'blob', hex(name), name),
    'status', case when status = 1 then json('true') when status = 0 then json('false') when typeof(status) = 'blob' then hex(status) else status end)
  from flags where (id = new.id or name = new.name) and id is not old.id;
end;

-- A row that `insert or replace` puts in the place of another fires no trigger for the other, and without foreign keys the
-- metadata stay: then this is a change of them. `where not exists`, because the same statement would turn an `or ignore` here
-- into a replacement.
create trigger novi_flags_insert after insert on flags
begin
  insert into novi_record (entity, entity_id, operation, before)
  select 'flags', entity_id, 'delete', before from novi_replaced
  where entity = 'flags' and not exists (select 1 from flags where id = entity_id);
  delete from flags_activations where flag_id in
    (select entity_id from novi_replaced
    where entity = 'flags' and not exists (select 1 from flags where id = entity_id));
  delete from flag_metadata where flag_id in
    (select entity_id from novi_replaced
    where entity = 'flags' and not exists (select 1 from flags where id = entity_id));
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'flags', new.id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'status', case when new.status = 1 then json('true') when new.status = 0 then json('false') when typeof(new.status) = 'blob' then hex(new.status) else new.status end)
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'flags' and replaced.entity_id = new.id;
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.id;
  insert into flag_metadata (flag_id)
  select new.id where not exists (select 1 from flag_metadata where flag_id = new.id);
  delete from novi_replaced where entity = 'flags';
end;

create trigger novi_flag_replaced before insert on flags
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.id;
end;

create trigger novi_flags_replaced_by_update after update of id, name on flags
when exists (select 1 from novi_replaced where entity = 'flags')
begin
  insert into novi_record (entity, entity_id, operation, before)
  select 'flags', entity_id, 'delete', before from novi_replaced
  where entity = 'flags' and not exists (select 1 from flags where id = entity_id);
  delete from flags_activations where flag_id in
    (select entity_id from novi_replaced
    where entity = 'flags' and not exists (select 1 from flags where id = entity_id));
  delete from flag_metadata where flag_id in
    (select entity_id from novi_replaced
    where entity = 'flags' and not exists (select 1 from flags where id = entity_id));
  delete from novi_replaced where entity = 'flags';
end;

create trigger novi_flags_update after update on flags
when old.id is not new.id
  or old.name is not new.name
  or old.status is not new.status
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flags', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'status', case when old.status = 1 then json('true') when old.status = 0 then json('false') when typeof(old.status) = 'blob' then hex(old.status) else old.status end),
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'status', case when new.status = 1 then json('true') when new.status = 0 then json('false') when typeof(new.status) = 'blob' then hex(new.status) else new.status end));
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.id;
end;

-- Without foreign keys no cascade removes the metadata, and SQLite gives the id to another flag later.
create trigger novi_flags_delete after delete on flags
begin
  delete from novi_replaced where entity = 'flags' and entity_id = old.id;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('flags', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'status', case when old.status = 1 then json('true') when old.status = 0 then json('false') when typeof(old.status) = 'blob' then hex(old.status) else old.status end));
  delete from flag_metadata where flag_id = old.id;
end;

create trigger novi_activations_replace before insert on activations
begin
  delete from novi_replaced where entity = 'activations';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'activations', id, null, json_object(
    'id', id,
    'name', iif(typeof(name) = 'blob', hex(name), name),
    'class_name', iif(typeof(class_name) = 'blob', hex(class_name), class_name),
    'config', iif(typeof(config) = 'blob', hex(config), config))
  from activations where id = new.id;
end;

create trigger novi_activations_insert after insert on activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'activations', new.id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'class_name', iif(typeof(new.class_name) = 'blob', hex(new.class_name), new.class_name),
      'config', iif(typeof(new.config) = 'blob', hex(new.config), new.config))
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'activations' and replaced.entity_id = new.id;
  delete from novi_replaced where entity = 'activations';
end;

create trigger novi_activations_update after update on activations
when old.id is not new.id
  or old.name is not new.name
  or old.class_name is not new.class_name
  or old.config is not new.config
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('activations', new.id, null, 'update',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'class_name', iif(typeof(old.class_name) = 'blob', hex(old.class_name), old.class_name),
      'config', iif(typeof(old.config) = 'blob', hex(old.config), old.config)),
    json_object(
      'id', new.id,
      'name', iif(typeof(new.name) = 'blob', hex(new.name), new.name),
      'class_name', iif(typeof(new.class_name) = 'blob', hex(new.class_name), new.class_name),
      'config', iif(typeof(new.config) = 'blob', hex(new.config), new.config)));
end;

-- As with flags, here of the members.
create trigger novi_activations_delete after delete on activations
begin
  delete from novi_replaced where entity = 'activations' and entity_id = old.id;
  delete from activation_members where activation_id = old.id;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('activations', old.id, null, 'delete',
    json_object(
      'id', old.id,
      'name', iif(typeof(old.name) = 'blob', hex(old.name), old.name),
      'class_name', iif(typeof(old.class_name) = 'blob', hex(old.class_name), old.class_name),
      'config', iif(typeof(old.config) = 'blob', hex(old.config), old.config)));
end;

create trigger novi_flags_activations_insert after insert on flags_activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, after)
  values ('flags_activations', new.flag_id, new.activation_id, 'insert',
    json_object(
      'flag_id', iif(typeof(new.flag_id) = 'blob', hex(new.flag_id), new.flag_id),
      'activation_id', iif(typeof(new.activation_id) = 'blob', hex(new.activation_id), new.activation_id)));
end;

create trigger novi_flags_activations_update after update on flags_activations
when old.flag_id is not new.flag_id
  or old.activation_id is not new.activation_id
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flags_activations', new.flag_id, new.activation_id, 'update',
    json_object(
      'flag_id', iif(typeof(old.flag_id) = 'blob', hex(old.flag_id), old.flag_id),
      'activation_id', iif(typeof(old.activation_id) = 'blob', hex(old.activation_id), old.activation_id)),
    json_object(
      'flag_id', iif(typeof(new.flag_id) = 'blob', hex(new.flag_id), new.flag_id),
      'activation_id', iif(typeof(new.activation_id) = 'blob', hex(new.activation_id), new.activation_id)));
end;

create trigger novi_flags_activations_delete after delete on flags_activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('flags_activations', old.flag_id, old.activation_id, 'delete',
    json_object(
      'flag_id', iif(typeof(old.flag_id) = 'blob', hex(old.flag_id), old.flag_id),
      'activation_id', iif(typeof(old.activation_id) = 'blob', hex(old.activation_id), old.activation_id)));
end;

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
    'value_type', iif(typeof(value_type) = 'blob', hex(value_type), value_type),
    'default_variant', iif(typeof(default_variant) = 'blob', hex(default_variant), default_variant),
    'off_variant', iif(typeof(off_variant) = 'blob', hex(off_variant), off_variant),
    'metadata', iif(typeof(metadata) = 'blob', hex(metadata), metadata),
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
      'value_type', iif(typeof(new.value_type) = 'blob', hex(new.value_type), new.value_type),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'off_variant', iif(typeof(new.off_variant) = 'blob', hex(new.off_variant), new.off_variant),
      'metadata', iif(typeof(new.metadata) = 'blob', hex(new.metadata), new.metadata),
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
  or old.value_type is not new.value_type
  or old.default_variant is not new.default_variant
  or old.off_variant is not new.off_variant
  or old.metadata is not new.metadata
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
      'value_type', iif(typeof(old.value_type) = 'blob', hex(old.value_type), old.value_type),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'off_variant', iif(typeof(old.off_variant) = 'blob', hex(old.off_variant), old.off_variant),
      'metadata', iif(typeof(old.metadata) = 'blob', hex(old.metadata), old.metadata),
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
      'value_type', iif(typeof(new.value_type) = 'blob', hex(new.value_type), new.value_type),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'off_variant', iif(typeof(new.off_variant) = 'blob', hex(new.off_variant), new.off_variant),
      'metadata', iif(typeof(new.metadata) = 'blob', hex(new.metadata), new.metadata),
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
  and old.value_type is new.value_type
  and old.default_variant is new.default_variant
  and old.off_variant is new.off_variant
  and old.metadata is new.metadata
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
      'value_type', iif(typeof(old.value_type) = 'blob', hex(old.value_type), old.value_type),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'off_variant', iif(typeof(old.off_variant) = 'blob', hex(old.off_variant), old.off_variant),
      'metadata', iif(typeof(old.metadata) = 'blob', hex(old.metadata), old.metadata),
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
      'value_type', iif(typeof(new.value_type) = 'blob', hex(new.value_type), new.value_type),
      'default_variant', iif(typeof(new.default_variant) = 'blob', hex(new.default_variant), new.default_variant),
      'off_variant', iif(typeof(new.off_variant) = 'blob', hex(new.off_variant), new.off_variant),
      'metadata', iif(typeof(new.metadata) = 'blob', hex(new.metadata), new.metadata),
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
      'value_type', iif(typeof(old.value_type) = 'blob', hex(old.value_type), old.value_type),
      'default_variant', iif(typeof(old.default_variant) = 'blob', hex(old.default_variant), old.default_variant),
      'off_variant', iif(typeof(old.off_variant) = 'blob', hex(old.off_variant), old.off_variant),
      'metadata', iif(typeof(old.metadata) = 'blob', hex(old.metadata), old.metadata),
      'row_version', iif(typeof(old.row_version) = 'blob', hex(old.row_version), old.row_version),
      'created_at', iif(typeof(old.created_at) = 'blob', hex(old.created_at), old.created_at)));
end;

create trigger novi_activation_members_replace before insert on activation_members
begin
  delete from novi_replaced where entity = 'activation_members';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'activation_members', activation_id, member, json_object(
    'activation_id', iif(typeof(activation_id) = 'blob', hex(activation_id), activation_id),
    'member', iif(typeof(member) = 'blob', hex(member), member),
    'denied', case when denied = 1 then json('true') when denied = 0 then json('false') when typeof(denied) = 'blob' then hex(denied) else denied end)
  from activation_members where activation_id = new.activation_id and member = new.member;
end;

create trigger novi_activation_members_insert after insert on activation_members
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'activation_members', new.activation_id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    json_object(
      'activation_id', iif(typeof(new.activation_id) = 'blob', hex(new.activation_id), new.activation_id),
      'member', iif(typeof(new.member) = 'blob', hex(new.member), new.member),
      'denied', case when new.denied = 1 then json('true') when new.denied = 0 then json('false') when typeof(new.denied) = 'blob' then hex(new.denied) else new.denied end)
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'activation_members' and replaced.entity_id = new.activation_id and replaced.other = new.member;
  delete from novi_replaced where entity = 'activation_members';
end;

create trigger novi_activation_members_update after update on activation_members
when old.activation_id is not new.activation_id
  or old.member is not new.member
  or old.denied is not new.denied
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('activation_members', new.activation_id, null, 'update',
    json_object(
      'activation_id', iif(typeof(old.activation_id) = 'blob', hex(old.activation_id), old.activation_id),
      'member', iif(typeof(old.member) = 'blob', hex(old.member), old.member),
      'denied', case when old.denied = 1 then json('true') when old.denied = 0 then json('false') when typeof(old.denied) = 'blob' then hex(old.denied) else old.denied end),
    json_object(
      'activation_id', iif(typeof(new.activation_id) = 'blob', hex(new.activation_id), new.activation_id),
      'member', iif(typeof(new.member) = 'blob', hex(new.member), new.member),
      'denied', case when new.denied = 1 then json('true') when new.denied = 0 then json('false') when typeof(new.denied) = 'blob' then hex(new.denied) else new.denied end));
end;

create trigger novi_activation_members_delete after delete on activation_members
begin
  delete from novi_replaced where entity = 'activation_members' and entity_id = old.activation_id and other = old.member;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('activation_members', old.activation_id, null, 'delete',
    json_object(
      'activation_id', iif(typeof(old.activation_id) = 'blob', hex(old.activation_id), old.activation_id),
      'member', iif(typeof(old.member) = 'blob', hex(old.member), old.member),
      'denied', case when old.denied = 1 then json('true') when old.denied = 0 then json('false') when typeof(old.denied) = 'blob' then hex(old.denied) else old.denied end));
end;

-- Versions.

create trigger novi_activation_added after insert on activations
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = new.id;
  insert into activation_metadata (activation_id)
  select new.id where not exists (select 1 from activation_metadata where activation_id = new.id);
end;

create trigger novi_activation_changed after update on activations
when old.name is not new.name or old.class_name is not new.class_name or old.config is not new.config
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = new.id;
end;

create trigger novi_activation_metadata_removed after delete on activations
begin
  delete from activation_metadata where activation_id = old.id;
end;

create trigger novi_member_added after insert on activation_members
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = new.activation_id;
end;

create trigger novi_member_changed after update on activation_members
when old.activation_id is not new.activation_id
  or old.member is not new.member
  or old.denied is not new.denied
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id in (old.activation_id, new.activation_id);
end;

create trigger novi_member_removed after delete on activation_members
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = old.activation_id;
end;

-- The links of a flag are part of the flag.
create trigger novi_link_added after insert on flags_activations
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.flag_id;
end;

create trigger novi_link_changed after update on flags_activations
when old.flag_id is not new.flag_id
  or old.activation_id is not new.activation_id
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id in (old.flag_id, new.flag_id);
end;

create trigger novi_link_removed after delete on flags_activations
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = old.flag_id;
end;

-- Tokens.

create trigger novi_tokens_insert after insert on novi_tokens
begin
  update novi_token_changes set changes = random() where id = 1;
end;

-- `last_used_at` changes nothing about what a token may do.
create trigger novi_tokens_update after update on novi_tokens
when old.id is not new.id
  or old.name is not new.name
  or old.role is not new.role
  or old.subject is not new.subject
  or old.hash is not new.hash
  or old.expires_at is not new.expires_at
  or old.revoked_at is not new.revoked_at
  or old.replaced_at is not new.replaced_at
begin
  update novi_token_changes set changes = random() where id = 1;
end;

create trigger novi_tokens_delete after delete on novi_tokens
begin
  update novi_token_changes set changes = random() where id = 1;
end;
