-- Results that were computed ahead, each with a digest of what it was computed from: it stands while that digest does.

create table kept_results (
    store_id         text not null,
    metric           text not null,
    formula_version  integer not null,
    window_start     timestamptz not null,
    window_end       timestamptz not null check (window_end > window_start),
    registry_version integer not null,  -- that it was computed by; facts of the store that are in later ones too
    inputs           bytea not null,    -- SHA-256: the store's facts, what the ledger has of the time, losses, refusals, limits
    result           jsonb not null,    -- as the interfaces give it, its Merkle root over the rows in it
    computed_at      timestamptz not null default clock_timestamp(),
    primary key (store_id, window_start, window_end, metric, formula_version, registry_version)
);

-- Whoever computes them is a member of this role and of smartstore_read: it reads what the interfaces read, and writes
-- these alone.
do $$
begin
    if not exists (select from pg_roles where rolname = 'smartstore_compute') then
        create role smartstore_compute nologin;
    end if;
exception when duplicate_object then null;  -- another database of this server made it at the same moment
end
$$;

grant select on kept_results to smartstore_ingest, smartstore_read;
grant select, insert, update on kept_results to smartstore_compute;
