-- The three core tables have the columns of Python novi: tables that it made are adopted as they are. Columns are never
-- added to them, so that positional inserts keep working. Times are UTC.
-- MySQL commits each DDL statement: every statement of this file can run again after a process was killed, and to repair
-- tables.
drop view if exists novi_overview;

create table if not exists flags (
  id bigint not null auto_increment primary key,
  name varchar(255) character set utf8mb4 collate utf8mb4_bin not null,
  status boolean not null default false,
  unique index flags_name (name)
) engine = InnoDB;

create table if not exists activations (
  id bigint not null auto_increment primary key,
  name varchar(255) character set utf8mb4 collate utf8mb4_bin not null,
  class_name varchar(255) character set utf8mb4 collate utf8mb4_bin not null,
  config longtext character set utf8mb4 collate utf8mb4_bin
) engine = InnoDB;

create table if not exists flags_activations (
  flag_id bigint not null,
  activation_id bigint not null,
  primary key (flag_id, activation_id)
) engine = InnoDB;

-- Foreign keys fix the types of their columns, and those of adopted tables have no delete rules: they are dropped, and made
-- again below.
set @novi_sql = (
  select concat('alter table flags_activations ',
    group_concat(concat('drop foreign key `', constraint_name, '`') separator ', '))
  from information_schema.table_constraints
  where constraint_schema = database() and table_name = 'flags_activations' and constraint_type = 'FOREIGN KEY');
set @novi_sql = coalesce(@novi_sql, 'do 0');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Two names are equal when their bytes are. MariaDB and MySQL 8 each have a collation that minds trailing spaces too;
-- older servers have only the one that does not.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');

-- Python's tables limit a flag's name to 30 characters; columns that are wide enough keep their type.
set @novi_sql = (
  select concat('alter table flags comment ', quote({{text flags}}),
    ', modify id bigint not null auto_increment comment ', quote({{text flags.id}}), ', modify name ',
    if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
    ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'),
    ' comment ', quote({{text flags.name}}))
  from information_schema.columns
  where table_schema = database() and table_name = 'flags' and column_name = 'name');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- A constraint that adopted rows do not meet would hinder each change of them; `novi check` reports such rows. There is none
