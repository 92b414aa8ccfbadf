"""Committed readings/s from publish to commit, beside a raw binary COPY of the same rows; prints ratios.

Load, broker, ingest and database share this machine. Durability: fsync on, synchronous_commit on (the launcher's own
settings). The raw COPY is one statement by one connection, from bytes made before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psycopg
from benchmarks import ways
from benchmarks.load import AgentLoad, make_load
from benchmarks.process_account import processor_s
from benchmarks.raw_publisher import RawAgent, publish_all
from benchmarks.report import Figure, show
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.postgres import PrivateServer
from standalone.site import AgentPlan, Site

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_LIMITS = {100: 0.5}
"""Least ratio to a raw COPY into the same table, by readings a batch; aimed at are 0.8 with 100 and 0.4 with 20."""
_OTHER_ROWS = 20_000
"""Rows of the slower ways: enough to time them."""


def main() -> None:
    """Run the benchmark for batches of each size and print the figures; exits 1 under a limit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=16)
    parser.add_argument("--series", type=int, default=20, help="series of an agent")
    parser.add_argument("--readings", type=int, nargs="+", default=[100, 20], help="readings of a batch")
    parser.add_argument("--batches", type=int, default=1500, help="batches of each agent")
    parser.add_argument("--window", type=int, default=16)
    chosen = parser.parse_args()
    held = True
    for readings in chosen.readings:
        held &= _measure(chosen, readings)
    sys.exit(not held)


