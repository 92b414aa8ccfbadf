-- What agents are told to run with, and what each said of it last.

create table agent_configurations (
    agent     text not null,
    number    bigint not null check (number > 0),
    document  bytea not null,  -- as published: the agent answers with its SHA-256
    sha256    bytea not null,
    issued_at timestamptz not null default clock_timestamp(),
    primary key (agent, number)
);
create index agent_configurations_by_time on agent_configurations (issued_at);

create table agent_configuration_reports (
    agent       text primary key,
    spool       uuid not null,
    connection  bigint not null,
    at_us       bigint not null,  -- the agent's clock; orders the reports of one connection
    number      bigint not null,
    sha256      bytea not null,
    state       text not null check (state in ('trial', 'applied', 'refused', 'rolled_back')),
    detail      text not null,
    reported_at timestamptz not null default clock_timestamp()
);

grant select on agent_configurations, agent_configuration_reports to smartstore_ingest, smartstore_read;
grant insert, update on agent_configuration_reports to smartstore_ingest;
