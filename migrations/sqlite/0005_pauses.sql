-- What an operator, or the program itself, keeps from being sent: one digest, one run, or,
-- with neither named, everything. A digest is named as in the config: it may be paused before
-- it ever went out.
create table pause (
    id integer primary key,
    digest text,
    run_id integer references run (id),
    reason text,
    paused_at integer not null,
    paused_by text not null,
    resumed_at integer,
    resumed_by text,
    check (digest is null or run_id is null)
) strict;
create unique index pause_open on pause (coalesce(digest, ''), coalesce(run_id, 0))
    where resumed_at is null;
