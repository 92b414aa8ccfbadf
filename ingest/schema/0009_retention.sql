-- Retention: readings go, whole ranges of time at once; their ledger entries stay, and the leaves by which these are proved.

-- How far it has come, by retention class; 'archive' (recordings, imports of old data) is none of its classes.
create table retention (
    retention_class text primary key check (retention_class in ('count', 'state')),
    closed_before   timestamptz,  -- a reading before it is not stored any more: its ledger entry counts it
    removed_before  timestamptz,  -- readings before it are gone, their corrections too; buckets and increments stay
    keep_days       integer,      -- what the latest run was told; null: to keep everything
    ran_at          timestamptz,
    check (removed_before <= closed_before)
);
insert into retention (retention_class) values ('count'), ('state');

-- The leaves of a ledger entry, which its rows can't tell any more: they are gone, or were never all stored.
create table leaves (
    entry_id   bigint primary key,
    series_ids integer[] not null,  -- in the order of their definitions, as the root joins them
    digests    bytea not null,      -- 32 bytes a series
    check (octet_length(digests) = 32 * cardinality(series_ids))
);
alter table leaves alter column digests set storage external;  -- no compression makes digests smaller

alter table ledger add column past_retention integer not null default 0;  -- of its readings: never stored, too old

-- What was removed, and of which spools: with it an account of readings adds up for ever.
create table removals (
    removal_id      bigint generated always as identity primary key,
    retention_class text not null,
    range_start     timestamptz not null,
    range_end       timestamptz not null,
    readings        bigint not null,
    corrections     bigint not null,
    chunks          integer not null,
    removed_at      timestamptz not null default clock_timestamp()
);
create table removed_readings (
    retention_class text not null,
    spool_id        integer not null references spools,
    readings        bigint not null,
    primary key (retention_class, spool_id)
);

-- What bounds a write, asked for before it stores a reading; from then on it is among the writes in flight. In µs since
-- 1970: readings before late_before are late, those of a class before the class's are not stored; null: none is.
-- Workers of the release before go on asking late_before(), which knows nothing of retention.
create function write_bounds(out late_before bigint, out count_from bigint, out state_from bigint) language plpgsql as $$
begin
    late_before := late_before();
    select (extract(epoch from max(closed_before) filter (where retention_class = 'count')) * 1000000)::bigint,
           (extract(epoch from max(closed_before) filter (where retention_class = 'state')) * 1000000)::bigint
      into count_from, state_from from retention;
end
$$;

-- Every write asks whether its agents have refusals open; nearly all are settled, however many are kept.
create index refusals_open_by_agent on refusals (agent) where state = 'open';

grant select on retention, leaves, removals, removed_readings to smartstore_ingest, smartstore_read;
grant insert on leaves to smartstore_ingest;
grant update (past_retention) on ledger to smartstore_ingest;
