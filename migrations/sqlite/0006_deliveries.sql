-- The same table, cheaper to change: `in` with more than two values builds a table of them each
-- time a check is made, which was half of what a change of state cost.
drop index delivery_due;
drop index delivery_in_hand;
drop index delivery_by_subscriber;
alter table delivery rename to delivery_1;
create table delivery (
    run_id integer not null references run (id),
    subscriber_id integer not null references subscriber (id),
    issue_id integer not null references issue (id),
    -- Fixed with the delivery, so that a resend is byte-equal.
    address_version integer not null,
    token_key integer not null,
    dkim_selector text,
    dated_at integer not null,
    state text not null check (state = 'accepted' or state = 'pending' or state = 'claimed'
        or state = 'intent' or state = 'rejected' or state = 'uncertain' or state = 'cancelled'
        or state = 'rehearsed'),
    next_at integer not null,
    owner text,
    -- Grows with every claim; a claim with an older one is void.
    fence integer not null default 0,
    -- Set while it is in somebody's hands: claimed or intent.
    lease_until integer,
    -- Intents so far, and those whose outcome was never known.
    attempt integer not null default 0,
    unknowns integer not null default 0,
    reply_code text,
    reply text,
    -- Why it was cancelled.
    reason text check (reason = 'left' or reason = 'suppressed' or reason = 'expired'
        or reason = 'superseded' or reason = 'operator'),
    -- File of a rehearsal.
    path text,
    changed_at integer not null,
    primary key (run_id, subscriber_id)
) strict, without rowid;
insert into delivery select * from delivery_1;
drop table delivery_1;
create index delivery_due on delivery (run_id, next_at) where state in ('pending', 'uncertain');
-- Not by state: an intent leaves it as it is.
create index delivery_in_hand on delivery (lease_until) where lease_until is not null;
create index delivery_by_subscriber on delivery (subscriber_id);
