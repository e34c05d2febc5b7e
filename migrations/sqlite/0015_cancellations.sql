-- What is cancelled while a run is planned its plan has left out for nothing: the run owes it.

-- Of the last cancellation in it that people are owed for; numbers rise over all runs.
alter table run add column last_cancellation integer not null default 0;
-- The newest that its plan knows of, and when that was begun; null where it covers nothing.
alter table run add column known_cancellation integer;
alter table run add column known_at integer;
create index run_by_cancellation on run (last_cancellation) where last_cancellation > 0;
