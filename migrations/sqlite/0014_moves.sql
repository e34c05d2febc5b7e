-- A move that ended kept the hash and the domain of its address, and an errand of somebody who was
-- erased what they wanted.
update errand set wants = '{}'
where ended_at is not null and wants <> '{}'
    and (kind = 'move'
        or subscriber_id in (select id from subscriber where erased_at is not null));
