{#- The parameter of the strategy of each feature. `raw` and `source` have a line for each parameter, and `lf` around. -#}
-- view: found
select feature, is_on, strategy, ltrim({{ setting("parameter") }}) as value, ltrim({{ setting("'time'") }}) as time,
  ({{ find("source", "", "bs") }} > 0 or {{ has("replace(source, lf, '')", crate::follow::views::BLANKS) }} or {{ find("raw", "lf || ", "' '") }} > 0
    {%- for sign in ["' '", "':'", "bs"] %}
    or {{ find("raw", "lf || parameter || ", sign) }} > 0 or {{ find("raw", "lf || 'time' || ", sign) }} > 0
    {%- endfor %}
    or {{ length() }}(source) - {{ length() }}(replace(source, lf || parameter || '=', '')) > {{ length() }}(parameter) + 2
    or {{ length() }}(source) - {{ length() }}(replace(source, lf || 'time=', '')) > 6) as is_odd
from (
  select of_table.*, replace(replace(replace(replace(replace(raw, bs || ':', ':'), bs || '=', '='), bs || '#', '#'),
    bs || '!', '!'), bs || ' ', ' ') as source
  from (
    select {{ name("feature_name") }} as feature, {{ number("feature_enabled") }} > 0 as is_on, strategy,
      case strategy when 'username' then 'users' when 'gradual' then 'percentage' when 'user-role' then 'roles'
        when 'release-date' then 'date' else '?' end as parameter,
      {{ letter(10) }} as lf, {{ letter(92) }} as bs,
      {{ letter(10) }} || replace(replace(coalesce({{ name("strategy_params") }}, ''), {{ letter(13) }}, {{ letter(10) }}), '&',
        {{ letter(10) }}) || {{ letter(10) }} as raw
    from (
      select it.*, lower(trim(coalesce({{ name("strategy_id") }}, ''))) as strategy
      from {{ table("TOGGLZ") }} it where {{ only("TOGGLZ", "feature_name") }}
    ) rows_of_table
  ) of_table
) texts
{#- The users and roles of each feature. -#}
-- view: items
{%- if is_cut() %}
select feature, strategy, number, trim(substring_index(substring_index(value, ',', number), ',', -1)) as item
from {{ view("found") }} join (
  select 1 + a.digit + 10 * b.digit + 100 * c.digit as number
  from
    {%- for place in ["a", "b", "c"] %}
    {%- if !loop.first %} join{% endif %}
    (select 0 as digit
      {%- for digit in 1..10 %} union all select {{ digit }}{% endfor %}) {{ place }}
    {%- endfor %}
) numbers on number <= 1 + char_length(value) - char_length(replace(value, ',', ''))
where strategy in ('username', 'user-role')
  and trim(substring_index(substring_index(value, ',', number), ',', -1)) <> ''
{%- elif is_postgres() %}
select feature, strategy, number, trim(item) as item
from {{ view("found") }}, unnest(string_to_array(value, ',')) with ordinality as items(item, number)
where strategy in ('username', 'user-role') and trim(item) <> ''
{%- else %}
select f.feature, f.strategy, item."key" as number, trim(item.value) as item
from {{ view("found") }} f,
  json_each('[' || replace(json_quote(case when f.is_odd then '' else f.value end), ',', '","') || ']') item
where f.strategy in ('username', 'user-role') and trim(item.value) <> ''
{%- endif %}
-- view: members
select feature, item as member from {{ view("items") }} where strategy = 'username'
-- view: flags
select feature,
  case
    when {{ is_odd_name("feature") }} then 'the name has characters that only an import handles'
    when strategy = '' then null
    when strategy = 'client-ip' then 'its strategy is `client-ip`, whose addresses only an import can check'
    when strategy not in ('username', 'gradual', 'user-role', 'release-date')
      then 'its strategy is one that only an import can translate, if any'
    when is_odd then 'the parameters of its strategy have a form that only an import handles'
    {%- if is_cut() %}
    when {{ length() }}(value) - {{ length() }}(replace(value, ',', '')) > 999 then 'it has more than 1,000 users or roles'
    when length(roles) > 1000 then 'the names of its roles are too long'
    {%- endif %}
    when odd_users > 0 then 'a user has more than 255 characters'
    when strategy = 'gradual' and ({{ has("value", "^0-9") }} or length(value) > 9) then 'the percentage is not an integer'
    {#- Not by the date functions of databases, some of which accept 2026-02-30 and 24:00:00. -#}
    when strategy = 'release-date' and not case
        when not {{ is_like("value", "[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]") }} then false
        when substr(value, 6, 2) not between '01' and '12' or substr(value, 9, 2) not between '01' and '31' then false
        when substr(value, 6) in ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31') then false
        when substr(value, 6) = '02-29' and ({{ integer("substr(value, 1, 4)") }} % 4 <> 0
          or {{ integer("substr(value, 1, 4)") }} % 100 = 0 and {{ integer("substr(value, 1, 4)") }} % 400 <> 0) then false
        else time = '' or {{ is_like("time", "[0-2][0-9]:[0-5][0-9]:[0-5][0-9]") }} and substr(time, 1, 2) < '24' end
      then 'the date or time is not as 2026-12-31 and 14:45:00'
  end as problem,
  (is_on and (strategy = '' or has_members or config is not null)) as status,
  {{ text("null") }} as description, has_members, case when config is null then 0 else 1 end as items,
  '{"class_name":"' || class_name || '","config":' || config || '}' as list, class_name, config
from (
  select counted.*, (strategy = 'username' and users > 0) as has_members,
    case strategy when 'gradual' then 'novi.percentage' when 'user-role' then 'novi.attribute' else 'novi.date_time' end
      as class_name,
    case strategy
      when 'gradual' then case
        when {{ has("value", "^0-9") }} or length(value) > 9 or not {{ has("value", "1-9") }} then null
        else '{"percentage":' || case when {{ integer("value") }} > 100 then 100 else {{ integer("value") }} end
          || ',"hash":"togglz"{{ by }}}' end
      when 'user-role' then '{"attribute":"roles","in":[' || roles || ']}'
      when 'release-date' then
        '{"startDateTime":"' || value || 'T' || coalesce(nullif(time, ''), '00:00:00') || 'Z"}'
    end as config
  from (
    select f.*,
      (select count(*) from {{ view("members") }} m where m.feature = f.feature) as users,
      (select count(*) from {{ view("members") }} m where m.feature = f.feature and {{ length() }}(member) > 255)
        as odd_users,
      {{ list("i.item", "i.number") }} from {{ view("items") }} i
        where i.feature = f.feature and i.strategy = 'user-role' {{ list_end("i.number") }} as roles
    from {{ view("found") }} f
  ) counted
) found
