-- The users of each flag.
create view {{p}}legacy_waffle_members as
select f.name as feature, cast(u.user_id as text) as member
from {{waffle_flag}} f join {{waffle_flag_users}} u on u.flag_id = f.id;

-- The flag of each flag, switch and sample, as `novi import django-waffle` makes it.
create view {{p}}legacy_waffle as
select feature,
  case
    when feature glob '*[^-A-Za-z0-9_ .:/]*' or trim(feature) <> feature or length(feature) not between 1 and 240
      then 'the name has characters that only an import handles'
    when is_random then 'a sample of some of the evaluations, at random, has no equivalent'
    when is_fixed then null
    when is_odd then 'the percentage is not a plain number'
    when odd_users > 0 then 'a user is empty or too long'
    when languages glob '*[^-A-Za-z0-9_",]*' then 'its languages have other signs than letters, digits, `-` and `_`'
  end as problem,
  case when is_fixed then is_on else users > 0 or items > 0 end as status,
  case when trim(note, ' {{blanks}}') <> '' then note end as description,
  not is_fixed and users > 0 as has_members,
  case when is_fixed then 0 else items end as items,
  substr(coalesce(',{"class_name":"novi.attribute","config":' || language_config || '}', '')
    || coalesce(',{"class_name":"novi.attribute","config":' || authenticated_config || '}', '')
    || coalesce(',{"class_name":"novi.attribute","config":' || staff_config || '}', '')
    || coalesce(',{"class_name":"novi.attribute","config":' || superuser_config || '}', '')
    || coalesce(',{"class_name":"novi.attribute","config":' || groups_config || '}', '')
    || coalesce(',{"class_name":"novi.percentage","config":' || share_config || '}', ''), 2) as list,
  case when share_config is null or items > 1 then 'novi.attribute' else 'novi.percentage' end as class_name,
  coalesce(language_config, authenticated_config, staff_config, superuser_config, groups_config, share_config) as config
from (
  select *, (language_config is not null) + (authenticated_config is not null) + (staff_config is not null)
    + (superuser_config is not null) + (groups_config is not null) + (share_config is not null) as items
  from (
    select feature, note, is_fixed, is_on, is_random, users, odd_users, languages,
      coalesce(share, '0') glob '*[^0-9.]*' as is_odd,
      case when languages <> '""' then '{"attribute":"language","in":[' || languages || ']}' end as language_config,
      case when authenticated then '{"attribute":"is_authenticated","equals":true}' end as authenticated_config,
      case when staff then '{"attribute":"is_staff","equals":true}' end as staff_config,
      case when superusers then '{"attribute":"is_superuser","equals":true}' end as superuser_config,
      '{"attribute":"groups","in":[' || groups || ']}' as groups_config,
      case when cast(share as real) > 0 then '{"percentage":'
        || case when share like '%.%' then rtrim(rtrim(share, '0'), '.') else share end || '{{by}}}' end as share_config
    from (
      select f.name as feature, f.note, f.everyone is not null or coalesce(cast(f.percent as real), 0) >= 100 as is_fixed,
        coalesce(f.everyone, 1) as is_on, 0 as is_random, f.authenticated, f.staff, f.superusers,
        cast(f.percent as text) as share,
        replace(replace('"' || replace(trim(replace(replace(coalesce(f.languages, ''), ', ', ','), ' ,', ',')), ',', '","')
          || '"', ',""', ''), '"",', '') as languages,
        (select count(*) from {{waffle_flag_users}} where flag_id = f.id) as users,
        (select count(*) from {{waffle_flag_users}} where flag_id = f.id
          and length(coalesce(user_id, '')) not between 1 and 255) as odd_users,
        (select group_concat(name) from (
          select json_quote(cast(g.name as text)) as name from {{waffle_flag_groups}} l
          join {{auth_group}} g on g.id = l.group_id where l.flag_id = f.id order by l.id)) as groups
      from {{waffle_flag}} f
      union all
      select name, note, 1, active, 0, 0, 0, 0, null, '""', 0, 0, null from {{waffle_switch}}
      where name not in (select name from {{waffle_flag}})
      union all
      select name, note, 1, cast(percent as real) > 0, cast(percent as real) > 0 and cast(percent as real) < 100,
        0, 0, 0, null, '""', 0, 0, null from {{waffle_sample}}
      where name not in (select name from {{waffle_flag}}) and name not in (select name from {{waffle_switch}})
    ) of_tables
  ) parts
) found;
