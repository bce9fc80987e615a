-- Who may call a server. Of a token's secret there is its SHA-256 alone, in hexadecimal digits. Tokens are no flags: a change
-- of them raises no revision and leaves no history. Times are UTC.
create table if not exists novi_tokens (
  id bigint not null auto_increment primary key,
  name varchar(255) not null,
  role varchar(20) not null,
  subject varchar(255),
  hash char(64) not null,
  created_at datetime(6) not null,
  created_by varchar(255),
  expires_at datetime(6),
  revoked_at datetime(6),
  last_used_at datetime(6),
  unique key novi_tokens_name (name),
  unique key novi_tokens_hash (hash),
  constraint novi_tokens_role check (role in ('client', 'server', 'admin')),
  constraint novi_tokens_digits check (length(hash) = 64)
) engine = InnoDB row_format = dynamic character set utf8mb4 collate utf8mb4_bin;

-- How often tokens were made, changed or removed: servers read this number all the time, and the rows when it is another one.
create table if not exists novi_token_changes (
  id smallint primary key,
  changes bigint not null,
  constraint novi_token_changes_one check (id = 1)
) engine = InnoDB;
insert ignore into novi_token_changes (id, changes) values (1, 0);

drop trigger if exists novi_tokens_insert;
create trigger novi_tokens_insert after insert on novi_tokens for each row
begin
  update novi_token_changes set changes = changes + 1 where id = 1;
end;

-- That a token was used is no change of what it may do.
drop trigger if exists novi_tokens_update;
create trigger novi_tokens_update after update on novi_tokens for each row
begin
  if not (old.id <=> new.id and old.name <=> new.name and old.role <=> new.role and old.subject <=> new.subject
    and old.hash <=> new.hash and old.expires_at <=> new.expires_at and old.revoked_at <=> new.revoked_at) then
    update novi_token_changes set changes = changes + 1 where id = 1;
  end if;
end;

drop trigger if exists novi_tokens_delete;
create trigger novi_tokens_delete after delete on novi_tokens for each row
begin
  update novi_token_changes set changes = changes + 1 where id = 1;
end;
