-- What people ask for on a page and finish by a link in the mail that answers: to be signed up, to
-- see or change what is kept of them, to be written to at another address.
create table errand (
    id integer primary key,
    subscriber_id integer not null references subscriber (id),
    kind text not null check (kind in ('confirm', 'self', 'move', 'moved')),
    -- The run whose mail has the link; null until it is made.
    run_id integer references run (id),
    -- Where that mail goes.
    address_version integer not null,
    language text not null,
    -- JSON: for each feed the digest that is to bring it.
    wants text not null default '{}',
    -- Where they asked, and what the page said.
    source text not null,
    wording text not null,
    asked_at integer not null,
    expires_at integer not null,
    -- When the page behind the link was opened, where it opens but once.
    opened_at integer,
    ended_at integer,
    outcome text check (outcome in ('done', 'refused', 'expired'))
) strict;
create unique index errand_by_mail on errand (run_id, subscriber_id) where run_id is not null;
create index errand_waiting on errand (id) where run_id is null and ended_at is null;
create index errand_open on errand (expires_at) where ended_at is null;
create index errand_by_subscriber on errand (subscriber_id);

-- To whom a confirmation was mailed, by keyed hash: kept for thirty days, whatever becomes of the
-- person, so that nobody is written to more often than that allows.
create table asked (
    lookup blob not null,
    at integer not null
) strict;
create index asked_by_lookup on asked (lookup, at);
