"""Highest resident memory of an agent while it plays a simulated store as fast as it is acknowledged."""

from __future__ import annotations

from contextlib import ExitStack, suppress

from benchmarks.process_account import peak_resident_mib
from benchmarks.report import Figure, report
from standalone.data_folder import data_folder, scratch_folder
from standalone.database_choice import choose_server
from standalone.play import simulated_play
from standalone.site import Site

_LIMIT_MIB = 45.0


def main() -> None:
    """Run the benchmark and print its figures; exits 1 over the limit."""
    with ExitStack() as stack:
        folder = stack.enter_context(scratch_folder("benchmarks"))
        play = simulated_play(1, folder)
        site = stack.enter_context(Site(folder, choose_server(data_folder(), "benchmark"), play.agents))
        site.start_platform(play.registry)
        agent = play.agents[0].agent_id
        site.start_agent(agent, until_drained=True)
        child = site.children[agent]
        peak = 0.0
        while not site.children.watch(lambda: not child.running, deadline_s=0.1):
            with suppress(OSError, ValueError):  # it ended between the two looks
                peak = max(peak, peak_resident_mib(child.pid))
        readings = site.edge_status(agent)["totals"]["accepted_readings"]
    report(
        f"agent_memory: {agent} played {readings:,} readings",
        [Figure("highest resident memory, MiB", peak, at_most=_LIMIT_MIB)],
    )


if __name__ == "__main__":
    main()
