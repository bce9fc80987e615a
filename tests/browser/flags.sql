-- Flags of most kinds, for the tests of the admin page in a browser.
INSERT INTO flags (id, name, status) VALUES (1,'new-checkout',true),(2,'beta-banner',true),(3,'page-layout',true),(4,'express-shipping',true),(5,'black-friday',true),(6,'live-chat',true),(7,'old-importer',false),(8,'bulk-export',true),(9,'new-search',true),(10,'fraud-review',true),(11,'payment-processor',true),(12,'gift-cards',true),(13,'internal-tools',true),(14,'everyone',true);
INSERT INTO activations (id,name,class_name,config) VALUES
(1,'A quarter','novi.percentage','{"percentage": 25}'),
(2,'In DE or AT','novi.attribute','{"attribute": "country", "in": ["DE", "AT"]}'),
(3,'December','novi.date_time','{"startDateTime": "2026-12-01", "endDateTime": "2026-12-15", "timezone": "Europe/Berlin"}'),
(4,'Layouts','novi.split','{"variants": {"grid": 50, "list": 25, "map": 25}}'),
(5,'With new checkout','novi.and','[{"class_name": "novi.flag", "config": {"flag": "new-checkout"}}, 2, {"class_name": "novi.not", "config": [{"class_name": "novi.attribute", "config": {"attribute": "vip", "equals": true}}]}]'),
(6,'Weekend','novi.date_time','{"startDateTime": "2026-11-27", "endDateTime": "2026-11-30"}'),
(7,'Office hours','novi.schedule','{"weekdays": ["mon","tue","wed","thu","fri"], "from": "09:00", "to": "17:00", "timezone": "Europe/Madrid"}'),
(8,'Pro','novi.expression','{"expression": "plan == ''pro'' && semver(app) >= semver(''2.1'')"}'),
(9,'Ramp','novi.ramp','{"steps": [{"at": "2026-11-20", "percentage": 1}, {"at": "2026-11-25", "percentage": 25}, {"at": "2026-12-04", "percentage": 100}]}'),
(10,'Two signs','novi.at_least','{"count": 2, "activations": [{"class_name": "novi.attribute", "config": {"attribute": "amount", "greater": 1000}}, {"class_name": "novi.attribute", "config": {"attribute": "account_age_days", "less": 7}}, {"class_name": "novi.attribute", "config": {"attribute": "vpn", "equals": true}}]}'),
(11,'By country','novi.switch','{"by": "country", "cases": {"CA": "premium", "US": {"split": {"variants": {"aperture": 5, "acme": 95}}}}, "fallback": "acme"}'),
(12,'Broken','novi.percentage','{"percentage": 250}'),
(13,'Staff','novi.members','{"allow": ["ada", "grace", "linus"]}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (1,1),(1,2),(1,3),(2,1),(3,4),(4,5),(5,6),(6,7),(8,8),(9,9),(10,10),(11,11),(12,12),(13,13);
INSERT INTO flag_metadata (flag_id, description, owner, tags, expires_at, variants) VALUES
(1,'The checkout with one page instead of four','Payments','["checkout","q4"]','2027-02-01T00:00:00Z',NULL),
(2,'A banner for the beta program','Growth','["beta"]','2026-10-01T00:00:00Z',NULL),
(3,'How products are shown','Growth','["experiment"]',NULL,'{"grid": {"columns": 3}, "list": {"columns": 1}, "map": {"columns": 0}}'),
(4,'Same-day delivery',NULL,'["checkout"]',NULL,NULL),
(7,'Kept for one customer','Operations','[]','2026-06-30T00:00:00Z',NULL),
(9,'The new index',NULL,'["search","q4"]',NULL,NULL),
(12,'Needs a fix','Payments','["checkout"]',NULL,NULL)
ON CONFLICT (flag_id) DO UPDATE SET description=excluded.description, owner=excluded.owner, tags=excluded.tags, expires_at=excluded.expires_at, variants=excluded.variants;
INSERT INTO flags (id, name, status) VALUES (20, '<script>window.attacked = 1</script>', true), (21, '"><img src=x onerror="window.attacked = 1">', true);
INSERT INTO activations (id, name, class_name, config) VALUES
(20, '<img src=x onerror="window.attacked = 1">', 'novi.attribute', '{"attribute": "<svg/onload=window.attacked=1>", "equals": "</code><script>window.attacked = 1</script>"}'),
(21, '"onfocus="window.attacked=1" autofocus="', '<script>window.attacked = 1</script>', '</textarea><script>window.attacked = 1</script>');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (20, 20), (21, 21);
UPDATE flag_metadata SET description = '<iframe srcdoc="<script>parent.attacked = 1</script>">', owner = '" onmouseover="window.attacked = 1', tags = '["<b onclick=window.attacked=1>"]' WHERE flag_id IN (20, 21);
WITH RECURSIVE hours (ago) AS (SELECT 0 UNION ALL SELECT ago + 1 FROM hours WHERE ago < 200),
results (flag, enabled, variant, weight) AS (VALUES ('page-layout', 1, 'grid', 50), ('page-layout', 1, 'list', 25), ('page-layout', 1, 'map', 24), ('page-layout', 0, '', 3), ('everyone', 1, '', 7), ('<script>window.attacked = 1</script>', 1, '"><script>window.attacked = 1</script>', 5), ('<script>window.attacked = 1</script>', 1, '" onload="window.attacked = 1', 4))
INSERT INTO novi_evaluations (flag, hour, enabled, variant, evaluations)
SELECT flag, strftime('%Y-%m-%dT%H:00:00Z', 'now', '-' || ago || ' hours'), enabled, variant, weight * (3 + ago % 24) FROM hours, results;
CREATE TABLE users (id INTEGER PRIMARY KEY, country TEXT);
INSERT INTO users VALUES (1, 'DE'), (2, 'DE'), (3, 'AT'), (4, 'US'), (5, '</td><script>window.attacked = 1</script>'), (6, NULL);
INSERT INTO flags (id, name, status) VALUES (22, 'one-page-checkout', true), (23, 'ranking', true);
INSERT INTO activations (id, name, class_name, config) VALUES
(22, 'One page', 'novi.experiment', '{"hypothesis": "One page sells more than four", "owner": "Payments", "variants": {"four": 50, "one": 30, "two": 20}, "control": "four", "traffic": 40, "layer": {"name": "checkout", "from": 0, "to": 50}, "holdout": {"name": "2026", "percentage": 5}, "metrics": {"primary": ["bought"], "guardrails": ["returned"]}, "start": "2026-11-01", "state": "running"}'),
(23, '<script>window.attacked = 1</script>', 'novi.experiment', '{"hypothesis": "<img src=x onerror=window.attacked=1>", "owner": "\" onmouseover=\"window.attacked = 1", "variants": {"<b onclick=window.attacked=1>": 1, "new": 1}, "control": "new"}');
INSERT INTO flags_activations (flag_id, activation_id) VALUES (22, 22), (23, 23);
CREATE TABLE orders (user_id TEXT, ordered TEXT, returned BOOLEAN);
WITH RECURSIVE units (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM units WHERE n < 1999)
INSERT INTO novi_assignments (experiment, unit, variant, revision, assigned_at)
SELECT 'One page', 'user-' || n, CASE WHEN n % 10 < 5 THEN 'four' WHEN n % 10 < 8 THEN 'one' ELSE 'two' END, 1,
    strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || (1 + n * 31 % 12) || ' days') FROM units;
WITH RECURSIVE units (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM units WHERE n < 1999)
INSERT INTO orders SELECT 'user-' || n, strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-' || (24 * (1 + n * 31 % 12) - 1 - n % 20) || ' hours'), n % 7 = 0 FROM units WHERE n * 7919 % 100 < 20 + 12 * (n % 10 / 5);
