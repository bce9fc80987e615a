-- view: members
select {{ name("f.name") }} as feature, {{ text("u.user_id") }} as member
from {{ table("waffle_flag") }} f join {{ table("waffle_flag_users") }} u on u.flag_id = f.id
where {{ only("waffle_flag", "f.name") }}
-- view: flags
select feature,
  case
    when {{ is_odd_name("feature") }} then 'the name has characters that only an import handles'
    when is_random then 'a sample of some of the evaluations, at random, has no equivalent'
    when is_fixed then null
    when {{ has("share", "^0-9.") }} then 'the percentage is not a plain number'
    when odd_users > 0 then 'a user is empty or too long'
    {%- if is_cut() %}
    when length(teams) > 1000 then 'the names of its groups are too long'
    {%- endif %}
    when {{ has("languages", "^-A-Za-z0-9_\",") }}
      then 'its languages have other signs than letters, digits, `-` and `_`'
  end as problem,
  case when is_fixed then is_on else users > 0 or items > 0 end as status,
  case when {{ is_text("note") }} then note end as description,
  (not is_fixed and users > 0) as has_members,
  case when is_fixed then 0 else items end as items,
  substr(
    {%- for part in ["language", "authenticated", "staff", "superuser", "groups"] -%}
    coalesce(',{"class_name":"novi.attribute","config":' || {{ part }}_config || '}', '')
    || {% endfor -%}
    coalesce(',{"class_name":"novi.percentage","config":' || share_config || '}', ''), 2) as list,
  case when share_config is null or items > 1 then 'novi.attribute' else 'novi.percentage' end as class_name,
  coalesce(language_config, authenticated_config, staff_config, superuser_config, groups_config, share_config) as config
from (
  select parts.*,
    {%- for part in ["language", "authenticated", "staff", "superuser", "groups", "share"] %}
    case when {{ part }}_config is null then 0 else 1 end{% if loop.last %} as items{% else %} +{% endif %}
    {%- endfor %}
  from (
    select feature, note, is_fixed, is_on, is_random, users, odd_users, languages, share, teams,
      case when languages <> '""' then '{"attribute":"language","in":[' || languages || ']}' end as language_config,
      case when authenticated then '{"attribute":"is_authenticated","equals":true}' end as authenticated_config,
      case when staff then '{"attribute":"is_staff","equals":true}' end as staff_config,
      case when superusers then '{"attribute":"is_superuser","equals":true}' end as superuser_config,
      '{"attribute":"groups","in":[' || teams || ']}' as groups_config,
      case when {{ has("share", "1-9") }} then '{"percentage":' || {{ plain_number("share") }} || '{{ by }}}' end
        as share_config
    from (
      select {{ name("f.name") }} as feature, {{ name("f.note") }} as note,
        (f.everyone is not null or coalesce({{ number("f.percent") }}, 0) >= 100) as is_fixed,
        coalesce(f.everyone, true) as is_on, false as is_random, f.authenticated, f.staff, f.superusers,
        {{ text("f.percent") }} as share,
        replace(replace('"' || replace(trim(replace(replace({{ name("coalesce(f.languages, '')") }}, ', ', ','), ' ,', ',')),
          ',', '","') || '"', ',""', ''), '"",', '') as languages,
        (select count(*) from {{ table("waffle_flag_users") }} u where u.flag_id = f.id) as users,
        (select count(*) from {{ table("waffle_flag_users") }} u where u.flag_id = f.id
          and {{ length() }}(coalesce({{ text("u.user_id") }}, '')) not between 1 and 255) as odd_users,
        {{ list("g.name", "l.id") }} from {{ table("waffle_flag_groups") }} l
          join {{ table("auth_group") }} g on g.id = l.group_id where l.flag_id = f.id {{ list_end("l.id") }} as teams
      from {{ table("waffle_flag") }} f where {{ only("waffle_flag", "f.name") }}
      union all
      select {{ name("s.name") }}, {{ name("s.note") }}, true, s.active, false, false, false, false, null, '""', 0, 0, null
      from {{ table("waffle_switch") }} s where {{ only("waffle_switch", "s.name") }}
        and not exists (select 1 from {{ table("waffle_flag") }} f
          where {{ is_same("f.name", "waffle_flag", "name", "s.name") }})
      union all
      select {{ name("s.name") }}, {{ name("s.note") }}, true, {{ number("s.percent") }} > 0,
        {{ number("s.percent") }} > 0 and {{ number("s.percent") }} < 100, false, false, false, null, '""', 0, 0, null
      from {{ table("waffle_sample") }} s where {{ only("waffle_sample", "s.name") }}
        and not exists (select 1 from {{ table("waffle_flag") }} f
          where {{ is_same("f.name", "waffle_flag", "name", "s.name") }})
        and not exists (select 1 from {{ table("waffle_switch") }} w
          where {{ is_same("w.name", "waffle_switch", "name", "s.name") }})
    ) of_tables
  ) parts
) found