def _measure(chosen: argparse.Namespace, readings: int) -> bool:
    loads = [
        make_load(f"bench-{n}", series=chosen.series, steps=readings // chosen.series, batches=chosen.batches)
        for n in range(chosen.agents)
    ]
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        server = choose_server(data_folder(), "benchmark")
        site = stack.enter_context(Site(folder, server, [AgentPlan(x.agent, "") for x in loads]))
        site.start_platform(registry_of(folder, loads))
        batches = sum(len(x.payloads) for x in loads)
        rows = sum(len(x.payloads) * x.readings_each for x in loads)
        before = _processor_s(site)
        committed_s = _publish(site, loads, chosen.window)
        used = {name: now - before[name] for name, now in _processor_s(site).items()}
        with psycopg.connect(site.database.dsn, autocommit=True) as connection:
            same_s = _copy(connection, "readings_state", keyed=True)
            reference_s = _copy(connection, "readings_state", keyed=False)
            others = ways.rates(connection, "readings_state", _OTHER_ROWS)
    figures = [
        Figure("committed readings/s", rows / committed_s),
        Figure("raw COPY into the same table, rows/s", rows / same_s),
        Figure("raw COPY into the reference hypertable, rows/s", rows / reference_s),
        *(Figure(f"{name}, rows/s", rate) for name, rate in others.items()),
        Figure("ratio to the same table", same_s / committed_s, at_least=_LIMITS.get(readings)),
        Figure("ratio to the reference hypertable", reference_s / committed_s),
        *(Figure(f"processor time a batch, microseconds: {name}", s / batches * 1e6) for name, s in used.items()),
    ]
    title = f"end_to_end: {rows:,} readings, {readings} a batch, {chosen.agents} agents; {server.label}"
    return show(title, figures)


def _processor_s(site: Site) -> dict[str, float]:
    """Return the processor time used so far by each part that shares the machine."""
    parts = {"load": os.getpid(), "ingest": site.children["ingest"].pid, "broker": site.broker.pid}
    if isinstance(site.database.server, PrivateServer):
        parts["database"] = site.database.server.pid
    used = {name: processor_s(pid) for name, pid in parts.items()}
    return {**used, "load": used["load"] - sum(s for name, s in used.items() if name != "load")}


def registry_of(folder: Path, loads: list[AgentLoad]) -> Path:
    """Write a registry in which every device of the load belongs to its agent."""
    files = folder / "registry"
    files.mkdir()
    since = ",2020-01-01,\n"
    tables = {
        "districts": "district_id,name_en,name_zh,kind,time_zone,simulated,valid_from,valid_to\n"
        f"bench,Simulated bench,模拟基准,smart_district,Asia/Shanghai,true{since}",
        "stores": "store_id,district_id,name_en,name_zh,format,floor_area_m2,area_kind,opens_at,closes_at,capacity,"
        "time_zone,business_day_start,simulated,valid_from,valid_to\n"
        "bench-store,bench,Simulated store,模拟商店,supermarket,1000,gross,09:00,22:00,,Asia/Shanghai,00:00,true"
        f"{since}",
        "agents": "agent_id,description,approved,valid_from,valid_to\n"
        + "".join(f"{x.agent},load,true{since}" for x in loads),
        "devices": "device_id,agent_id,store_id,model,direction,purpose,sign_posted,accuracy,calibrated_on,valid_from,"
        "valid_to\n"
        + "".join(
            f"{device},{x.agent},bench-store,,normal,,false,,{since}"
            for x in loads
            for device in sorted({series.device for series in x.table.series})
        ),
    }
    headers = {
        "doors": "door_id,store_id,zone_id,name_en,name_zh,perimeter",
        "points": "point_id,store_id,facility,kind,zone_id,door_id,point_count",
        "registered_series": "device_id,quantity,channel,point_id,point_count,role",
    }
    tables |= {name: f"{columns},valid_from,valid_to\n" for name, columns in headers.items()}
    for name, text in tables.items():
        (files / f"{name}.csv").write_text(text, encoding="utf-8")
    return files


def _publish(site: Site, loads: list[AgentLoad], window: int) -> float:
    """Publish every batch and return the seconds from the first publish to the last acknowledgement of a commit."""
    address = (site.broker.host, site.broker.port)
    return publish_all([RawAgent(load, window, address, site.password(load.agent)) for load in loads], 600)


def _copy(connection: psycopg.Connection[tuple[object, ...]], table: str, *, keyed: bool) -> float:
    """Copy the committed rows into a fresh like table (or the reference) by one COPY and return its seconds."""
    columns = "t, value, entry_id, series_id, flags, ordinal" if keyed else "series_id, t, value"
    rows = connection.execute(f"select {columns} from {table} order by entry_id, series_id").fetchall()  # noqa: S608
    shape = f"(like {table} including all)" if keyed else "(series_id integer, t timestamptz, value double precision)"
    connection.execute(f"create table raw_copy {shape}")
    if connection.execute("select 1 from pg_extension where extname = 'timescaledb'").fetchone():
        connection.execute(
            "select create_hypertable('raw_copy', 't', chunk_time_interval => interval '7 days', "
            "create_default_indexes => false)"
        )
    types = ["timestamptz", "float8", "int8", "int4", "int2", "int2"] if keyed else ["int4", "timestamptz", "float8"]
    payload = _binary(connection, rows, types)
    connection.execute("checkpoint")
    start = time.perf_counter()
    with connection.cursor() as cursor, cursor.copy(f"copy raw_copy ({columns}) from stdin (format binary)") as copy:
        for low in range(0, len(payload), 262_144):
            copy.write(payload[low : low + 262_144])
    elapsed = time.perf_counter() - start
    stored = connection.execute("select count(*) from raw_copy").fetchone()
    if stored is None or stored[0] != len(rows):
        msg = f"COPY stored {stored} of {len(rows)} rows"
        raise RuntimeError(msg)
    connection.execute("drop table raw_copy")
    return elapsed


def _binary(
    connection: psycopg.Connection[tuple[object, ...]], rows: list[tuple[object, ...]], types: list[str]
) -> bytes:
    """Return the rows in PostgreSQL's binary COPY format, as the server itself writes it."""
    names = ", ".join(f"c{n} {kind}" for n, kind in enumerate(types))
    connection.execute(f"create temporary table raw_rows ({names})")
    with connection.cursor() as cursor, cursor.copy("copy raw_rows from stdin (format binary)") as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    with connection.cursor() as cursor, cursor.copy("copy raw_rows to stdout (format binary)") as copy:
        payload = b"".join(bytes(part) for part in copy)
    connection.execute("drop table raw_rows")
    if not payload.startswith(_HEADER):
        msg = "not a binary COPY stream"
        raise RuntimeError(msg)
    return payload


if __name__ == "__main__":
    main()
