"""The completeness account of every agent's spools, and the completeness ledger of a store or district."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query

from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.dependencies import AskedDistrictDep, AskedStoreDep
from analytics.api.models import Account, SpoolEntry
from analytics.api.problems import WINDOW_CODES, may_answer
from analytics.completeness_answer import By, CompletenessAnswer
from analytics.completeness_ledger import Question, district_completeness, store_completeness
from edge.wire.model import Identifier
from ingest.store.account import account

router = APIRouter(tags=["completeness"])

_By = Annotated[By, Query(description="What a row is of")]
_Device = Annotated[Identifier | None, Query(description="Only this device; batches are left out then")]
_CODES = ("invalid_request", "quarter_hours_only", *WINDOW_CODES)


@router.get("/completeness", responses={**examples.of(examples.ACCOUNT), **may_answer()})
def completeness(c: DatabaseDep) -> Account:
    """Account for every batch that an agent numbered: committed, refused, declared lost or missing."""
    spools = tuple(SpoolEntry.of(entry) for entry in account(c))
    complete = all(spool.missing == 0 and spool.chain_breaks == 0 for spool in spools)
    return Account(complete=complete, spools=spools)


@router.get(
    "/stores/{store_id}/completeness",
    responses={**examples.of(examples.COMPLETENESS), **may_answer("unknown_store", "unknown_device", *_CODES)},
)
def store_ledger(
    c: DatabaseDep, asked: AskedStoreDep, by: _By = By.DEVICE, device: _Device = None
) -> CompletenessAnswer:
    """Say what was expected of a store's devices and agents over a window, and what became of it."""
    question = Question(by, datetime.now(UTC), device)
    return store_completeness(c, asked.fact.store_id, asked.window, question)


@router.get(
    "/districts/{district_id}/completeness",
    responses={**examples.of(examples.COMPLETENESS), **may_answer("unknown_district", *_CODES)},
)
def district_ledger(c: DatabaseDep, asked: AskedDistrictDep, by: _By = By.STORE) -> CompletenessAnswer:
    """Say what was expected of a district's devices and agents over a window, and what became of it."""
    return district_completeness(c, asked.fact.district_id, asked.window, Question(by, datetime.now(UTC)))
