"""Stores side by side by one metric: those whose intervals overlap are not ranked against each other."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.comparison.answer import Ranked, Ranking
from analytics.comparison.difference import joint_level
from analytics.results import Result, Text

RULE = Text(
    en=(
        "A store stands above another only where its whole interval lies above the other's; where intervals overlap "
        "the two are not ranked. Its rank is then a range: from 1 + the stores certainly above it to the number of "
        "stores less those certainly below. A store without an interval is not ranked."
    ),
    zh=(
        "仅当一家门店的整个区间高于另一家时才排在其前；区间重叠的两家不分先后。因此名次是一个范围："
        "从确定高于它的门店数加 1，到门店总数减去确定低于它的门店数。没有区间的门店不排名。"
    ),
)
SOURCE = (
    "M. Klein, T. Wright and J. Wieczorek, A joint confidence region for an overall ranking of populations, "
    "J. R. Stat. Soc. C 69 (2020) 589; H. Goldstein and D. J. Spiegelhalter, League tables and their limitations, "
    "J. R. Stat. Soc. A 159 (1996) 385"
)


def rank(results: Sequence[tuple[str, Result]]) -> Ranking:
    """Return the range of ranks of each store, 1 being the greatest value, and the stores that it is tied with.

    ``joint_level`` is the level at which all ranges hold at once at least: with many stores Bonferroni leaves none, and
    each range then rests on the level of the intervals by themselves.
    """
    bounded = [(store, result.interval) for store, result in results if result.interval and result.value is not None]
    ranked = []
    for store, own in bounded:
        others = [(other, interval) for other, interval in bounded if other != store]
        above = sum(interval.low > own.high for _, interval in others)
        below = sum(interval.high < own.low for _, interval in others)
        tied = tuple(sorted(o for o, interval in others if interval.low <= own.high and interval.high >= own.low))
        ranked.append(Ranked(store_id=store, rank_from=1 + above, rank_to=len(bounded) - below, tied_with=tied))
    ordered = sorted(ranked, key=lambda each: (each.rank_from, each.rank_to, each.store_id))
    level = joint_level([interval.level for _, interval in bounded])
    in_it = {store for store, _ in bounded}
    return Ranking(
        ranks=tuple(ordered),
        not_ranked=tuple(sorted(store for store, _ in results if store not in in_it)),
        joint_level=level if level else None,
        rule=RULE,
        source=SOURCE,
    )
