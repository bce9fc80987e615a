-- The parameter of the strategy of each feature. The text of all has a line for each, and `char(10)` around it.
create view {{p}}legacy_togglz_found as
select feature, is_on, strategy, parameter, source,
  ltrim(case when instr(source, char(10) || parameter || '=') > 0
    then substr(substr(source, instr(source, char(10) || parameter || '=') + length(parameter) + 2), 1,
      instr(substr(source, instr(source, char(10) || parameter || '=') + length(parameter) + 2), char(10)) - 1)
    else '' end) as value,
  ltrim(case when instr(source, char(10) || 'time=') > 0
    then substr(substr(source, instr(source, char(10) || 'time=') + 6), 1,
      instr(substr(source, instr(source, char(10) || 'time=') + 6), char(10)) - 1)
    else '' end) as time,
  source like '%\%' or replace(source, char(10), '') glob '*[{{blanks}}]*' or instr(raw, char(10) || ' ') > 0
    or instr(raw, char(10) || parameter || ' ') + instr(raw, char(10) || parameter || ':')
      + instr(raw, char(10) || parameter || '\') > 0
    or instr(raw, char(10) || 'time ') + instr(raw, char(10) || 'time:') + instr(raw, char(10) || 'time\') > 0
    or length(source) - length(replace(source, char(10) || parameter || '=', '')) > length(parameter) + 2
    or length(source) - length(replace(source, char(10) || 'time=', '')) > 6 as is_odd
from (
  select *, replace(replace(replace(replace(replace(raw, '\:', ':'), '\=', '='), '\#', '#'), '\!', '!'), '\ ', ' ') as source
  from (
    select feature_name as feature, cast(feature_enabled as integer) > 0 as is_on,
      lower(trim(coalesce(strategy_id, ''))) as strategy,
      case lower(trim(coalesce(strategy_id, ''))) when 'username' then 'users' when 'gradual' then 'percentage'
        when 'user-role' then 'roles' when 'release-date' then 'date' else '?' end as parameter,
      char(10) || replace(replace(coalesce(strategy_params, ''), char(13), char(10)), '&', char(10)) || char(10) as raw
    from {{TOGGLZ}}
  ) of_table
) texts;

-- The users and roles of each feature.
create view {{p}}legacy_togglz_items as
select f.feature, f.strategy, item."key" as number, trim(item.value) as item
from {{p}}legacy_togglz_found f,
  json_each('[' || replace(json_quote(case when f.is_odd then '' else f.value end), ',', '","') || ']') item
where f.strategy in ('username', 'user-role') and trim(item.value) <> '';

create view {{p}}legacy_togglz_members as
select feature, item as member from {{p}}legacy_togglz_items where strategy = 'username';

-- The flag of each feature, as `novi import togglz` makes it.
create view {{p}}legacy_togglz as
select feature,
  case
    when feature glob '*[^-A-Za-z0-9_ .:/]*' or trim(feature) <> feature or length(feature) not between 1 and 240
      then 'the name has characters that only an import handles'
    when strategy = '' then null
    when strategy not in ('username', 'gradual', 'user-role', 'release-date')
      then 'its strategy is one that only an import can translate, if any'
    when is_odd then 'the parameters of its strategy have a form that only an import handles'
    when odd_users > 0 then 'a user has more than 255 characters'
    when strategy = 'gradual' and (value glob '*[^0-9]*' or length(value) > 9)
      then 'the percentage is not an integer'
    -- Not by date() and time(), which return 2026-02-30 and 24:00:00 as they are.
    when strategy = 'release-date' and not (value glob '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]'
      and substr(value, 6, 2) between '01' and '12' and substr(value, 9, 2) between '01' and '31'
      and substr(value, 6) not in ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31')
      and (substr(value, 6) <> '02-29' or substr(value, 1, 4) % 4 = 0
        and (substr(value, 1, 4) % 100 <> 0 or substr(value, 1, 4) % 400 = 0))
      and (time = '' or time glob '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]' and time < '24'))
      then 'the date or time is not as 2026-12-31 and 14:45:00'
  end as problem,
  is_on and (strategy = '' or has_members or config is not null) as status,
  null as description, has_members, config is not null as items,
  '{"class_name":"' || class_name || '","config":' || config || '}' as list, class_name, config
from (
  select *,
    strategy = 'username' and users > 0 as has_members,
    case strategy when 'gradual' then 'novi.percentage' when 'user-role' then 'novi.attribute' else 'novi.date_time' end
      as class_name,
    case strategy
      when 'gradual' then case when cast(value as integer) > 0
        then '{"percentage":' || min(cast(value as integer), 100) || ',"hash":"togglz"{{by}}}' end
      when 'user-role' then '{"attribute":"roles","in":[' || roles || ']}'
      when 'release-date' then
        '{"startDateTime":"' || value || 'T' || coalesce(nullif(time, ''), '00:00:00') || 'Z"}'
    end as config
  from (
    select *,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature) as users,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature and length(member) > 255) as odd_users,
      (select group_concat(item) from (select json_quote(item) as item from {{p}}legacy_togglz_items i
        where i.feature = f.feature and i.strategy = 'user-role' order by number)) as roles
    from {{p}}legacy_togglz_found f
  ) counted
) found;
