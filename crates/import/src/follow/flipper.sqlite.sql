-- Which features are followed, and what keeps a feature from it.
create table if not exists {{p}}legacy_flipper_follow (
  feature varchar(255) primary key,
  problem text,
  is_foreign boolean not null default false
);

-- What triggers work on: SQLite has no variables.
create table if not exists {{p}}legacy_flipper_work (
  feature text, problem text, is_gone integer, is_foreign integer, status integer, actors integer, items integer,
  list text, class_name text, config text, flag_id integer, actors_id integer, gates_id integer
);

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
select feature,
  case
    when feature glob '*[^-A-Za-z0-9_ .:/]*' or trim(feature) <> feature or length(feature) not between 1 and 240
      then 'the name has characters that only an import handles'
    when unknown > 0 then 'it has a gate of an unknown kind'
    when odd > 0 or shares > 1 or times > 1 then 'a percentage is not a plain number from 0 to 100'
    when is_on then null
    when expressions > 0 then 'it has the gate `expression`'
    when odd_actors > 0 then 'an actor is empty, too long, or has blanks around it'
    when at_times > 0 and actors + groups = 0 and coalesce(share, '0') in ('', '0')
      then 'the gate `percentage_of_time` alone has no equivalent'
  end as problem,
  is_on or actors > 0 or groups > 0 or coalesce(share, '0') not in ('', '0') as status,
  not is_on and actors > 0 as actors,
  not is_on and groups > 0 as groups,
  not is_on and coalesce(share, '0') not in ('', '0') as share_is_on,
  '{"attribute":"flipper_groups","in":[' || coalesce(names, '') || ']}' as groups_config,
  '{"percentage":' || coalesce(share, '') || ',"hash":"flipper"{{by}}}' as share_config
from (
  select f."key" as feature,
    max(g."key" = 'boolean' and g.value in ('true', '1')) is 1
      or total(g."key" = 'percentage_of_time' and cast(g.value as real) >= 100) > 0 as is_on,
    total(g."key" is not null and g."key" not in ('boolean', 'actors', 'groups', 'percentage_of_actors',
      'percentage_of_time', 'expression')) as unknown,
    total(g."key" in ('percentage_of_actors', 'percentage_of_time') and not (coalesce(g.value, '') not glob '*[^0-9.]*'
      and g.value glob '[0-9]*' and g.value not glob '*.*.*' and g.value not glob '*.' and g.value not glob '0[0-9]*'
      and length(g.value) <= 8 and cast(g.value as real) <= 100)) as odd,
    total(g."key" = 'percentage_of_actors') as shares,
    total(g."key" = 'percentage_of_time') as times,
    total(g."key" = 'percentage_of_time' and cast(g.value as real) > 0) as at_times,
    total(g."key" = 'expression' and coalesce(g.value, '') not in ('{}', 'null')) as expressions,
    total(g."key" = 'actors') as actors,
    total(g."key" = 'actors' and (coalesce(g.value, '') = '' or trim(g.value) <> g.value or length(g.value) > 255))
      as odd_actors,
    total(g."key" = 'groups') as groups,
    max(case when g."key" = 'percentage_of_actors'
      then case when g.value like '%.%' then rtrim(rtrim(g.value, '0'), '.') else g.value end end) as share,
    (select group_concat(name) from (
      select json_quote(cast(value as text)) as name from {{gates}} where feature_key = f."key" and "key" = 'groups'
      order by id)) as names
  from {{features}} f left join {{gates}} g on g.feature_key = f."key"
  group by f."key"
) found;

-- To insert a name brings its flag in step.
create view {{p}}legacy_flipper_changed as select feature from {{p}}legacy_flipper;

