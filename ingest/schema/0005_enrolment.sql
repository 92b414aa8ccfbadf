-- How agents come by their credentials. The broker's password file is made from agent_credentials, again and again.

create table enrolment_codes (
    code_id       integer generated always as identity primary key,
    agent         text not null,
    secret_sha256 bytea not null unique,  -- the secret itself is in the operator's hand only
    issued_at     timestamptz not null default clock_timestamp(),
    expires_at    timestamptz not null,
    spent_at      timestamptz,
    revoked_at    timestamptz,
    check (expires_at > issued_at)
);
create index enrolment_codes_by_agent on enrolment_codes (agent);

-- A credential that has ended keeps its row and loses what it could be checked or replaced with.
create table agent_credentials (
    credential_id   integer generated always as identity primary key,
    agent           text not null,
    code_id         integer references enrolment_codes,  -- null: it replaced the one before by rotation
    password_line   text,   -- as in Mosquitto's password file, without the user; the password is on the device only
    rotation_sha256 bytea,  -- of the proof that allows its holder to replace it
    recorded_at     timestamptz not null default clock_timestamp(),
    ended_at        timestamptz,
    ended_by        text check (ended_by in ('rotation', 'enrolment', 'revocation')),
    check ((ended_at is null) = (ended_by is null)),
    check ((ended_at is null) = (password_line is not null)),
    check ((ended_at is null) = (rotation_sha256 is not null))
);
create unique index agent_credentials_in_force on agent_credentials (agent) where ended_at is null;

do $$
begin
    if not exists (select from pg_roles where rolname = 'smartstore_enrolment') then
        create role smartstore_enrolment nologin;
    end if;
exception when duplicate_object then null;  -- another database of this server made it at the same moment
end
$$;

-- The enrolment service is the only process with rights on these tables, and has no others but to know who is approved.
grant select on enrolment_codes, agent_credentials, agents, registry_versions, schema_migrations to smartstore_enrolment;
grant update (spent_at) on enrolment_codes to smartstore_enrolment;
grant insert, update (password_line, rotation_sha256, ended_at, ended_by) on agent_credentials to smartstore_enrolment;
