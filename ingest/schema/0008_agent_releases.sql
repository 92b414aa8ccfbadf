-- What became of the release that each agent's device dealt with last.

create table agent_release_reports (
    agent       text primary key,
    spool       uuid not null,
    connection  bigint not null,
    at_us       bigint not null,  -- the agent's clock; orders the reports of one connection
    version     text not null,
    state       text not null check (state in ('delayed', 'refused', 'trial', 'applied', 'rolled_back')),
    detail      text not null,
    reported_at timestamptz not null default clock_timestamp()
);

grant select on agent_release_reports to smartstore_ingest, smartstore_read;
grant insert, update on agent_release_reports to smartstore_ingest;
