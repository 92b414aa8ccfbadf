"""The completeness account of every agent's spools."""

from __future__ import annotations

from fastapi import APIRouter

from analytics.api import examples
from analytics.api.database import DatabaseDep
from analytics.api.models import Account, SpoolEntry
from analytics.api.problems import may_answer
from ingest.store.account import account

router = APIRouter(tags=["completeness"])


@router.get("/completeness", responses={**examples.of(examples.ACCOUNT), **may_answer()})
def completeness(c: DatabaseDep) -> Account:
    """Account for every batch that an agent numbered: committed, refused, declared lost or missing."""
    spools = tuple(SpoolEntry.of(entry) for entry in account(c))
    complete = all(spool.missing == 0 and spool.chain_breaks == 0 for spool in spools)
    return Account(complete=complete, spools=spools)
