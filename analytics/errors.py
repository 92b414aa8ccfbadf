"""What can be asked for in vain; each message says what to do."""

from __future__ import annotations


class UnknownStore(LookupError):  # noqa: N818 - the name is what the interfaces call it
    """No store of this id is registered at any time of the window."""

    def __init__(self, store_id: str) -> None:
        super().__init__(f"store {store_id!r} is not registered in this window; GET /stores lists the stores")
        self.store_id = store_id


class UnknownDistrict(LookupError):  # noqa: N818
    """No district of this id is registered at any time of the window."""

    def __init__(self, district_id: str) -> None:
        super().__init__(
            f"district {district_id!r} is not registered in this window; GET /districts lists the districts"
        )
        self.district_id = district_id


class UnknownDevice(LookupError):  # noqa: N818
    """No device of this id is registered to the store at any time of the window."""

    def __init__(self, device_id: str, store_id: str) -> None:
        super().__init__(
            f"device {device_id!r} is not registered to store {store_id!r} in this window; "
            f"GET /stores/{store_id}/devices lists its devices"
        )
        self.device_id = device_id
        self.store_id = store_id


class UnknownMetric(LookupError):  # noqa: N818
    """The catalogue has no metric of this name."""

    def __init__(self, metric: str) -> None:
        super().__init__(f"metric {metric!r} is not in the catalogue; `smartstore metrics` lists them")
        self.metric = metric


class InvalidWindow(ValueError):  # noqa: N818
    """A window that ends before it starts, lacks a zone, or names one that doesn't exist."""
