-- The actors of each feature.
create view {{p}}legacy_flipper_members as
select feature_key::text as feature, value::text as member from {{flipper_gates}} where key = 'actors';

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
select feature, problem, status, null::text as description, has_members, has_groups::int + has_share::int as items,
  case when has_groups then '{"class_name":"novi.attribute","config":' || groups_config || '}' else '' end
    || case when has_groups and has_share then ',' else '' end
    || case when has_share then '{"class_name":"novi.percentage","config":' || share_config || '}' else '' end as list,
  case when has_groups then 'novi.attribute' else 'novi.percentage' end as class_name,
  case when has_groups then groups_config else share_config end as config
from (
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
  not is_on and actors > 0 as has_members,
  not is_on and groups > 0 as has_groups,
  not is_on and share <> '0' as has_share,
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
  from (select key::text as key from {{flipper_features}}) f
  left join (select id, feature_key::text as feature_key, key::text as key, value::text as value from {{flipper_gates}}) g
    on g.feature_key = f.key
  group by f.key
) counted
) found;
