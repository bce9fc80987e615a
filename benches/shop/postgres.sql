-- A shop: @UNITS users in an experiment, and @ORDERS orders, for scripts/bench-report.
create table users (id text primary key, country text not null, plan text not null, age integer not null);
create table orders (id bigint primary key, user_id text not null, created_at timestamptz not null, amount double precision not null);

insert into users
select 'user-' || i, substr('DEATCHFRITUSGBES', (1 + i % 8 * 2)::int, 2), case i % 5 when 0 then 'pro' else 'free' end,
  18 + i * 7 % 60
from generate_series(0, @UNITS::bigint - 1) i;

-- In an order that has nothing to do with that of the units, as users arrive.
insert into novi_assignments (experiment, unit, variant, revision, assigned_at)
select 'Checkout', 'user-' || (i * 7919 % @UNITS), case i * 31 % 101 % 2 when 0 then 'old' else 'new' end, 1,
  timestamptz '2026-11-01 00:00Z' + i * interval '1.2 seconds'
from generate_series(0, @UNITS::bigint - 1) i;

insert into orders
select i + 1, 'user-' || (i * 104729 % @UNITS), date_trunc('second', timestamptz '2026-11-01 00:00Z' + i * interval '0.4 seconds'),
  (i * 2654435761 % 100003) % 10000 / 100.0
from generate_series(0, @ORDERS::bigint - 1) i;
analyze;
