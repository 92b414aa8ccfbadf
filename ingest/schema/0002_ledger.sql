-- What was received, once each: spools, the ledger of batches, refusals, declared losses, presence of agents.

create table spools (
    spool_id    integer generated always as identity primary key,
    spool       uuid not null unique,
    agent       text not null,  -- the first agent that used it
    first_seen  timestamptz not null default now(),
    entries     bigint not null default 0,
    head        bytea not null default sha256(''::bytea)  -- chained over the entries in the order of their commit
);

create table series_tables (
    digest      bytea primary key,
    document    bytea not null,
    received_at timestamptz not null default now()
);

-- Retention classes: 'count' (interval, cumulative), 'state' (gauge, state, event), 'archive' (replayed, imported).
create table series (
    series_id       integer generated always as identity primary key,
    definition      text not null,  -- the canonical text that digests name it by
    device          text not null,
    quantity        text not null,
    channel         text not null,
    unit            text not null,
    kind            text not null,
    period_s        double precision,
    retention_class text not null check (retention_class in ('count', 'state', 'archive')),
    unique (definition, retention_class)
);
create index series_natural_key on series (device, quantity, channel);

create table ledger (
    entry_id       bigint generated always as identity unique,
    spool_id       integer not null references spools,
    sequence       bigint not null,
    sha256         bytea not null,
    previous       bytea,          -- SHA-256 of the batch before it in the spool
    series_table   bytea not null,
    origin         text not null,
    readings       integer not null,  -- as sealed
    duplicates     integer not null default 0,  -- of them: equal to a reading stored before
    corrections    integer not null default 0,  -- of them: different from a reading stored before
    first_t        timestamptz,
    last_t         timestamptz,
    sealed_at      timestamptz not null,
    received_at    timestamptz not null default clock_timestamp(),
    row_root       bytea not null,  -- Merkle root over one leaf per series of the batch's canonical records
    resealed_spool uuid,
    resealed_sequence bigint,
    primary key (spool_id, sequence)
);

create table losses (
    spool_id       integer not null references spools,
    first_sequence bigint not null,
    last_sequence  bigint not null,
    readings       bigint not null,
    reason         text not null,
    last_digest    bytea not null,
    first_t        timestamptz,
    last_t         timestamptz,
    entry_id       bigint not null,  -- the batch that declared it
    primary key (spool_id, first_sequence, last_sequence)
);

create table refusals (
    refusal_id  bigint generated always as identity primary key,
    agent       text not null,
    unit        text not null check (unit in ('batch', 'reading')),
    spool       uuid,
    sequence    bigint,
    sha256      bytea not null,
    reason      text not null,
    detail      text not null,
    payload     bytea,  -- null: personal data, never kept
    received_at timestamptz not null default clock_timestamp(),
    state       text not null default 'open' check (state in ('open', 'replayed', 'resealed', 'discarded')),
    resolved_at timestamptz,
    resolution  text,
    unique (agent, sha256, reason)
);
create index refusals_by_identity on refusals (spool, sequence);

create table presence (
    agent      text primary key,
    connection bigint not null,
    online     boolean not null,
    clean      boolean,
    software   text,
    spool      uuid,
    changed_at timestamptz not null default clock_timestamp()
);
