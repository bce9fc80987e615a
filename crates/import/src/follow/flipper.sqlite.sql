-- The actors of each feature.
create view {{p}}legacy_flipper_members as
select feature_key as feature, cast(value as text) as member from {{flipper_gates}} where "key" = 'actors';

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
select feature, problem, status, null as description, has_members, has_groups + has_share as items,
  case when has_groups then '{"class_name":"novi.attribute","config":' || groups_config || '}' else '' end
    || case when has_groups and has_share then ',' else '' end
    || case when has_share then '{"class_name":"novi.percentage","config":' || share_config || '}' else '' end as list,
  case when has_groups then 'novi.attribute' else 'novi.percentage' end as class_name,
  case when has_groups then groups_config else share_config end as config
from (
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
  not is_on and actors > 0 as has_members,
  not is_on and groups > 0 as has_groups,
  not is_on and coalesce(share, '0') not in ('', '0') as has_share,
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
      select json_quote(cast(value as text)) as name from {{flipper_gates}} where feature_key = f."key" and "key" = 'groups'
      order by id)) as names
  from {{flipper_features}} f left join {{flipper_gates}} g on g.feature_key = f."key"
  group by f."key"
) counted
) found;