-- for ids: a column that counts may not be in one.
set @novi_sql = if(
  exists (select 1 from flags where not ({{plain name}}))
    or exists (select 1 from information_schema.table_constraints
      where table_schema = database() and table_name = 'flags' and constraint_name = 'flags_name_plain'),
  'alter table flags alter status set default false',
  'alter table flags alter status set default false,
    add constraint flags_name_plain check ({{plain name quoted}})');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table activations comment ', quote({{text activations}}),
    ', modify id bigint not null auto_increment comment ', quote({{text activations.id}}), ', ',
    group_concat(concat('modify ', column_name, ' ',
      if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
      ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'),
      ' comment ', quote(if(column_name = 'name', {{text activations.name}},
        {{text activations.class_name}})))
      separator ', '),
    ', modify config longtext character set utf8mb4 collate ', @novi_collation,
    ' comment ', quote({{text activations.config}}))
  from information_schema.columns
  where table_schema = database() and table_name = 'activations' and column_name in ('name', 'class_name'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table flags_activations comment ', quote({{text flags_activations}}), ', ',
    group_concat(concat('modify ', column_name, ' bigint ', if(is_nullable = 'YES', 'null', 'not null'))
      separator ', '))
  from information_schema.columns
  where table_schema = database() and table_name = 'flags_activations'
    and column_name in ('flag_id', 'activation_id'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Python's table has no key, and a pair may be there twice.
drop temporary table if exists novi_pair;
create temporary table novi_pair (primary key (flag_id, activation_id))
  select flag_id, activation_id from flags_activations
  where flag_id is not null and activation_id is not null
  group by flag_id, activation_id having count(*) > 1;
start transaction;
delete link from flags_activations link
  join novi_pair pair on pair.flag_id = link.flag_id and pair.activation_id = link.activation_id;
insert into flags_activations (flag_id, activation_id) select flag_id, activation_id from novi_pair;
commit;
drop temporary table novi_pair;

set @novi_sql = if(
  exists (select 1 from information_schema.statistics
    where table_schema = database() and table_name = 'flags_activations' and non_unique = 0),
  'do 0',
  'create unique index flags_activations_pair on flags_activations (flag_id, activation_id)');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- A flag takes its links along; an activation in use stays, because to drop a condition would open a flag.
alter table flags_activations
  add constraint flags_activations_flag foreign key (flag_id) references flags (id) on delete cascade,
  add constraint flags_activations_activation foreign key (activation_id) references activations (id)
    on delete restrict;

-- What novi stores about a flag beyond its row, in a table of its own.
create table if not exists flag_metadata (
  flag_id bigint not null primary key {{comment flag_metadata.flag_id}},
  description text {{comment flag_metadata.description}},
  owner text {{comment flag_metadata.owner}},
  expires_at datetime(6) {{comment flag_metadata.expires_at}},
  tags text {{comment flag_metadata.tags}},
  override_allowed boolean not null default true {{comment flag_metadata.override_allowed}},
  exposed boolean not null default false {{comment flag_metadata.exposed}},
  fail_mode varchar(20) not null default 'off' {{comment flag_metadata.fail_mode}},
  variants longtext {{comment flag_metadata.variants}},
  value_type varchar(20) {{comment flag_metadata.value_type}},
  default_variant varchar(255) {{comment flag_metadata.default_variant}},
  off_variant varchar(255) {{comment flag_metadata.off_variant}},
  metadata longtext {{comment flag_metadata.metadata}},
  row_version bigint not null default 1 {{comment flag_metadata.row_version}},
  created_at datetime(6) default null {{comment flag_metadata.created_at}},
  updated_at datetime(6) default null {{comment flag_metadata.updated_at}},
  constraint flag_metadata_flag foreign key (flag_id) references flags (id) on delete cascade on update cascade,
  constraint flag_metadata_fail_mode check (fail_mode in ('off', 'on', 'last_known'))
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin {{comment flag_metadata}};

-- How often an activation or its members changed. A writer names the version that it has read, and so does not overwrite
-- changes that it has not read. A change of this table raises no revision and leaves no history; the edit behind it does.
create table if not exists activation_metadata (
  activation_id bigint not null primary key {{comment activation_metadata.activation_id}},
  row_version bigint not null default 1 {{comment activation_metadata.row_version}},
  created_at datetime(6) default null {{comment activation_metadata.created_at}},
  updated_at datetime(6) default null {{comment activation_metadata.updated_at}},
  constraint activation_metadata_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade
) engine = InnoDB {{comment activation_metadata}};

-- The members of lists, beside their activation, so that one is added by an insert of its own.
-- Two members are equal when their bytes are, as names are.
set @novi_sql = concat('create table if not exists activation_members (
  activation_id bigint not null comment ', quote({{text activation_members.activation_id}}), ',
  member varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote({{text activation_members.member}}), ',
  denied boolean not null default false comment ', quote({{text activation_members.denied}}), ',
  primary key (activation_id, member),
  constraint activation_members_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade,
  constraint activation_members_denied check (denied in (0, 1))
) engine = InnoDB row_format = dynamic comment ', quote({{text activation_members}}));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- The revision: the sum of these counters, which every change of the rows raises, also one by plain SQL. Readers compare
-- with `!=`. Each connection has one of 64 slots: with a single row, writers would wait for each other until they
-- commit, and writers in opposite order would deadlock. The stamp is drawn with each change: with it readers notice that the
-- database was restored, or lost commits and made others.
create table if not exists novi_revision (
  slot smallint not null primary key {{comment novi_revision.slot}},
  revision bigint not null {{comment novi_revision.revision}},
  changed_at datetime(6) not null {{comment novi_revision.changed_at}},
  stamp bigint not null default 0 {{comment novi_revision.stamp}}
) engine = InnoDB {{comment novi_revision}};
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
update novi_revision set stamp = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
  where slot = 0 and stamp = 0;

-- Who changed what, when and why. `before` and `after` are the row as JSON. Every change leaves one record, and every record
-- raises the revision of its slot: a reader that has seen all records knows all changes.
-- `seen` is the least revision under which a reader has seen the record, whatever its slot. It puts records of different
-- slots in the order in which they became visible; those that nobody has seen are the newest.
create table if not exists flag_history (
  id bigint not null auto_increment primary key {{comment flag_history.id}},
  slot smallint not null {{comment flag_history.slot}},
  revision bigint {{comment flag_history.revision}},
  changed_at datetime(6) not null {{comment flag_history.changed_at}},
  actor varchar(255) {{comment flag_history.actor}},
  entity varchar(64) not null {{comment flag_history.entity}},
  entity_id bigint {{comment flag_history.entity_id}},
  other_id bigint {{comment flag_history.other_id}},
  operation varchar(16) not null {{comment flag_history.operation}},
  `before` longtext {{comment flag_history.before}},
  `after` longtext {{comment flag_history.after}},
  reason text {{comment flag_history.reason}},
  follows bigint {{comment flag_history.follows}},
  seen bigint null comment 'MySQL only: the first revision under which a reader has seen the record',
  index flag_history_entity (entity, entity_id),
  index flag_history_revision (slot, revision),
  index flag_history_seen (seen)
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin {{comment flag_history}};

-- What `novi migrate` notes: 'triggers' is 'missing' if the server refused to make them; 'migration' is the Galera node
-- that migrates.
create table if not exists novi_state (
  name varchar(64) not null primary key,
  value varchar(255) not null
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin;

-- When flags were last evaluated, by their names. Without a foreign key and without triggers: it is no part of the revision
-- or of the history, and writing it locks no row that flags are changed by.
set @novi_sql = concat('create table if not exists novi_usage (
  flag varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null primary key comment ',
    quote({{text novi_usage.flag}}), ',
  first_seen datetime(6) not null comment ', quote({{text novi_usage.first_seen}}), ',
  last_evaluated datetime(6) not null comment ', quote({{text novi_usage.last_evaluated}}), ',
  last_on datetime(6) comment ', quote({{text novi_usage.last_on}}), ',
  last_off datetime(6) comment ', quote({{text novi_usage.last_off}}), ',
  evaluations bigint not null comment ', quote({{text novi_usage.evaluations}}), '
) engine = InnoDB row_format = dynamic comment ', quote({{text novi_usage}}));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Since when usage is recorded: what was not evaluated before that is unknown.
create table if not exists novi_usage_since (
  id smallint primary key {{comment novi_usage_since.id}},
  since datetime(6) not null {{comment novi_usage_since.since}},
  constraint novi_usage_since_one check (id = 1)
) engine = InnoDB {{comment novi_usage_since}};
insert ignore into novi_usage_since (id, since) values (1, utc_timestamp(6));

-- Who may call a server. Only the SHA-256 of a token's secret is stored, in hexadecimal digits. A change of a token raises
-- no revision and leaves no history.
create table if not exists novi_tokens (
  id bigint not null auto_increment primary key {{comment novi_tokens.id}},
  name varchar(255) not null {{comment novi_tokens.name}},
  role varchar(20) not null {{comment novi_tokens.role}},
  subject varchar(255) {{comment novi_tokens.subject}},
  hash char(64) not null {{comment novi_tokens.hash}},
  created_at datetime(6) not null {{comment novi_tokens.created_at}},
  created_by varchar(255) {{comment novi_tokens.created_by}},
  expires_at datetime(6) {{comment novi_tokens.expires_at}},
  revoked_at datetime(6) {{comment novi_tokens.revoked_at}},
  replaced_at datetime(6) {{comment novi_tokens.replaced_at}},
  last_used_at datetime(6) {{comment novi_tokens.last_used_at}},
  -- A name can be used again.
  name_in_use varchar(255) as (if(revoked_at is null and replaced_at is null, name, null)),
  unique key novi_tokens_name (name_in_use),
  unique key novi_tokens_hash (hash),
  constraint novi_tokens_role check (role in ('client', 'server', 'admin')),
  constraint novi_tokens_digits check (length(hash) = 64)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin {{comment novi_tokens}};

-- A number that is drawn at random whenever tokens are created, changed or removed, and 0 before: servers read it all the
-- time, and the tokens when it differs.
create table if not exists novi_token_changes (
  id smallint primary key {{comment novi_token_changes.id}},
  changes bigint not null {{comment novi_token_changes.changes}},
  constraint novi_token_changes_one check (id = 1)
) engine = InnoDB {{comment novi_token_changes}};
insert ignore into novi_token_changes (id, changes) values (1, 0);

-- What people look at.
create sql security invoker view novi_overview as
select f.name as flag, f.status,
  case
    when not f.status then 'off'
    when count(l.activation_id) = 0 then 'on'
    else group_concat(coalesce(concat(a.class_name, coalesce(concat(' ', a.config), '')), 'missing activation')
      order by a.id separator ' and ')
  end as rule,
  m.owner
from flags f
left join flag_metadata m on m.flag_id = f.id
left join flags_activations l on l.flag_id = f.id
left join activations a on a.id = l.activation_id
group by f.id, f.name, f.status, m.owner;

-- MySQL has row triggers only, none for truncate. They run in the order in which they are made.

create trigger novi_flag_metadata_added before insert on flag_metadata for each row
begin
  set new.created_at = coalesce(new.created_at, utc_timestamp(6));
  set new.updated_at = coalesce(new.updated_at, utc_timestamp(6));
end;

create trigger novi_activation_metadata_added before insert on activation_metadata for each row
begin
  set new.created_at = coalesce(new.created_at, utc_timestamp(6));
  set new.updated_at = coalesce(new.updated_at, utc_timestamp(6));
end;

insert into flag_metadata (flag_id)
  select id from flags where not exists (select 1 from flag_metadata known where known.flag_id = flags.id);
insert into activation_metadata (activation_id)
  select id from activations
  where not exists (select 1 from activation_metadata known where known.activation_id = activations.id);

-- Records. What all of them share: the actor is the session variable `@novi_actor` (`set @novi_actor = 'jane'`), else the
-- database's user. A record that has a revision is one that somebody restores.
create trigger novi_record_added before insert on flag_history for each row
begin
  declare stamp_before bigint;
  if new.revision is null then
    select stamp into stamp_before from novi_revision where slot = connection_id() % 64 for update;
    update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6),
      stamp = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
      where slot = connection_id() % 64;
    set new.slot = connection_id() % 64,
      new.follows = stamp_before,
      new.revision = (select revision from novi_revision where slot = connection_id() % 64),
      new.changed_at = utc_timestamp(6),
      new.actor = left(coalesce(nullif(@novi_actor, ''), user()), 255),
      new.reason = left(nullif(@novi_reason, ''), 10000);
  end if;
end;

-- A flag's version rises before its record is written.
create trigger novi_flag_changed after update on flags for each row
begin
  if not (old.name <=> new.name and old.status <=> new.status) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.id;
  end if;
end;

create trigger novi_flags_insert after insert on flags for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags', new.id, null, 'insert', null,
    {{row flags new}});
end;

create trigger novi_flags_update after update on flags for each row
begin
  if not ({{unchanged flags}}) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags', new.id, null, 'update',
      {{row flags old}},
      {{row flags new}});
    -- The key of these rows follows by a cascade, which fires no triggers.
    if old.id <> new.id then
      insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
      select 0, utc_timestamp(6), 'flag_metadata', new.id, null, 'update',
        {{row flag_metadata flag_id=old.id}},
        {{row flag_metadata}}
      from flag_metadata where flag_id = new.id;
    end if;
  end if;
end;

create trigger novi_flags_delete after delete on flags for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags', old.id, null, 'delete',
    {{row flags old}}, null);
end;

create trigger novi_activations_insert after insert on activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activations', new.id, null, 'insert', null,
    {{row activations new}});
