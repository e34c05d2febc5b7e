-- The store of one press office. Times are seconds since 1970 in UTC (`_at`), or a local
-- time of the author with its offset in seconds east (`_offset`). JSON columns hold values of
-- the library's own types. Hashes are lower-case hex of SHA-256.

-- Facts about the store itself, such as the check value of its keys.
create table meta (
    name text primary key,
    value text not null
) strict;

-- What was last found at each path of the content folder.
create table source_file (
    path text primary key,
    size_bytes integer not null,
    modified_ns integer not null,
    inode integer not null,
    outcome text not null
        check (outcome in ('release', 'event', 'page', 'template', 'empty', 'held_back'))
) strict;

-- What there is to mend, as of the last scan.
create table problem (
    path text not null,
    position integer not null,
    severity text not null check (severity in ('error', 'warning')),
    line integer,
    field text,
    value text,
    message text not null,
    remedy text not null,
    primary key (path, position)
) strict;

-- One published item; `iri` is its id for ever (RFC 4287, 4.2.6).
create table entry (
    id integer primary key,
    iri text not null unique,
    -- Null once its file is gone.
    path text unique,
    state text not null check (state in ('waiting', 'public', 'withdrawn', 'removed')),
    -- Newest accepted one.
    revision integer not null,
    kind text not null check (kind in ('release', 'event')),
    published_at integer not null,
    published_offset integer not null,
    published_source text not null,
    updated_at integer not null,
    updated_offset integer not null,
    expires_at integer,
    -- What readers see of the newest revision, and all of it.
    fingerprint text not null,
    body_hash text not null,
    -- Values of `updated`, `change_note`, `correction`, `withdrawn` that have acted.
    acted text not null,
    -- Scans in a row in which its file was missing.
    missing_scans integer not null default 0,
    first_accepted_at integer not null
) strict;
create index entry_by_state on entry (state, updated_at desc);

-- One accepted version of an entry; `fields` is the entry without its body.
create table revision (
    entry_id integer not null references entry (id),
    revision integer not null,
    fields text not null,
    body_hash text not null references body (hash),
    accepted_at integer not null,
    primary key (entry_id, revision)
) strict, without rowid;

create table body (
    hash text primary key,
    html text not null,
    text text not null
) strict, without rowid;

-- The catalogue: `seq` rises in commit order and is never reused.
create table change (
    seq integer primary key,
    entry_id integer not null references entry (id),
    revision integer not null,
    class text not null check (class in
        ('new', 'minor', 'major', 'correction', 'withdrawn', 'removed', 'reinstated', 'moved')),
    tell text not null check (tell in ('followers', 'receivers', 'nobody')),
    numbered_at integer not null,
    note text
) strict;
create index change_told on change (tell, seq);
create index change_by_entry on change (entry_id);

-- A deliberate stop that waits for an operator.
create table hold (
    id integer primary key,
    kind text not null check (kind in ('mass_change', 'approval', 'breaker', 'restored')),
    -- What is held, such as a run's id.
    subject text not null,
    reason text not null,
    created_at integer not null,
    released_at integer,
    released_by text
) strict;

-- Feeds and digests the config has named; subscriptions outlive a config.
create table feed (
    name text primary key,
    title text not null,
    registered_at integer not null,
    closed_at integer
) strict;

create table digest (
    id integer primary key,
    name text not null unique,
    -- Newest change when it was first seen: where its first window begins.
    registered_seq integer not null,
    registered_at integer not null
) strict;

-- The output folder as we left it: the time at which each document's bytes last changed.
create table document (
    path text primary key,
    hash text not null,
    size_bytes integer not null,
    changed_at integer not null
) strict;

-- An address, for as long as somebody is behind it. Erasing empties `lookup` and drops the
-- rows of `address`; everything else names people by id alone.
create table subscriber (
    id integer primary key,
    -- HMAC of the normalised address under the `lookup` key.
    lookup blob unique,
    address_version integer not null,
    -- In clear: lanes and budgets go by it.
    domain text not null,
    language text not null,
    is_rehearsal integer not null default 0 check (is_rehearsal in (0, 1)),
    created_at integer not null,
    paused_at integer,
    erased_at integer
) strict;

-- Every address a subscriber had; a delivery names the version it goes to.
create table address (
    subscriber_id integer not null references subscriber (id),
    version integer not null,
    -- Key that `cipher` is sealed with.
    key_id integer not null,
    cipher blob not null,
    primary key (subscriber_id, version)
) strict, without rowid;

