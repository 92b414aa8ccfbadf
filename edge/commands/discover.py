"""``smartstore-edge discover``: what there is on a broker in the store, or on a network segment, and how to read it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.onboarding.wording import Language, Words, add_language, language_of

if TYPE_CHECKING:
    from edge.onboarding.suggestion import Suggestion

_FOUND, _FAILED, _UNUSABLE = 0, 1, 2
_PORT = 1883
_NOTHING_TOLD = Words(
    "say where to look: --broker HOST[:PORT], --network 192.168.1.0/24, or both",
    "请说明在哪里查找：--broker HOST[:PORT]、--network 192.168.1.0/24，或两者",
)
_LISTENING = Words("# listening to {broker} for {seconds:g} s ...", "# 正在监听 {broker}，持续 {seconds:g} 秒……")
_LOOKING = Words("# looking at {network} ...", "# 正在查看 {network}……")
_NOTHING = Words("# nothing was found", "# 没有发现任何设备")
_NO_PASSWORD = Words("{file} cannot be read ({error})", "无法读取 {file}（{error}）")


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "discover", help="list what is on a broker in the store or on a network segment, with a [[source]] for each"
    )
    parser.add_argument("--broker", metavar="HOST[:PORT]", help="listen to this broker")
    parser.add_argument(
        "--topics", nargs="+", default=["#"], metavar="FILTER", help="what to listen to; # unless given"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="how long to listen")
    parser.add_argument("--username", help="user of that broker")
    parser.add_argument("--password-file", type=Path, help="file of its password")
    parser.add_argument("--ca-file", type=Path, help="file of the CA certificate, where the broker speaks TLS")
    parser.add_argument(
        "--network", metavar="CIDR", help="look at this loopback or private network, such as 192.168.1.0/24, slowly"
    )
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print what is found; returns 0, 1 where the broker cannot be listened to, 2 where it is not said where."""
    from edge.onboarding.broker_discovery import BrokerDiscoveryError  # noqa: PLC0415 - loads every decoder
    from edge.onboarding.network_discovery import NetworkError  # noqa: PLC0415 - as above

    language = language_of(options.lang)
    if not options.broker and not options.network:
        return _say(_NOTHING_TOLD, language, _UNUSABLE)
    count = 0
    try:
        for suggestion in _found(options, language):
            count += 1
            _show(suggestion.text(language) + "\n")
    except NetworkError as error:
        return _say(error.words, language, _UNUSABLE)
    except BrokerDiscoveryError as error:
        return _say(error.words, language, _FAILED)
    except OSError as error:
        words = _NO_PASSWORD.format(file=error.filename, error=error.strerror or error)
        return _say(words, language, _FAILED)
    if not count:
        _show(_NOTHING.told(language))
    return _FOUND


def _found(options: argparse.Namespace, language: Language) -> Iterator[Suggestion]:
    from edge.onboarding.broker_discovery import listened, recognised  # noqa: PLC0415 - as in run
    from edge.onboarding.broker_talk import Login  # noqa: PLC0415 - as in run
    from edge.onboarding.network_discovery import Bounds, found_on, network_of  # noqa: PLC0415 - as in run

    network = network_of(options.network) if options.network else None
    if options.broker:
        host, _, port = options.broker.partition(":")
        file = options.password_file
        password = None if file is None else file.read_text(encoding="utf-8").rstrip("\r\n")
        number = int(port) if port.isdecimal() else _PORT
        login = Login(host, number, "", options.username, password, options.ca_file)
        _show(_LISTENING.format(broker=f"{host}:{number}", seconds=options.seconds).told(language))
        yield from recognised(listened(login, options.topics, options.seconds))
    if network is not None:
        _show(_LOOKING.format(network=network).told(language))
        yield from found_on(network, Bounds())


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _say(words: Words, language: Language, code: int) -> int:
    sys.stderr.write(words.told(language) + "\n")
    return code
