"""The device's side of enrolment: one HTTPS request to a platform that is known by its certificate's fingerprint."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPSConnection
from pathlib import Path

from pydantic import ValidationError

from edge import event_log
from edge.credential import CredentialFiles, NewPassword, proof_of
from edge.durable_file import write_durably
from edge.onboarding.wording import Words
from edge.wire.enrolment import (
    ENROL_PATH,
    MAX_ANSWER_BYTES,
    ROTATE_PATH,
    Enrolled,
    EnrolmentAnswer,
    EnrolmentCode,
    EnrolmentProblem,
    EnrolmentRefused,
    EnrolRequest,
    RotateRequest,
)
from edge.wire.model import canonical

_TIMEOUT_S = 20.0
_NEW_CODE = Words("have the platform issue another code", "请平台重新签发注册码")
_WHERE = Words(
    "check host and port under [enrolment], the network, and that the platform's enrolment service runs",
    "请检查 [enrolment] 中的 host 和 port、网络，以及平台的注册服务是否在运行",
)
_RELEASES = Words("bring agent and platform to matching releases", "请把代理和平台升级到相配的版本")
_REFUSALS = {
    EnrolmentProblem.MALFORMED: (Words("it cannot read the request", "无法读取请求"), _RELEASES),
    EnrolmentProblem.CODE_UNKNOWN: (Words("it does not know this code", "注册码不存在"), _NEW_CODE),
    EnrolmentProblem.CODE_EXPIRED: (Words("the code has expired", "注册码已过期"), _NEW_CODE),
    EnrolmentProblem.CODE_REVOKED: (
        Words("the code was withdrawn, or replaced by a later one", "注册码已被撤销，或已被新的注册码取代"),
        _NEW_CODE,
    ),
    EnrolmentProblem.CODE_SPENT: (
        Words("the code has been used by another device", "注册码已被另一台设备使用"),
        Words(
            "have the platform issue another code; if you did not use this one, tell the platform",
            "请平台重新签发注册码；如果不是您使用的，请告知平台",
        ),
    ),
    EnrolmentProblem.PROOF_WRONG: (
        Words(
            "this device's present password is not the one that the platform knows", "本设备当前的密码与平台记录不符"
        ),
        Words("enrol with a new code from the platform", "请用平台签发的新注册码重新注册"),
    ),
    EnrolmentProblem.TOO_MANY: (
        Words("too many attempts came from this address", "来自该地址的尝试过多"),
        Words("wait a minute and try again", "请等一分钟再试"),
    ),
    EnrolmentProblem.AWAY: (
        Words("it cannot reach its database just now", "平台暂时无法访问数据库"),
        Words("try again in a minute; the code is still good", "请过一分钟再试，注册码仍然有效"),
    ),
}

log = event_log.get(__name__)


class EnrolmentError(Exception):
    """The device is not enrolled; ``fix`` says what to do."""

    def __init__(self, problem: Words, fix: Words) -> None:
        super().__init__(problem.en)
        self.problem = problem
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Platform:
    """Where the platform's enrolment service listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def enrol(agent: str, platform: Platform, code: EnrolmentCode, files: CredentialFiles) -> Enrolled:
    """Get a credential with a one-time code; safe to repeat with the same code after an interruption.

    Raises
    ------
    EnrolmentError
        The code is another agent's, the platform is not the one that issued it, or it refuses.
    OSError
        The password's folder cannot be written.
    """
    if code.agent != agent:
        problem = Words(
            "this code is for agent '{code}', but the configuration says '{own}'",
            "该注册码属于代理“{code}”，而配置文件中是“{own}”",
        )
        fix = Words(
            "set agent.id to the code's agent, or use this agent's code", "请修改 agent.id，或使用本代理的注册码"
        )
        raise EnrolmentError(problem.format(code=code.agent, own=agent), fix)
    new = files.new_password()
    request = EnrolRequest(agent=agent, secret=code.secret.hex(), credential=new.credential)
    return _exchange(platform, code.fingerprint, request, files, new)