create table subscription (
    subscriber_id integer not null references subscriber (id),
    feed text not null,
    digest_id integer not null references digest (id),
    state text not null check (state in ('pending', 'confirmed', 'ended')),
    -- Where the next window of this person begins, when not where the digest's does.
    owed_from integer,
    requested_at integer not null,
    confirmed_at integer,
    ended_at integer,
    end_reason text,
    primary key (subscriber_id, feed)
) strict, without rowid;
create index subscription_by_digest on subscription (digest_id, state);
create index subscription_by_feed on subscription (feed, state);

-- Every consent, change and end, with where it came from and in which words.
create table consent (
    id integer primary key,
    subscriber_id integer not null references subscriber (id),
    feed text not null,
    digest text not null,
    action text not null check (action in ('requested', 'confirmed', 'changed', 'ended')),
    at integer not null,
    source text not null,
    wording text,
    reason text
) strict;
create index consent_by_subscriber on consent (subscriber_id);

-- Addresses we must not write to, by keyed hash, whether or not we know the person.
create table suppression (
    lookup blob primary key,
    reason text not null,
    evidence text,
    since_at integer not null
) strict, without rowid;

-- One due moment of a digest, with its window (from_seq, to_seq].
create table run (
    id integer primary key,
    digest_id integer not null references digest (id),
    key text not null,
    -- Null for runs by hand.
    due_at integer,
    from_seq integer not null,
    to_seq integer not null,
    -- Whether the digest's next window begins behind this one.
    advances integer not null default 1 check (advances in (0, 1)),
    state text not null check (state in ('due', 'planned', 'checked', 'held', 'expanding',
        'sending', 'paused', 'complete', 'empty', 'cancelled', 'expired', 'superseded')),
    reason text,
    plan_hash text,
    -- Deliveries the plan asks for.
    recipients integer not null default 0,
    created_at integer not null,
    finished_at integer,
    unique (digest_id, key)
) strict;
create index run_open on run (state) where state not in
    ('complete', 'empty', 'cancelled', 'expired', 'superseded');

-- The entries a run was planned with, frozen.
create table run_entry (
    run_id integer not null references run (id),
    entry_id integer not null references entry (id),
    revision integer not null,
    primary key (run_id, entry_id)
) strict, without rowid;

-- What one run makes for one language and one list of (feed, entry, revision).
create table issue (
    id integer primary key,
    run_id integer not null references run (id),
    hash text not null,
    language text not null,
    subject text not null,
    mail_rendering text not null references rendering (hash),
    web_rendering text not null references rendering (hash),
    unique (run_id, hash)
) strict;
create index issue_by_hash on issue (hash);

create table issue_entry (
    issue_id integer not null references issue (id),
    position integer not null,
    feed text not null,
    entry_id integer not null references entry (id),
    revision integer not null,
    primary key (issue_id, position)
) strict, without rowid;
create index issue_entry_by_entry on issue_entry (entry_id);

-- Bytes of issues, each once, compressed with gzip.
create table rendering (
    hash text primary key,
    bytes blob not null
) strict, without rowid;

-- Who gets which issue, as planned, in pages of JSON pairs [subscriber, issue]; expansion
-- turns a page into deliveries and drops it in one transaction.
create table run_page (
    run_id integer not null references run (id),
    page integer not null,
    recipients text not null,
    primary key (run_id, page)
) strict, without rowid;

-- One recipient's copy. It exists before SMTP is spoken; nothing else decides a resend.
create table delivery (
    run_id integer not null references run (id),
    subscriber_id integer not null references subscriber (id),
    issue_id integer not null references issue (id),
    -- Fixed with the delivery, so that a resend is byte-equal.
    address_version integer not null,
    token_key integer not null,
    dkim_selector text,
    dated_at integer not null,
    state text not null check (state in ('pending', 'claimed', 'intent', 'accepted', 'rejected',
        'uncertain', 'rehearsed', 'cancelled')),
    next_at integer not null,
    owner text,
    -- Grows with every claim; a claim with an older one is void.
    fence integer not null default 0,
    lease_until integer,
    -- Intents so far, and those whose outcome was never known.
    attempt integer not null default 0,
    unknowns integer not null default 0,
    reply_code text,
    reply text,
    -- Why it was cancelled.
    reason text check (reason in ('left', 'suppressed', 'expired', 'superseded', 'operator')),
    -- File of a rehearsal.
    path text,
    changed_at integer not null,
    primary key (run_id, subscriber_id)
) strict, without rowid;
create index delivery_due on delivery (next_at) where state in ('pending', 'uncertain');
create index delivery_in_hand on delivery (state) where state in ('claimed', 'intent');
create index delivery_by_subscriber on delivery (subscriber_id);

-- What other processes ask of the one that holds the lock.
create table request (
    id integer primary key,
    kind text not null check (kind in ('scan', 'send')),
    argument text not null,
    requested_at integer not null,
    taken_at integer,
    finished_at integer,
    outcome text
) strict;
create index request_open on request (id) where finished_at is null;
