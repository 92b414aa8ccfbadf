-- Alerts: what a detector found in a store, from when it was raised until it is cleared; kept by the scheduler.

create table alerts (
    alert_id            bigint generated always as identity primary key,
    store_id            text not null,
    detector            text not null,
    subject             text not null,         -- device/quantity/channel, or the store's id
    started_at          timestamptz not null,  -- of the cause: the first hour in which it is seen
    ended_at            timestamptz not null,  -- the end of the last hour in which it is seen
    raised_at           timestamptz not null default clock_timestamp(),
    measured            double precision,      -- in its worst hour, in the subject's unit
    expected            double precision,      -- likewise: what it was held against
    acknowledged_at     timestamptz,
    acknowledged_by     text,
    acknowledged_why    text,
    cleared_at          timestamptz,
    cleared_because     text check (cleared_because in ('ended', 'withdrawn')),
    check (ended_at > started_at),
    check (num_nulls(acknowledged_at, acknowledged_by, acknowledged_why) in (0, 3)),
    check ((cleared_at is null) = (cleared_because is null))
);
-- Nothing is raised twice: of one subject, no two alerts that stand have one beginning, and one at most is open.
create unique index alerts_beginning on alerts (store_id, detector, subject, started_at)
    where cleared_because is distinct from 'withdrawn';
create unique index alerts_open on alerts (store_id, detector, subject) where cleared_at is null;
create index alerts_of_store on alerts (store_id, ended_at);

-- What a detector is told in a store (null: in every store), from a local day on. Rows are added and never changed: of
-- those in force the one with the latest day holds, of one day the latest added.
create table alert_thresholds (
    threshold_id bigint generated always as identity primary key,
    store_id     text,
    name         text not null,
    value        double precision not null,
    valid_from   date not null,
    set_by       text not null,
    reason       text not null,
    set_at       timestamptz not null default clock_timestamp()
);

-- Up to where each store's hours were judged.
create table alerts_judged (
    store_id     text primary key,
    judged_until timestamptz not null
);

-- Hours of series whose buckets were made good, and that are not judged again yet.
create table alerts_due (
    series_id integer not null,
    hour      timestamptz not null,
    touched   bigint not null,
    primary key (series_id, hour)
);
create index alerts_due_touched on alerts_due (touched);

grant select on alerts, alert_thresholds, alerts_judged, alerts_due to smartstore_ingest, smartstore_read;
