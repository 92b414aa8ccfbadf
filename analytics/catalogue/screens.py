"""Screens: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import screens
from analytics.results import Facility

_SCREEN = frozenset({"screen"})

METRICS = (
    Metric(
        "screen_availability", "screen availability", "屏幕在线率", "ratio", Facility.SCREENS, _SCREEN,
        ("screen_online",),
        "screen-time online / screen-time for which there is word, in opening hours",
        "availability = uptime / (uptime + downtime), DAU glossary",
        "a player that says nothing is missing, neither online nor off; a screen that is lit may show nothing",
        screens.measure_availability, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
    Metric(
        "screen_plays", "plays shown", "屏幕播放次数", "count", Facility.SCREENS, _SCREEN, ("screen_plays",),
        "sum of plays over screens, as the players' proof of play tells them",
        "Xibo, proof of play",
        "a play tells what a player showed, not that anybody saw it",
        screens.measure_plays, summable=True,
    ),
)  # fmt: skip
