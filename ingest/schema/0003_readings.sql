-- Readings: the first value per (series, t, ordinal). One table a retention class; a hypertable where TimescaleDB is.

create table readings_count (
    t         timestamptz not null,
    value     double precision not null,
    entry_id  bigint not null,
    series_id integer not null,
    flags     smallint not null,
    ordinal   smallint not null,
    primary key (series_id, t, ordinal)
);
create table readings_state (like readings_count including all);
create table readings_archive (like readings_count including all);

do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        perform create_hypertable('readings_count', 't', chunk_time_interval => interval '7 days',
                                  create_default_indexes => false);
        perform create_hypertable('readings_state', 't', chunk_time_interval => interval '7 days',
                                  create_default_indexes => false);
        perform create_hypertable('readings_archive', 't', chunk_time_interval => interval '91 days',
                                  create_default_indexes => false);
    end if;
end
$$;

-- A later different value of a reading; the latest one is in force, the first stays in readings.
create table corrections (
    correction_id bigint generated always as identity primary key,
    series_id     integer not null references series,
    t             timestamptz not null,
    ordinal       smallint not null,
    old_value     double precision not null,
    old_flags     smallint not null,
    new_value     double precision not null,
    new_flags     smallint not null,
    reason        text not null,
    entry_id      bigint not null,
    recorded_at   timestamptz not null default clock_timestamp()
);
create index corrections_by_series on corrections (series_id, t);
