"""``smartstore-edge enrol``: get the agent's password with a one-time code, or replace it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edge import event_log
from edge.configuration import ConfigurationError, read_configuration
from edge.credential import CredentialFiles
from edge.enrolment import EnrolmentError, Platform, enrol, keep_broker_ca, rotate
from edge.onboarding.wording import Language, Words, add_language, language_of, plain
from edge.settings import EdgeSettings
from edge.wire.enrolment import CodeError, Enrolled, EnrolmentCode

_DONE, _FAILED, _MISCONFIGURED = 0, 1, 2

_NO_FILE = Words(
    "broker.password_file is not set: name the file that the password is to be written to",
    "未设置 broker.password_file：请指定要写入密码的文件",
)
_NO_CODE = Words(
    "give the code that the platform issued, or --rotate to replace the present password",
    "请给出平台签发的注册码，或用 --rotate 更换当前密码",
)
_BOTH = Words("give either a code or --rotate", "注册码和 --rotate 只能给出一个")
_UNWRITABLE = Words(
    "the password cannot be kept: {error}; give this user the right to write in {folder}",
    "无法保存密码：{error}；请让本用户可以写入 {folder}",
)
_ENROLLED = Words("agent {agent} has its password, in {file}", "代理 {agent} 已获得密码，保存在 {file}")
_CA_WRITTEN = Words("the broker's CA certificate is in {file}", "消息服务器的 CA 证书保存在 {file}")
_NOT_APPLIED = Words(
    "the broker does not know it yet: it will within a minute of the platform's trouble being mended",
    "消息服务器尚未收到该密码：平台故障排除后一分钟内生效",
)
_NOT_APPROVED = Words(
    "the platform has not approved this agent yet: until it does, it keeps what you send aside",
    "平台尚未批准本代理：批准之前，上传的数据会被暂存",
)
_FAILED_SO = Words("{problem}; {fix}", "{problem}；{fix}")
_NEXT = Words("next: smartstore-edge run {config}", "下一步：smartstore-edge run {config}")


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser("enrol", help="get the agent's password with the platform's one-time code")
    parser.add_argument("config", type=Path, help="the agent's TOML file")
    parser.add_argument("code", nargs="?", help="the code, or - to read it from standard input")
    parser.add_argument("--rotate", action="store_true", help="replace the present password, without a code")
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:  # noqa: PLR0911 - a return for each way to fail
    """Enrol; returns 0, 1 where it failed with what to do, 2 where configuration or command line is wrong."""
    language = language_of(options.lang)
    if options.rotate == (options.code is not None):
        return _say(_BOTH if options.rotate else _NO_CODE, language, _MISCONFIGURED)
    try:
        settings = read_configuration(options.config, EdgeSettings)
    except ConfigurationError as error:
        return _say(plain(str(error)), language, _MISCONFIGURED)
    if settings.broker.password_file is None:
        return _say(_NO_FILE, language, _MISCONFIGURED)
    event_log.configure()
    try:
        answer = _ask(settings, settings.broker.password_file, options)
        ca_written = keep_broker_ca(answer, settings.broker.ca_file)
    except CodeError as error:
        return _say(plain(str(error)), language)
    except EnrolmentError as error:
        return _say(_FAILED_SO.format(problem=error.problem, fix=error.fix), language)
    except OSError as error:
        folder = settings.broker.password_file.parent
        return _say(_UNWRITABLE.format(error=error.strerror or str(error), folder=folder), language)
    _tell(answer, settings, options.config, language, ca_written=ca_written)
    return _DONE


def _ask(settings: EdgeSettings, password_file: Path, options: argparse.Namespace) -> Enrolled:
    files = CredentialFiles(password_file)
    platform = Platform(settings.enrolment.host or settings.broker.host, settings.enrolment.port)
    if options.rotate:
        return rotate(settings.agent.id, platform, files)
    text = sys.stdin.readline() if options.code == "-" else options.code
    return enrol(settings.agent.id, platform, EnrolmentCode.parse(text), files)


def _tell(answer: Enrolled, settings: EdgeSettings, config: Path, language: Language, *, ca_written: bool) -> None:
    lines = [_ENROLLED.format(agent=answer.agent, file=settings.broker.password_file)]
    lines += [_CA_WRITTEN.format(file=settings.broker.ca_file)] if ca_written else []
    lines += [] if answer.applied else [_NOT_APPLIED]
    lines += [] if answer.approved else [_NOT_APPROVED]
    lines.append(_NEXT.format(config=config))
    sys.stdout.write("".join(f"{line.told(language)}\n" for line in lines))


def _say(words: Words, language: Language, status: int = _FAILED) -> int:
    sys.stderr.write(f"{words.told(language)}\n")
    return status
