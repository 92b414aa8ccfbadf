"""``smartstore-edge init``: the agent's first configuration, from a few questions or from flags."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edge.configuration import ConfigurationError
from edge.onboarding.wording import Language, Words, add_language, language_of, plain

_WRITTEN, _FAILED, _UNUSABLE = 0, 1, 2
_EXISTS = Words("{path} is there already; --force replaces it", "{path} 已存在；如要覆盖请加 --force")
_UNWRITABLE = Words("{path} cannot be written: {error}", "无法写入 {path}：{error}")
_NO_ANSWER = Words(
    "there was no answer to '{key}'; give it as a flag: --{flag}", "没有得到“{key}”的答案；请用参数给出：--{flag}"
)
_NOT_A_KEY = Words("--source {kind}: '{part}' is not KEY=VALUE", "--source {kind}：“{part}”不是 键=值")
_NO_KIND = Words(
    "--source {kind}: there is no such kind; there are {known}", "--source {kind}：没有这个种类；可用：{known}"
)
_DONE = Words(
    "{path} is written; next: smartstore-edge doctor {path}", "已写入 {path}；下一步：smartstore-edge doctor {path}"
)


class _FlagError(ValueError):
    """A flag that cannot be understood."""

    def __init__(self, words: Words) -> None:
        super().__init__(words.en)
        self.words = words


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "init", help="write a first configuration; asks for what the flags do not say", allow_abbrev=False
    )
    parser.add_argument("config", type=Path, help="the TOML file to write")
    parser.add_argument("--agent", help="name of the agent, as the platform gave it")
    parser.add_argument("--host", help="host of the platform's broker")
    parser.add_argument("--port", help="its port; 8883 unless given")
    parser.add_argument("--ca-file", help="file of the platform's CA certificate; needed unless the broker is local")
    parser.add_argument("--password-file", help="file of the agent's password")
    parser.add_argument("--spool", help="file of the spool")
    parser.add_argument(
        "--source",
        nargs="+",
        action="append",
        metavar=("KIND", "KEY=VALUE"),
        help="a source: its kind and keys, as http_poll name=meter url=http://192.168.1.20/cm?cmnd=Status%%2010 "
        "decoder=tasmota options.device=meter-1; may be given several times",
    )
    parser.add_argument("--force", action="store_true", help="replace a file that is there")
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the file; returns 0, 1 where it cannot be written, 2 where what was said cannot be used."""
    from edge.configuration import parse_configuration  # noqa: PLC0415 - the settings load every source
    from edge.onboarding import first_configuration  # noqa: PLC0415 - as above
    from edge.onboarding.questions import NoAnswerError  # noqa: PLC0415 - as above
    from edge.settings import EdgeSettings  # noqa: PLC0415 - as above

    language, path = language_of(options.lang), options.config
    if path.exists() and not options.force:
        return _say(_EXISTS.format(path=path), language, _FAILED)
    try:
        text = first_configuration.composed(_answers(options, language), path, language)
        parse_configuration(text, path, EdgeSettings)
        first_configuration.write(text, path, force=options.force)
    except NoAnswerError as error:
        return _say(_NO_ANSWER.format(key=error.key, flag=error.key.replace("_", "-")), language, _UNUSABLE)
    except _FlagError as error:
        return _say(error.words, language, _UNUSABLE)
    except ConfigurationError as error:
        return _say(plain(str(error)), language, _UNUSABLE)
    except OSError as error:
        return _say(_UNWRITABLE.format(path=path, error=error.strerror or error), language, _FAILED)
    sys.stdout.write(_DONE.format(path=path).told(language) + "\n")
    return _WRITTEN


def _say(words: Words, language: Language, code: int) -> int:
    sys.stderr.write(words.told(language) + "\n")
    return code


def _show(line: str) -> None:
    sys.stdout.write(line + "\n")


def _answers(options: argparse.Namespace, language: Language) -> Any:
    """Return what the flags say, and for the rest what a person answers; nobody where they say enough."""
    from edge.onboarding.first_configuration import FirstAnswers  # noqa: PLC0415 - as in run
    from edge.onboarding.questions import DEFAULTS, PRESETS, Questions  # noqa: PLC0415 - as in run

    asks = not (options.agent and options.host and options.source)
    questions = Questions(language, input, _show)
    said = {key: getattr(options, key) for key in PRESETS}
    found = {
        key: value if value is not None else questions.preset(key) if asks else DEFAULTS.get(key, "")
        for key, value in said.items()
    }
    sources = [_source(parts) for parts in options.source or ()] or list(questions.sources())
    return FirstAnswers(
        agent=found["agent"],
        host=found["host"],
        port=found["port"],
        spool=found["spool"],
        ca_file=found["ca_file"] or None,
        password_file=found["password_file"] or None,
        sources=sources,
    )


def _source(parts: list[str]) -> dict[str, Any]:
    """Return the keys that a ``--source`` gives; ``options.KEY=VALUE`` is an option of the decoder."""
    from edge.onboarding.toml_text import read_value  # noqa: PLC0415 - as in run
    from edge.sources.kinds import KINDS  # noqa: PLC0415 - as in run

    kind, *pairs = parts
    if kind not in KINDS:
        raise _FlagError(_NO_KIND.format(kind=kind, known=", ".join(KINDS)))
    found: dict[str, Any] = {"kind": kind}
    options: dict[str, Any] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise _FlagError(_NOT_A_KEY.format(kind=kind, part=pair))
        group, _, option = key.partition(".")
        if group == "options" and option:
            options[option] = read_value(value)
        else:
            found[key] = read_value(value)
    return found | ({"options": options} if options else {})
