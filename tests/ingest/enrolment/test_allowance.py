"""How often an address may ask."""

from __future__ import annotations

from ingest.enrolment.allowance import Allowance


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_an_address_is_put_off_after_a_burst_and_comes_back_with_time() -> None:
    clock = Clock()
    allowance = Allowance(clock)
    assert [allowance.allows("192.0.2.1") for _ in range(31)] == [True] * 30 + [False]
    assert allowance.allows("192.0.2.2")
    clock.now_s += 2
    assert [allowance.allows("192.0.2.1") for _ in range(3)] == [True, True, False]


def test_a_network_of_ipv6_is_one_address_and_a_mapped_one_is_ipv4() -> None:
    allowance = Allowance(Clock())
    assert all(allowance.allows(f"2001:db8::{number:x}%eth0") for number in range(30))
    assert not allowance.allows("2001:db8::ffff")
    assert all(allowance.allows(f"::ffff:192.0.2.{number}") for number in range(1, 40))


def test_all_addresses_together_are_bounded_in_number_and_in_memory() -> None:
    clock = Clock()
    allowance = Allowance(clock)
    allowed = sum(allowance.allows(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}") for n in range(12_000))
    assert allowed == 300
    assert len(allowance._addresses) == 10_000
