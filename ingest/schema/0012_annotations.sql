-- Dated annotations: what was going on at a store or in a district, told beside its figures. Withdrawn, never deleted.

create table annotations (
    annotation_id    bigint generated always as identity primary key,
    district_id      text not null default '',  -- either the one
    store_id         text not null default '',  -- or the other
    kind             text not null check (kind in ('works', 'closure', 'promotion', 'weather', 'other')),
    from_day         date not null,  -- local dates
    to_day           date not null check (to_day > from_day),  -- the first day on which it no longer holds
    text_en          text not null default '',
    text_zh          text not null default '',
    entered_by       text not null check (entered_by <> ''),
    entered_at       timestamptz not null default clock_timestamp(),
    withdrawn_by     text check (withdrawn_by <> ''),
    withdrawn_at     timestamptz,
    withdrawn_reason text,
    check ((district_id = '') <> (store_id = '')),
    check (text_en <> '' or text_zh <> ''),
    check (num_nulls(withdrawn_by, withdrawn_at, withdrawn_reason) in (0, 3))
);
-- The same line entered again, by a file that is imported twice, is the one that is there.
create unique index annotations_once on annotations (district_id, store_id, kind, from_day, to_day, text_en, text_zh)
    where withdrawn_at is null;

-- Only the owner enters and withdraws: the interfaces know no user, so that they may not write.
grant select on annotations to smartstore_ingest, smartstore_read;
