-- Feeds by membership: which entries stand in which feed is remembered, so that a change costs
-- the feeds it touches; archives with a membership of their own; tombstones; calendars.

-- What feeds select by; empty for what an earlier version accepted.
alter table entry add column facets text not null default '';
-- `updated_at` under which it stands in feeds, where that is an older one.
alter table entry add column stands_at integer;

alter table feed rename to feed_1;
create table feed (
    id integer primary key,
    name text not null unique,
    title text not null,
    -- For a feed made by `each:`, what it was made from.
    facet text,
    value text,
    -- What its members were chosen by; empty where none were chosen yet.
    selection text not null default '',
    members integer not null default 0,
    -- Whether something of it may have changed since its documents were made.
    is_stale integer not null default 1 check (is_stale in (0, 1)),
    -- Hash of all that its documents were made of.
    made_of text not null default '',
    -- Newest change its documents have told of.
    told_at integer,
    told_offset integer,
    registered_at integer not null
) strict;
insert into feed (name, title, registered_at) select name, title, registered_at from feed_1;
drop table feed_1;

-- Which entries stand in a feed, newest first. Without references: a first scan brings a row
-- for each feed of each entry.
create table feed_entry (
    feed_id integer not null,
    updated_at integer not null,
    entry_id integer not null,
    primary key (feed_id, updated_at desc, entry_id)
) strict, without rowid;

-- Events of a feed by their last day, in days since 1970; a withdrawn one stays after it has
-- left the feed, so that calendars say that it is cancelled.
create table feed_event (
    feed_id integer not null references feed (id),
    entry_id integer not null references entry (id),
    last_day integer not null,
    primary key (feed_id, entry_id)
) strict, without rowid;
create index feed_event_by_day on feed_event (feed_id, last_day);

-- Entries that were deleted, by feed.
create table tombstone (
    feed_id integer not null references feed (id),
    entry_id integer not null references entry (id),
    buried_at integer not null,
    primary key (feed_id, entry_id)
) strict, without rowid;

-- The history of a feed with archives: entries in order of first acceptance. Blocks of 50
-- close, and are never sorted anew.
create table archive_entry (
    feed_id integer not null references feed (id),
    position integer not null,
    entry_id integer not null references entry (id),
    primary key (feed_id, position)
) strict, without rowid;
create unique index archive_entry_by_entry on archive_entry (entry_id, feed_id);

create table archive (
    feed_id integer not null references feed (id),
    number integer not null,
    -- To be made, or made again because an entry in it was withdrawn or removed.
    is_stale integer not null default 1 check (is_stale in (0, 1)),
    primary key (feed_id, number)
) strict, without rowid;
create index archive_stale on archive (feed_id, number) where is_stale = 1;

-- Size and times of the files as they were put in place, to see whether they still stand.
alter table document add column stat text not null default '';
-- What it was made of, where its feed does not say.
alter table document add column made_of text not null default '';
-- Tag of the copy in an object store.
alter table document add column bucket_tag text;

-- Hubs that are still to be told of a topic.
create table ping (
    hub text not null,
    topic text not null,
    -- Grows with every change of the topic: what was told is the one it was told with.
    generation integer not null default 0,
    attempts integer not null default 0,
    next_at integer not null,
    primary key (hub, topic)
) strict, without rowid;
