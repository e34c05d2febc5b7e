-- Pages of a plan say whom they speak of, so that the next plan reads those it needs, and which
-- `owed_from` values were read for them: their expansion clears these. The defaults are for a
-- page that an earlier version wrote: it may speak of anybody.
alter table run_page add column after_subscriber integer not null default -1;
alter table run_page add column upto_subscriber integer not null default 9223372036854775807;
-- JSON: subscriber, feed, value.
alter table run_page add column owed text not null default '[]';
create index run_page_by_people on run_page (upto_subscriber, after_subscriber);
