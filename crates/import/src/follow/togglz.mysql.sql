-- The parameter of the strategy of each feature. The text of all has a line for each, and `lf` around it.
create view {{p}}legacy_togglz_found as
select feature, is_on, strategy,
  ltrim(case when locate(concat(lf, parameter, '='), source) > 0
    then substring_index(substr(source, locate(concat(lf, parameter, '='), source) + char_length(parameter) + 2), lf, 1)
    else '' end) as value,
  ltrim(case when locate(concat(lf, 'time='), source) > 0
    then substring_index(substr(source, locate(concat(lf, 'time='), source) + 6), lf, 1) else '' end) as time,
  (locate(bs, source) > 0 or replace(source, lf, '') regexp '[{{blanks}}]' or locate(concat(lf, ' '), raw) > 0
    or locate(concat(lf, parameter, ' '), raw) + locate(concat(lf, parameter, ':'), raw)
      + locate(concat(lf, parameter, bs), raw) > 0
    or locate(concat(lf, 'time '), raw) + locate(concat(lf, 'time:'), raw) + locate(concat(lf, 'time', bs), raw) > 0
    or char_length(source) - char_length(replace(source, concat(lf, parameter, '='), '')) > char_length(parameter) + 2
    or char_length(source) - char_length(replace(source, concat(lf, 'time='), '')) > 6) as is_odd
from (
  select of_table.*, replace(replace(replace(replace(replace(raw, concat(bs, ':'), ':'), concat(bs, '='), '='),
    concat(bs, '#'), '#'), concat(bs, '!'), '!'), concat(bs, ' '), ' ') as source
  from (
    select convert(feature_name using utf8mb4) collate utf8mb4_bin as feature, feature_enabled > 0 as is_on,
      lower(trim(convert(coalesce(strategy_id, '') using utf8mb4) collate utf8mb4_bin)) as strategy,
      convert(case lower(trim(coalesce(strategy_id, ''))) when 'username' then 'users' when 'gradual' then 'percentage'
        when 'user-role' then 'roles' when 'release-date' then 'date' else '?' end using utf8mb4)
        collate utf8mb4_bin as parameter,
      char(10 using utf8mb4) collate utf8mb4_bin as lf, char(92 using utf8mb4) collate utf8mb4_bin as bs,
      replace(replace(concat(char(10 using utf8mb4), convert(coalesce(strategy_params, '') using utf8mb4),
        char(10 using utf8mb4)) collate utf8mb4_bin, char(13 using utf8mb4), char(10 using utf8mb4)), '&',
        char(10 using utf8mb4)) as raw
    from {{TOGGLZ}}
  ) of_table
) texts;

-- The users and roles of each feature: at most 1,000.
create view {{p}}legacy_togglz_items as
select feature, strategy, number, trim(substring_index(substring_index(value, ',', number), ',', -1)) as item
from {{p}}legacy_togglz_found
join (
  select 1 + a.digit + 10 * b.digit + 100 * c.digit as number
  from (select 0 as digit union all select 1 union all select 2 union all select 3 union all select 4 union all select 5
    union all select 6 union all select 7 union all select 8 union all select 9) a
  join (select 0 as digit union all select 1 union all select 2 union all select 3 union all select 4 union all select 5
    union all select 6 union all select 7 union all select 8 union all select 9) b
  join (select 0 as digit union all select 1 union all select 2 union all select 3 union all select 4 union all select 5
    union all select 6 union all select 7 union all select 8 union all select 9) c
) numbers on number <= 1 + char_length(value) - char_length(replace(value, ',', ''))
where strategy in ('username', 'user-role')
  and trim(substring_index(substring_index(value, ',', number), ',', -1)) <> '';

create view {{p}}legacy_togglz_members as
select feature, item as member from {{p}}legacy_togglz_items where strategy = 'username';

-- The flag of each feature, as `novi import togglz` makes it.
create view {{p}}legacy_togglz as
select feature,
  case
    when not feature regexp '^[-A-Za-z0-9_ .:/]{1,240}$' or char_length(trim(feature)) <> char_length(feature)
      then 'the name has characters that only an import handles'
    when strategy = '' then null
    when strategy not in ('username', 'gradual', 'user-role', 'release-date')
      then 'its strategy is one that only an import can translate, if any'
    when is_odd then 'the parameters of its strategy have a form that only an import handles'
    when char_length(value) - char_length(replace(value, ',', '')) > 999 then 'it has more than 1,000 users or roles'
    when odd_users > 0 then 'a user has more than 255 characters'
    when strategy = 'user-role' and char_length(value) > 500 then 'the names of its roles are too long'
    when strategy = 'gradual' and not value regexp '^[0-9]{0,9}$' then 'the percentage is not an integer'
    when strategy = 'release-date' and not (value regexp '^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$'
      and time regexp '^(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9])?$'
      and not right(value, 5) in ('02-30', '02-31', '04-31', '06-31', '09-31', '11-31')
      and (right(value, 5) <> '02-29' or left(value, 4) % 4 = 0 and (left(value, 4) % 100 <> 0 or left(value, 4) % 400 = 0)))
      then 'the date or time is not as 2026-12-31 and 14:45:00'
  end as problem,
  (is_on and (strategy = '' or has_members or config is not null)) as status,
  cast(null as char) as description, has_members, config is not null as items,
  concat('{"class_name":"', class_name, '","config":', config, '}') as list, class_name, config
from (
  select counted.*,
    (strategy = 'username' and users > 0) as has_members,
    case strategy when 'gradual' then 'novi.percentage' when 'user-role' then 'novi.attribute' else 'novi.date_time' end
      as class_name,
    case strategy
      when 'gradual' then case when value regexp '[1-9]'
        then concat('{"percentage":', least(cast(left(value, 9) as unsigned), 100), ',"hash":"togglz"{{by}}}') end
      when 'user-role' then concat('{"attribute":"roles","in":[', roles, ']}')
      when 'release-date' then concat('{"startDateTime":"', value, 'T', coalesce(nullif(time, ''), '00:00:00'), 'Z"}')
    end as config
  from (
    select f.*,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature) as users,
      (select count(*) from {{p}}legacy_togglz_members m where m.feature = f.feature and char_length(member) > 255)
        as odd_users,
      (select group_concat(json_quote(item) order by number separator ',') from {{p}}legacy_togglz_items i
        where i.feature = f.feature and i.strategy = 'user-role') as roles
    from {{p}}legacy_togglz_found f
  ) counted
) found;
