-- Generated from migrations/mysql.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

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
  select concat('alter table flags comment ', quote('The flags'),
    ', modify id bigint not null auto_increment comment ', quote('1 or more; chosen by the database if left out'), ', modify name ',
    if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
    ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'),
    ' comment ', quote('What code calls the flag; unique, at most 255 characters'))
  from information_schema.columns
  where table_schema = database() and table_name = 'flags' and column_name = 'name');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- A constraint that adopted rows do not meet would hinder each change of them; `novi check` reports such rows. There is none
-- for ids: a column that counts may not be in one.
set @novi_sql = if(
  exists (select 1 from flags where not (name <> '' and name not like ' %' and name not like '% ' and char_length(name) <= 255))
    or exists (select 1 from information_schema.table_constraints
      where table_schema = database() and table_name = 'flags' and constraint_name = 'flags_name_plain'),
  'alter table flags alter status set default false',
  'alter table flags alter status set default false,
    add constraint flags_name_plain check (name <> '''' and name not like '' %'' and name not like ''% '' and char_length(name) <= 255)');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table activations comment ', quote('The conditions under which flags are on'),
    ', modify id bigint not null auto_increment comment ', quote('1 or more; chosen by the database if left out'), ', ',
    group_concat(concat('modify ', column_name, ' ',
      if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
      ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'),
      ' comment ', quote(if(column_name = 'name', 'What people call the activation; need not be unique',
        'The activation type, such as novi.percentage; see `novi types`')))
      separator ', '),
    ', modify config longtext character set utf8mb4 collate ', @novi_collation,
    ' comment ', quote('The settings of the type, as JSON text'))
  from information_schema.columns
  where table_schema = database() and table_name = 'activations' and column_name in ('name', 'class_name'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table flags_activations comment ', quote('Which activations a flag has: all of them must be on; a flag without any is on'), ', ',
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
  flag_id bigint not null primary key comment 'flags.id',
  description text comment 'What the flag is for',
  owner text comment 'The person or team to ask',
  expires_at datetime(6) comment 'When the flag should be removed; see the expired setting',
  tags text comment 'A JSON array of strings, such as ["beta"]',
  override_allowed boolean not null default true comment 'Whether requests and tools may override the flag; default true',
  exposed boolean not null default false comment 'Whether client tokens may see and evaluate the flag; default false',
  fail_mode varchar(20) not null default 'off' comment 'What a broken flag is: off (default), on, or last_known',
  variants longtext comment 'The values of the variants, as a JSON object: {"blue": 1, "red": 2}',
  value_type varchar(20) comment 'The type of the values: boolean, string, integer, number, object or any',
  default_variant varchar(255) comment 'The variant of a flag that is on without choosing one',
  off_variant varchar(255) comment 'The variant, and thus the value, while the status is off',
  metadata longtext comment 'What clients get with each decision: a flat JSON object, such as {"team": "shop"}',
  row_version bigint not null default 1 comment 'Rises with each change of the flag or its links',
  created_at datetime(6) default null comment 'When the flag was added',
  updated_at datetime(6) default null comment 'When the flag or its links last changed',
  constraint flag_metadata_flag foreign key (flag_id) references flags (id) on delete cascade on update cascade,
  constraint flag_metadata_fail_mode check (fail_mode in ('off', 'on', 'last_known'))
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin comment 'More about each flag; a trigger adds the row of a new flag, and deletes it with the flag';

-- How often an activation or its members changed. A writer names the version that it has read, and so does not overwrite
-- changes that it has not read. A change of this table raises no revision and leaves no history; the edit behind it does.
create table if not exists activation_metadata (
  activation_id bigint not null primary key comment 'activations.id',
  row_version bigint not null default 1 comment 'Rises with each change of the activation or its members',
  created_at datetime(6) default null comment 'When the activation was added',
  updated_at datetime(6) default null comment 'When the activation or its members last changed',
  constraint activation_metadata_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade
) engine = InnoDB comment 'Versions of activations; a trigger adds the row of a new activation';

-- The members of lists, beside their activation, so that one is added by an insert of its own.
-- Two members are equal when their bytes are, as names are.
set @novi_sql = concat('create table if not exists activation_members (
  activation_id bigint not null comment ', quote('activations.id; members are deleted with their activation'), ',
  member varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('The value that is compared, byte by byte; at most 255 characters'), ',
  denied boolean not null default false comment ', quote('Whether the member is denied rather than allowed; default false'), ',
  primary key (activation_id, member),
  constraint activation_members_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade,
  constraint activation_members_denied check (denied in (0, 1))
) engine = InnoDB row_format = dynamic comment ', quote('The members of lists (novi.members), beside the list in the config of their activation'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- The revision: the sum of these counters, which every change of the rows raises, also one by plain SQL. Readers compare
-- with `!=`. Each connection has one of 64 slots: with a single row, writers would wait for each other until they
-- commit, and writers in opposite order would deadlock. The stamp is drawn with each change: with it readers notice that the
-- database was restored, or lost commits and made others.
create table if not exists novi_revision (
  slot smallint not null primary key comment 'The number of the counter',
  revision bigint not null comment 'Rises with each change',
  changed_at datetime(6) not null comment 'When the rows last changed',
  stamp bigint not null default 0 comment 'Drawn at random with each change: differs between two databases at one revision'
) engine = InnoDB comment 'The revision of the rows: the sum of these counters, of which MySQL has 64 and the others one';
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
  id bigint not null auto_increment primary key comment 'In the order of writing',
  slot smallint not null comment 'The counter in novi_revision that was raised',
  revision bigint comment 'The number of the slot that has the change',
  changed_at datetime(6) not null comment 'When; on PostgreSQL, when the transaction committed',
  actor varchar(255) comment 'Who, as the session named itself, else the database user',
  entity varchar(64) not null comment 'The table',
  entity_id bigint comment 'The id of the flag or activation',
  other_id bigint comment 'Of a link: the id of the activation',
  operation varchar(16) not null comment 'insert, update or delete',
  `before` longtext comment 'The row before, as JSON',
  `after` longtext comment 'The row after, as JSON',
  reason text comment 'Why, if the session gave a reason',
  follows bigint comment 'The stamp that the slot had before',
  seen bigint null comment 'MySQL only: the first revision under which a reader has seen the record',
  index flag_history_entity (entity, entity_id),
  index flag_history_revision (slot, revision),
  index flag_history_seen (seen)
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin comment 'A record of each change of a row, written by triggers; prune it with `novi history --prune`';

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
    quote('The name of the flag'), ',
  first_seen datetime(6) not null comment ', quote('When an evaluation was first recorded'), ',
  last_evaluated datetime(6) not null comment ', quote('When it was last evaluated, in any process'), ',
  last_on datetime(6) comment ', quote('When it was last on'), ',
  last_off datetime(6) comment ', quote('When it was last off'), ',
  evaluations bigint not null comment ', quote('How often it was evaluated'), '
) engine = InnoDB row_format = dynamic comment ', quote('When flags were last evaluated, for `novi stale`; may be emptied'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Since when usage is recorded: what was not evaluated before that is unknown.
create table if not exists novi_usage_since (
  id smallint primary key comment 'Always 1',
  since datetime(6) not null comment 'When the table was made',
  constraint novi_usage_since_one check (id = 1)
) engine = InnoDB comment 'Since when usage is recorded';
insert ignore into novi_usage_since (id, since) values (1, utc_timestamp(6));

-- Who may call a server. Only the SHA-256 of a token's secret is stored, in hexadecimal digits. A change of a token raises
-- no revision and leaves no history.
create table if not exists novi_tokens (
  id bigint not null auto_increment primary key comment 'Chosen by the database',
  name varchar(255) not null comment 'What people call the token; unique among tokens that are neither revoked nor replaced',
  role varchar(20) not null comment 'client, server or admin',
  subject varchar(255) comment 'The only user that the token may evaluate for',
  hash char(64) not null comment 'The SHA-256 of the secret, in hexadecimal digits',
  created_at datetime(6) not null comment 'When the token was created',
  created_by varchar(255) comment 'Who created it',
  expires_at datetime(6) comment 'When it expires',
  revoked_at datetime(6) comment 'When it was revoked',
  replaced_at datetime(6) comment 'When another token took its name; it works until expires_at',
  last_used_at datetime(6) comment 'When it was last used, to a minute',
  -- A name can be used again.
  name_in_use varchar(255) as (if(revoked_at is null and replaced_at is null, name, null)),
  unique key novi_tokens_name (name_in_use),
  unique key novi_tokens_hash (hash),
  constraint novi_tokens_role check (role in ('client', 'server', 'admin')),
  constraint novi_tokens_digits check (length(hash) = 64)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin comment 'API tokens; use `novi token`, since a secret is shown only once and never stored';

-- A number that is drawn at random whenever tokens are created, changed or removed, and 0 before: servers read it all the
-- time, and the tokens when it differs.
create table if not exists novi_token_changes (
  id smallint primary key comment 'Always 1',
  changes bigint not null comment 'Drawn at random with each change; 0 before the first',
  constraint novi_token_changes_one check (id = 1)
) engine = InnoDB comment 'Whether novi_tokens has changed';
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

drop trigger if exists novi_flag_metadata_added;
create trigger novi_flag_metadata_added before insert on flag_metadata for each row
begin
  set new.created_at = coalesce(new.created_at, utc_timestamp(6));
  set new.updated_at = coalesce(new.updated_at, utc_timestamp(6));
end;

drop trigger if exists novi_activation_metadata_added;
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
drop trigger if exists novi_record_added;
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
drop trigger if exists novi_flag_changed;
create trigger novi_flag_changed after update on flags for each row
begin
  if not (old.name <=> new.name and old.status <=> new.status) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.id;
  end if;
end;

drop trigger if exists novi_flags_insert;
create trigger novi_flags_insert after insert on flags for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags', new.id, null, 'insert', null,
    json_object(
      'id', new.id,
      'name', new.name,
      'status', json_extract(case new.status when 1 then 'true' when 0 then 'false' else coalesce(new.status, 'null') end, '$')));
end;

drop trigger if exists novi_flags_update;
create trigger novi_flags_update after update on flags for each row
begin
  if not (old.id <=> new.id
    and old.name <=> new.name
    and old.status <=> new.status) then
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
          'value_type', value_type,
          'default_variant', default_variant,
          'off_variant', off_variant,
          'metadata', metadata,
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
          'value_type', value_type,
          'default_variant', default_variant,
          'off_variant', off_variant,
          'metadata', metadata,
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
      'status', json_extract(case old.status when 1 then 'true' when 0 then 'false' else coalesce(old.status, 'null') end, '$')), null);
end;

drop trigger if exists novi_activations_insert;
create trigger novi_activations_insert after insert on activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activations', new.id, null, 'insert', null,
    json_object(
      'id', new.id,
      'name', new.name,
      'class_name', new.class_name,
      'config', new.config));
end;

drop trigger if exists novi_activations_update;
create trigger novi_activations_update after update on activations for each row
begin
  if not (old.id <=> new.id
    and old.name <=> new.name
    and old.class_name <=> new.class_name
    and old.config <=> new.config) then
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
      'config', old.config), null);
end;

drop trigger if exists novi_flags_activations_insert;
create trigger novi_flags_activations_insert after insert on flags_activations for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flags_activations', new.flag_id, new.activation_id, 'insert', null,
    json_object(
      'flag_id', new.flag_id,
      'activation_id', new.activation_id));
end;

drop trigger if exists novi_flags_activations_update;
create trigger novi_flags_activations_update after update on flags_activations for each row
begin
  if not (old.flag_id <=> new.flag_id
    and old.activation_id <=> new.activation_id) then
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
      'activation_id', old.activation_id), null);
end;

drop trigger if exists novi_flag_metadata_insert;
create trigger novi_flag_metadata_insert after insert on flag_metadata for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'flag_metadata', new.flag_id, null, 'insert', null,
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
      'value_type', new.value_type,
      'default_variant', new.default_variant,
      'off_variant', new.off_variant,
      'metadata', new.metadata,
      'row_version', new.row_version,
      'created_at', new.created_at));
end;

drop trigger if exists novi_flag_metadata_update;
create trigger novi_flag_metadata_update after update on flag_metadata for each row
begin
  if not (old.flag_id <=> new.flag_id
    and old.description <=> new.description
    and old.owner <=> new.owner
    and old.expires_at <=> new.expires_at
    and old.tags <=> new.tags
    and old.override_allowed <=> new.override_allowed
    and old.exposed <=> new.exposed
    and old.fail_mode <=> new.fail_mode
    and old.variants <=> new.variants
    and old.value_type <=> new.value_type
    and old.default_variant <=> new.default_variant
    and old.off_variant <=> new.off_variant
    and old.metadata <=> new.metadata)
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
        'value_type', old.value_type,
        'default_variant', old.default_variant,
        'off_variant', old.off_variant,
        'metadata', old.metadata,
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
        'value_type', new.value_type,
        'default_variant', new.default_variant,
        'off_variant', new.off_variant,
        'metadata', new.metadata,
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
      'value_type', old.value_type,
      'default_variant', old.default_variant,
      'off_variant', old.off_variant,
      'metadata', old.metadata,
      'row_version', old.row_version,
      'created_at', old.created_at), null);
end;

drop trigger if exists novi_activation_members_insert;
create trigger novi_activation_members_insert after insert on activation_members for each row
begin
  insert into flag_history (slot, changed_at, entity, entity_id, other_id, operation, `before`, `after`)
  values (0, utc_timestamp(6), 'activation_members', new.activation_id, null, 'insert', null,
    json_object(
      'activation_id', new.activation_id,
      'member', new.member,
      'denied', json_extract(case new.denied when 1 then 'true' when 0 then 'false' else coalesce(new.denied, 'null') end, '$')));
end;

drop trigger if exists novi_activation_members_update;
create trigger novi_activation_members_update after update on activation_members for each row
begin
  if not (old.activation_id <=> new.activation_id
    and old.member <=> new.member
    and old.denied <=> new.denied) then
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
      'denied', json_extract(case old.denied when 1 then 'true' when 0 then 'false' else coalesce(old.denied, 'null') end, '$')), null);
end;

-- To ask first whether the row exists would lock the gap behind it, and two transactions that each add a flag would wait for
-- each other.
drop trigger if exists novi_flag_added;
create trigger novi_flag_added after insert on flags for each row
begin
  insert into flag_metadata (flag_id) values (new.id)
    on duplicate key update flag_id = flag_metadata.flag_id;
end;

drop trigger if exists novi_activation_added;
create trigger novi_activation_added after insert on activations for each row
begin
  insert into activation_metadata (activation_id) values (new.id)
    on duplicate key update activation_id = activation_metadata.activation_id;
end;

-- A cascade fires no triggers in MySQL: rows that go with their flag or activation are deleted here, so that history has them.
drop trigger if exists novi_flag_removed;
create trigger novi_flag_removed before delete on flags for each row
begin
  delete from flags_activations where flag_id = old.id;
  delete from flag_metadata where flag_id = old.id;
end;

drop trigger if exists novi_activation_removed;
create trigger novi_activation_removed before delete on activations for each row
begin
  delete from activation_members where activation_id = old.id;
end;

-- Versions. Before the row changes, and so before history is written: a writer that waits here for another writer of the same
-- row then holds nothing that writers of other rows need. An `insert ignore` of a row that exists counts as well, which does
-- no harm.
drop trigger if exists novi_flag_metadata_changed;
create trigger novi_flag_metadata_changed before update on flag_metadata for each row
begin
  if not (old.description <=> new.description
    and old.owner <=> new.owner
    and old.expires_at <=> new.expires_at
    and old.tags <=> new.tags
    and old.override_allowed <=> new.override_allowed
    and old.exposed <=> new.exposed
    and old.fail_mode <=> new.fail_mode
    and old.variants <=> new.variants
    and old.value_type <=> new.value_type
    and old.default_variant <=> new.default_variant
    and old.off_variant <=> new.off_variant
    and old.metadata <=> new.metadata) then
    set new.row_version = old.row_version + 1, new.updated_at = utc_timestamp(6);
  end if;
end;

drop trigger if exists novi_activation_changed;
create trigger novi_activation_changed before update on activations for each row
begin
  if not (old.name <=> new.name and old.class_name <=> new.class_name and old.config <=> new.config) then
    update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where activation_id = new.id;
  end if;
end;

drop trigger if exists novi_member_added;
create trigger novi_member_added before insert on activation_members for each row
begin
  update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
    where activation_id = new.activation_id;
end;

drop trigger if exists novi_member_changed;
create trigger novi_member_changed before update on activation_members for each row
begin
  if not (old.activation_id <=> new.activation_id
    and old.member <=> new.member
    and old.denied <=> new.denied) then
    update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where activation_id in (old.activation_id, new.activation_id);
  end if;
end;

drop trigger if exists novi_member_removed;
create trigger novi_member_removed before delete on activation_members for each row
begin
  update activation_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
    where activation_id = old.activation_id;
end;

-- The links of a flag are part of the flag.
drop trigger if exists novi_link_added;
create trigger novi_link_added before insert on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.flag_id;
end;

drop trigger if exists novi_link_changed;
create trigger novi_link_changed before update on flags_activations for each row
begin
  if not (old.flag_id <=> new.flag_id
    and old.activation_id <=> new.activation_id) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where flag_id in (old.flag_id, new.flag_id);
  end if;
end;

drop trigger if exists novi_link_removed;
create trigger novi_link_removed before delete on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = old.flag_id;
end;

-- Tokens.
drop trigger if exists novi_tokens_insert;
create trigger novi_tokens_insert after insert on novi_tokens for each row
begin
  update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
end;

-- `last_used_at` changes nothing about what a token may do.
drop trigger if exists novi_tokens_update;
create trigger novi_tokens_update after update on novi_tokens for each row
begin
  if not (old.id <=> new.id
    and old.name <=> new.name
    and old.role <=> new.role
    and old.subject <=> new.subject
    and old.hash <=> new.hash
    and old.expires_at <=> new.expires_at
    and old.revoked_at <=> new.revoked_at
    and old.replaced_at <=> new.replaced_at) then
    update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
  end if;
end;

drop trigger if exists novi_tokens_delete;
create trigger novi_tokens_delete after delete on novi_tokens for each row
begin
  update novi_token_changes set changes = cast(conv(left(sha2(concat(uuid(), rand()), 256), 15), 16, 10) as signed)
    where id = 1;
end;
