-- What holds digests back.

-- The last of the first few people of a run, while the others wait for what becomes of these.
alter table run add column canary integer;
-- Whether it goes out whatever the send windows say.
alter table run add column passes_windows integer not null default 0
    check (passes_windows in (0, 1));
-- What an operator overrode for it, with reason and name, as JSON; null for nothing.
alter table run add column overrides text;

-- Plans that somebody has seen, by their hash: what each was made of, so that a later one can be
-- told apart from it.
create table plan (
    hash text primary key,
    facts text not null,
    made_at integer not null
) strict, without rowid;
