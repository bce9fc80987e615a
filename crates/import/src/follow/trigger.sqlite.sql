create trigger {{p}}legacy_{{s}}_{{table}}_added after insert on {{{{table}}}}
begin
  insert into {{p}}legacy_{{s}}_changed (feature) {{new}};
end;

create trigger {{p}}legacy_{{s}}_{{table}}_changed after update on {{{{table}}}}
begin
  insert into {{p}}legacy_{{s}}_changed (feature) {{old}} union {{new}};
end;

create trigger {{p}}legacy_{{s}}_{{table}}_removed after delete on {{{{table}}}}
begin
  insert into {{p}}legacy_{{s}}_changed (feature) {{old}};
end;
