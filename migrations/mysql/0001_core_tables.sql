-- The three core tables, column for column those of Python novi: tables that it made are adopted as they are.
-- Columns are never added to them, so that positional inserts keep working.
-- MySQL commits each DDL statement: every statement of these files can run again after a process was killed.
create table if not exists flags (
  id bigint not null auto_increment primary key,
  name varchar(255) character set utf8mb4 collate utf8mb4_bin not null,
  status boolean not null,
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

-- Foreign keys hold the types of their columns fast, and those of adopted tables have no delete rules: they go, and
-- come back below.
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
  select concat('alter table flags modify id bigint not null auto_increment, modify name ',
    if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
    ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'))
  from information_schema.columns
  where table_schema = database() and table_name = 'flags' and column_name = 'name');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table activations modify id bigint not null auto_increment, ',
    group_concat(concat('modify ', column_name, ' ',
      if(data_type = 'varchar' and character_maximum_length < 255, 'varchar(255)', column_type),
      ' character set utf8mb4 collate ', @novi_collation, if(is_nullable = 'YES', '', ' not null'))
      separator ', '),
    ', modify config longtext character set utf8mb4 collate ', @novi_collation)
  from information_schema.columns
  where table_schema = database() and table_name = 'activations' and column_name in ('name', 'class_name'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

set @novi_sql = (
  select concat('alter table flags_activations ',
    group_concat(concat('modify ', column_name, ' bigint ', if(is_nullable = 'YES', 'null', 'not null'))
      separator ', '))
  from information_schema.columns
  where table_schema = database() and table_name = 'flags_activations'
    and column_name in ('flag_id', 'activation_id'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Python's table has no key. A pair that is there twice says nothing more than once.
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
