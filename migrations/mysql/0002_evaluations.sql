-- Generated from migrations/mysql.evaluations.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- How often flags were evaluated in each hour, by result. Old hours are deleted. Without a foreign key and without
-- triggers, as novi_usage.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');
set @novi_sql = concat('create table if not exists novi_evaluations (
  flag varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('The name of the flag'), ',
  hour datetime(6) not null comment ', quote('The start of the hour'), ',
  enabled boolean not null comment ', quote('Whether the flag was on'), ',
  variant varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('The variant; empty without one, and for a flag that was off'), ',
  evaluations bigint not null comment ', quote('How often the flag was evaluated to this result, in all processes'), ',
  primary key (flag, hour, enabled, variant),
  index novi_evaluations_hour (hour)
) engine = InnoDB row_format = dynamic comment ', quote('Evaluations of flags by hour and result; old hours are deleted; may be emptied'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;
