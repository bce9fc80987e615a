create trigger {{p}}legacy_{{s}}_{{table}}_added after insert on {{{{table}}}} for each row
begin
  declare the_feature text character set utf8mb4 collate utf8mb4_bin;
  declare is_done boolean default false;
  declare found cursor for {{new}};
  declare continue handler for not found set is_done = true;
  open found;
  features: loop
    fetch found into the_feature;
    if is_done then leave features; end if;
    call {{p}}legacy_{{s}}_apply(left(the_feature, 255));
    set is_done = false;
  end loop;
  close found;
end;

create trigger {{p}}legacy_{{s}}_{{table}}_changed after update on {{{{table}}}} for each row
begin
  declare the_feature text character set utf8mb4 collate utf8mb4_bin;
  declare is_done boolean default false;
  -- Names that differ in case are equal in most collations, and a union would keep only one of them.
  declare found cursor for with names (name) as ({{old}} union all {{new}})
    select distinct convert(name using utf8mb4) collate utf8mb4_bin from names;
  declare continue handler for not found set is_done = true;
  open found;
  features: loop
    fetch found into the_feature;
    if is_done then leave features; end if;
    call {{p}}legacy_{{s}}_apply(left(the_feature, 255));
    set is_done = false;
  end loop;
  close found;
end;

create trigger {{p}}legacy_{{s}}_{{table}}_removed after delete on {{{{table}}}} for each row
begin
  declare the_feature text character set utf8mb4 collate utf8mb4_bin;
  declare is_done boolean default false;
  declare found cursor for {{old}};
  declare continue handler for not found set is_done = true;
  open found;
  features: loop
    fetch found into the_feature;
    if is_done then leave features; end if;
    call {{p}}legacy_{{s}}_apply(left(the_feature, 255));
    set is_done = false;
  end loop;
  close found;
end;
