"""What the detectors find in recordings with labels, beside a simple rule and the figures of the recordings' authors.

Nothing of it is judged by a limit of time: the figures are those of the recordings, and a test holds the main ones.
"""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.report import Figure, report, show
from detection_tools.recorded import (
    NAB_FILES,
    SENSORS,
    calit2,
    event_findings,
    missing,
    nab_alarms,
    room_accuracy,
)

_CLONE = Path(__file__).resolve().parents[2]
_AUTHORS_LEAST, _AUTHORS_OF_TEMPERATURE = 0.95, (0.85, 0.83)


def main() -> None:
    """Report on the recordings that are there."""
    folder = Path(os.environ.get("SMARTSTORE_RECORDINGS") or _CLONE.parent / "shared" / "data")
    absent = missing(folder)
    for name in absent:
        print(f"{name}: skipped, it is not in {folder}")
    if "calit2" not in absent:
        _events(folder)
    if "nab" not in absent:
        _known_causes(folder)
    if "occupancy_detection" not in absent:
        _room(folder)


def _events(folder: Path) -> None:
    events = calit2(folder)
    print(f"calit2: {len(events.labelled)} labelled events, by each rule with no more detections than the simple one")
    print(f"  {'rule':<38} {'detections':>10} {'hit':>4} {'±30 min':>8} {'flagged h':>10} {'alpha':>9}")
    figures = []
    for simple, *ours in event_findings(events):
        for found in (simple, *ours):
            near = found.hits_within_half_an_hour
            print(
                f"  {found.rule:<38} {found.detections:>10} {found.hits:>4} {near:>8} {found.flagged_h:>10.1f} "
                f"{found.alpha:>9.2g}"
            )
        figures += [
            Figure(f"hit by {found.rule}, ≤ {simple.detections}", found.hits, at_least=simple.hits) for found in ours
        ]
    report("calit2: hits, at least those of the simple rule", figures)


def _known_causes(folder: Path) -> None:
    for name in NAB_FILES:
        figures = []
        for alarms in nab_alarms(folder, name):
            of = f"hit of {alarms.windows} windows"
            figures += [
                Figure(f"{alarms.detector}: {of}", alarms.windows_hit),
                Figure("  its false alarms a week", alarms.false_alarms_a_week),
            ]
        show(f"{name}:", figures)


def _room(folder: Path) -> None:
    figures = [
        Figure(f"all sensors, test {place}", value * 100, at_least=_AUTHORS_LEAST * 100)
        for place, value in enumerate(room_accuracy(folder, SENSORS), 1)
    ]
    for sensors in (("Light",), ("Light", "CO2"), ("CO2",), ("Temperature",)):
        figures += [
            Figure(f"{' and '.join(sensors)} alone, test {place}", value * 100)
            for place, value in enumerate(room_accuracy(folder, sensors), 1)
        ]
    authors = " and ".join(f"{share:.0%}" for share in _AUTHORS_OF_TEMPERATURE)
    report(f"occupancy of a room, % rightly told (authors: 95 to 99 %, from temperature alone {authors})", figures)


if __name__ == "__main__":
    main()
