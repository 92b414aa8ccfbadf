"""Compressed batches: smaller, the same to the reader, resent as sealed, and renewed as any other."""

from __future__ import annotations

from pathlib import Path

from edge_tools.readings import HandClock, group

from edge.spool.records import SpoolLimits
from edge.spool.spool import Spool
from edge.wire.batch import Batch
from edge.wire.compression import is_deflated
from edge.wire.decode import decode
from edge.wire.model import digest

LIMITS = {"max_bytes": 1_000_000, "max_age_s": 3600.0, "batch_readings": 200}


def opened(path: Path, *, compress: bool) -> Spool:
    return Spool.open(path, SpoolLimits(compress=compress, **LIMITS), HandClock().clock)  # type: ignore[arg-type]


def test_a_batch_is_compressed_where_the_configuration_says_so(tmp_path: Path) -> None:
    plain, small = opened(tmp_path / "plain.db", compress=False), opened(tmp_path / "small.db", compress=True)
    for spool in (plain, small):
        spool.accept([("a", group(0, 200))])
    (of_plain,), (of_small,) = plain.pending(), small.pending()
    assert not is_deflated(of_plain.payload)
    assert is_deflated(of_small.payload)
    assert len(of_small.payload) < 0.5 * len(of_plain.payload)
    assert small.depth().bytes == len(of_small.payload)
    documents = [decode(each.payload) for each in (of_plain, of_small)]
    assert all(isinstance(document, Batch) for document in documents)
    same = {"spool": None}
    assert documents[0].model_copy(update=same) == documents[1].model_copy(update=same)
    plain.close()
    small.close()


def test_the_digest_is_of_the_bytes_as_sent_and_they_never_change(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool.db", compress=True)
    spool.accept([("a", group(0, 200))])
    spool.accept([("a", group(200, 200))])
    first, second = spool.pending()
    assert digest(first.payload) == first.sha256
    document = decode(second.payload)
    assert isinstance(document, Batch)
    assert document.previous == first.sha256
    spool.close()
    spool = opened(tmp_path / "spool.db", compress=False)  # a changed setting is for batches still to come
    assert spool.pending() == [first, second]
    spool.accept([("a", group(400, 200))])
    assert [is_deflated(each.payload) for each in spool.pending()] == [True, True, False]
    spool.close()


def test_a_renewal_carries_a_compressed_batch_on(tmp_path: Path) -> None:
    spool = opened(tmp_path / "spool.db", compress=True)
    spool.accept([("a", group(0, 200))])
    (before,) = spool.pending()
    spool.renew("sequence_reused")
    (after,) = spool.pending()
    assert is_deflated(after.payload)
    old, new = decode(before.payload), decode(after.payload)
    assert isinstance(old, Batch)
    assert isinstance(new, Batch)
    assert new.value == old.value
    assert new.resealed_from is not None
    assert new.resealed_from.sha256 == before.sha256
    spool.close()
