-- What novi knows of a flag beyond its row, beside the table and not in it. Times are UTC.
create table if not exists flag_metadata (
  flag_id bigint not null primary key,
  description text,
  owner text,
  expires_at datetime(6),
  tags text,
  override_allowed boolean not null default true,
  fail_mode varchar(20) not null default 'off',
  variants longtext,
  default_variant varchar(255),
  row_version bigint not null default 1,
  created_at datetime(6) default null,
  updated_at datetime(6) default null,
  constraint flag_metadata_flag foreign key (flag_id) references flags (id) on delete cascade on update cascade,
  constraint flag_metadata_fail_mode check (fail_mode in ('off', 'on', 'last_known'))
) engine = InnoDB character set utf8mb4 collate utf8mb4_bin;

drop trigger if exists novi_flag_metadata_added;
create trigger novi_flag_metadata_added before insert on flag_metadata for each row
begin
  set new.created_at = coalesce(new.created_at, utc_timestamp(6));
  set new.updated_at = coalesce(new.updated_at, utc_timestamp(6));
end;

insert into flag_metadata (flag_id)
  select id from flags where not exists (select 1 from flag_metadata known where known.flag_id = flags.id);

drop trigger if exists novi_flag_added;
create trigger novi_flag_added after insert on flags for each row
begin
  insert into flag_metadata (flag_id)
    select new.id from (select 1 as one) one
    where not exists (select 1 from flag_metadata known where known.flag_id = new.id);
end;

drop trigger if exists novi_flag_changed;
create trigger novi_flag_changed after update on flags for each row
begin
  if not (old.name <=> new.name and old.status <=> new.status) then
    update flag_metadata set row_version = row_version + 1, updated_at = utc_timestamp(6) where flag_id = new.id;
  end if;
end;

drop trigger if exists novi_flag_metadata_changed;
create trigger novi_flag_metadata_changed before update on flag_metadata for each row
begin
  if not (old.description <=> new.description and old.owner <=> new.owner
    and old.expires_at <=> new.expires_at and old.tags <=> new.tags
    and old.override_allowed <=> new.override_allowed and old.fail_mode <=> new.fail_mode
    and old.variants <=> new.variants and old.default_variant <=> new.default_variant) then
    set new.row_version = old.row_version + 1, new.updated_at = utc_timestamp(6);
  end if;
end;

-- A cascade fires no triggers in MySQL: rows that go with their flag are deleted here, so that history has them.
drop trigger if exists novi_flag_removed;
create trigger novi_flag_removed before delete on flags for each row
begin
  delete from flags_activations where flag_id = old.id;
  delete from flag_metadata where flag_id = old.id;
end;
