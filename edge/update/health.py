"""Whether a release that was just started does as well as the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from edge.onboarding.wording import Words, plain
from edge.run_state import BEAT_S, RunState
from edge.source_states import SourceState
from edge.update.journal import Baseline

_FRESH_US = 60_000_000
_SILENT_S = 3 * BEAT_S


def baseline_of(state: RunState | None, sources: Iterable[SourceState], now_us: int) -> Baseline:
    """Return how the agent does before the update; one that does not run sets no example."""
    if state is None or not 0 <= now_us - state.written_us < _FRESH_US:
        return Baseline()
    worked = tuple(str(each.name) for each in sources if each.running and not each.failures and each.contact_us)
    return Baseline(run=state.run, spool=state.spool, connected=state.connected, sources=worked)


class Health:
    """One watch over a new release; ``look`` is called again and again, ``problems`` at its end.

    Healthy is a release of which one and the same process has run for the second half of the watch, gives signs of
    life, has the old spool open, has reached the broker if the version before did, and whose sources work as they did.
    A source that is silent is not held against it, since many devices send seldom; one that fails is.
    """

    def __init__(self, version: str, baseline: Baseline, now_s: float) -> None:
        self._version = version
        self._baseline = baseline
        self._began_s = now_s
        self._state: RunState | None = None
        self._sources: dict[str, SourceState] = {}
        self._since_s = self._beat_s = now_s

    def look(self, state: RunState | None, sources: Iterable[SourceState], now_s: float) -> None:
        """Note what the agent says at a time of the monotonic clock."""
        if state is None or state.version != self._version or state.run == self._baseline.run:
            return
        if self._state is None or state.run != self._state.run:
            self._since_s = self._beat_s = now_s
        elif state.written_us != self._state.written_us:
            self._beat_s = now_s
        self._state = state
        self._sources = {str(each.name): each for each in sources}

    def problems(self, now_s: float) -> list[Words]:
        """Return what is not as it should be; empty: the release is healthy."""
        state, watched_s = self._state, now_s - self._began_s
        if state is None:
            said = Words("version {version} did not start within {s:.0f} s", "版本 {version} 在 {s:.0f} 秒内未能启动")
            return [said.format(version=self._version, s=watched_s)]
        return [*self._of_run(state, now_s, watched_s), *self._of_spool(state), *self._of_sources()]

    def _of_run(self, state: RunState, now_s: float, watched_s: float) -> Iterator[Words]:
        ran_s = now_s - self._since_s
        if ran_s < watched_s / 2:
            said = Words(
                "it ended by itself and was started again, {s:.0f} s before the watch was over",
                "它自行退出后被重新启动，距观察结束仅 {s:.0f} 秒",
            )
            yield said.format(s=ran_s)
        if now_s - self._beat_s > _SILENT_S:
            said = Words("it has given no sign of life for {s:.0f} s", "已有 {s:.0f} 秒没有运行迹象")
            yield said.format(s=now_s - self._beat_s)
        if not state.alive:
            yield Words("its threads of spool and uplink make no progress", "缓存和上行线程没有进展")
        if self._baseline.connected and not state.has_connected:
            yield Words(
                "it has not reached the broker, as the version before did", "未能连上消息服务器，而之前的版本可以"
            )

    def _of_spool(self, state: RunState) -> Iterator[Words]:
        before = self._baseline.spool
        if before is not None and state.spool != before:
            said = Words("it opened spool {found} in place of {before}", "打开的缓存是 {found}，而不是 {before}")
            yield said.format(found=state.spool, before=before)

    def _of_sources(self) -> Iterator[Words]:
        for name in self._baseline.sources:
            if (source := self._sources.get(name)) is None:
                continue  # the platform has configured others meanwhile; a release that cannot use them is not run
            if not source.contact_us and (source.failures or not source.running):
                said = Words("source {name} does not work any more: {error}", "数据源 {name} 不再工作：{error}")
                yield said.format(name=name, error=plain(str(source.error or "-")))
            elif source.refusals and not source.readings:
                said = Words("source {name} gives refusals alone", "数据源 {name} 只产生拒收")
                yield said.format(name=name)
