drop function if exists {{p}}legacy_flipper_feature() cascade;
drop function if exists {{p}}legacy_flipper_gate() cascade;
drop function if exists {{p}}legacy_flipper_truncated() cascade;
drop function if exists {{p}}legacy_flipper_try(text);
drop function if exists {{p}}legacy_flipper_apply(text);
drop view if exists {{p}}legacy_flipper;
drop table if exists {{p}}legacy_flipper_follow;
