"""Topic names. No store is in a topic: what an agent may speak for is the registry's to say."""

from __future__ import annotations

import re
from enum import StrEnum

PREFIX = "smartstore/v1"
INGEST_STATE_FILTER = f"{PREFIX}/ingest/+/state"


class Subject(StrEnum):
    """Last level of an agent's topic."""

    BATCH = "batch"
    """Agent to ingest: batches and series tables."""
    ACK = "ack"
    BIRTH = "birth"
    WILL = "will"
    CONFIG = "config"


_AGENT_TOPIC = re.compile(rf"^{PREFIX}/(?P<agent>[a-z0-9][a-z0-9-]{{0,62}})/(?P<subject>{'|'.join(Subject)})$")


def topic(agent: str, subject: Subject) -> str:
    """Return an agent's topic for a subject.

    Examples
    --------
    >>> topic("mall-7", Subject.BATCH)
    'smartstore/v1/mall-7/batch'
    """
    return f"{PREFIX}/{agent}/{subject}"


def parse_topic(name: str) -> tuple[str, Subject] | None:
    """Return (agent, subject) of an agent's topic, None for any other; the inverse of ``topic``."""
    match = _AGENT_TOPIC.match(name)
    return (match["agent"], Subject(match["subject"])) if match else None


def every_agent(subject: Subject) -> str:
    """Return the filter that matches this subject of every agent."""
    return f"{PREFIX}/+/{subject}"


def ingest_state_topic(worker: str) -> str:
    """Return the retained topic in which an ingest worker says whether it accepts batches."""
    return f"{PREFIX}/ingest/{worker}/state"
