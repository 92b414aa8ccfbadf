-- What ages: readings become columns, hours become buckets and increments, and what comes late is made good.

-- The columnstore packs double precision by the bits in which successive values differ, which decimal fractions defeat:
-- 21.3 and 21.4 differ in nearly all of them. Values of any other type it numbers in a dictionary, which noise of a
-- sensor's resolution suits: 1 byte for 6. A domain is another type. No row is touched by this.
create domain reading_value as double precision;
alter table readings_count alter column value type reading_value;
alter table readings_state alter column value type reading_value;
alter table readings_archive alter column value type reading_value;

-- Up to where hours are closed and computed; null: nothing is yet. One row.
-- A reading before closed_until is late: whoever commits one says so in arrivals, in the same transaction.
create table watermarks (
    single           boolean primary key default true check (single),
    closed_until     timestamptz,
    aggregated_until timestamptz,  -- buckets of hours before it are right, but of the touched ones
    increments_until timestamptz,  -- likewise increments, but of the due ones
    registry_version integer not null default 0,  -- whose time zones the increments were computed by
    check (aggregated_until <= closed_until),
    check (increments_until <= aggregated_until)
);
insert into watermarks default values;

-- What came otherwise than live, by series and hour: after the hour was closed, again, or different.
-- A series and hour whose buckets lack something of it is touched; the number tells one touch from the next.
create table arrivals (
    series_id   integer not null,
    hour        timestamptz not null,
    late        integer not null default 0,
    duplicates  integer not null default 0,
    corrections integer not null default 0,
    touched     bigint,
    primary key (series_id, hour)
);
create index arrivals_touched on arrivals (touched) where touched is not null;
create index arrivals_touched_by_series on arrivals (series_id, hour) where touched is not null;
create sequence touches;

-- Hours of cumulative series whose buckets were made good, and whose increments are not yet.
create table increments_due (
    series_id integer not null,
    hour      timestamptz not null,
    touched   bigint not null,
    primary key (series_id, hour)
);
create index increments_due_touched on increments_due (touched);

-- A write holds this lock, shared, from before it reads closed_until to its end. Nobody takes it against a write: it only
-- shows which writes may not have seen the latest closed_until.
create function write_marker() returns bigint language sql immutable as 'select 2003986804::bigint';  -- "writ"

create view writes_in_flight as
    select virtualtransaction, pid from pg_locks
     where locktype = 'advisory' and objsubid = 1 and classid = 0 and objid::bigint = write_marker() and granted
       and database = (select oid from pg_database where datname = current_database());

-- Microseconds since 1970 before which this transaction's readings are late; null: none is.
create function late_before() returns bigint language plpgsql as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise 'readings are written in transactions of isolation level read committed alone';
    end if;
    perform pg_advisory_xact_lock_shared(write_marker());
    return (select (extract(epoch from closed_until) * 1000000)::bigint from watermarks);  -- as of now, not of before
end
$$;

-- Counts and levels of series by quarter-hour, hour and third of a day (UTC), corrections applied. Not by minute: at the
-- usual period of one minute such a bucket is the reading itself, several times as large. All other tables of buckets
-- are like this one.
create table buckets_15m_count (
    series_id integer not null,
    bucket    timestamptz not null,  -- its start
    n         integer not null,
    sum       reading_value not null,
    min       reading_value not null,
    max       reading_value not null,
    first     reading_value not null,  -- by (t, ordinal)
    last      reading_value not null,
    flagged   integer not null,  -- readings with any flag
    primary key (series_id, bucket)
);
create table buckets_15m_state (like buckets_15m_count including all);
create table buckets_15m_archive (like buckets_15m_count including all);
create table buckets_60m_count (like buckets_15m_count including all);
create table buckets_60m_state (like buckets_15m_count including all);
create table buckets_60m_archive (like buckets_15m_count including all);
create table buckets_480m_count (like buckets_15m_count including all);
create table buckets_480m_state (like buckets_15m_count including all);
create table buckets_480m_archive (like buckets_15m_count including all);

-- Increments of cumulative series by quarter-hour. One between two readings counts by its share of time.
create table increments_15m (
    series_id  integer not null,
    bucket     timestamptz not null,
    amount     double precision not null,
    resets     integer not null,  -- of increments that end in the bucket
    covered_us bigint not null,  -- how much of the bucket lies between readings
    primary key (series_id, bucket)
);

do $$
declare
    name text;
    days integer;
    has_choice constant boolean := exists (
        select from pg_extension
         where extname = 'timescaledb' and string_to_array(extversion, '.')::integer[] >= '{2,22}');
