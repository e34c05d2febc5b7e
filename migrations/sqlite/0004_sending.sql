-- Claims go run by run, so that one lane's backlog does not stand before another's.
drop index delivery_due;
create index delivery_due on delivery (run_id, next_at) where state in ('pending', 'uncertain');
create index run_sending on run (id) where state = 'sending';
