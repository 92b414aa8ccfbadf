"""Whether the broker knows this agent and lets it do what it has to, and whether ingest answers it.

Nothing is stored anywhere by this. Birth and will are tried with an empty message, which ingest passes over. The batch
topic is tried with a batch without readings that names a series table which does not exist: ingest asks for that table
on the agent's topic of acknowledgements, and keeps nothing of the batch. So one question shows that the agent may
publish, that ingest reads, and that the agent may read its acknowledgements.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple
from uuid import UUID, uuid4

from edge.onboarding import clock_check
from edge.onboarding.broker_talk import BrokerTalk, Login, Message, NoAnswerError
from edge.onboarding.finding import Finding, ok, warning, wrong
from edge.onboarding.wording import Words
from edge.settings import EdgeSettings
from edge.wire.acknowledgement import Acknowledgement
from edge.wire.batch import Batch
from edge.wire.decode import WireError, decode
from edge.wire.model import canonical
from edge.wire.presence import IngestState
from edge.wire.series import Origin
from edge.wire.topics import INGEST_STATE_FILTER, Subject, topic

_STATES_WITHIN_S = 2.0
_BAD_CREDENTIALS, _BANNED = {134, 140}, {135, 138}
_RIGHTS_FIX = Words(
    "the platform has to give this agent its topics in the broker's access list",
    "需由平台在消息服务器的访问控制表中为该代理开放其主题",
)


class _Answer(NamedTuple):
    """What ingest said to the question, and when."""

    acknowledgement: Acknowledgement
    received_us: int


def platform_findings(settings: EdgeSettings, timeout_s: float) -> Iterator[Finding]:
    """Yield what broker and ingest say to this agent; it must not be running, since its id can be in use once only."""
    login = _login(settings)
    if isinstance(login, Finding):
        yield login
        return
    with BrokerTalk(login, timeout_s) as talk:
        try:
            code = talk.connect()
            if code.is_failure:
                yield _refused(login, code.value, str(code))
                return
            yield ok("credentials", Words(f"the broker knows {login.username}", f"消息服务器接受用户 {login.username}"))
            yield from _rights(settings.agent.id, talk)
        except (OSError, NoAnswerError) as error:
            text = Words("the broker does not answer as MQTT 5 ({error})", "消息服务器没有按 MQTT 5 应答（{error}）")
            fix = Words(
                "check broker.port, and that an MQTT 5 broker listens there",
                "请检查 broker.port，以及该端口是否为 MQTT 5 消息服务器",
            )
            yield wrong("broker", text.format(error=error), fix)


def _login(settings: EdgeSettings) -> Login | Finding:
    broker, agent = settings.broker, settings.agent.id
    try:
        password = broker.password()
    except (OSError, UnicodeDecodeError) as error:
        text = Words("{file} cannot be read ({error})", "无法读取 {file}（{error}）")
        fix = Words(
            "put the password that the platform gave there, readable for the user that the agent runs as alone",
            "请把平台给出的密码写入该文件，并只让运行代理的用户可读",
        )
        return wrong("credentials", text.format(file=broker.password_file, error=error), fix)
    return Login(broker.host, broker.port, agent, broker.username or agent, password, broker.ca_file)


def _refused(login: Login, code: int, said: str) -> Finding:
    if code in _BAD_CREDENTIALS or code in _BANNED:
        text = Words(f"the broker refuses {login.username} ({said})", f"消息服务器拒绝用户 {login.username}（{said}）")
        fix = Words(
            "check agent.id and the file of broker.password_file; where both are right, the platform has to enter this "
            "agent, or has revoked it",
            "请检查 agent.id 和 broker.password_file 文件；若均无误，则平台尚未登记或已吊销该代理",
        )
        return wrong("credentials", text, fix)
    text = Words(f"the broker refuses the connection ({said})", f"消息服务器拒绝连接（{said}）")
    return wrong("broker", text, Words("ask the platform to look at the broker's log", "请平台查看消息服务器日志"))


def _rights(agent: str, talk: BrokerTalk) -> Iterator[Finding]:
    filters = [topic(agent, Subject.ACK), INGEST_STATE_FILTER]
    denied = [
        f"{name} ({code})" for name, code in zip(filters, talk.subscribe(filters), strict=True) if code.is_failure
    ]
    for subject in (Subject.BIRTH, Subject.WILL):
        code = talk.publish(topic(agent, subject), b"")
        if code.is_failure:
            denied.append(f"{topic(agent, subject)} ({code})")
    states = _states(talk)
    spool = uuid4()
    asked = talk.publish(topic(agent, Subject.BATCH), _question(spool))
    if asked.is_failure:
        denied.append(f"{topic(agent, Subject.BATCH)} ({asked})")
    if denied:
        listed = ", ".join(denied)
        text = Words(f"the broker does not let this agent use {listed}", f"消息服务器不允许该代理使用 {listed}")
        yield wrong("rights", text, _RIGHTS_FIX)
        return
    yield ok("rights", Words("may publish batches, birth and will", "可以发布批次、上线和离线消息"))
    yield from _ingest(talk, agent, spool, states)


def _ingest(talk: BrokerTalk, agent: str, spool: UUID, states: Mapping[str, bool]) -> Iterator[Finding]:
    if not any(states.values()):
        if not states and _answer(talk, agent, spool, _STATES_WITHIN_S) is not None:
            yield _unheard_states()
            return
        yield warning(
            "ingest",
            Words("no ingest worker says that it accepts batches", "没有任何入库进程表示可以接收"),
            Words(
                "nothing to do here: readings wait in the spool; tell the platform where it lasts",
                "本机无需处理：读数会保存在缓存中；若持续如此请告知平台",
            ),
        )
        return
    answer = _answer(talk, agent, spool, talk.timeout_s)
    if answer is None:
        yield wrong(
            "ingest",
            Words(
                "ingest accepts batches, but its answer to this agent did not arrive",
                "入库进程可以接收，但给该代理的应答没有到达",
            ),
            Words(
                f"the platform has to let this agent read {topic(agent, Subject.ACK)} in the broker's access list; "
                "where it may, the platform has to look at ingest's log",
                f"需由平台在访问控制表中允许该代理读取 {topic(agent, Subject.ACK)}；若已允许，请平台查看入库日志",
            ),
        )
        return
    yield ok("ingest", Words("accepts batches, and its answer arrives here", "可以接收批次，且应答能到达本机"))
    yield clock_check.by_platform(answer.acknowledgement.at_us, answer.received_us)


def _unheard_states() -> Finding:
    """Return that ingest is there, but what it says to all agents does not arrive: this one would wait for ever."""
    text = Words(
        "ingest answers, but whether it accepts batches is not heard: the agent would not send",
        "入库进程有应答，但收不到其是否可以接收的状态：代理将不会发送数据",
    )
    fix = Words(
        f"the platform has to let every agent read {INGEST_STATE_FILTER} in the broker's access list",
        f"需由平台在访问控制表中允许所有代理读取 {INGEST_STATE_FILTER}",
    )
    return wrong("ingest", text, fix)


def _states(talk: BrokerTalk) -> dict[str, bool]:
    """Return of each ingest worker that is heard of whether it accepts batches; a first one that does is enough."""
    states: dict[str, bool] = {}

    def accepts(message: Message) -> bool:
        name, payload = message
        try:
            document = decode(payload)
        except WireError:
            return False
        if isinstance(document, IngestState):
            states[name] = document.accepting
        return states.get(name, False)

    talk.receive(_STATES_WITHIN_S, accepts)
    return states


def _answer(talk: BrokerTalk, agent: str, spool: UUID, longest_s: float) -> _Answer | None:
    found: list[_Answer] = []

    def answers(message: Message) -> bool:
        name, payload = message
        try:
            document = decode(payload) if name == topic(agent, Subject.ACK) else None
        except WireError:
            return False
        if isinstance(document, Acknowledgement) and document.spool == spool:
            found.append(_Answer(document, time.time_ns() // 1000))
        return bool(found)

    talk.receive(longest_s, answers)
    return found[0] if found else None


def _question(spool: UUID) -> bytes:
    """Return a batch of a spool that does not exist, without readings, naming a table that does not exist."""
    now_us = time.time_ns() // 1000
    return canonical(
        Batch(
            spool=spool,
            sequence=1,
            previous=None,
            series_table=secrets.token_hex(32),
            origin=Origin.MEASURED,
            boot=uuid4(),
            sealed_us=now_us,
            monotonic_us=0,
            base_us=now_us,
            series=[],
            offset_us=[],
            value=[],
            flags=[],
        )
    )
