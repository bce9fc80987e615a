-- When flags were last evaluated, by their names. No foreign key and no triggers: it is no part of the revision or of the
-- history, and whoever writes it locks no row that flags are changed by. Times are UTC.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');
set @novi_sql = concat('create table if not exists novi_usage (
  flag varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null primary key,
  first_seen datetime(6) not null,
  last_evaluated datetime(6) not null,
  last_on datetime(6),
  last_off datetime(6),
  evaluations bigint not null
) engine = InnoDB row_format = dynamic');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- Since when there is such a table: a flag that was not evaluated before tells nothing.
create table if not exists novi_usage_since (
  id smallint primary key,
  since datetime(6) not null,
  constraint novi_usage_since_one check (id = 1)
) engine = InnoDB;
insert ignore into novi_usage_since (id, since) values (1, utc_timestamp(6));
