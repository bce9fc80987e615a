-- What the triggers were created for.
create table {{p}}legacy_{{s}}_options (
  name varchar(64) primary key,
  value varchar(255) not null
);

-- Which flags are followed, and what keeps a flag from it.
create table {{p}}legacy_{{s}}_follow (
  feature varchar(255) primary key,
  problem text,
  is_foreign boolean not null default false
);

-- What triggers work on: SQLite has no variables.
create table {{p}}legacy_{{s}}_work (
  feature text, problem text, is_gone integer, is_foreign integer, status integer, description text,
  has_members integer, items integer, list text, class_name text, config text, flag_id integer, members_id integer,
  conditions_id integer
);

-- Changes look up the activations of a flag by their names.
create index {{p}}legacy_{{s}}_names on {{p}}activations (name);

{{views}}
-- To insert a name brings its flag in step.
create view {{p}}legacy_{{s}}_changed as select feature from {{p}}legacy_{{s}};

create trigger {{p}}legacy_{{s}}_apply instead of insert on {{p}}legacy_{{s}}_changed when new.feature is not null
begin
  delete from {{p}}legacy_{{s}}_work;
  insert into {{p}}legacy_{{s}}_work
    (feature, problem, is_gone, is_foreign, status, description, has_members, items, list, class_name, config)
  select new.feature, w.problem, w.feature is null,
    case when known.feature is not null then known.is_foreign
      else exists (select 1 from {{p}}flags where name = new.feature)
        or exists (select 1 from {{p}}flags_activations l join {{p}}activations a on a.id = l.activation_id
          where a.name in (new.feature || ': {{members}}', new.feature || ': {{conditions}}'))
    end,
    w.status, w.description, w.has_members, w.items, w.list, w.class_name, w.config
  from (select 1) left join {{p}}legacy_{{s}} w on w.feature = new.feature
  left join {{p}}legacy_{{s}}_follow known on known.feature = new.feature;
  update {{p}}legacy_{{s}}_work set problem = 'novi has another flag, or activation, of this name'
  where is_foreign and not is_gone;
  insert into {{p}}legacy_{{s}}_follow (feature) select feature from {{p}}legacy_{{s}}_work
  where not is_gone and feature not in (select feature from {{p}}legacy_{{s}}_follow);
  update {{p}}legacy_{{s}}_follow
  set problem = (select problem from {{p}}legacy_{{s}}_work),
    is_foreign = (select is_foreign from {{p}}legacy_{{s}}_work)
  where feature = new.feature;
  delete from {{p}}legacy_{{s}}_work where problem is not null or is_foreign;

  update {{p}}novi_session set actor = '{{s}}', reason = 'Change in {{label}}' where id = 1 and actor is null;
  insert into {{p}}flags (name, status) select feature, status from {{p}}legacy_{{s}}_work
  where not is_gone and not exists (select 1 from {{p}}flags where name = new.feature);
  update {{p}}flags set status = (select status from {{p}}legacy_{{s}}_work)
  where name = new.feature and status <> (select status from {{p}}legacy_{{s}}_work where not is_gone);
  insert into {{p}}activations (name, class_name, config)
  select feature || ': {{members}}', 'novi.members', '{"allow":[]{{by}}}' from {{p}}legacy_{{s}}_work
  where has_members and not exists (select 1 from {{p}}activations where name = new.feature || ': {{members}}');
  update {{p}}legacy_{{s}}_work set
    flag_id = (select id from {{p}}flags where name = new.feature),
    members_id = (select min(id) from {{p}}activations where name = new.feature || ': {{members}}');
  update {{p}}flag_metadata set description = (select description from {{p}}legacy_{{s}}_work)
  where flag_id = (select flag_id from {{p}}legacy_{{s}}_work where not is_gone)
    and description is not (select description from {{p}}legacy_{{s}}_work);
  update {{p}}activations set class_name = 'novi.members', config = '{"allow":[]{{by}}}'
  where id = (select members_id from {{p}}legacy_{{s}}_work where has_members)
    and (class_name <> 'novi.members' or replace(config, ' ', '') is not '{"allow":[]{{by}}}');
  delete from {{p}}activation_members
  where activation_id = (select members_id from {{p}}legacy_{{s}}_work where has_members)
    and (denied or member not in (select member from {{p}}legacy_{{s}}_members where feature = new.feature));
  insert into {{p}}activation_members (activation_id, member)
  select distinct w.members_id, g.member from {{p}}legacy_{{s}}_work w
  join {{p}}legacy_{{s}}_members g on g.feature = new.feature
  where w.has_members and not exists (
    select 1 from {{p}}activation_members m where m.activation_id = w.members_id and m.member = g.member);

  update {{p}}legacy_{{s}}_work
  set class_name = 'novi.or', config = '[' || case when has_members then members_id || ',' else '' end || list || ']'
  where items + has_members > 1;
  insert into {{p}}activations (name, class_name, config)
  select feature || ': {{conditions}}', class_name, config from {{p}}legacy_{{s}}_work
  where items and not exists (select 1 from {{p}}activations where name = new.feature || ': {{conditions}}');
  update {{p}}legacy_{{s}}_work
  set conditions_id = (select min(id) from {{p}}activations where name = new.feature || ': {{conditions}}');
  update {{p}}activations set (class_name, config) = (select class_name, config from {{p}}legacy_{{s}}_work)
  where id = (select conditions_id from {{p}}legacy_{{s}}_work where items)
    and (class_name, config) is not (select class_name, config from {{p}}legacy_{{s}}_work);

  delete from {{p}}flags_activations where flag_id = (select flag_id from {{p}}legacy_{{s}}_work)
    and activation_id is not
      (select case when items then conditions_id when has_members then members_id end from {{p}}legacy_{{s}}_work);
  insert into {{p}}flags_activations (flag_id, activation_id)
  select w.flag_id, case when w.items then w.conditions_id else w.members_id end from {{p}}legacy_{{s}}_work w
  where (w.items or w.has_members) and not exists (select 1 from {{p}}flags_activations where flag_id = w.flag_id);
  delete from {{p}}flags where id = (select flag_id from {{p}}legacy_{{s}}_work where is_gone);
  -- An activation that somebody uses elsewhere stays.
  delete from {{p}}activations where id =
      (select conditions_id from {{p}}legacy_{{s}}_work where coalesce(items, 0) = 0)
    and id not in (select activation_id from {{p}}flags_activations)
    and not exists (select 1 from {{p}}activations other where instr(
      replace(replace(replace(replace(replace(other.config, '"percentage":' || {{p}}activations.id, ''), '[', ','), ']', ','),
        '}', ','), ':', ','), ',' || {{p}}activations.id || ','));
  delete from {{p}}activations where id =
      (select members_id from {{p}}legacy_{{s}}_work where has_members is not 1)
    and id not in (select activation_id from {{p}}flags_activations)
    and not exists (select 1 from {{p}}activations other where instr(
      replace(replace(replace(replace(replace(other.config, '"percentage":' || {{p}}activations.id, ''), '[', ','), ']', ','),
        '}', ','), ':', ','), ',' || {{p}}activations.id || ','));
  update {{p}}novi_session set actor = null, reason = null where id = 1 and actor = '{{s}}';
  delete from {{p}}legacy_{{s}}_follow where feature = new.feature
    and not exists (select 1 from {{p}}legacy_{{s}} where feature = new.feature);
  delete from {{p}}legacy_{{s}}_work;
end;
