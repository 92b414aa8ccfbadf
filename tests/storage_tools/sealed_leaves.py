"""Leaves and row roots of sealed batches, by RFC 6962 and ``struct`` from the payloads alone: the oracle of proofs."""

from __future__ import annotations

import json
import struct
from collections import defaultdict
from hashlib import sha256
from typing import Any

import psycopg

from edge.wire.series import SeriesTable


def sealed_leaves(payload: bytes, table: SeriesTable) -> dict[str, bytes]:
    """Return the leaf of each series of a batch, by definition, in the order of definitions."""
    batch = json.loads(payload)
    ordinals = batch.get("ordinal") or [0] * len(batch["series"])
    records: dict[str, list[tuple[int, int, int, bytes]]] = defaultdict(list)
    columns = zip(batch["series"], batch["offset_us"], ordinals, batch["value"], batch["flags"], strict=True)
    for place, (series, offset, ordinal, value, flags) in enumerate(columns):
        t_us = batch["base_us"] + offset
        record = struct.pack(">qhdh", t_us, ordinal, value, flags)
        records[table.series[series].definition].append((t_us, ordinal, place, record))
    return {
        definition: sha256(
            b"\x00" + sha256(definition.encode()).digest() + b"".join(record for *_, record in sorted(of))
        ).digest()
        for definition, of in sorted(records.items())
    }


def tree_root(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash as RFC 6962 defines it: split at the largest power of two below n."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + tree_root(leaves[:half]) + tree_root(leaves[half:])).digest()


def leaves_told(connection: psycopg.Connection[Any], entry_id: int) -> dict[str, bytes]:
    """Return the leaves of a ledger entry by definition: those that are kept, else what rows and corrections tell."""
    kept = connection.execute("select series_ids, digests from leaves where entry_id = %s", [entry_id]).fetchone()
    if kept:
        names = dict(connection.execute("select series_id, definition from series").fetchall())
        digests = [kept[1][at : at + 32] for at in range(0, len(kept[1]), 32)]
        return {names[number]: digest for number, digest in zip(kept[0], digests, strict=True)}
    rows = connection.execute(
        """select s.definition, (extract(epoch from r.t) * 1000000)::bigint, r.ordinal, r.value, r.flags
             from (select series_id, t, ordinal, value, flags, entry_id from readings_count
                    union all select series_id, t, ordinal, value, flags, entry_id from readings_state
                    union all select series_id, t, ordinal, value, flags, entry_id from readings_archive
                    union all select series_id, t, ordinal, new_value, new_flags, entry_id from corrections) r
             join series s using (series_id) where r.entry_id = %s order by 1, 2, 3""",
        [entry_id],
    ).fetchall()
    records: dict[str, bytes] = defaultdict(bytes)
    for definition, *record in rows:
        records[definition] += struct.pack(">qhdh", *record)
    return {
        definition: sha256(b"\x00" + sha256(definition.encode()).digest() + packed).digest()
        for definition, packed in records.items()
    }
