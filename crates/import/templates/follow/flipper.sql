-- view: members
select {{ name("feature_key") }} as feature, {{ text("value") }} as member
from {{ table("flipper_gates") }} where {{ quote() }}key{{ quote() }} = 'actors' and {{ only("flipper_gates", "feature_key") }}
-- view: flags
select feature, problem, status, {{ text("null") }} as description, has_members,
  case when has_groups then 1 else 0 end + case when has_share then 1 else 0 end as items,
  case when has_groups then '{"class_name":"novi.attribute","config":' || groups_config || '}' else '' end
    || case when has_groups and has_share then ',' else '' end
    || case when has_share then '{"class_name":"novi.percentage","config":' || share_config || '}' else '' end as list,
  case when has_groups then 'novi.attribute' else 'novi.percentage' end as class_name,
  case when has_groups then groups_config else share_config end as config
from (
select feature,
  case
    when {{ is_odd_name("feature") }} then 'the name has characters that only an import handles'
    when unknown > 0 then 'it has a gate of an unknown kind'
    when odd > 0 or shares > 1 or times > 1 then 'a percentage is not a plain number from 0 to 100'
    when is_on then null
    when expressions > 0 then 'it has the gate `expression`'
    when odd_actors > 0 then 'an actor is empty, too long, or has blanks around it'
    {%- if is_cut() %}
    when length(names) > 1000 then 'the names of its groups are too long'
    {%- endif %}
    when at_times > 0 and actors + teams = 0 and share = '0'
      then 'the gate `percentage_of_time` alone has no equivalent'
  end as problem,
  (is_on or actors > 0 or teams > 0 or share <> '0') as status,
  (not is_on and actors > 0) as has_members,
  (not is_on and teams > 0) as has_groups,
  (not is_on and share <> '0') as has_share,
  '{"attribute":"flipper_groups","in":[' || coalesce(names, '') || ']}' as groups_config,
  '{"percentage":' || share || ',"hash":"flipper"{{ by }}}' as share_config
from (
  select f.feature,
    {{ count("g.gate = 'boolean' and g.value in ('true', '1')") }}
      + {{ count("g.gate = 'percentage_of_time' and g.share = '100'") }} > 0 as is_on,
    {{ count("g.gate not in ('boolean', 'actors', 'groups', 'percentage_of_actors', 'percentage_of_time', 'expression')") }}
      as unknown,
    {{ count("g.gate in ('percentage_of_actors', 'percentage_of_time') and not g.is_share") }} as odd,
    {{ count("g.gate = 'percentage_of_actors'") }} as shares,
    {{ count("g.gate = 'percentage_of_time'") }} as times,
    {{ count("g.gate = 'percentage_of_time' and g.share <> '0'") }} as at_times,
    {{ count("g.gate = 'expression' and g.value not in ('{}', 'null')") }} as expressions,
    {{ count("g.gate = 'actors'") }} as actors,
    {{ count("g.gate = 'actors' and g.is_odd_actor") }} as odd_actors,
    {{ count("g.gate = 'groups'") }} as teams,
    coalesce(max(case when g.gate = 'percentage_of_actors' then g.share end), '0') as share,
    {{ list("n.value", "n.id") }} from {{ table("flipper_gates") }} n
      where {{ is_same("n.feature_key", "flipper_gates", "feature_key", "f.feature") }} and n.{{ quote() }}key{{ quote() }} = 'groups'
      {{ list_end("n.id") }} as names
  from (
    select {{ key() }} as feature from {{ table("flipper_features") }}
    where {{ only("flipper_features", "key") }}
  ) f
  left join (
    select feature_key, gate, value, {{ plain_number("value") }} as share, {{ is_share("value") }} as is_share,
      (value = '' or {{ length() }}(trim(value)) <> {{ length() }}(value) or {{ length() }}(value) > 255) as is_odd_actor
    from (
      select {{ name("feature_key") }} as feature_key, {{ key() }} as gate,
        coalesce({{ text("value") }}, '') as value
      from {{ table("flipper_gates") }} where {{ only("flipper_gates", "feature_key") }}
    ) gates
  ) g on g.feature_key = f.feature
  group by f.feature
) counted
) found
