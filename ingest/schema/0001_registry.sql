-- The site model: facts, each valid from-to (local dates, valid_to exclusive), changes never overwrite.
-- A fact belongs to registry version v when version_from <= v and (version_to is null or v < version_to).

create table registry_versions (
    version     integer generated always as identity primary key,
    imported_at timestamptz not null default now(),
    source      text not null,
    digest      bytea not null
);

create table districts (
    district_id  text not null,
    name_en      text not null,
    name_zh      text not null,
    kind         text not null check (kind in ('smart_district', 'pedestrian_street', 'fifteen_minute_circle')),
    time_zone    text not null,
    simulated    boolean not null default false,
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (district_id, valid_from, version_from)
);

create table stores (
    store_id           text not null,
    district_id        text not null,
    name_en            text not null,
    name_zh            text not null,
    format             text not null,  -- a format of GB/T 18106-2021
    floor_area_m2      double precision not null check (floor_area_m2 > 0),
    area_kind          text not null check (area_kind in ('gross', 'sales', 'leasable')),
    opens_at           time not null,
    closes_at          time not null,
    capacity           integer check (capacity > 0),
    time_zone          text not null,
    business_day_start time not null default '00:00',
    simulated          boolean not null default false,
    valid_from         date not null,
    valid_to           date check (valid_to > valid_from),
    version_from       integer not null references registry_versions,
    version_to         integer references registry_versions,
    primary key (store_id, valid_from, version_from)
);

create table tenants (
    tenant_id    text not null,
    store_id     text not null,
    name_en      text not null,
    name_zh      text not null,
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (tenant_id, valid_from, version_from)
);

create table floors (
    floor_id     text not null,
    store_id     text not null,
    level        integer not null,
    name_en      text not null,
    name_zh      text not null,
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (floor_id, valid_from, version_from)
);

create table zones (
    zone_id      text not null,
    store_id     text not null,
    floor_id     text,
    tenant_id    text,
    name_en      text not null,
    name_zh      text not null,
    area_m2      double precision check (area_m2 > 0),
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (zone_id, valid_from, version_from)
);

create table doors (
    door_id      text not null,
    store_id     text not null,
    zone_id      text,
    name_en      text not null,
    name_zh      text not null,
    perimeter    boolean not null,  -- a store's footfall sums its perimeter doors only
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (door_id, valid_from, version_from)
);

-- Points that exist, instrumented or not: the denominator of coverage.
create table points (
    point_id     text not null,
    store_id     text not null,
    facility     text not null check (facility in
        ('traffic', 'shelves', 'labels', 'energy', 'air', 'cold_chain', 'parking')),
    kind         text not null,  -- door_line, shelf_position, shelf_label, main_meter, sub_meter, air_zone, ...
    zone_id      text,
    door_id      text,
    point_count  integer not null default 1 check (point_count > 0),
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (point_id, valid_from, version_from)
);

create table agents (
    agent_id     text not null,
    description  text not null default '',
    approved     boolean not null,
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (agent_id, valid_from, version_from)
);

create table devices (
    device_id     text not null,
    agent_id      text not null,
    store_id      text not null,
    model         text not null default '',
    direction     text not null default 'normal' check (direction in ('normal', 'inverted')),
    purpose       text not null default '',  -- what it may be used for (PIPL Art. 26)
    sign_posted   boolean not null default false,
    accuracy      double precision check (accuracy >= 0),  -- in the unit of its gauge
    calibrated_on date,
    valid_from    date not null,
    valid_to      date check (valid_to > valid_from),
    version_from  integer not null references registry_versions,
    version_to    integer references registry_versions,
    primary key (device_id, valid_from, version_from)
);

-- Which point a series observes, and in which role; point_count where one series stands for many (labels).
create table registered_series (
    device_id    text not null,
    quantity     text not null,
    channel      text not null default '',
    point_id     text not null,
    point_count  integer not null default 1 check (point_count > 0),
    role         text not null default '',
    valid_from   date not null,
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (device_id, quantity, channel, point_id, valid_from, version_from)
);

-- Manual counts beside a device's own, for the accuracy that a count's interval stands on.
create table audits (
    audit_id     text not null,
    device_id    text not null,
    quantity     text not null,
    manual_count integer not null check (manual_count > 0),
    device_count integer not null check (device_count >= 0),
    valid_from   date not null,  -- the day of the audit; it speaks for the device from then on
    valid_to     date check (valid_to > valid_from),
    version_from integer not null references registry_versions,
    version_to   integer references registry_versions,
    primary key (audit_id, valid_from, version_from)
);
