-- Two more facility areas: screens and self-checkout.

-- Not valid: no row is read under the lock. Those that are there satisfy it, as they did the narrower check before it.
alter table points
    drop constraint points_facility_check,
    add constraint points_facility_check check (facility in
        ('traffic', 'shelves', 'labels', 'energy', 'air', 'cold_chain', 'parking', 'screens', 'checkout')) not valid;
