-- The parameter of the strategy of each feature. The text of all has a line for each, and `chr(10)` around it.
create view {{p}}legacy_togglz_found as
select feature, is_on, strategy,
  ltrim(split_part(split_part(source, chr(10) || parameter || '=', 2), chr(10), 1), ' ') as value,
  ltrim(split_part(split_part(source, chr(10) || 'time=', 2), chr(10), 1), ' ') as time,
  strpos(source, chr(92)) > 0 or replace(source, chr(10), '') ~ '[{{blanks}}]' or strpos(raw, chr(10) || ' ') > 0
    or strpos(raw, chr(10) || parameter || ' ') + strpos(raw, chr(10) || parameter || ':')
      + strpos(raw, chr(10) || parameter || chr(92)) > 0
    or strpos(raw, chr(10) || 'time ') + strpos(raw, chr(10) || 'time:') + strpos(raw, chr(10) || 'time' || chr(92)) > 0
    or length(source) - length(replace(source, chr(10) || parameter || '=', '')) > length(parameter) + 2
    or length(source) - length(replace(source, chr(10) || 'time=', '')) > 6 as is_odd
from (
  select *, replace(replace(replace(replace(replace(raw, chr(92) || ':', ':'), chr(92) || '=', '='), chr(92) || '#', '#'),
    chr(92) || '!', '!'), chr(92) || ' ', ' ') as source
  from (
    select feature_name::text as feature, feature_enabled > 0 as is_on, lower(btrim(coalesce(strategy_id, ''))) as strategy,
      case lower(btrim(coalesce(strategy_id, ''))) when 'username' then 'users' when 'gradual' then 'percentage'
        when 'user-role' then 'roles' when 'release-date' then 'date' else '?' end as parameter,
      chr(10) || translate(coalesce(strategy_params, ''), chr(13) || '&', chr(10) || chr(10)) || chr(10) as raw
    from {{TOGGLZ}}
  ) of_table
) texts;

-- The users and roles of each feature.
create view {{p}}legacy_togglz_items as
select feature, strategy, number, btrim(item, ' ') as item
from {{p}}legacy_togglz_found, unnest(string_to_array(value, ',')) with ordinality as items(item, number)
where strategy in ('username', 'user-role') and btrim(item, ' ') <> '';

create view {{p}}legacy_togglz_members as
select feature, item as member from {{p}}legacy_togglz_items where strategy = 'username';

-- The flag of each feature, as `novi import togglz` makes it.
create view {{p}}legacy_togglz as
select feature,
  case
    when feature !~ '^[-A-Za-z0-9_ .:/]{1,240}$' or trim(feature) <> feature
      then 'the name has characters that only an import handles'
    when strategy = '' then null
    when strategy not in ('username', 'gradual', 'user-role', 'release-date')
      then 'its strategy is one that only an import can translate, if any'
    when is_odd then 'the parameters of its strategy have a form that only an import handles'
    when odd_users > 0 then 'a user has more than 255 characters'
    when strategy = 'gradual' and value !~ '^[0-9]{0,9}$' then 'the percentage is not an integer'
    when strategy = 'release-date' and not (time ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$' and case
        when value !~ '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$' then false
        when right(value, 5) in ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31') then false
        when right(value, 5) = '02-29'
          then left(value, 4)::int % 4 = 0 and (left(value, 4)::int % 100 <> 0 or left(value, 4)::int % 400 = 0)
        else true end)
      then 'the date or time is not as 2026-12-31 and 14:45:00'
  end as problem,
  is_on and (strategy = '' or has_members or config is not null) as status,
  null::text as description, has_members, (config is not null)::int as items,
  '{"class_name":"' || class_name || '","config":' || config || '}' as list, class_name, config
from (
  select *,
    strategy = 'username' and users > 0 as has_members,
    case strategy when 'gradual' then 'novi.percentage' when 'user-role' then 'novi.attribute' else 'novi.date_time' end
      as class_name,
    case strategy
      when 'gradual' then case when value ~ '^[0-9]{1,9}$' and value ~ '[1-9]'
        then '{"percentage":' || least(substr(value, 1, 9)::int, 100) || ',"hash":"togglz"{{by}}}' end
      when 'user-role' then '{"attribute":"roles","in":[' || roles || ']}'
      when 'release-date' then
        '{"startDateTime":"' || value || 'T' || coalesce(nullif(time, ''), '00:00:00') || 'Z"}'
    end as config
  from (
    select *,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature) as users,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature and length(member) > 255) as odd_users,
      (select string_agg(to_json(item)::text, ',' order by number) from {{p}}legacy_togglz_items i
        where i.feature = f.feature and i.strategy = 'user-role') as roles
    from {{p}}legacy_togglz_found f
  ) counted
) found;
