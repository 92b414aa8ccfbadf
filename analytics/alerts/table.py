"""Alerts as a plain text table, for terminals and logs."""

from __future__ import annotations

from analytics.alerts.answer import Alert, AlertList
from analytics.rendering import table
from analytics.wording import formats, texts
from analytics.wording.language import Language

_NOTHING = "–"
_COLUMNS = ("number", "what", "where", "since", "until", "measured", "expected", "state")


def render_alerts(answer: AlertList, time_zone: str, language: Language) -> str:
    """Return alerts as text, times as the store's clock shows them, and below them what to do for each kind."""
    if not answer.alerts:
        return texts.say("alert.none", language) + "\n"
    header = [texts.say(f"alert.{name}", language) for name in _COLUMNS]
    rows = [_row(alert, time_zone, language) for alert in answer.alerts]
    kinds = {alert.detector: alert for alert in answer.alerts if alert.cleared_at is None}
    to_do = [f"{texts.of(kinds[d].name, language)}: {texts.of(kinds[d].what_to_do, language)}" for d in sorted(kinds)]
    return "\n\n".join([table(header, rows), *to_do]) + "\n"


def _row(alert: Alert, time_zone: str, language: Language) -> list[str]:
    where = "/".join(filter(None, (alert.device_id, alert.quantity, alert.channel)))
    times = (formats.instant(at, time_zone, language) for at in (alert.started_at, alert.ended_at))
    return [
        str(alert.alert_id),
        texts.of(alert.name, language),
        where,
        *times,
        _figure(alert.measured),
        _figure(alert.expected),
        _state(alert, language),
    ]


def _figure(value: float | None) -> str:
    return _NOTHING if value is None else formats.number(value)


def _state(alert: Alert, language: Language) -> str:
    state = texts.say(f"alert_state.{alert.state}", language)
    if alert.cleared_because is not None:
        return f"{state}: {texts.say(f'alert_cleared.{alert.cleared_because}', language)}"
    if alert.acknowledged is not None:
        return f"{state}: {alert.acknowledged.by}, {alert.acknowledged.why}"
    return state
