-- A shop: @UNITS users in an experiment, and @ORDERS orders, for scripts/bench-report.
create table users (id varchar(32) primary key, country varchar(2) not null, plan varchar(8) not null, age integer not null);
create table orders (id bigint primary key, user_id varchar(32) not null, created_at datetime not null, amount double not null);

insert into users
select concat('user-', seq), substr('DEATCHFRITUSGBES', 1 + seq % 8 * 2, 2), case seq % 5 when 0 then 'pro' else 'free' end,
  18 + seq * 7 % 60
from seq_0_to_@LAST_UNIT;

-- In an order that has nothing to do with that of the units, as users arrive.
insert into novi_assignments (experiment, unit, variant, revision, assigned_at)
select 'Checkout', concat('user-', seq * 7919 % @UNITS), case seq * 31 % 101 % 2 when 0 then 'old' else 'new' end, 1,
  timestamp '2026-11-01 00:00:00' + interval seq * 1200000 microsecond
from seq_0_to_@LAST_UNIT;

insert into orders
select seq + 1, concat('user-', seq * 104729 % @UNITS), timestamp '2026-11-01 00:00:00' + interval floor(seq * 0.4) second,
  (seq * 2654435761 % 100003) % 10000 / 100.0
from seq_0_to_@LAST_ORDER;
analyze table novi_assignments, orders;
