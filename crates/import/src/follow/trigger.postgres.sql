create function {{p}}legacy_{{s}}_{{table}}() returns trigger language plpgsql security definer
set search_path from current as $$
begin
  if tg_op <> 'INSERT' then
    perform {{p}}legacy_{{s}}_try(feature::text) from ({{old}}) found(feature);
  end if;
  if tg_op <> 'DELETE' then
    perform {{p}}legacy_{{s}}_try(feature::text) from ({{new}}) found(feature);
  end if;
  return null;
end $$;

create trigger {{p}}legacy_{{s}}_{{table}} after insert or update or delete on {{{{table}}}}
for each row execute function {{p}}legacy_{{s}}_{{table}}();
create trigger {{p}}legacy_{{s}}_{{table}}_truncated after truncate on {{{{table}}}}
for each statement execute function {{p}}legacy_{{s}}_truncated();
