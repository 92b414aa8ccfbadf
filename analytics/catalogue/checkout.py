"""Self-checkout: the metrics of this area."""

from __future__ import annotations

from analytics.catalogue.metric import Basis, Metric
from analytics.metrics import checkout
from analytics.results import Facility

_MACHINE = frozenset({"self_checkout"})
_RTSF = "RTSF at Checkout, events scanned-item and payment-success"

METRICS = (
    Metric(
        "checkout_availability", "self-checkout availability", "自助收银可用率", "ratio", Facility.CHECKOUT, _MACHINE,
        (checkout.RUNNING, checkout.FAULT),
        "machine-time running and without fault / observed machine-time, in opening hours",
        "availability = uptime / (uptime + downtime), DAU glossary",
        "of a machine that reports one of the two states, that one; where both are reported both must say something",
        checkout.measure_availability, basis=Basis.OPENING_HOURS, tolerance=1e-12,
    ),
    Metric(
        "checkout_transactions", "self-checkout transactions", "自助收银交易笔数", "count", Facility.CHECKOUT, _MACHINE,
        ("transactions",),
        "sum of transactions over self-checkouts; of a register: sum of its increments, with reset and wrap rules",
        _RTSF, "a basket that is paid is one transaction; one that is abandoned is none",
        checkout.measure_transactions, summable=True,
    ),
    Metric(
        "checkout_items_per_transaction", "items per self-checkout transaction", "自助收银单均件数", "items",
        Facility.CHECKOUT, _MACHINE, ("items_scanned", "transactions"),
        "items scanned / transactions, sums over the machines that report both",
        _RTSF, "goods sold by mass are one item; items of abandoned baskets count; undefined without a transaction",
        checkout.measure_items, tolerance=1e-12,
    ),
    Metric(
        "checkout_share", "share of transactions at self-checkout", "自助收银交易占比", "ratio", Facility.CHECKOUT,
        _MACHINE, ("transactions",),
        "transactions at self-checkouts / transactions at self-checkouts and tills",
        "ratio of sums, project definition",
        "needs tills that report; a till that does not report makes it too large",
        checkout.measure_share, tolerance=1e-12, beside=frozenset({checkout.TILL}),
    ),
)  # fmt: skip
