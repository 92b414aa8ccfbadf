"""Play faults one after another and print what became of every reading; exit 1 unless all of it is accounted for."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from contextlib import closing

from faults.suite.catalogue import chosen
from faults.suite.report import HEADER, line_of, summary
from faults.suite.scenario import play
from session_server import SessionServer
from standalone.children import ends_on_signals
from standalone.data_folder import data_folder
from standalone.database_choice import CHOICES, choose_server
from standalone.failure import CannotStart
from standalone.mosquitto import find_mosquitto


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="./deploy/faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of values, moments and losses (default 1)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the load (default 1)")
    parser.add_argument("--only", default="", metavar="PATTERN", help="play the faults whose names match")
    parser.add_argument("--database", choices=CHOICES, help="which database (default: SMARTSTORE_DATABASE, else auto)")
    parser.add_argument("--list", action="store_true", help="name the faults and play none")
    options = parser.parse_args()
    scenarios = chosen(options.only)
    if options.list or not scenarios:
        print("\n".join(scenario.name for scenario in scenarios) or f"no fault matches {options.only!r}")
        return 0 if scenarios else 1
    try:
        server = choose_server(data_folder(), f"faults-{os.getpid()}", kind=options.database)
        server.start()
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1
    logging.getLogger().addHandler(logging.NullHandler())  # agents in this process tell of faults, as the table does
    print(f"database: {server.label}\nbroker: {find_mosquitto(data_folder()).label}")
    print(f"seed {options.seed}, scale {options.scale:g}; two ingest workers in one shared subscription")
    print(f"\n{HEADER}", flush=True)
    every = []
    with closing(SessionServer(server)) as session:
        for scenario in scenarios:
            every.append(play(scenario, session, options.seed, options.scale))
            print(line_of(every[-1]), flush=True)
    print(f"\n{summary(every)}")
    return 0 if all(played.holds for played in every) else 1


if __name__ == "__main__":
    with ends_on_signals():
        sys.exit(main())
