-- The flags that cases.json asks for.
insert into flags (id, name, status) values
  (1, 'bool-on', true), (2, 'bool-disabled', false), (3, 'bool-for-pros', true), (4, 'bool-all-percent', true),
  (5, 'bool-no-percent', true), (6, 'bool-broken', true), (7, 'bool-broken-on', true), (8, 'bool with spaces', true),
  (9, 'bool/with/slashes', true), (10, 'bool-ünïcode-日本-🚀', true), (11, 'string-static', true), (12, 'string-empty', true),
  (13, 'string-by-plan', true), (14, 'string-disabled', false), (15, 'string-broken', true), (16, 'integer-static', true),
  (17, 'integer-zero', true), (18, 'integer-large', true), (19, 'integer-negative', true), (20, 'integer-version', true),
  (21, 'float-whole', true), (22, 'float-mixed', true), (23, 'float-zero', true), (24, 'float-small', true),
  (25, 'float-large', true), (26, 'object-static', true), (27, 'object-empty', true),
  (28, 'string-by-name', true);

insert into activations (id, name, class_name, config) values
  (1, 'pros', 'novi.attribute', '{"attribute": "plan", "equals": "pro"}'),
  (2, 'all', 'novi.percentage', '{"percentage": 100}'),
  (3, 'none', 'novi.percentage', '{"percentage": 0}'),
  (4, 'unknown', 'nobody.knows', '{}'),
  (5, 'by plan', 'novi.switch', '{"by": "plan", "cases": {"pro": "pro", "gold": "gold"}, "fallback": "all"}'),
  (6, 'grid', 'novi.static', '{"variant": "grid"}');

insert into flags_activations (flag_id, activation_id) values (3, 1), (4, 2), (5, 3), (6, 4), (7, 4), (13, 5), (15, 4), (28, 6);

insert into flag_metadata (flag_id, fail_mode, variants, default_variant) values
  (7, 'on', null, null),
  (11, 'off', '{"a": "héllo \"wörld\" 🚀\n", "b": "x"}', 'a'),
  (12, 'off', '{"none": ""}', 'none'),
  (13, 'off', '{"pro": "for pros", "gold": "for gold", "all": "for all"}', null),
  (14, 'off', '{"a": "never"}', 'a'),
  (15, 'off', '{"a": "never"}', 'a'),
  (16, 'off', '{"answer": 42, "other": 7}', 'answer'),
  (17, 'off', '{"zero": 0}', 'zero'),
  (18, 'off', '{"large": 9007199254740991}', 'large'),
  (19, 'off', '{"below": -7}', 'below'),
  (20, 'off', '3', '2'),
  (21, 'off', '{"one": 1.0}', 'one'),
  (22, 'off', '{"two": 2, "half": 0.5}', 'two'),
  (23, 'off', '{"zero": 0.0}', 'zero'),
  (24, 'off', '{"small": 0.1}', 'small'),
  (25, 'off', '{"large": 1e21}', 'large'),
  (26, 'off', '{"full": {"title": "Hi", "sizes": [1, 2.5, null], "deep": {"on": true}}}', 'full'),
  (27, 'off', '{"empty": {}}', 'empty')
on conflict (flag_id) do update
  set fail_mode = excluded.fail_mode, variants = excluded.variants, default_variant = excluded.default_variant;

-- Some clients tell integers and floats apart.
update flag_metadata set value_type = 'number' where flag_id in (21, 22, 23, 24, 25);
-- Its values are the names of its variants.
update flag_metadata set value_type = 'string' where flag_id = 28;
