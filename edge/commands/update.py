"""``smartstore-edge update``: install the release that the platform has announced, and take it back if it is ill."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from edge import event_log
from edge.configuration import ConfigurationError, read_configuration
from edge.onboarding.wording import Words, add_language, language_of, plain

_DONE, _FAILED, _MISCONFIGURED = 0, 1, 2
_PROBLEM = Words("{problem}; {fix}", "{problem}；{fix}")
_STOPPED = Words("it cannot go on: {error}; the next run does", "无法继续：{error}；下次运行会继续")


def add_parser(commands: Any) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        "update", help="as root: install the announced release, watch it, and roll it back if it is not healthy"
    )
    parser.add_argument("config", type=Path, help="the agent's TOML file")
    parser.add_argument("--allow-downgrade", action="store_true", help="install an older version, too")
    parser.add_argument("--retry", action="store_true", help="try a release again that was refused or rolled back")
    parser.add_argument("--revert", action="store_true", help="go back to the version before the present one")
    parser.add_argument(
        "--rehearse", action="store_true", help="only look whether this version could run with this configuration"
    )
    add_language(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Update; returns 0, 1 where something is to be seen to, 2 where the configuration is wrong."""
    from edge.settings import EdgeSettings  # noqa: PLC0415 - loads every source
    from edge.update.problems import UpdateProblem  # noqa: PLC0415 - only what this command needs
    from edge.update.rehearsal import rehearsed  # noqa: PLC0415 - as above
    from edge.update.updating import Tools, Updater, Wishes  # noqa: PLC0415 - as above

    language = language_of(options.lang)

    def say(words: Words, status: int) -> int:
        (sys.stdout if status == _DONE else sys.stderr).write(f"{words.told(language)}\n")
        return status

    try:
        if options.rehearse:
            return say(plain(rehearsed(options.config)), _DONE)
        event_log.configure()
        settings = read_configuration(options.config, EdgeSettings)
        wishes = Wishes(options.allow_downgrade, options.retry, options.revert)
        outcome = Updater(settings, options.config, wishes, Tools()).run()
    except ConfigurationError as error:
        return say(plain(str(error)), _MISCONFIGURED)
    except UpdateProblem as error:
        return say(_PROBLEM.format(problem=error.problem, fix=error.fix), _FAILED)
    except OSError as error:
        return say(_STOPPED.format(error=str(error)), _FAILED)
    return say(outcome.text, _DONE if outcome.done else _FAILED)
