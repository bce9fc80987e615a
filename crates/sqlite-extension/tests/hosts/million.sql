-- How long the functions take for a million users: the first query without them, then with one attribute, with three,
-- with an expression, and with a JSON object.
insert into flags values (1, 'Half', true), (2, 'Pro', true), (3, 'Expression', true);
insert into activations (id, name, class_name, config) values
  (1, 'Half', 'novi.percentage', '{"percentage": 50}'),
  (2, 'Pro', 'novi.attribute', '{"attribute": "plan", "equals": "pro"}'),
  (3, 'Expression', 'novi.expression', '{"expression": "plan == ''pro'' && country == ''US''"}');
insert into flags_activations values (1, 1), (2, 1), (2, 2), (3, 3);
create table users (id integer primary key, country text, plan text);
insert into users
with recursive numbers (number) as (select 1 union all select number + 1 from numbers where number < 1000000)
select number, iif(number % 3 = 0, 'US', 'DE'), iif(number % 4 = 0, 'pro', 'free') from numbers;
.timer on
select count(*) from users where length(country) = 2;
select count(*) from users where novi_enabled('Half', 'targetingKey', id);
select count(*) from users where novi_enabled('Pro', 'targetingKey', id, 'country', country, 'plan', plan);
select count(*) from users where novi_enabled('Expression', 'targetingKey', id, 'country', country, 'plan', plan);
select count(*) from users where novi_enabled('Pro', json_object('targetingKey', id, 'country', country, 'plan', plan));
