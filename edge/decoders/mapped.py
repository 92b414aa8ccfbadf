"""What maps have in common: which series a value of a payload belongs to, and how the value is read.

A map is a TOML file that describes a device which needs no programming. Its ``[[reading]]`` tables each say where a
value stands, and here: ``quantity``, ``unit`` (the vocabulary's, after ``scale`` and ``offset``), ``kind`` (where the
quantity has several), ``channel``, ``period_s``, ``counter`` (``width_bits``, ``reset``), ``states`` (what a text,
truth value or whole number stands for) and ``ignore`` (values that say nothing, such as a code for "no value").
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, ValidationInfo, field_validator

from edge.configuration import ConfiguredPath, SettingsModel, read_configuration
from edge.decoders.decoder import NameableOptions, PayloadRefusedError
from edge.decoders.device_series import series
from edge.decoders.identity import ChannelName, DeviceName
from edge.decoders.measuring import scaled
from edge.decoders.reading_json import count, number
from edge.wire.quantities import QUANTITIES
from edge.wire.series import Kind, Quantity, Reset, Series, Unit


class CounterRule(SettingsModel):
    """``counter``: the width of a cumulative value, if it wraps, and when it returns to zero."""

    width_bits: Literal[8, 16, 32, 64] | None = None
    reset: Reset


class MappedReading(SettingsModel):
    """One ``[[reading]]``: what a value is of, and how it is read."""

    quantity: Quantity
    unit: Unit
    """Unit of the reading; the vocabulary's, so that a wrong scale is noticed."""
    kind: Kind = Field(default=None, validate_default=True)
    """How the values are to be read; needed where the quantity is reported in more than one way."""
    channel: ChannelName = ""
    period_s: Annotated[float, Field(gt=0, le=86_400)] | None = None
    """Length of an interval, or the longest silence to expect of another kind."""
    counter: CounterRule | None = None
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    states: dict[str, float] = Field(default={})
    """Value of each text; ``true`` and ``false``, and whole numbers, are written as texts too."""
    ignore: tuple[bool | int | float | str, ...] = ()

    @field_validator("quantity")
    @classmethod
    def _known(cls, quantity: str) -> str:
        if quantity not in QUANTITIES:
            msg = f"'{quantity}' is not a quantity of this platform; known: {', '.join(sorted(QUANTITIES))}"
            raise ValueError(msg)
        return quantity

    @field_validator("unit")
    @classmethod
    def _of_the_vocabulary(cls, unit: Unit, info: ValidationInfo) -> Unit:
        known = QUANTITIES.get(info.data.get("quantity", ""))
        if known is not None and unit is not known.unit:
            msg = f"{info.data['quantity']} is kept in {known.unit.value}; give that unit, and scale to it"
            raise ValueError(msg)
        return unit

    @field_validator("kind", mode="before")
    @classmethod
    def _of_the_quantity(cls, kind: Any, info: ValidationInfo) -> Any:
        known = QUANTITIES.get(info.data.get("quantity", ""))
        if known is None:
            return kind or Kind.GAUGE
        names = ", ".join(sorted(known.kinds))
        if kind is None and len(known.kinds) > 1:
            msg = f"say how the values are to be read: {names}"
            raise ValueError(msg)
        chosen = next(iter(known.kinds)) if kind is None else kind
        if chosen not in known.kinds:
            msg = f"{info.data['quantity']} is not reported so, but as {names}"
            raise ValueError(msg)
        return chosen

    @field_validator("period_s")
    @classmethod
    def _length_of_an_interval(cls, period_s: float | None, info: ValidationInfo) -> float | None:
        if period_s is None and info.data.get("kind") is Kind.INTERVAL:
            msg = "an interval needs its length in seconds"
            raise ValueError(msg)
        return period_s

    @field_validator("counter")
    @classmethod
    def _of_a_cumulative(cls, counter: CounterRule | None, info: ValidationInfo) -> CounterRule | None:
        if "kind" in info.data and (info.data["kind"] is Kind.CUMULATIVE) != (counter is not None):
            msg = "a cumulative value, and only such a one, needs counter = { width_bits = ..., reset = ... }"
            raise ValueError(msg)
        return counter

    @field_validator("scale")
    @classmethod
    def _usable(cls, scale: Decimal, info: ValidationInfo) -> Decimal:
        if not scale:
            msg = "a scale of zero would make every value the same"
            raise ValueError(msg)
        if scale < 0 and info.data.get("counter") is not None:
            msg = "a counter counts upwards; its scale is above zero"
            raise ValueError(msg)
        return scale

    def series(self, device: str, channel: str) -> Series:
        """Return the series of the reading."""
        rule = self.counter
        if rule is None:
            return series(device, self.quantity, channel, self.kind, self.period_s)
        step = 1.0 if rule.width_bits is None else float(self.scale)
        return series(device, self.quantity, channel, self.kind, self.period_s, rule.reset, rule.width_bits, step)

    def value(self, raw: Any, name: str) -> float | None:
        """Return the value that stands at ``name``; None where it is one of ``ignore``.

        Refusals: ``unknown_state`` for what ``states`` does not list, ``not_a_number``, and ``not_a_count`` where a
        count is not a whole number of at least zero.
        """
        written = _as_text(raw)
        if any(written == _as_text(each) for each in self.ignore):
            return None
        if self.states:
            if written not in self.states:
                raise PayloadRefusedError("unknown_state", f"{name} holds a state that the map's states do not list")
            return self.states[written]
        if isinstance(raw, bool) and self.kind in (Kind.STATE, Kind.EVENT):
            return float(raw)
        checked = number(raw, name)
        exact = raw if isinstance(raw, int) else checked
        result = scaled(exact, self.scale, self.offset)
        return count(result, name) if self.unit is Unit.COUNT else result


def _as_text(raw: Any) -> str | None:
    """Return a value as ``states`` and ``ignore`` write it; None for what is no single value."""
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, float) and raw.is_integer():
        return str(int(raw))
    return str(raw) if isinstance(raw, int | float | str) else None


def refuse_repeated_series(readings: Iterable[MappedReading]) -> None:
    """Raise ``ValueError`` where two readings would be one series."""
    seen: set[tuple[str, str]] = set()
    for reading in readings:
        key = (reading.quantity, reading.channel)
        if key in seen:
            msg = f"reading: {reading.quantity} stands twice for channel '{reading.channel}'; give each its own channel"
            raise ValueError(msg)
        seen.add(key)


class DeviceMap(SettingsModel):
    """What every map says of its device."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    """What the device is, for a person."""
    device: DeviceName | None = None
    """Name of the device; the decoder's option ``device`` goes before it."""


class MapOptions(NameableOptions):
    """Options of a decoder that a map describes; ``device`` goes before what the map says."""

    form: ClassVar[type[DeviceMap]]
    """What the map must be."""
    map: ConfiguredPath
    """The map's TOML file."""

    @field_validator("map")
    @classmethod
    def _readable(cls, path: Path) -> Path:
        read_configuration(path, cls.form)
        return path