end;

create trigger novi_activations_update after update on activations for each row
begin
  if not ({{unchanged activations}}) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activations', new.id, null, 'update',
      {{row activations old}},
      {{row activations new}});
    -- The key of these rows follows by a cascade, which fires no triggers.
    if old.id <> new.id then
      insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
      select 0, utc_timestamp(6), 'activation_members', new.id, null, 'update',
        {{row activation_members activation_id=old.id}},
        {{row activation_members}}
      from activation_members where activation_id = new.id;
    end if;
  end if;
end;

create trigger novi_activations_delete after delete on activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activations', old.id, null, 'delete',
    {{row activations old}}, null);
end;

create trigger novi_flags_activations_insert after insert on flags_activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags_activations', new.flag_id, new.activation_id, 'insert', null,
    {{row flags_activations new}});
end;

create trigger novi_flags_activations_update after update on flags_activations for each row
begin
  if not ({{unchanged flags_activations}}) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flags_activations', new.flag_id, new.activation_id, 'update',
      {{row flags_activations old}},
      {{row flags_activations new}});
  end if;
end;

create trigger novi_flags_activations_delete after delete on flags_activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags_activations', old.flag_id, old.activation_id, 'delete',
    {{row flags_activations old}}, null);
end;

create trigger novi_flag_metadata_insert after insert on flag_metadata for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flag_metadata', new.flag_id, null, 'insert', null,
    {{row flag_metadata new}});
