-- What novi knows of a flag beyond its row, beside the table and not in it.
create table flag_metadata (
  flag_id bigint primary key references flags (id) on delete cascade on update cascade,
  description text,
  owner text,
  expires_at timestamptz,
  tags text,
  override_allowed boolean not null default true,
  fail_mode text not null default 'off' check (fail_mode in ('off', 'on', 'last_known')),
  variants text,
  default_variant text,
  row_version bigint not null default 1,
  created_at timestamptz default clock_timestamp(),
  updated_at timestamptz default clock_timestamp()
);

insert into flag_metadata (flag_id) select id from flags;

-- `security definer`: whoever may write to flags need not be granted novi's own tables.
create function novi_flag_added() returns trigger language plpgsql security definer set search_path from current as $$
begin
  insert into flag_metadata (flag_id) values (new.id) on conflict do nothing;
  return null;
end $$;

create function novi_flag_changed() returns trigger language plpgsql security definer set search_path from current as $$
begin
  update flag_metadata set row_version = row_version + 1, updated_at = clock_timestamp() where flag_id = new.id;
  return null;
end $$;

create function novi_flag_metadata_changed() returns trigger language plpgsql as $$
begin
  new.row_version := old.row_version + 1;
  new.updated_at := clock_timestamp();
  return new;
end $$;

create trigger novi_flag_added after insert on flags for each row execute function novi_flag_added();

create trigger novi_flag_changed after update on flags for each row
  when ((old.name, old.status) is distinct from (new.name, new.status))
  execute function novi_flag_changed();

create trigger novi_flag_metadata_changed before update on flag_metadata for each row
  when ((old.description, old.owner, old.expires_at, old.tags, old.override_allowed, old.fail_mode, old.variants,
    old.default_variant) is distinct from (new.description, new.owner, new.expires_at, new.tags,
    new.override_allowed, new.fail_mode, new.variants, new.default_variant))
  execute function novi_flag_metadata_changed();
