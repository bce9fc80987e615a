-- The actors of each feature.
create view {{p}}legacy_flipper_members as
select convert(feature_key using utf8mb4) collate utf8mb4_bin as feature,
  convert(value using utf8mb4) collate utf8mb4_bin as member
from {{flipper_gates}} where `key` = 'actors';

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
select feature, problem, status, cast(null as char) as description, has_members, has_groups + has_share as items,
  concat(if(has_groups, concat('{"class_name":"novi.attribute","config":', groups_config, '}'), ''),
    if(has_groups and has_share, ',', ''),
    if(has_share, concat('{"class_name":"novi.percentage","config":', share_config, '}'), '')) as list,
  if(has_groups, 'novi.attribute', 'novi.percentage') as class_name,
  if(has_groups, groups_config, share_config) as config
from (
select feature,
  case
    when not feature regexp '^[-A-Za-z0-9_ .:/]{1,240}$' or char_length(trim(feature)) <> char_length(feature)
      then 'the name has characters that only an import handles'
    when unknown > 0 then 'it has a gate of an unknown kind'
    when odd > 0 or shares > 1 or times > 1 then 'a percentage is not a plain number from 0 to 100'
    when is_on then null
    when expressions > 0 then 'it has the gate `expression`'
    when odd_actors > 0 then 'an actor is empty, too long, or has blanks around it'
    when letters > 500 then 'the names of its groups are too long'
    when at_times > 0 and actors + teams = 0 and share = '0'
      then 'the gate `percentage_of_time` alone has no equivalent'
  end as problem,
  (is_on or actors > 0 or teams > 0 or share <> '0') as status,
  (not is_on and actors > 0) as has_members,
  (not is_on and teams > 0) as has_groups,
  (not is_on and share <> '0') as has_share,
  concat('{"attribute":"flipper_groups","in":[', coalesce(names, ''), ']}') as groups_config,
  concat('{"percentage":', share, ',"hash":"flipper"{{by}}}') as share_config
from (
  select f.feature,
    sum(coalesce(g.gate = 'boolean' and g.value in ('true', '1')
      or g.gate = 'percentage_of_time' and g.value regexp '^100([.]0+)?$', false)) > 0 as is_on,
    sum(coalesce(g.gate not in ('boolean', 'actors', 'groups', 'percentage_of_actors', 'percentage_of_time',
      'expression'), false)) as unknown,
    sum(coalesce(g.gate in ('percentage_of_actors', 'percentage_of_time') and not coalesce(g.value, '')
      regexp '^((0|[1-9][0-9]?)([.][0-9]{1,5})?|100([.]0{1,4})?)$', false)) as odd,
    sum(coalesce(g.gate = 'percentage_of_actors', false)) as shares,
    sum(coalesce(g.gate = 'percentage_of_time', false)) as times,
    sum(coalesce(g.gate = 'percentage_of_time' and g.value regexp '[1-9]', false)) as at_times,
    sum(coalesce(g.gate = 'expression' and coalesce(g.value, '') not in ('{}', 'null'), false)) as expressions,
    sum(coalesce(g.gate = 'actors', false)) as actors,
    sum(coalesce(g.gate = 'actors' and (coalesce(g.value, '') = '' or char_length(trim(g.value)) <> char_length(g.value)
      or char_length(g.value) > 255), false)) as odd_actors,
    sum(coalesce(g.gate = 'groups', false)) as teams,
    sum(case when g.gate = 'groups' then char_length(g.value) + 3 else 0 end) as letters,
    coalesce(max(case when g.gate = 'percentage_of_actors' then case when g.value like '%.%'
      then trim(trailing '.' from trim(trailing '0' from g.value)) else g.value end end), '0') as share,
    group_concat(case when g.gate = 'groups' then json_quote(g.value) end order by g.id separator ',') as names
  from (select convert(`key` using utf8mb4) collate utf8mb4_bin as feature from {{flipper_features}}) f
  left join (
    select id, convert(feature_key using utf8mb4) collate utf8mb4_bin as feature_key,
      convert(`key` using utf8mb4) collate utf8mb4_bin as gate,
      convert(value using utf8mb4) collate utf8mb4_bin as value
    from {{flipper_gates}}
  ) g on g.feature_key = f.feature
  group by f.feature
) counted
) found;