def rotate(agent: str, platform: Platform, files: CredentialFiles) -> Enrolled:
    """Replace the password, proving the present one; safe to repeat after an interruption.

    Raises
    ------
    EnrolmentError
        There is no password that came by enrolment, or the platform refuses.
    OSError
        The password's folder cannot be written.
    """
    present, fingerprint = files.present_password(), files.fingerprint()
    if present is None or fingerprint is None:
        problem = Words("this device has not enrolled yet", "本设备尚未注册")
        raise EnrolmentError(problem, Words("enrol with a code from the platform", "请用平台签发的注册码注册"))
    new = files.new_password()
    request = RotateRequest(agent=agent, proof=proof_of(present).hex(), credential=new.credential)
    return _exchange(platform, fingerprint, request, files, new)


def keep_broker_ca(answer: Enrolled, ca_file: Path | None) -> bool:
    """Write the broker's CA certificates where the configuration names a file that is not there; tell whether so."""
    if answer.broker_ca is None or ca_file is None or ca_file.exists():
        return False
    ca_file.parent.mkdir(parents=True, exist_ok=True)
    write_durably(ca_file, answer.broker_ca.encode(), 0o644)
    return True


def _exchange(
    platform: Platform,
    fingerprint: bytes,
    request: EnrolRequest | RotateRequest,
    files: CredentialFiles,
    new: NewPassword,
) -> Enrolled:
    path = ENROL_PATH if isinstance(request, EnrolRequest) else ROTATE_PATH
    answer = _ask(platform, fingerprint, path, canonical(request))
    if isinstance(answer, EnrolmentRefused):
        log.warning("enrolment_refused", platform=str(platform), problem=answer.problem)
        problem, fix = _REFUSALS[answer.problem]
        raise EnrolmentError(Words("the platform refuses: {why}", "平台拒绝：{why}").format(why=problem), fix)
    files.take_up(new, fingerprint)
    log.info("enrolled", agent=answer.agent, platform=str(platform), applied=answer.applied, approved=answer.approved)
    return answer


def _ask(platform: Platform, fingerprint: bytes, path: str, body: bytes) -> Enrolled | EnrolmentRefused:
    with _connected(platform) as connection:
        _check_fingerprint(platform, connection, fingerprint)  # before the first byte of the request
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse().read(MAX_ANSWER_BYTES + 1)
    try:
        return EnrolmentAnswer.validate_json(answer[:MAX_ANSWER_BYTES])
    except ValidationError:
        problem = Words(
            "{where} does not answer as the platform's enrolment service", "{where} 的应答不是平台注册服务的应答"
        )
        raise EnrolmentError(problem.format(where=str(platform)), _RELEASES) from None


@contextmanager
def _connected(platform: Platform) -> Iterator[HTTPSConnection]:
    # The certificate is known by its fingerprint, which is stricter than a chain and needs no name and no date.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    connection = HTTPSConnection(platform.host, platform.port, timeout=_TIMEOUT_S, context=context)
    try:
        connection.connect()
        yield connection
    except TimeoutError as error:
        raise EnrolmentError(_at(platform, "{where} does not answer", "{where} 没有应答"), _WHERE) from error
    except (OSError, HTTPException) as error:  # TLS errors are among them
        problem = _at(platform, "no connection to {where}: {error}", "无法连接 {where}：{error}", error)
        raise EnrolmentError(problem, _WHERE) from error
    finally:
        connection.close()


def _at(platform: Platform, en: str, zh: str, error: Exception | None = None) -> Words:
    return Words(en, zh).format(where=str(platform), error=str(error) or type(error).__name__)


def _check_fingerprint(platform: Platform, connection: HTTPSConnection, fingerprint: bytes) -> None:
    certificate = connection.sock.getpeercert(binary_form=True)
    if not hmac.compare_digest(hashlib.sha256(certificate or b"").digest(), fingerprint):
        problem = _at(
            platform,
            "{where} shows a certificate that is not the one that was announced; nothing was sent to it",
            "{where} 出示的证书与注册码中的不符；没有向它发送任何内容",
        )
        fix = Words(
            "check host and port; where the platform has a new certificate, enrol with a new code",
            "请检查 host 和 port；如果平台更换了证书，请用新注册码注册",
        )
        raise EnrolmentError(problem, fix)
