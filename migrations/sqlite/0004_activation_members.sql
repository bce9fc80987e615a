-- The members of lists that are kept beside their activation, so that one is added by an insert of its own.
-- SQLite keeps a value of any type in any column, hence the checks.
create table activation_members (
  activation_id integer not null references activations (id) on delete cascade on update cascade,
  member varchar(255) not null check (typeof(member) = 'text'),
  denied boolean not null default false check (denied in (0, 1)),
  primary key (activation_id, member)
) without rowid;

-- Where foreign keys are off no cascade does this, and SQLite gives the id to another activation later.
create trigger novi_activation_removed after delete on activations
begin
  delete from activation_members where activation_id = old.id;
end;

create trigger novi_activation_members_insert after insert on activation_members
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activation_members', new.activation_id, null, 'insert',
    null,
    json_object(
      'activation_id', new.activation_id,
      'member', iif(typeof(new.member) = 'blob', hex(new.member), new.member),
      'denied', case when new.denied = 1 then json('true') when new.denied = 0 then json('false') when typeof(new.denied) = 'blob' then hex(new.denied) else new.denied end)
  from novi_revision;
end;

create trigger novi_activation_members_update after update on activation_members
when old.activation_id is not new.activation_id
  or old.member is not new.member
  or old.denied is not new.denied
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activation_members', new.activation_id, null, 'update',
    json_object(
      'activation_id', old.activation_id,
      'member', iif(typeof(old.member) = 'blob', hex(old.member), old.member),
      'denied', case when old.denied = 1 then json('true') when old.denied = 0 then json('false') when typeof(old.denied) = 'blob' then hex(old.denied) else old.denied end),
    json_object(
      'activation_id', new.activation_id,
      'member', iif(typeof(new.member) = 'blob', hex(new.member), new.member),
      'denied', case when new.denied = 1 then json('true') when new.denied = 0 then json('false') when typeof(new.denied) = 'blob' then hex(new.denied) else new.denied end)
  from novi_revision;
end;

create trigger novi_activation_members_delete after delete on activation_members
begin
  update novi_revision set revision = revision + 1, changed_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now');
  insert into flag_history (slot, revision, changed_at, entity, entity_id, other_id, operation, before, after)
  select 0, revision, changed_at, 'activation_members', old.activation_id, null, 'delete',
    json_object(
      'activation_id', old.activation_id,
      'member', iif(typeof(old.member) = 'blob', hex(old.member), old.member),
      'denied', case when old.denied = 1 then json('true') when old.denied = 0 then json('false') when typeof(old.denied) = 'blob' then hex(old.denied) else old.denied end),
    null
  from novi_revision;
end;
