-- What became of a run's deliveries, by state as JSON, and how many of them were accepted after
-- an outcome that was never known: written when the run is complete, so that nobody counts
-- millions of rows to list it. Null while it is open; then they are counted.
alter table run add column counts text;
alter table run add column resent integer;

update run set (counts, resent) = (
    select json_object(
            'accepted', count(*) filter (where state = 'accepted'),
            'rejected', count(*) filter (where state = 'rejected'),
            'uncertain', count(*) filter (where state = 'uncertain'),
            'rehearsed', count(*) filter (where state = 'rehearsed'),
            'cancelled', count(*) filter (where state = 'cancelled')),
        count(*) filter (where state = 'accepted' and unknowns > 0)
    from delivery where run_id = run.id)
where run.state = 'complete';
