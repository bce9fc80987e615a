-- Who may call a server. Of a token's secret there is its SHA-256 alone, in hexadecimal digits. Tokens are no flags: a change
-- of them raises no revision and leaves no history. Times are UTC text.
create table novi_tokens (
  id integer primary key autoincrement,
  name text not null unique check (typeof(name) = 'text'),
  role text not null check (role in ('client', 'server', 'admin')),
  subject text,
  hash text not null unique check (typeof(hash) = 'text' and length(hash) = 64),
  created_at text not null default (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  created_by text,
  expires_at text,
  revoked_at text,
  last_used_at text
);

-- How often tokens were made, changed or removed: servers read this number all the time, and the rows when it is another one.
create table novi_token_changes (
  id integer primary key check (id = 1),
  changes integer not null
);
insert into novi_token_changes (id, changes) values (1, 0);

create trigger novi_tokens_insert after insert on novi_tokens
begin
  update novi_token_changes set changes = changes + 1 where id = 1;
end;

-- That a token was used is no change of what it may do.
create trigger novi_tokens_update after update on novi_tokens
when old.id is not new.id or old.name is not new.name or old.role is not new.role or old.subject is not new.subject
  or old.hash is not new.hash or old.expires_at is not new.expires_at or old.revoked_at is not new.revoked_at
begin
  update novi_token_changes set changes = changes + 1 where id = 1;
end;

create trigger novi_tokens_delete after delete on novi_tokens
begin
  update novi_token_changes set changes = changes + 1 where id = 1;
end;
