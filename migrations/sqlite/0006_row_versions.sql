-- What novi counts of an activation beyond its row: how often the activation or its members changed. A writer names the
-- version that it has seen, and so does not overwrite what it has not. Times are UTC text.
-- The row is bookkeeping: a change of it raises no revision and leaves no history; the edit that caused it has one.
create table activation_metadata (
  activation_id integer primary key references activations (id) on delete cascade on update cascade,
  row_version integer not null default 1 check (typeof(row_version) = 'integer'),
  created_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

insert into activation_metadata (activation_id) select id from activations;

-- A row that `insert or replace` puts in the place of another one fires no trigger for that one, and where foreign keys are
-- off its metadata stay: then this is a change. `where not exists`, because the same statement would turn an `or ignore`
-- here into a replacement.
create trigger novi_activation_added after insert on activations
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = new.id;
  insert into activation_metadata (activation_id)
  select new.id where not exists (select 1 from activation_metadata where activation_id = new.id);
end;

-- The same of flags, whose metadata are made by another trigger.
create trigger novi_flag_replaced before insert on flags
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.id;
end;

create trigger novi_activation_changed after update on activations
when old.name is not new.name or old.class_name is not new.class_name or old.config is not new.config
begin
  update activation_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where activation_id = new.id;
end;

-- Where foreign keys are off no cascade does this, and SQLite gives the id to another activation later.
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
when old.activation_id is not new.activation_id or old.member is not new.member or old.denied is not new.denied
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

-- What a flag is linked to is part of the flag.
create trigger novi_link_added after insert on flags_activations
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.flag_id;
end;

create trigger novi_link_changed after update on flags_activations
when old.flag_id is not new.flag_id or old.activation_id is not new.activation_id
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
