-- A shop: @UNITS users in an experiment, and @ORDERS orders, for scripts/bench-report.
create table users (id text primary key, country text not null, plan text not null, age integer not null);
create table orders (id integer primary key, user_id text not null, created_at text not null, amount real not null);

with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < @UNITS)
insert into users
select 'user-' || i, substr('DEATCHFRITUSGBES', 1 + i % 8 * 2, 2), case i % 5 when 0 then 'pro' else 'free' end, 18 + i * 7 % 60
from n;

-- In an order that has nothing to do with that of the units, as users arrive.
with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < @UNITS)
insert into novi_assignments (experiment, unit, variant, revision, assigned_at)
select 'Checkout', 'user-' || (i * 7919 % @UNITS), case i * 31 % 101 % 2 when 0 then 'old' else 'new' end, 1,
  strftime('%Y-%m-%dT%H:%M:%fZ', '2026-11-01', '+' || (i * 1.2) || ' seconds')
from n;

with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < @ORDERS)
insert into orders
select i + 1, 'user-' || (i * 104729 % @UNITS), strftime('%Y-%m-%d %H:%M:%S', '2026-11-01', '+' || (i * 0.4) || ' seconds'),
  (i * 2654435761 % 100003) % 10000 / 100.0
from n;