create trigger {{p}}legacy_flipper_apply instead of insert on {{p}}legacy_flipper_changed
begin
  delete from {{p}}legacy_flipper_work;
  insert into {{p}}legacy_flipper_work
    (feature, problem, is_gone, is_foreign, status, actors, items, list, class_name, config)
  select new.feature, w.problem, w.feature is null,
    case when known.feature is not null then known.is_foreign
      else exists (select 1 from {{p}}flags where name = new.feature)
        or exists (select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
          where a.name in (new.feature || ': actors', new.feature || ': gates'))
    end,
    w.status, w.actors, w.groups + w.share_is_on,
    case when w.groups then '{"class_name":"novi.attribute","config":' || w.groups_config || '}' else '' end
      || case when w.groups and w.share_is_on then ',' else '' end
      || case when w.share_is_on then '{"class_name":"novi.percentage","config":' || w.share_config || '}' else '' end,
    case when w.groups then 'novi.attribute' else 'novi.percentage' end,
    case when w.groups then w.groups_config else w.share_config end
  from (select 1) left join {{p}}legacy_flipper w on w.feature = new.feature
  left join {{p}}legacy_flipper_follow known on known.feature = new.feature;
  update {{p}}legacy_flipper_work set problem = 'novi has another flag, or activation, of this name'
  where is_foreign and not is_gone;
  insert into {{p}}legacy_flipper_follow (feature) select feature from {{p}}legacy_flipper_work
  where not is_gone and feature not in (select feature from {{p}}legacy_flipper_follow);
  update {{p}}legacy_flipper_follow
  set problem = (select problem from {{p}}legacy_flipper_work),
    is_foreign = (select is_foreign from {{p}}legacy_flipper_work)
  where feature = new.feature;
  delete from {{p}}legacy_flipper_work where problem is not null or is_foreign;

  update {{p}}novi_session set actor = 'flipper', reason = 'Change in Flipper' where id = 1 and actor is null;
  insert into {{p}}flags (name, status) select feature, status from {{p}}legacy_flipper_work
  where not is_gone and not exists (select 1 from {{p}}flags where name = new.feature);
  update {{p}}flags set status = (select status from {{p}}legacy_flipper_work)
  where name = new.feature and status <> (select status from {{p}}legacy_flipper_work where not is_gone);
  insert into {{p}}activations (name, class_name, config)
  select feature || ': actors', 'novi.members', '{"allow":[]{{by}}}' from {{p}}legacy_flipper_work
  where actors and not exists (select 1 from {{p}}activations where name = new.feature || ': actors');
  update {{p}}legacy_flipper_work set
    flag_id = (select id from {{p}}flags where name = new.feature),
    actors_id = (select min(id) from {{p}}activations where name = new.feature || ': actors');
  update {{p}}activations set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
  where id = (select actors_id from {{p}}legacy_flipper_work where actors)
    and (class_name <> 'novi.members' or replace(config, ' ', '') is not '{"allow":[]{{by}}}');
  delete from {{p}}activation_members
  where activation_id = (select actors_id from {{p}}legacy_flipper_work where actors)
    and (denied or member not in
      (select cast(value as text) from {{gates}} where feature_key = new.feature and "key" = 'actors'));
  insert into {{p}}activation_members (activation_id, member)
  select distinct w.actors_id, cast(g.value as text) from {{p}}legacy_flipper_work w
  join {{gates}} g on g.feature_key = new.feature and g."key" = 'actors'
  where w.actors and not exists (
    select 1 from {{p}}activation_members m where m.activation_id = w.actors_id and m.member = cast(g.value as text));

  update {{p}}legacy_flipper_work
  set class_name = 'novi.or', config = '[' || case when actors then actors_id || ',' else '' end || list || ']'
  where items + actors > 1;
  insert into {{p}}activations (name, class_name, config)
  select feature || ': gates', class_name, config from {{p}}legacy_flipper_work
  where items and not exists (select 1 from {{p}}activations where name = new.feature || ': gates');
  update {{p}}legacy_flipper_work
  set gates_id = (select min(id) from {{p}}activations where name = new.feature || ': gates');
  update {{p}}activations set (class_name, config) = (select class_name, config from {{p}}legacy_flipper_work)
  where id = (select gates_id from {{p}}legacy_flipper_work where items)
    and (class_name, config) is not (select class_name, config from {{p}}legacy_flipper_work);

  delete from {{p}}flags_activations where flag_id = (select flag_id from {{p}}legacy_flipper_work)
    and activation_id is not
      (select case when items then gates_id when actors then actors_id end from {{p}}legacy_flipper_work);
  insert into {{p}}flags_activations (flag_id, activation_id)
  select w.flag_id, case when w.items then w.gates_id else w.actors_id end from {{p}}legacy_flipper_work w
  where (w.items or w.actors) and not exists (select 1 from {{p}}flags_activations where flag_id = w.flag_id);
  delete from {{p}}flags where id = (select flag_id from {{p}}legacy_flipper_work where is_gone);
  -- An activation that somebody uses elsewhere stays.
  delete from {{p}}activations where id =
      (select gates_id from {{p}}legacy_flipper_work where coalesce(items, 0) = 0)
    and id not in (select activation_id from {{p}}flags_activations)
    and not exists (select 1 from {{p}}activations other where instr(
      replace(replace(replace(replace(replace(other.config, '"percentage":' || {{p}}activations.id, ''), '[', ','), ']', ','),
        '}', ','), ':', ','), ',' || {{p}}activations.id || ','));
  delete from {{p}}activations where id = (select actors_id from {{p}}legacy_flipper_work where actors is not 1)
    and id not in (select activation_id from {{p}}flags_activations)
    and not exists (select 1 from {{p}}activations other where instr(
      replace(replace(replace(replace(replace(other.config, '"percentage":' || {{p}}activations.id, ''), '[', ','), ']', ','),
        '}', ','), ':', ','), ',' || {{p}}activations.id || ','));
  update {{p}}novi_session set actor = null, reason = null where id = 1 and actor = 'flipper';
  delete from {{p}}legacy_flipper_follow where feature = new.feature
    and not exists (select 1 from {{features}} where "key" = new.feature);
  delete from {{p}}legacy_flipper_work;
end;

create trigger {{p}}legacy_flipper_feature_added after insert on {{features}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (new."key");
end;

create trigger {{p}}legacy_flipper_feature_changed after update on {{features}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (old."key");
  insert into {{p}}legacy_flipper_changed (feature) values (new."key");
end;

create trigger {{p}}legacy_flipper_feature_removed after delete on {{features}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (old."key");
end;

create trigger {{p}}legacy_flipper_gate_added after insert on {{gates}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (new.feature_key);
end;

create trigger {{p}}legacy_flipper_gate_changed after update on {{gates}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (old.feature_key);
  insert into {{p}}legacy_flipper_changed (feature) values (new.feature_key);
end;

create trigger {{p}}legacy_flipper_gate_removed after delete on {{gates}}
begin
  insert into {{p}}legacy_flipper_changed (feature) values (old.feature_key);
end;
