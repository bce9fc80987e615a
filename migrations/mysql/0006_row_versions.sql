-- What novi counts of an activation beyond its row: how often the activation or its members changed. A writer names the
-- version that it has seen, and so does not overwrite what it has not. Times are UTC.
-- The row is bookkeeping: a change of it raises no revision and leaves no history; the edit that caused it has one.
create table if not exists activation_metadata (
  activation_id bigint not null primary key,
  row_version bigint not null default 1,
  created_at datetime(6) default null,
  updated_at datetime(6) default null,
  constraint activation_metadata_activation foreign key (activation_id) references activations (id)
    on delete cascade on update cascade
) engine = InnoDB;

drop trigger if exists novi_activation_metadata_added;
create trigger novi_activation_metadata_added before insert on activation_metadata for each row
begin
  set new.created_at = coalesce(new.created_at, utc_timestamp(6));
  set new.updated_at = coalesce(new.updated_at, utc_timestamp(6));
end;

insert into activation_metadata (activation_id)
  select id from activations
  where not exists (select 1 from activation_metadata known where known.activation_id = activations.id);

-- To ask first whether the row is there would lock the gap behind it, and two transactions that each add an activation
-- would wait for each other. So it was with flags.
drop trigger if exists novi_activation_added;
create trigger novi_activation_added after insert on activations for each row
begin
  insert into activation_metadata (activation_id) values (new.id)
    on duplicate key update activation_id = activation_metadata.activation_id;
end;

drop trigger if exists novi_flag_added;
create trigger novi_flag_added after insert on flags for each row
begin
  insert into flag_metadata (flag_id) values (new.id)
    on duplicate key update flag_id = flag_metadata.flag_id;
end;

-- Before the row changes, and so before history is written: who waits here for another writer of the same row then holds
-- nothing that writers of other rows need. An `insert ignore` of what is there counts as well, which does no harm.
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
  if not (old.activation_id <=> new.activation_id and old.member <=> new.member and old.denied <=> new.denied) then
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

-- What a flag is linked to is part of the flag.
drop trigger if exists novi_link_added;
create trigger novi_link_added before insert on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.flag_id;
end;

drop trigger if exists novi_link_changed;
create trigger novi_link_changed before update on flags_activations for each row
begin
  if not (old.flag_id <=> new.flag_id and old.activation_id <=> new.activation_id) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6)
      where flag_id in (old.flag_id, new.flag_id);
  end if;
end;

drop trigger if exists novi_link_removed;
create trigger novi_link_removed before delete on flags_activations for each row
begin
  update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = old.flag_id;
end;
