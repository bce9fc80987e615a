-- The users of each flag.
create view {{p}}legacy_waffle_members as
select convert(f.name using utf8mb4) collate utf8mb4_bin as feature,
  convert(cast(u.user_id as char) using utf8mb4) collate utf8mb4_bin as member
from {{waffle_flag}} f join {{waffle_flag_users}} u on u.flag_id = f.id;

-- The flag of each flag, switch and sample, as `novi import django-waffle` makes it.
create view {{p}}legacy_waffle as
select feature,
  case
    when not feature regexp '^[-A-Za-z0-9_ .:/]{1,240}$' or char_length(trim(feature)) <> char_length(feature)
      then 'the name has characters that only an import handles'
    when is_random then 'a sample of some of the evaluations, at random, has no equivalent'
    when is_fixed then null
    when is_odd then 'the percentage is not a plain number'
    when odd_users > 0 then 'a user is empty or too long'
    when letters > 500 then 'the names of its groups are too long'
    when not languages regexp '^[-A-Za-z0-9_",]*$'
      then 'its languages have other signs than letters, digits, `-` and `_`'
  end as problem,
  if(is_fixed, is_on, users > 0 or items > 0) as status,
  if(note regexp '[^ {{blanks}}]', note, null) as description,
  (not is_fixed and users > 0) as has_members,
  if(is_fixed, 0, items) as items,
  substr(concat(coalesce(concat(',{"class_name":"novi.attribute","config":', language_config, '}'), ''),
    coalesce(concat(',{"class_name":"novi.attribute","config":', authenticated_config, '}'), ''),
    coalesce(concat(',{"class_name":"novi.attribute","config":', staff_config, '}'), ''),
    coalesce(concat(',{"class_name":"novi.attribute","config":', superuser_config, '}'), ''),
    coalesce(concat(',{"class_name":"novi.attribute","config":', groups_config, '}'), ''),
    coalesce(concat(',{"class_name":"novi.percentage","config":', share_config, '}'), '')), 2) as list,
  if(share_config is null or items > 1, 'novi.attribute', 'novi.percentage') as class_name,
  coalesce(language_config, authenticated_config, staff_config, superuser_config, groups_config, share_config) as config
from (
  select parts.*, (language_config is not null) + (authenticated_config is not null) + (staff_config is not null)
    + (superuser_config is not null) + (groups_config is not null) + (share_config is not null) as items
  from (
    select feature, note, is_fixed, is_on, is_random, users, odd_users, languages, letters,
      not coalesce(share, '0') regexp '^[0-9]+([.][0-9]+)?$' as is_odd,
      case when languages <> '""' then concat('{"attribute":"language","in":[', languages, ']}') end as language_config,
      case when authenticated then '{"attribute":"is_authenticated","equals":true}' end as authenticated_config,
      case when staff then '{"attribute":"is_staff","equals":true}' end as staff_config,
      case when superusers then '{"attribute":"is_superuser","equals":true}' end as superuser_config,
      concat('{"attribute":"groups","in":[', teams, ']}') as groups_config,
      case when share regexp '[1-9]' then concat('{"percentage":', case when share like '%.%'
        then trim(trailing '.' from trim(trailing '0' from share)) else share end, '{{by}}}') end as share_config
    from (
      select convert(f.name using utf8mb4) collate utf8mb4_bin as feature,
        convert(f.note using utf8mb4) collate utf8mb4_bin as note,
        f.everyone is not null or coalesce(f.percent, 0) >= 100 as is_fixed, coalesce(f.everyone, true) as is_on,
        false as is_random, f.authenticated, f.staff, f.superusers, cast(f.percent as char) as share,
        replace(replace(concat('"', replace(trim(replace(replace(
          convert(coalesce(f.languages, '') using utf8mb4) collate utf8mb4_bin, ', ', ','), ' ,', ',')), ',', '","'), '"'),
          ',""', ''), '"",', '') as languages,
        (select count(*) from {{waffle_flag_users}} u where u.flag_id = f.id) as users,
        (select count(*) from {{waffle_flag_users}} u where u.flag_id = f.id
          and char_length(coalesce(u.user_id, '')) not between 1 and 255) as odd_users,
        (select sum(char_length(g.name) + 3) from {{waffle_flag_groups}} l
          join {{auth_group}} g on g.id = l.group_id where l.flag_id = f.id) as letters,
        (select group_concat(json_quote(convert(g.name using utf8mb4)) order by l.id separator ',')
          from {{waffle_flag_groups}} l join {{auth_group}} g on g.id = l.group_id where l.flag_id = f.id) as teams
      from {{waffle_flag}} f
      union all
      select convert(s.name using utf8mb4) collate utf8mb4_bin, convert(s.note using utf8mb4) collate utf8mb4_bin, true,
        s.active, false, false, false, false, null, '""', 0, 0, 0, null
      from {{waffle_switch}} s where not exists (select 1 from {{waffle_flag}} f where binary f.name = binary s.name)
      union all
      select convert(s.name using utf8mb4) collate utf8mb4_bin, convert(s.note using utf8mb4) collate utf8mb4_bin, true,
        s.percent > 0, s.percent > 0 and s.percent < 100, false, false, false, null, '""', 0, 0, 0, null
      from {{waffle_sample}} s where not exists (select 1 from {{waffle_flag}} f where binary f.name = binary s.name)
        and not exists (select 1 from {{waffle_switch}} w where binary w.name = binary s.name)
    ) of_tables
  ) parts
) found;
