-- Which features are followed, and what keeps a feature from it.
create table if not exists {{p}}legacy_flipper_follow (
  feature varchar(255) not null primary key,
  problem text,
  is_foreign boolean not null default false
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- The flag of each feature, as `novi import flipper` makes it.
create view {{p}}legacy_flipper as
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
  (not is_on and actors > 0) as actors,
  (not is_on and teams > 0) as teams,
  (not is_on and share <> '0') as share_is_on,
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
  from (select convert(`key` using utf8mb4) collate utf8mb4_bin as feature from {{features}}) f
  left join (
    select id, convert(feature_key using utf8mb4) collate utf8mb4_bin as feature_key,
      convert(`key` using utf8mb4) collate utf8mb4_bin as gate,
      convert(value using utf8mb4) collate utf8mb4_bin as value
    from {{gates}}
  ) g on g.feature_key = f.feature
  group by f.feature
) found;

-- Brings the flag of a feature in step. Reads take no locks on the tables of Flipper, so that its writers never
-- wait for each other here.
-- The names of novi's tables have another collation on MySQL than on MariaDB, hence the explicit ones.
create procedure {{p}}legacy_flipper_apply(the_feature varchar(255) character set utf8mb4 collate utf8mb4_bin)
proc: begin
  declare is_found, was_known, foreign_found, is_done boolean default false;
  declare w_status, w_actors, w_teams, w_share boolean default false;
  declare w_problem, w_teams_config, w_share_config, the_list, the_config text
    character set utf8mb4 collate utf8mb4_bin;
  declare the_member text character set utf8mb4 collate utf8mb4_bin;
  declare the_class varchar(50) character set utf8mb4 collate utf8mb4_bin;
  declare the_flag, actors_id, gates_id, the_link bigint;
  declare reason_before text default @novi_reason;
  declare missing cursor for
    select distinct g.value from {{gates}} g where g.feature_key = the_feature and g.`key` = 'actors'
    and not exists (select 1 from {{p}}activation_members m where m.activation_id = actors_id
      and m.member = convert(g.value using utf8mb4) collate utf8mb4_bin);
  declare extra cursor for
    select m.member from {{p}}activation_members m where m.activation_id = actors_id and (m.denied or not exists
    (select 1 from {{gates}} g where g.feature_key = the_feature and g.`key` = 'actors'
      and convert(g.value using utf8mb4) collate utf8mb4_bin = m.member));
  declare continue handler for not found set is_done = true;
  -- A deadlock has rolled back the transaction: the program has to know it.
  declare exit handler for 1213, 1205 resignal;
  declare exit handler for sqlexception
    insert into {{p}}legacy_flipper_follow (feature, problem) values (the_feature, 'a trigger failed')
    on duplicate key update problem = 'a trigger failed';

  set @novi_reason = coalesce(nullif(@novi_reason, ''), 'Change in Flipper');
  select count(*) > 0, max(problem), max(status), max(actors), max(teams), max(share_is_on), max(groups_config),
    max(share_config)
  into is_found, w_problem, w_status, w_actors, w_teams, w_share, w_teams_config, w_share_config
  from {{p}}legacy_flipper where feature = the_feature;
  select count(*) > 0, coalesce(max(is_foreign), false) into was_known, foreign_found
  from {{p}}legacy_flipper_follow where feature = the_feature;
  if not was_known then
    set foreign_found = exists (select 1 from {{p}}flags where name = the_feature collate utf8mb4_bin)
      or exists (
      select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
      where a.name in (concat(the_feature, ': actors') collate utf8mb4_bin,
        concat(the_feature, ': gates') collate utf8mb4_bin));
  end if;
  if not is_found then
    delete from {{p}}legacy_flipper_follow where feature = the_feature;
  else
    if foreign_found then
      set w_problem = 'novi has another flag, or activation, of this name';
    end if;
    insert into {{p}}legacy_flipper_follow (feature, problem, is_foreign) values (the_feature, w_problem, foreign_found)
    on duplicate key update problem = w_problem;
  end if;
  if foreign_found or w_problem is not null then
    set @novi_reason = reason_before;
    leave proc;
  end if;
  if not is_found then
    set w_status = false, w_actors = false, w_teams = false, w_share = false;
    set the_flag = (select id from {{p}}flags where name = the_feature collate utf8mb4_bin);
    delete from {{p}}flags where id = the_flag;
    set the_flag = null;
  else
    set the_flag = (select id from {{p}}flags where name = the_feature collate utf8mb4_bin);
    if the_flag is null then
      insert into {{p}}flags (name, status) values (the_feature, w_status);
      set the_flag = (select id from {{p}}flags where name = the_feature collate utf8mb4_bin);
    end if;
    update {{p}}flags set status = w_status where id = the_flag and status <> w_status;
  end if;
  set actors_id = (select min(id) from {{p}}activations
    where name = concat(the_feature, ': actors') collate utf8mb4_bin);
  set gates_id = (select min(id) from {{p}}activations
    where name = concat(the_feature, ': gates') collate utf8mb4_bin);
  if w_actors then
    if actors_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (concat(the_feature, ': actors'), 'novi.members', '{"allow":[]{{by}}}');
      set actors_id = (select min(id) from {{p}}activations
    where name = concat(the_feature, ': actors') collate utf8mb4_bin);
    end if;
    update {{p}}activations set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
    where id = actors_id and not (class_name = 'novi.members'
      and replace(config, ' ', '') <=> '{"allow":[]{{by}}}');
    set is_done = false;
    open extra;
    extras: loop
      fetch extra into the_member;
      if is_done then leave extras; end if;
      delete from {{p}}activation_members where activation_id = actors_id and member = the_member collate utf8mb4_bin;
    end loop;
    close extra;
    set is_done = false;
    open missing;
    members: loop
      fetch missing into the_member;
      if is_done then leave members; end if;
      insert into {{p}}activation_members (activation_id, member) values (actors_id, the_member);
    end loop;
    close missing;
  end if;
  if w_teams or w_share then
    set the_list = concat(
      if(w_teams, concat('{"class_name":"novi.attribute","config":', w_teams_config, '}'), ''),
      if(w_teams and w_share, ',', ''),
      if(w_share, concat('{"class_name":"novi.percentage","config":', w_share_config, '}'), ''));
    if w_actors + w_teams + w_share > 1 then
      set the_class = 'novi.or';
      set the_config = concat('[', if(w_actors, concat(actors_id, ','), ''), the_list, ']');
    else
      set the_class = if(w_teams, 'novi.attribute', 'novi.percentage');
      set the_config = if(w_teams, w_teams_config, w_share_config);
    end if;
    if gates_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (concat(the_feature, ': gates'), the_class, the_config);
      set gates_id = (select min(id) from {{p}}activations
    where name = concat(the_feature, ': gates') collate utf8mb4_bin);
    end if;
    update {{p}}activations set class_name = the_class, config = the_config
    where id = gates_id and not (class_name = the_class collate utf8mb4_bin
      and config <=> the_config collate utf8mb4_bin);
  end if;
  set the_link = if(w_teams or w_share, gates_id, if(w_actors, actors_id, null));
  delete from {{p}}flags_activations where flag_id = the_flag and not activation_id <=> the_link;
  if the_link is not null
    and not exists (select 1 from {{p}}flags_activations where flag_id = the_flag and activation_id = the_link) then
    insert into {{p}}flags_activations (flag_id, activation_id) values (the_flag, the_link);
  end if;
  -- An activation that somebody uses elsewhere stays.
  if not (w_teams or w_share) and gates_id is not null
    and not exists (select 1 from {{p}}flags_activations where activation_id = gates_id)
    and not exists (select 1 from {{p}}activations where instr(replace(replace(replace(replace(
      replace(config, concat('"percentage":', gates_id), ''), '[', ','), ']', ','), '}', ','), ':', ','), concat(',', gates_id, ',')) > 0)
  then
    delete from {{p}}activations where id = gates_id;
  end if;
  if not w_actors and actors_id is not null
    and not exists (select 1 from {{p}}flags_activations where activation_id = actors_id)
    and not exists (select 1 from {{p}}activations where instr(replace(replace(replace(replace(
      replace(config, concat('"percentage":', actors_id), ''), '[', ','), ']', ','), '}', ','), ':', ','), concat(',', actors_id, ',')) > 0)
  then
    delete from {{p}}activations where id = actors_id;
  end if;
  set @novi_reason = reason_before;
end;

create trigger {{p}}legacy_flipper_feature_added after insert on {{features}} for each row
  call {{p}}legacy_flipper_apply(new.`key`);
create trigger {{p}}legacy_flipper_feature_changed after update on {{features}} for each row
begin
  call {{p}}legacy_flipper_apply(old.`key`);
  call {{p}}legacy_flipper_apply(new.`key`);
end;
create trigger {{p}}legacy_flipper_feature_removed after delete on {{features}} for each row
  call {{p}}legacy_flipper_apply(old.`key`);
create trigger {{p}}legacy_flipper_gate_added after insert on {{gates}} for each row
  call {{p}}legacy_flipper_apply(new.feature_key);
create trigger {{p}}legacy_flipper_gate_changed after update on {{gates}} for each row
begin
  call {{p}}legacy_flipper_apply(old.feature_key);
  call {{p}}legacy_flipper_apply(new.feature_key);
end;
create trigger {{p}}legacy_flipper_gate_removed after delete on {{gates}} for each row
  call {{p}}legacy_flipper_apply(old.feature_key);