begin
    if not exists (select from pg_extension where extname = 'timescaledb') then
        return;
    end if;
    -- Some 2,000 rows of a series in a chunk: the columnstore packs up to 1,000 at a time.
    for name, days in
        select format('buckets_%s_%s', width, class), length
          from (values ('15m', 28), ('60m', 91), ('480m', 728)) as widths (width, length),
               unnest(array['count', 'state', 'archive']) as class
        union all values ('increments_15m', 28)
    loop
        perform create_hypertable(name::regclass, 'bucket', chunk_time_interval => days * interval '1 day',
                                  create_default_indexes => false);
    end loop;
    if current_setting('timescaledb.license') <> 'timescale' then
        return;
    end if;
    -- The Bloom filter that would be made of the key takes more room than all columns of a reading but its value, so
    -- another index is named, of a column that hardly varies. None at all ('') has 2.28.3 crash where a key is looked up.
    for name in
        select hypertable_name from timescaledb_information.hypertables
         where hypertable_schema = current_schema and hypertable_name ~ '^(readings|buckets|increments)_'
    loop
        execute format(
            'alter table %I set (timescaledb.compress, timescaledb.compress_segmentby = ''series_id'', '
            'timescaledb.compress_orderby = %L%s)',
            name,
            case when name like 'readings%' then 't, ordinal' else 'bucket' end,
            case when has_choice then format(', timescaledb.sparse_index = ''minmax(%I)''',
                                             case split_part(name, '_', 1) when 'readings' then 'flags'
                                                                           when 'buckets' then 'flagged'
                                                                           else 'resets' end) end);
    end loop;
end
$$;

-- The same for whoever asks in SQL: buckets_15m, buckets_60m and buckets_480m are right at any moment. A series is in them
-- by its number, so that each retention class of a definition stands by itself.
do $$
declare
    stored text;
    width interval;
    span interval;  -- which is settled or not as a whole
    class text;
    parts text;
begin
    for stored, width, span in
        values ('15m', interval '15 minutes', interval '1 hour'), ('60m', '1 hour', '1 hour'), ('480m', '8 hours', '8 hours')
    loop
        parts := '';
        foreach class in array array['count', 'state', 'archive'] loop
            parts := parts || case when parts <> '' then ' union all ' else '' end || format(
                $view$
                select b.* from buckets_%1$s_%2$s b
                 where b.bucket < (select date_bin(%4$L, aggregated_until, '0001-01-01 00:00:00Z') from watermarks)
                   and not exists (select from arrivals a
                                    where a.touched is not null and a.series_id = b.series_id
                                      and a.hour > b.bucket - interval '1 hour' and a.hour < b.bucket + interval %3$L)
                union all
                select series_id, date_bin(%3$L, t, '0001-01-01 00:00:00Z'), count(*)::integer, sum(value), min(value),
                       max(value), (array_agg(value order by t, ordinal))[1],
                       (array_agg(value order by t desc, ordinal desc))[1],
                       (count(*) filter (where flags <> 0))::integer
                  from (select r.series_id, r.t, r.ordinal, coalesce(c.new_value, r.value) as value,
                               coalesce(c.new_flags, r.flags) as flags
                          from (select r.* from readings_%2$s r
                                 where r.t >= (select coalesce(date_bin(%4$L, aggregated_until, '0001-01-01 00:00:00Z'),
                                                               '-infinity') from watermarks)
                                union all
                                select r.*
                                  from (select distinct series_id, date_bin(%4$L, hour, '0001-01-01 00:00:00Z') as start
                                          from arrivals where touched is not null) u
                                  join readings_%2$s r on r.series_id = u.series_id and r.t >= u.start
                                                      and r.t < u.start + interval %4$L
                                 where u.start < (select date_bin(%4$L, aggregated_until, '0001-01-01 00:00:00Z')
                                                    from watermarks)) r
                          left join lateral (
                               select new_value, new_flags from corrections c
                                where c.series_id = r.series_id and c.t = r.t and c.ordinal = r.ordinal
                                order by correction_id desc limit 1) c on true) in_force
                 group by 1, 2$view$,
                stored, class, width, span);
        end loop;
        execute format('create view buckets_%s as %s', stored, parts);
    end loop;
end
$$;

grant select on buckets_15m, buckets_60m, buckets_480m to smartstore_read;
grant select on watermarks, arrivals, increments_due, increments_15m,
    buckets_15m_count, buckets_15m_state, buckets_15m_archive,
    buckets_60m_count, buckets_60m_state, buckets_60m_archive,
    buckets_480m_count, buckets_480m_state, buckets_480m_archive to smartstore_ingest, smartstore_read;
grant insert, update on arrivals to smartstore_ingest;
grant usage on sequence touches to smartstore_ingest;
