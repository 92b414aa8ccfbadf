"""BACnet engineering units (ASHRAE 135, clause 21) in the units of the vocabulary."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from edge.wire.series import Unit


class Conversion(NamedTuple):
    """A value in the vocabulary's ``unit`` is the object's times ``scale``, plus ``offset``."""

    unit: Unit
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)


_KILO, _MILLI = Decimal(1000), Decimal("0.001")
_FIVE_NINTHS = Decimal(5) / 9

UNITLESS = frozenset({"", "no-units"})
"""How an object says that its value is a number alone."""

ENGINEERING_UNITS: dict[str, tuple[Conversion, ...]] = {
    "degrees-celsius": (Conversion(Unit.CELSIUS),),
    "degrees-fahrenheit": (Conversion(Unit.CELSIUS, _FIVE_NINTHS, -32 * _FIVE_NINTHS),),
    "degrees-kelvin": (Conversion(Unit.CELSIUS, offset=Decimal("-273.15")),),
    "percent": (Conversion(Unit.PERCENT), Conversion(Unit.ONE, Decimal("0.01"))),
    "percent-relative-humidity": (Conversion(Unit.PERCENT),),
    "parts-per-million": (Conversion(Unit.PPM),),
    "parts-per-billion": (Conversion(Unit.PPM, _MILLI),),
    "milligrams-per-cubic-meter": (
        Conversion(Unit.MILLIGRAM_PER_CUBIC_METRE),
        Conversion(Unit.MICROGRAM_PER_CUBIC_METRE, _KILO),
    ),
    "micrograms-per-cubic-meter": (
        Conversion(Unit.MICROGRAM_PER_CUBIC_METRE),
        Conversion(Unit.MILLIGRAM_PER_CUBIC_METRE, _MILLI),
    ),
    "luxes": (Conversion(Unit.LUX),),
    "watt-hours": (Conversion(Unit.KILOWATT_HOUR, _MILLI),),
    "kilowatt-hours": (Conversion(Unit.KILOWATT_HOUR),),
    "megawatt-hours": (Conversion(Unit.KILOWATT_HOUR, _KILO),),
    "kilovolt-ampere-hours-reactive": (Conversion(Unit.KILOVAR_HOUR),),
    "milliwatts": (Conversion(Unit.WATT, _MILLI),),
    "watts": (Conversion(Unit.WATT),),
    "kilowatts": (Conversion(Unit.WATT, _KILO),),
    "megawatts": (Conversion(Unit.WATT, _KILO * _KILO),),
    "volt-amperes": (Conversion(Unit.VOLT_AMPERE),),
    "kilovolt-amperes": (Conversion(Unit.VOLT_AMPERE, _KILO),),
    "volt-amperes-reactive": (Conversion(Unit.VAR),),
    "kilovolt-amperes-reactive": (Conversion(Unit.VAR, _KILO),),
    "millivolts": (Conversion(Unit.VOLT, _MILLI),),
    "volts": (Conversion(Unit.VOLT),),
    "kilovolts": (Conversion(Unit.VOLT, _KILO),),
    "milliamperes": (Conversion(Unit.AMPERE, _MILLI),),
    "amperes": (Conversion(Unit.AMPERE),),
    "hertz": (Conversion(Unit.HERTZ),),
    "power-factor": (Conversion(Unit.ONE),),
    "liters": (Conversion(Unit.CUBIC_METRE, _MILLI),),
    "cubic-meters": (Conversion(Unit.CUBIC_METRE),),
    "pascals": (Conversion(Unit.HECTOPASCAL, Decimal("0.01")),),
    "hectopascals": (Conversion(Unit.HECTOPASCAL),),
    "kilopascals": (Conversion(Unit.HECTOPASCAL, Decimal(10)),),
    "millibars": (Conversion(Unit.HECTOPASCAL),),
    "grams": (Conversion(Unit.KILOGRAM, _MILLI),),
    "kilograms": (Conversion(Unit.KILOGRAM),),
    "millimeters": (Conversion(Unit.MILLIMETRE),),
    "centimeters": (Conversion(Unit.MILLIMETRE, Decimal(10)),),
    "meters": (Conversion(Unit.MILLIMETRE, _KILO),),
    "milliseconds": (Conversion(Unit.SECOND, _MILLI),),
    "seconds": (Conversion(Unit.SECOND),),
    "minutes": (Conversion(Unit.SECOND, Decimal(60)),),
    "hours": (Conversion(Unit.SECOND, Decimal(3600)),),
}
"""By the unit's name in the standard's spelling: what it is in each unit of the vocabulary that it can be told in."""

_PLAIN = frozenset({Unit.ONE, Unit.COUNT, Unit.STATE})


def conversion(units: str, wanted: Unit) -> Conversion | None:
    """Return how an object's units become a unit of the vocabulary; None where they do not.

    Examples
    --------
    >>> conversion("megawatt-hours", Unit.KILOWATT_HOUR).scale
    Decimal('1000')
    >>> conversion("no-units", Unit.CELSIUS) is None
    True
    """
    if units in UNITLESS:
        return Conversion(wanted) if wanted in _PLAIN else None
    return next((each for each in ENGINEERING_UNITS.get(units, ()) if each.unit is wanted), None)
