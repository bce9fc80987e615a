-- Generated from migrations/mysql.assignments.sql: edit that, and run `UPDATE_DOCS=1 cargo test -p novi --lib schema`.

-- Which variant each unit of an experiment had first. Facts and not flags: without triggers and without a history. The
-- rows of the experiment '' are marks: assignments of the experiment that is their unit were forgotten.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');
set @novi_sql = concat('create table if not exists novi_assignments (
  id bigint not null auto_increment primary key comment ', quote('In the order of writing'), ',
  experiment varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('The experiment, usually named as its flag; empty for a mark of novi'), ',
  unit varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('Whom the draw was for, such as the targeting key'), ',
  variant varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null comment ',
    quote('The variant; on or off for a flag without variants'), ',
  revision bigint not null comment ', quote('The revision of the flags that assigned it'), ',
  assigned_at datetime(6) not null comment ', quote('When the unit was first exposed'), ',
  unique index novi_assignments_unit (experiment, unit)
) engine = InnoDB row_format = dynamic comment ', quote('Which variant each unit of an experiment had first; `novi assignments forget` deletes them'));
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- The same for programs that analyze experiments, with the names that they expect.
drop view if exists novi_exposures;
create sql security invoker view novi_exposures as
select unit as user_id, assigned_at as timestamp, experiment as experiment_id, variant as variation_id
from novi_assignments where experiment <> '';
