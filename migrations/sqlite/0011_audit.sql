-- The audit ledger: what was planned, what was decided, what came of it, and every change of
-- consent, chained by hash for each kind. The newest line of each chain stands in `meta` too, so
-- that the last line cannot be dropped unseen. People by number only.
create table audit (
    kind text not null check (kind in ('plan', 'approval', 'run', 'consent')),
    -- `2026-11-21`, in UTC; never before the day of the line before it.
    day text not null,
    -- From 1 on each day.
    number integer not null,
    at integer not null,
    -- Canonical JSON: keys in order, no blanks.
    said text not null,
    -- SHA-256 over the hash of the line before it and all of this line.
    hash text not null,
    primary key (kind, day, number)
) strict, without rowid;
