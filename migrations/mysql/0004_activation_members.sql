-- The members of lists that are kept beside their activation, so that one is added by an insert of its own.
-- Two members are equal when their bytes are, as names are.
set @novi_collation = coalesce(
  (select min(collation_name) from information_schema.collations
    where collation_name in ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')),
  'utf8mb4_bin');
set @novi_sql = concat('create table if not exists activation_members (
  activation_id bigint not null,
  member varchar(255) character set utf8mb4 collate ', @novi_collation, ' not null,
  denied boolean not null default false,
  primary key (activation_id, member),
  constraint activation_members_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade,
  constraint activation_members_denied check (denied in (0, 1))
) engine = InnoDB row_format = dynamic');
prepare novi_statement from @novi_sql;
execute novi_statement;
deallocate prepare novi_statement;

-- A cascade fires no triggers in MySQL: rows that go with their activation are deleted here, so that history has them.
drop trigger if exists novi_activation_removed;
create trigger novi_activation_removed before delete on activations for each row
begin
  delete from activation_members where activation_id = old.id;
end;

drop trigger if exists novi_activation_members_insert;
create trigger novi_activation_members_insert after insert on activation_members for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activation_members', new.activation_id, null, 'insert',
      null,
      json_object('activation_id', new.activation_id, 'member', new.member,
      'denied', json_extract(if(new.denied, 'true', 'false'), '$'))
    from novi_revision where slot = connection_id() % 64;
end;

drop trigger if exists novi_activation_members_update;
create trigger novi_activation_members_update after update on activation_members for each row
begin
  if not (old.activation_id <=> new.activation_id and old.member <=> new.member and old.denied <=> new.denied) then
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activation_members', new.activation_id, null, 'update',
      json_object('activation_id', old.activation_id, 'member', old.member,
      'denied', json_extract(if(old.denied, 'true', 'false'), '$')),
      json_object('activation_id', new.activation_id, 'member', new.member,
      'denied', json_extract(if(new.denied, 'true', 'false'), '$'))
    from novi_revision where slot = connection_id() % 64;
  end if;
end;

drop trigger if exists novi_activation_members_delete;
create trigger novi_activation_members_delete after delete on activation_members for each row
begin
  update novi_revision set revision = revision + 1, changed_at = utc_timestamp(6)
    where slot = connection_id() % 64;
  insert into flag_history
    (slot, revision, changed_at, actor, entity, entity_id, other_id, operation, `before`, `after`)
    select slot, revision, utc_timestamp(6), user(), 'activation_members', old.activation_id, null, 'delete',
      json_object('activation_id', old.activation_id, 'member', old.member,
      'denied', json_extract(if(old.denied, 'true', 'false'), '$')),
      null
    from novi_revision where slot = connection_id() % 64;
end;
