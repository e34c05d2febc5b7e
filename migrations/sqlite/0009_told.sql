-- Corrections answer the mail that brought the old text, and a run in progress makes way for one
-- with the new.

-- Run of the same person's delivery that this one answers (RFC 5322, 3.6.4). Fixed with the
-- delivery, so that a resend is byte-equal.
alter table delivery add column answers_run integer;

-- Whether it sent already when it was superseded: what it covered stays covered.
alter table run add column was_open integer not null default 0 check (was_open in (0, 1));
-- Whether those whom a superseded run left were planned anew.
alter table run add column is_succeeded integer not null default 0 check (is_succeeded in (0, 1));
create index run_unserved on run (id) where was_open = 1 and is_succeeded = 0;
