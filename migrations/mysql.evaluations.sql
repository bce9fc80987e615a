-- How often flags were evaluated in each hour, by result. Old hours are deleted. Without a foreign key and without
-- triggers, as novi_usage.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');
set @novi_sql = concat('create table if not exists novi_evaluations (
  flag varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote({{text novi_evaluations.flag}}), ',
  hour datetime(6) not null comment ', quote({{text novi_evaluations.hour}}), ',
  enabled boolean not null comment ', quote({{text novi_evaluations.enabled}}), ',
  variant varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote({{text novi_evaluations.variant}}), ',
  evaluations bigint not null comment ', quote({{text novi_evaluations.evaluations}}), ',
  primary key (flag, hour, enabled, variant),
  index novi_evaluations_hour (hour)
) engine = InnoDB row_format = dynamic comment ', quote({{text novi_evaluations}}));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;