end;

create trigger novi_flag_metadata_update after update on flag_metadata for each row
begin
  if not ({{unchanged flag_metadata}})
    -- Bookkeeping. That of novi's own triggers belongs to a change that has its record already: it raises the version by one.
    or not (old.created_at <=> new.created_at)
    or not ((old.row_version <=> new.row_version and old.updated_at <=> new.updated_at)
      or old.row_version + 1 <=> new.row_version) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'flag_metadata', new.flag_id, null, 'update',
      {{row flag_metadata old}},
      {{row flag_metadata new}});
  end if;
end;

create trigger novi_flag_metadata_delete after delete on flag_metadata for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flag_metadata', old.flag_id, null, 'delete',
    {{row flag_metadata old}}, null);
end;

create trigger novi_activation_members_insert after insert on activation_members for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activation_members', new.activation_id, null, 'insert', null,
    {{row activation_members new}});
end;

create trigger novi_activation_members_update after update on activation_members for each row
begin
  if not ({{unchanged activation_members}}) then
    insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
    values (0, utc_timestamp(6), 'activation_members', new.activation_id, null, 'update',
      {{row activation_members old}},
      {{row activation_members new}});
  end if;
end;

create trigger novi_activation_members_delete after delete on activation_members for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activation_members', old.activation_id, null, 'delete',
    {{row activation_members old}}, null);
