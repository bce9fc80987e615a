-- The members of lists that are kept beside their activation, so that one is added by an insert of its own.
-- Two members are equal when their bytes are; in that order the key's index gives them to who loads all.
create table activation_members (
  activation_id bigint not null references activations (id) on delete cascade on update cascade,
  member text collate "C" not null,
  denied boolean not null default false,
  primary key (activation_id, member)
);

create trigger novi_activation_members_record after insert or update or delete on activation_members
  for each row execute function novi_record('activation_id');
create trigger novi_activation_members_truncate after truncate on activation_members
  for each statement execute function novi_record_truncate();
