-- Which features are followed, and what keeps a feature from it.
create table if not exists {{p}}legacy_flipper_follow (
  feature text primary key,
  problem text,
  is_foreign boolean not null default false
);

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
select feature,
  case
    when feature !~ '^[-A-Za-z0-9_ .:/]{1,240}$' or trim(feature) <> feature
      then 'the name has characters that only an import handles'
    when unknown > 0 then 'it has a gate of an unknown kind'
    when odd > 0 or shares > 1 or times > 1 then 'a percentage is not a plain number from 0 to 100'
    when is_on then null
    when expressions > 0 then 'it has the gate `expression`'
    when odd_actors > 0 then 'an actor is empty, too long, or has blanks around it'
    when at_times > 0 and actors + groups = 0 and share = '0'
      then 'the gate `percentage_of_time` alone has no equivalent'
  end as problem,
  is_on or actors > 0 or groups > 0 or share <> '0' as status,
  not is_on and actors > 0 as actors,
  not is_on and groups > 0 as groups,
  not is_on and share <> '0' as share_is_on,
  '{"attribute":"flipper_groups","in":[' || coalesce(names, '') || ']}' as groups_config,
  '{"percentage":' || share || ',"hash":"flipper"{{by}}}' as share_config
from (
  select f.key as feature,
    coalesce(bool_or(g.key = 'boolean' and g.value in ('true', '1')
      or g.key = 'percentage_of_time' and g.value ~ '^100(\.0+)?$'), false) as is_on,
    count(*) filter (where g.key not in ('boolean', 'actors', 'groups', 'percentage_of_actors',
      'percentage_of_time', 'expression')) as unknown,
    count(*) filter (where g.key in ('percentage_of_actors', 'percentage_of_time')
      and coalesce(g.value, '') !~ '^((0|[1-9][0-9]?)(\.[0-9]{1,5})?|100(\.0{1,4})?)$') as odd,
    count(*) filter (where g.key = 'percentage_of_actors') as shares,
    count(*) filter (where g.key = 'percentage_of_time') as times,
    count(*) filter (where g.key = 'percentage_of_time' and g.value ~ '[1-9]') as at_times,
    count(*) filter (where g.key = 'expression' and coalesce(g.value, '') not in ('{}', 'null')) as expressions,
    count(*) filter (where g.key = 'actors') as actors,
    count(*) filter (where g.key = 'actors' and (coalesce(g.value, '') = '' or trim(g.value) <> g.value
      or length(g.value) > 255)) as odd_actors,
    count(*) filter (where g.key = 'groups') as groups,
    coalesce(max(case when g.value like '%.%' then rtrim(rtrim(g.value, '0'), '.') else g.value end)
      filter (where g.key = 'percentage_of_actors'), '0') as share,
    string_agg(to_json(g.value::text)::text, ',' order by g.id) filter (where g.key = 'groups') as names
  from (select key::text as key from {{features}}) f
  left join (select id, feature_key::text as feature_key, key::text as key, value::text as value from {{gates}}) g
    on g.feature_key = f.key
  group by f.key
) found;

-- Brings the flag of a feature in step. The owner's rights: a program that changes gates needs none on novi's tables.
create function {{p}}legacy_flipper_apply(the_feature text) returns void language plpgsql security definer
set search_path from current as $$
declare
  w {{p}}legacy_flipper%rowtype;
  known {{p}}legacy_flipper_follow%rowtype;
  is_gone boolean;
  the_flag bigint;
  actors_id bigint;
  gates_id bigint;
  the_link bigint;
  items integer;
  list text := '';
  the_class text;
  the_config text;