end;

-- To ask first whether the row exists would lock the gap behind it, and two transactions that each add a flag would wait for
-- each other.
create trigger novi_flag_added after insert on flags for each row
begin
  insert into flag_metadata (flag_id) values (new.id)
    on duplicate key update flag_id = flag_metadata.flag_id;
end;

create trigger novi_activation_added after insert on activations for each row
begin
  insert into activation_metadata (activation_id) values (new.id)
    on duplicate key update activation_id = activation_metadata.activation_id;
end;

-- A cascade fires no triggers in MySQL: rows that go with their flag or activation are deleted here, so that history has them.
create trigger novi_flag_removed before delete on flags for each row
begin
  delete from flags_activations where flag_id = old.id;
  delete from flag_metadata where flag_id = old.id;
end;

create trigger novi_activation_removed before delete on activations for each row
begin
  delete from activation_members where activation_id = old.id;
end;

-- Versions. Before the row changes, and so before history is written: a writer that waits here for another writer of the same
-- row then holds nothing that writers of other rows need. An `insert ignore` of a row that exists counts as well, which does
-- no harm.
create trigger novi_flag_metadata_changed before update on flag_metadata for each row
begin
  if not ({{unchanged flag_metadata but flag_id}}) then
    set new.row_version = old.row_version + 1, new.updated_at = utc_timestamp(6);
  end if;
end;

create trigger novi_activation_changed before update on activations for each row
begin
  if not (old.name <=> new.name and old.class_name <=> new.class_name and old.config <=> new.config) then
    update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where activation_id = new.id;
  end if;
end;

create trigger novi_member_added before insert on activation_members for each row
begin
  update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
    where activation_id = new.activation_id;
end;

create trigger novi_member_changed before update on activation_members for each row
begin
  if not ({{unchanged activation_members}}) then
    update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where activation_id in (old.activation_id, new.activation_id);
  end if;
end;

create trigger novi_member_removed before delete on activation_members for each row
begin
  update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
    where activation_id = old.activation_id;
end;

-- The links of a flag are part of the flag.
create trigger novi_link_added before insert on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.flag_id;
end;

create trigger novi_link_changed before update on flags_activations for each row
begin
  if not ({{unchanged flags_activations}}) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where flag_id in (old.flag_id, new.flag_id);
  end if;
end;

create trigger novi_link_removed before delete on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = old.flag_id;
end;

-- Tokens.
create trigger novi_tokens_insert after insert on novi_tokens for each row
begin
  update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
end;

-- `last_used_at` changes nothing about what a token may do.
create trigger novi_tokens_update after update on novi_tokens for each row
begin
  if not ({{unchanged novi_tokens}}) then
    update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
  end if;
end;

create trigger novi_tokens_delete after delete on novi_tokens for each row
begin
  update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
end;
