-- Completeness: when each series was heard, and what of each spool's batches is in the ledger; kept by the scheduler.

-- Stretches of time in which a series reported: within one no two successive readings are further apart than 1.5 of the
-- series' periods. Readings join them and never leave them, so they tell of readings that retention has removed.
create table heard (
    series_id integer not null,
    since     timestamptz not null,  -- its first reading
    until     timestamptz not null,  -- its last
    primary key (series_id, until),  -- what is asked for is nearly always of late
    check (until >= since)
);

-- Hours of series whose buckets were made good, and whose readings have not joined what was heard yet.
create table heard_due (
    series_id integer not null,
    hour      timestamptz not null,
    touched   bigint not null,
    primary key (series_id, hour)
);
create index heard_due_touched on heard_due (touched);

alter table watermarks add column heard_until timestamptz, add check (heard_until <= aggregated_until);

-- Ledger entries by spool and the hour in which their agent sealed them.
create table batch_hours (
    spool_id    integer not null,  -- no reference: its check would have writers wait, who lock their spools
    hour        timestamptz not null,
    batches     bigint not null,
    readings    bigint not null,
    duplicates  bigint not null,
    corrections bigint not null,
    primary key (spool_id, hour)
) with (fillfactor = 80);

-- The sequences of a spool that are in the ledger, as ranges (of numeric, since a sequence may be the greatest bigint).
create table batch_ranges (
    spool_id  integer primary key,
    committed nummultirange not null
);

-- Batches of abandoned spools that an agent sealed again in a batch that is committed.
create table batches_resealed (
    agent    text not null,  -- whose spool the committed batch is of
    spool    uuid not null,
    sequence bigint not null,
    primary key (agent, spool, sequence)
);

-- Up to which entry of the ledger the three tables above count. One row.
create table batches_counted (
    single   boolean primary key default true check (single),
    entry_id bigint not null default 0
);
insert into batches_counted default values;

grant select on heard, heard_due, batch_hours, batch_ranges, batches_resealed, batches_counted
    to smartstore_ingest, smartstore_read;