begin
  -- Writers of one feature wait for each other, so that each sees the gates that those before it have committed.
  perform pg_advisory_xact_lock(hashtext('{{p}}legacy_flipper'), hashtext(the_feature));
  select * into w from {{p}}legacy_flipper where feature = the_feature;
  is_gone := not found;
  select * into known from {{p}}legacy_flipper_follow where feature = the_feature;
  if not found then
    known.is_foreign := exists (select 1 from {{p}}flags where name = the_feature) or exists (
      select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
      where a.name in (the_feature || ': actors', the_feature || ': gates'));
  end if;
  if is_gone then
    delete from {{p}}legacy_flipper_follow where feature = the_feature;
  else
    if known.is_foreign then
      w.problem := 'novi has another flag, or activation, of this name';
    end if;
    insert into {{p}}legacy_flipper_follow as old (feature, problem, is_foreign)
    values (the_feature, w.problem, known.is_foreign)
    on conflict (feature) do update set problem = excluded.problem where old.problem is distinct from excluded.problem;
  end if;
  if known.is_foreign or w.problem is not null then
    return;
  end if;
  if is_gone then
    w.status := false; w.actors := false; w.groups := false; w.share_is_on := false;
    delete from {{p}}flags where name = the_feature;
  else
    update {{p}}flags set status = w.status where name = the_feature and status <> w.status;
    select id into the_flag from {{p}}flags where name = the_feature;
    if the_flag is null then
      insert into {{p}}flags (name, status) values (the_feature, w.status) returning id into the_flag;
    end if;
  end if;
  select min(id) into actors_id from {{p}}activations where name = the_feature || ': actors';
  select min(id) into gates_id from {{p}}activations where name = the_feature || ': gates';
  if w.actors then
    if actors_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (the_feature || ': actors', 'novi.members', '{"allow":[]{{by}}}') returning id into actors_id;
    end if;
    update {{p}}activations set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
    where id = actors_id and (class_name <> 'novi.members'
      or replace(config, ' ', '') is distinct from '{"allow":[]{{by}}}');
    delete from {{p}}activation_members where activation_id = actors_id and (denied or member not in
      (select value::text from {{gates}} where feature_key = the_feature and key = 'actors'));
    insert into {{p}}activation_members (activation_id, member)
    select distinct actors_id, value::text from {{gates}} g where feature_key = the_feature and key = 'actors'
      and not exists (select 1 from {{p}}activation_members m
        where m.activation_id = actors_id and m.member = g.value::text);
  end if;
  items := w.groups::int + w.share_is_on::int;
  if w.groups then
    list := '{"class_name":"novi.attribute","config":' || w.groups_config || '}';
  end if;
  if w.share_is_on then
    list := list || case when w.groups then ',' else '' end
      || '{"class_name":"novi.percentage","config":' || w.share_config || '}';
  end if;
  if items > 0 then
    if items + w.actors::int > 1 then
      the_class := 'novi.or';
      the_config := '[' || case when w.actors then actors_id || ',' else '' end || list || ']';
    else
      the_class := case when w.groups then 'novi.attribute' else 'novi.percentage' end;
      the_config := case when w.groups then w.groups_config else w.share_config end;
    end if;
    if gates_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (the_feature || ': gates', the_class, the_config) returning id into gates_id;
    end if;
    update {{p}}activations set class_name = the_class, config = the_config
    where id = gates_id and (class_name, config) is distinct from (the_class, the_config);
  end if;
  the_link := case when items > 0 then gates_id when w.actors then actors_id end;
  delete from {{p}}flags_activations where flag_id = the_flag and activation_id is distinct from the_link;
  if the_link is not null then
    insert into {{p}}flags_activations (flag_id, activation_id) values (the_flag, the_link) on conflict do nothing;
  end if;
  -- An activation that somebody uses elsewhere stays.
  delete from {{p}}activations gone where items = 0 and gone.id = gates_id
    and not exists (select 1 from {{p}}flags_activations where activation_id = gone.id)
    and not exists (select 1 from {{p}}activations other where strpos(
      translate(replace(other.config, '"percentage":' || gone.id, ''), '[]}: ', ',,,,'), ',' || gone.id || ',') > 0);
  delete from {{p}}activations gone where not w.actors and gone.id = actors_id
    and not exists (select 1 from {{p}}flags_activations where activation_id = gone.id)
    and not exists (select 1 from {{p}}activations other where strpos(
      translate(replace(other.config, '"percentage":' || gone.id, ''), '[]}: ', ',,,,'), ',' || gone.id || ',') > 0);
end $$;

-- What fails here must not break the program that changes a gate.
create function {{p}}legacy_flipper_try(the_feature text) returns void language plpgsql security definer
set search_path from current as $$
declare
  reason_before text := current_setting('novi.reason', true);
begin
  if coalesce(reason_before, '') = '' then
    perform set_config('novi.reason', 'Change in Flipper', true);
  end if;
  perform {{p}}legacy_flipper_apply(the_feature);
  perform set_config('novi.reason', coalesce(reason_before, ''), true);
exception when others then
  insert into {{p}}legacy_flipper_follow as old (feature, problem) values (the_feature, sqlerrm)
  on conflict (feature) do update set problem = excluded.problem;
end $$;

create function {{p}}legacy_flipper_feature() returns trigger language plpgsql security definer
set search_path from current as $$
begin
  if tg_op <> 'INSERT' then
    perform {{p}}legacy_flipper_try(old.key);
  end if;
  if tg_op = 'INSERT' or tg_op = 'UPDATE' and old.key <> new.key then
    perform {{p}}legacy_flipper_try(new.key);
  end if;
  return null;
end $$;

create function {{p}}legacy_flipper_gate() returns trigger language plpgsql security definer
set search_path from current as $$
begin
  if tg_op <> 'INSERT' then
    perform {{p}}legacy_flipper_try(old.feature_key);
  end if;
  if tg_op = 'INSERT' or tg_op = 'UPDATE' and old.feature_key <> new.feature_key then
    perform {{p}}legacy_flipper_try(new.feature_key);
  end if;
  return null;
end $$;

create function {{p}}legacy_flipper_truncated() returns trigger language plpgsql security definer
set search_path from current as $$
begin
  perform {{p}}legacy_flipper_try(feature) from {{p}}legacy_flipper_follow;
  return null;
end $$;

create trigger {{p}}legacy_flipper after insert or update or delete on {{features}}
for each row execute function {{p}}legacy_flipper_feature();
create trigger {{p}}legacy_flipper after insert or update or delete on {{gates}}
for each row execute function {{p}}legacy_flipper_gate();
create trigger {{p}}legacy_flipper_truncated after truncate on {{features}}
for each statement execute function {{p}}legacy_flipper_truncated();
create trigger {{p}}legacy_flipper_truncated after truncate on {{gates}}
for each statement execute function {{p}}legacy_flipper_truncated();
