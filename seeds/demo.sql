-- Four sample flags.
insert into activations (id, name, class_name, config) values
  (1, 'Date Activated', 'novi.date_time',
    '{"startDateTime":"11/26/2023 12:00 AM","endDateTime":"11/28/2023 12:00 AM","format":"%m/%d/%Y %I:%M %p"}'),
  (2, 'Random Split Activated', 'novi.weighted_random',
    '{"splits":[100,0,0],"variations":["A","B","C"]}'),
  -- Combined activations refer to others by id.
  (3, 'Combo AND Activation', 'novi.and', '[1,2]'),
  (4, 'Combo OR Activation', 'novi.or', '[1,2]');

insert into flags (id, name, status) values
  (1, 'Date and Random Activated Feature', true),
  (2, 'Random Variant Feature', true),
  (3, 'Combo AND', true),
  (4, 'Combo OR', true);

-- A flag with several activations is on if all of them are on.
insert into flags_activations (flag_id, activation_id) values (1, 1), (1, 2), (2, 2), (3, 3), (4, 4);
