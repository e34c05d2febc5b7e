-- Why no mail goes out, as the daemon's sender saw it last; no row while it does.
create table relay_fault (
    id integer primary key check (id = 1),
    -- When the first of these tries failed.
    since_at integer not null,
    -- Tries that failed in a row.
    tries integer not null,
    -- When it tries again.
    next_at integer not null,
    error text not null,
    hint text
) strict;
