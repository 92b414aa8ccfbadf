-- Least privilege: ingest adds, the interfaces read, neither owns a table. Log-ins are made by the installation.

do $$
begin
    if not exists (select from pg_roles where rolname = 'smartstore_ingest') then
        create role smartstore_ingest nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'smartstore_read') then
        create role smartstore_read nologin;
    end if;
exception when duplicate_object then null;  -- another database of this server made them at the same moment
end
$$;

grant select on all tables in schema public to smartstore_ingest, smartstore_read;
grant insert on spools, series_tables, series, ledger, losses, refusals, presence,
    readings_count, readings_state, readings_archive, corrections to smartstore_ingest;
grant update (entries, head) on spools to smartstore_ingest;
grant update (duplicates, corrections) on ledger to smartstore_ingest;
grant update (state, resolved_at, resolution) on refusals to smartstore_ingest;
grant update on presence to smartstore_ingest;
