-- What the triggers were created for.
create table {{p}}legacy_{{s}}_options (
  name text primary key,
  value text not null
);

-- Which flags are followed, and what keeps a flag from it.
create table {{p}}legacy_{{s}}_follow (
  feature text primary key,
  problem text,
  is_foreign boolean not null default false
);

-- Changes look up the activations of a flag by their names.
create index {{p}}legacy_{{s}}_names on {{p}}activations (name);

{{views}}
-- Brings a flag in step. The owner's rights: a program that changes the old tables needs none on novi's tables.
create function {{p}}legacy_{{s}}_apply(the_feature text) returns void language plpgsql security definer
set search_path from current as $$
declare
  w {{p}}legacy_{{s}}%rowtype;
  known {{p}}legacy_{{s}}_follow%rowtype;
  is_gone boolean;
  the_flag bigint;
  members_id bigint;
  conditions_id bigint;
  the_link bigint;
begin
  -- Writers of one flag wait for each other, so that each sees the rows that those before it have committed.
  perform pg_advisory_xact_lock(hashtext('{{p}}legacy_{{s}}'), hashtext(the_feature));
  select * into w from {{p}}legacy_{{s}} where feature = the_feature;
  is_gone := not found;
  select * into known from {{p}}legacy_{{s}}_follow where feature = the_feature;
  if not found then
    known.is_foreign := exists (select 1 from {{p}}flags where name = the_feature) or exists (
      select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
      where a.name in (the_feature || ': {{members}}', the_feature || ': {{conditions}}'));
  end if;
  if is_gone then
    delete from {{p}}legacy_{{s}}_follow where feature = the_feature;
  else
    if known.is_foreign then
      w.problem := 'novi has another flag, or activation, of this name';
    end if;
    insert into {{p}}legacy_{{s}}_follow as old (feature, problem, is_foreign)
    values (the_feature, w.problem, known.is_foreign)
    on conflict (feature) do update set problem = excluded.problem where old.problem is distinct from excluded.problem;
  end if;
  if known.is_foreign or w.problem is not null then
    return;
  end if;
  if is_gone then
    w.status := false; w.has_members := false; w.items := 0;
    delete from {{p}}flags where name = the_feature;
  else
    update {{p}}flags set status = w.status where name = the_feature and status <> w.status;
    select id into the_flag from {{p}}flags where name = the_feature;
    if the_flag is null then
      insert into {{p}}flags (name, status) values (the_feature, w.status) returning id into the_flag;
    end if;
    update {{p}}flag_metadata set description = w.description
    where flag_id = the_flag and description is distinct from w.description;
  end if;
  select min(id) into members_id from {{p}}activations where name = the_feature || ': {{members}}';
  select min(id) into conditions_id from {{p}}activations where name = the_feature || ': {{conditions}}';
  if w.has_members then
    if members_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (the_feature || ': {{members}}', 'novi.members', '{"allow":[]{{by}}}') returning id into members_id;
    end if;
    update {{p}}activations set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
    where id = members_id and (class_name <> 'novi.members'
      or replace(config, ' ', '') is distinct from '{"allow":[]{{by}}}');
    delete from {{p}}activation_members where activation_id = members_id and (denied or member not in
      (select g.member from {{p}}legacy_{{s}}_members g where g.feature = the_feature));
    insert into {{p}}activation_members (activation_id, member)
    select distinct members_id, g.member from {{p}}legacy_{{s}}_members g where g.feature = the_feature
      and not exists (select 1 from {{p}}activation_members m
        where m.activation_id = members_id and m.member = g.member);
  end if;
  if w.items > 0 then
    if w.items + w.has_members::int > 1 then
      w.class_name := 'novi.or';
      w.config := '[' || case when w.has_members then members_id || ',' else '' end || w.list || ']';
    end if;
    if conditions_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (the_feature || ': {{conditions}}', w.class_name, w.config) returning id into conditions_id;
    end if;
    update {{p}}activations set class_name = w.class_name, config = w.config
    where id = conditions_id and (class_name, config) is distinct from (w.class_name, w.config);
  end if;
  the_link := case when w.items > 0 then conditions_id when w.has_members then members_id end;
  delete from {{p}}flags_activations where flag_id = the_flag and activation_id is distinct from the_link;
  if the_link is not null then
    insert into {{p}}flags_activations (flag_id, activation_id) values (the_flag, the_link) on conflict do nothing;
  end if;
  -- An activation that somebody uses elsewhere stays.
  delete from {{p}}activations gone where w.items = 0 and gone.id = conditions_id
    and not exists (select 1 from {{p}}flags_activations where activation_id = gone.id)
    and not exists (select 1 from {{p}}activations other where strpos(
      translate(replace(other.config, '"percentage":' || gone.id, ''), '[]}: ', ',,,,'), ',' || gone.id || ',') > 0);
  delete from {{p}}activations gone where not w.has_members and gone.id = members_id
    and not exists (select 1 from {{p}}flags_activations where activation_id = gone.id)
    and not exists (select 1 from {{p}}activations other where strpos(
      translate(replace(other.config, '"percentage":' || gone.id, ''), '[]}: ', ',,,,'), ',' || gone.id || ',') > 0);
end $$;

-- What fails here must not break the program that changes the old tables.
create function {{p}}legacy_{{s}}_try(the_feature text) returns void language plpgsql security definer
set search_path from current as $$
declare
  reason_before text := current_setting('novi.reason', true);
begin
  if the_feature is null then
    return;
  end if;
  if coalesce(reason_before, '') = '' then
    perform set_config('novi.reason', 'Change in {{label}}', true);
  end if;
  perform {{p}}legacy_{{s}}_apply(the_feature);
  perform set_config('novi.reason', coalesce(reason_before, ''), true);
exception when others then
  insert into {{p}}legacy_{{s}}_follow as old (feature, problem) values (the_feature, sqlerrm)
  on conflict (feature) do update set problem = excluded.problem;
end $$;

create function {{p}}legacy_{{s}}_truncated() returns trigger language plpgsql security definer
set search_path from current as $$
begin
  perform {{p}}legacy_{{s}}_try(feature) from {{p}}legacy_{{s}}_follow;
  return null;
end $$;
