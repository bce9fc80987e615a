-- What the triggers were created for.
create table {{p}}legacy_{{s}}_options (
  name varchar(64) not null primary key,
  value varchar(255) not null
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- Which flags are followed, and what keeps a flag from it.
create table {{p}}legacy_{{s}}_follow (
  feature varchar(255) not null primary key,
  problem text,
  is_foreign boolean not null default false
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- Changes look up the activations of a flag by their names.
create index {{p}}legacy_{{s}}_names on {{p}}activations (name);

{{views}}
-- Deletes an activation that nothing uses. All activations are read only if there is one.
create procedure {{p}}legacy_{{s}}_drop(the_activation bigint)
begin
  declare is_used boolean default true;
  if the_activation is not null then
    select exists (select 1 from {{p}}flags_activations where activation_id = the_activation)
      or exists (select 1 from {{p}}activations where instr(replace(replace(replace(replace(
        replace(config, concat('"percentage":', the_activation), ''), '[', ','), ']', ','), '}', ','), ':', ','),
        concat(',', the_activation, ',')) > 0)
    into is_used;
    if not is_used then
      delete a from {{p}}activations a force index (primary) where a.id = the_activation;
    end if;
  end if;
end;

-- Brings a flag in step. Reads take no locks on the old tables, so that their writers never wait for each other here.
-- Rows are read by `select ... into`: a query within `set` or `if` locks each row that it reads. Changes name their
-- index, since a scan, which MariaDB may choose on small tables, locks the rows of all flags. Else programs that change
-- several flags would wait for each other, and deadlock. Only the flag is read by `set`, by its unique name, to wait for
-- a writer of it.
-- The names of novi's tables have another collation on MySQL than on MariaDB, and only by it their indexes are used.
create procedure {{p}}legacy_{{s}}_apply(the_feature varchar(255) character set utf8mb4 collate utf8mb4_bin)
proc: begin
  declare is_found, was_known, foreign_found, is_used, is_done boolean default false;
  declare w_status, w_members boolean default false;
  declare w_items integer default 0;
  declare w_problem, w_description, w_list, w_config text character set utf8mb4 collate utf8mb4_bin;
  declare w_class varchar(50) character set utf8mb4 collate utf8mb4_bin;
  declare the_member text character set utf8mb4 collate utf8mb4_bin;
  declare the_flag, members_id, conditions_id, the_link bigint;
  declare reason_before text default @novi_reason;
  declare missing cursor for
    select distinct g.member from (
{{the_members}}
    ) g left join {{p}}activation_members m
      on m.activation_id = members_id and m.member = g.member collate {{novi}}
    where g.feature = the_feature and m.activation_id is null;
  declare extra cursor for
    select distinct m.member from {{p}}activation_members m left join (
{{the_members}}
    ) g
      on g.feature = the_feature and g.member = m.member collate utf8mb4_bin
    where m.activation_id = members_id and (m.denied or g.feature is null);
  declare continue handler for not found set is_done = true;
  -- A deadlock has rolled back the transaction: the program has to know it.
  declare exit handler for 1213, 1205 if true then
    set @novi_reason = reason_before;
    resignal;
  end if;
  declare exit handler for sqlexception if true then
    insert into {{p}}legacy_{{s}}_follow (feature, problem) values (the_feature, 'a trigger failed')
    on duplicate key update problem = 'a trigger failed';
    set @novi_reason = reason_before;
  end if;

  if the_feature is null then
    leave proc;
  end if;
  set @novi_reason = coalesce(nullif(@novi_reason, ''), 'Change in {{label}}');
  select count(*) > 0, max(problem), max(status), max(description), max(has_members), max(items), max(list),
    max(class_name), max(config)
  into is_found, w_problem, w_status, w_description, w_members, w_items, w_list, w_class, w_config
  from (
{{the_flags}}
  ) w where feature = the_feature;
  select count(*) > 0, coalesce(max(is_foreign), false) into was_known, foreign_found
  from {{p}}legacy_{{s}}_follow where feature = the_feature;
  if not was_known then
    select exists (select 1 from {{p}}flags where name = the_feature collate {{novi}})
      or exists (
      select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
      where a.name in (concat(the_feature, ': {{members}}') collate {{novi}},
        concat(the_feature, ': {{conditions}}') collate {{novi}})) into foreign_found;
  end if;
  if not is_found then
    delete k from {{p}}legacy_{{s}}_follow k force index (primary) where k.feature = the_feature;
  else
    if foreign_found then
      set w_problem = 'novi has another flag, or activation, of this name';
    end if;
    insert into {{p}}legacy_{{s}}_follow (feature, problem, is_foreign) values (the_feature, w_problem, foreign_found)
    on duplicate key update problem = w_problem;
  end if;
  if foreign_found or w_problem is not null then
    set @novi_reason = reason_before;
    leave proc;
  end if;
  if not is_found then
    set w_status = false, w_members = false, w_items = 0;
    set the_flag = (select id from {{p}}flags where name = the_feature collate {{novi}});
    delete f from {{p}}flags f force index (primary) where f.id = the_flag;
    set the_flag = null;
  else
    set the_flag = (select id from {{p}}flags where name = the_feature collate {{novi}});
    if the_flag is null then
      insert into {{p}}flags (name, status) values (the_feature, w_status);
      set the_flag = (select id from {{p}}flags where name = the_feature collate {{novi}});
    end if;
    update {{p}}flags force index (primary) set status = w_status where id = the_flag and status <> w_status;
    update {{p}}flag_metadata force index (primary) set description = w_description
    where flag_id = the_flag and not (description <=> w_description collate utf8mb4_bin);
  end if;
  select min(id) into members_id from {{p}}activations
  where name = concat(the_feature, ': {{members}}') collate {{novi}};
  select min(id) into conditions_id from {{p}}activations
  where name = concat(the_feature, ': {{conditions}}') collate {{novi}};
  if w_members then
    if members_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (concat(the_feature, ': {{members}}'), 'novi.members', '{"allow":[]{{by}}}');
      select min(id) into members_id from {{p}}activations
  where name = concat(the_feature, ': {{members}}') collate {{novi}};
    end if;
    update {{p}}activations force index (primary) set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
    where id = members_id and not (class_name = 'novi.members'
      and replace(config, ' ', '') <=> '{"allow":[]{{by}}}');
    set is_done = false;
    open extra;
    extras: loop
      fetch extra into the_member;
      if is_done then leave extras; end if;
      delete m from {{p}}activation_members m force index (primary)
      where m.activation_id = members_id and m.member = the_member collate {{novi}};
    end loop;
    close extra;
    set is_done = false;
    open missing;
    members: loop
      fetch missing into the_member;
      if is_done then leave members; end if;
      insert into {{p}}activation_members (activation_id, member) values (members_id, the_member);
    end loop;
    close missing;
  end if;
  if w_items > 0 then
    if w_items + w_members > 1 then
      set w_class = 'novi.or';
      set w_config = concat('[', if(w_members, concat(members_id, ','), ''), w_list, ']');
    end if;
    if conditions_id is null then
      insert into {{p}}activations (name, class_name, config)
      values (concat(the_feature, ': {{conditions}}'), w_class, w_config);
      select min(id) into conditions_id from {{p}}activations
  where name = concat(the_feature, ': {{conditions}}') collate {{novi}};
    end if;
    update {{p}}activations force index (primary) set class_name = w_class, config = w_config
    where id = conditions_id and not (class_name = w_class collate utf8mb4_bin
      and config <=> w_config collate utf8mb4_bin);
  end if;
  set the_link = if(w_items > 0, conditions_id, if(w_members, members_id, null));
  select exists (select 1 from {{p}}flags_activations where flag_id = the_flag and not activation_id <=> the_link)
  into is_used;
  if is_used then
    delete l from {{p}}flags_activations l force index (primary)
    where l.flag_id = the_flag and not l.activation_id <=> the_link;
  end if;
  select exists (select 1 from {{p}}flags_activations where flag_id = the_flag and activation_id = the_link)
  into is_used;
  if the_link is not null and not is_used then
    insert into {{p}}flags_activations (flag_id, activation_id) values (the_flag, the_link);
  end if;
  -- An activation that somebody uses elsewhere stays.
  if w_items > 0 then set conditions_id = null; end if;
  if w_members then set members_id = null; end if;
  call {{p}}legacy_{{s}}_drop(conditions_id);
  call {{p}}legacy_{{s}}_drop(members_id);
  set @novi_reason = reason_before;
end;
