-- The three core tables have the columns of Python novi: tables that it made are adopted as they are. Columns are never
-- added to them, so that positional inserts keep working. Times are UTC text.
-- Every statement of this file can run again: `novi migrate` repairs tables by running it. Triggers first, since they may
-- name tables that are missing.
{{drop triggers}}

create table if not exists flags (
  id integer primary key check (id >= 1),
  name varchar(255) not null unique check (typeof(name) <> 'text' or ({{plain name}})),
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
  select 'flags', id, null, {{row flags}}
  from flags where id = new.id or name = new.name;
end;

create trigger novi_flags_replace_by_update before update of id, name on flags
begin
  delete from novi_replaced where entity = 'flags';
  insert into novi_replaced (entity, entity_id, before)
  select 'flags', id, {{row flags}}
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
    {{row flags new}}
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
when {{changed flags}}
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flags', new.id, null, 'update',
    {{row flags old}},
    {{row flags new}});
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
    {{row flags old}});
  delete from flag_metadata where flag_id = old.id;
end;

create trigger novi_activations_replace before insert on activations
begin
  delete from novi_replaced where entity = 'activations';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'activations', id, null, {{row activations}}
  from activations where id = new.id;
end;

create trigger novi_activations_insert after insert on activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'activations', new.id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    {{row activations new}}
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'activations' and replaced.entity_id = new.id;
  delete from novi_replaced where entity = 'activations';
end;

create trigger novi_activations_update after update on activations
when {{changed activations}}
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('activations', new.id, null, 'update',
    {{row activations old}},
    {{row activations new}});
end;

-- As with flags, here of the members.
create trigger novi_activations_delete after delete on activations
begin
  delete from novi_replaced where entity = 'activations' and entity_id = old.id;
  delete from activation_members where activation_id = old.id;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('activations', old.id, null, 'delete',
    {{row activations old}});
end;

create trigger novi_flags_activations_insert after insert on flags_activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, after)
  values ('flags_activations', new.flag_id, new.activation_id, 'insert',
    {{row flags_activations new}});
end;

create trigger novi_flags_activations_update after update on flags_activations
when {{changed flags_activations}}
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flags_activations', new.flag_id, new.activation_id, 'update',
    {{row flags_activations old}},
    {{row flags_activations new}});
end;

create trigger novi_flags_activations_delete after delete on flags_activations
begin
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('flags_activations', old.flag_id, old.activation_id, 'delete',
    {{row flags_activations old}});
end;

create trigger novi_flag_metadata_replace before insert on flag_metadata
begin
  delete from novi_replaced where entity = 'flag_metadata';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'flag_metadata', flag_id, null, {{row flag_metadata}}
  from flag_metadata where flag_id = new.flag_id;
end;

create trigger novi_flag_metadata_insert after insert on flag_metadata
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'flag_metadata', new.flag_id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    {{row flag_metadata new}}
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'flag_metadata' and replaced.entity_id = new.flag_id;
  delete from novi_replaced where entity = 'flag_metadata';
end;

-- `after` has the version that the row is given here.
create trigger novi_flag_metadata_update after update on flag_metadata
when {{changed flag_metadata}}
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flag_metadata', new.flag_id, null, 'update',
    {{row flag_metadata old}},
    {{row flag_metadata new row_version=old.row_version + 1}});
  update flag_metadata
  set row_version = old.row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.flag_id;
end;

-- Bookkeeping. That of novi's own triggers belongs to a change that has its record already: it raises the version by one.
create trigger novi_flag_metadata_kept after update on flag_metadata
when {{unchanged flag_metadata}}
  and (old.row_version is not new.row_version or old.updated_at is not new.updated_at
    or old.created_at is not new.created_at)
  and (new.row_version is not old.row_version + 1 or old.created_at is not new.created_at)
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('flag_metadata', new.flag_id, null, 'update',
    {{row flag_metadata old}},
    {{row flag_metadata new}});
end;

create trigger novi_flag_metadata_delete after delete on flag_metadata
begin
  delete from novi_replaced where entity = 'flag_metadata' and entity_id = old.flag_id;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('flag_metadata', old.flag_id, null, 'delete',
    {{row flag_metadata old}});
end;

create trigger novi_activation_members_replace before insert on activation_members
begin
  delete from novi_replaced where entity = 'activation_members';
  insert into novi_replaced (entity, entity_id, other, before)
  select 'activation_members', activation_id, member, {{row activation_members}}
  from activation_members where activation_id = new.activation_id and member = new.member;
end;

create trigger novi_activation_members_insert after insert on activation_members
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  select 'activation_members', new.activation_id, null, iif(replaced.before is null, 'insert', 'update'), replaced.before,
    {{row activation_members new}}
  from (select 1) left join novi_replaced replaced
    on replaced.entity = 'activation_members' and replaced.entity_id = new.activation_id and replaced.other = new.member;
  delete from novi_replaced where entity = 'activation_members';
end;

create trigger novi_activation_members_update after update on activation_members
when {{changed activation_members}}
begin
  insert into novi_record (entity, entity_id, other_id, operation, before, after)
  values ('activation_members', new.activation_id, null, 'update',
    {{row activation_members old}},
    {{row activation_members new}});
end;

create trigger novi_activation_members_delete after delete on activation_members
begin
  delete from novi_replaced where entity = 'activation_members' and entity_id = old.activation_id and other = old.member;
  insert into novi_record (entity, entity_id, other_id, operation, before)
  values ('activation_members', old.activation_id, null, 'delete',
    {{row activation_members old}});
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
when {{changed activation_members}}
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
when {{changed flags_activations}}
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
when {{changed novi_tokens}}
begin
  update novi_token_changes set changes = random() where id = 1;
end;

create trigger novi_tokens_delete after delete on novi_tokens
begin
  update novi_token_changes set changes = random() where id = 1;
end;
