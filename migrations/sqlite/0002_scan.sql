-- Scans that ask for what they may touch alone, bodies made when something wants them, and
-- holds on mass changes.

-- Folders of the content, each with a signature over the stats of the files in it; where it
-- is still the same, none of them needs a look.
create table source_folder (
    path text primary key,
    signature text not null
) strict, without rowid;

alter table source_file rename to source_file_1;
create table source_file (
    -- From the content folder on; empty for files at its top.
    folder text not null,
    name text not null,
    size_bytes integer not null,
    modified_ns integer not null,
    inode integer not null,
    -- `refused`: held back by something outside the file, so that each scan reads it again;
    -- `on_hold`: part of a mass change that waits for an operator.
    outcome text not null check (outcome in ('release', 'event', 'page', 'template', 'empty',
        'held_back', 'refused', 'on_hold')),
    primary key (folder, name)
) strict, without rowid;
insert into source_file (folder, name, size_bytes, modified_ns, inode, outcome)
select rtrim(rtrim(path, replace(path, '/', '')), '/'),
    substr(path, length(rtrim(path, replace(path, '/', ''))) + 1),
    size_bytes, modified_ns, inode, case outcome when 'held_back' then 'refused' else outcome end
from source_file_1;
drop table source_file_1;

-- A body is made again from its file where it is wanted and not here: a first scan of fifty
-- thousand files stores none.
alter table revision rename to revision_1;
create table revision (
    entry_id integer not null references entry (id),
    revision integer not null,
    fields text not null,
    -- Null until the body was made.
    body_hash text,
    accepted_at integer not null,
    primary key (entry_id, revision)
) strict, without rowid;
insert into revision (entry_id, revision, fields, body_hash, accepted_at)
select entry_id, revision, fields, body_hash, accepted_at from revision_1;
drop table revision_1;

alter table entry drop column fingerprint;
alter table entry drop column body_hash;
-- Hash of the newest revision's body as it is written.
alter table entry add column source_hash text not null default '';
-- Address of the newest revision.
alter table entry add column link text;
update entry set link = (select json_extract(r.fields, '$.link') from revision r
    where r.entry_id = entry.id and r.revision = entry.revision);
-- Each note keeps every value that acted, not the last one alone.
update entry set acted = json_object(
    'updated', json(case when acted ->> 'updated' is null then '[]'
        else json_array(acted ->> 'updated') end),
    'change', json(case when acted ->> 'change' is null then '[]'
        else json_array(acted ->> 'change') end),
    'correction', json(case when acted ->> 'correction' is null then '[]'
        else json_array(acted ->> 'correction') end),
    'withdrawn', json(case when acted ->> 'withdrawn' is null then '[]'
        else json_array(acted ->> 'withdrawn') end));
-- Which entries share an address; readers and every scan ask for the newest, by their order.
create index entry_by_link on entry (link)
    where path is not null and state in ('waiting', 'public');
create index entry_published on entry (published_at);
create index entry_updated on entry (updated_at desc, state);
drop index entry_by_state;
create index entry_waiting on entry (published_at) where state = 'waiting';
create index entry_withdrawn on entry (updated_at) where state = 'withdrawn';
create index entry_missing on entry (missing_scans) where missing_scans > 0;
create index entry_expiring on entry (expires_at) where expires_at is not null;

-- What a hold on a mass change keeps back.
create table hold_item (
    path text primary key,
    hold_id integer not null references hold (id),
    what text not null check (what in ('new', 'changed', 'vanished'))
) strict, without rowid;
create index hold_item_by_hold on hold_item (hold_id);
