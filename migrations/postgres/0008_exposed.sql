-- Whether callers with a client token may see and evaluate the flag. Those who hold such tokens are browsers and phones:
-- nothing is told to them unless somebody says so.
alter table flag_metadata add column exposed boolean not null default false;

drop trigger novi_flag_metadata_changed on flag_metadata;
create trigger novi_flag_metadata_changed before update on flag_metadata for each row
  when ((old.description, old.owner, old.expires_at, old.tags, old.override_allowed, old.exposed, old.fail_mode,
    old.variants, old.default_variant) is distinct from (new.description, new.owner, new.expires_at, new.tags,
    new.override_allowed, new.exposed, new.fail_mode, new.variants, new.default_variant))
  execute function novi_flag_metadata_changed();
