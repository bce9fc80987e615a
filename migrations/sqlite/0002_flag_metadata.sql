-- What novi knows of a flag beyond its row, beside the table and not in it. Times are UTC text.
create table flag_metadata (
  flag_id integer primary key references flags (id) on delete cascade on update cascade,
  description text,
  owner text,
  expires_at text,
  tags text,
  override_allowed boolean not null default true,
  fail_mode varchar(20) not null default 'off' check (fail_mode in ('off', 'on', 'last_known')),
  variants text,
  default_variant text,
  row_version integer not null default 1,
  created_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at text default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

insert into flag_metadata (flag_id) select id from flags;

-- `where not exists`, because `insert or replace into flags` would turn an `or ignore` here into a replacement.
create trigger novi_flag_added after insert on flags
begin
  insert into flag_metadata (flag_id)
  select new.id where not exists (select 1 from flag_metadata where flag_id = new.id);
end;

create trigger novi_flag_changed after update on flags
when old.name is not new.name or old.status is not new.status
begin
  update flag_metadata
  set row_version = row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.id;
end;

create trigger novi_flag_metadata_changed after update on flag_metadata
when old.description is not new.description or old.owner is not new.owner
  or old.expires_at is not new.expires_at or old.tags is not new.tags
  or old.override_allowed is not new.override_allowed or old.fail_mode is not new.fail_mode
  or old.variants is not new.variants or old.default_variant is not new.default_variant
begin
  update flag_metadata
  set row_version = old.row_version + 1, updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
  where flag_id = new.flag_id;
end;

-- Where foreign keys are off no cascade does this, and SQLite gives the id to another flag later.
create trigger novi_flag_removed after delete on flags
begin
  delete from flag_metadata where flag_id = old.id;
end;
