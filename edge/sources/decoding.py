"""What every source of a device's payloads shares: the decoder that its configuration names, and its readings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from edge import event_log
from edge.decoders.decoder import Arrival, Decoded, DecoderOptions, PayloadRefusedError
from edge.readings import Reading, ReadingGroup
from edge.receipt import Receipt
from edge.reporting.rule import ReportedSource
from edge.sources.source import Journal
from edge.wire.batch import DecoderRefusal
from edge.wire.series import Kind, Origin

NO_POSITION = ""
"""Position of a source that cannot go back: what is missed while the agent is off does not come again from here."""
_LONGEST_SOURCE, _LONGEST_REASON, _LONGEST_DETAIL, _LONGEST_PAYLOAD = 64, 64, 500, 4096
"""What a refusal has room for."""

log = event_log.get(__name__)


class DecodedSourceSettings(ReportedSource):
    """Keys of every source that hands payloads to a decoder."""

    name: Annotated[str, Field(min_length=1, max_length=_LONGEST_SOURCE)]
    decoder: str
    """Name of a decoder, as ``milesight_vs125``."""
    options: SerializeAsAny[DecoderOptions] = DecoderOptions()
    """``[source.options]``: what that decoder needs to know; checked when the configuration is read."""

    @field_validator("decoder")
    @classmethod
    def _known(cls, decoder: str) -> str:
        from edge.decoders.registry import DECODERS  # noqa: PLC0415 - decoders are loaded where one is configured only

        if decoder not in DECODERS:
            known = ", ".join(sorted(DECODERS)) or "none"
            message = "no decoder is named '{decoder}'; there are: {known}"
            raise PydanticCustomError("decoder_unknown", message, {"decoder": decoder, "known": known})
        return decoder

    @field_validator("options", mode="before")
    @classmethod
    def _options_of_the_decoder(cls, options: Any, info: ValidationInfo) -> Any:
        from edge.decoders.registry import DECODERS  # noqa: PLC0415 - as above

        if "decoder" not in info.data:
            return DecoderOptions()  # the decoder's own error says enough
        model = DECODERS[info.data["decoder"]].options
        if isinstance(options, DecoderOptions):
            options = options if isinstance(options, model) else options.model_dump()
        return model.model_validate(options, context=info.context)

    def reader(self) -> PayloadReader:
        """Return what reads this source's payloads."""
        from edge.decoders.registry import DECODERS  # noqa: PLC0415 - as above

        decoder, options = DECODERS[self.decoder], self.options
        return PayloadReader(self.name, lambda arrival: decoder.read(arrival, options))


class Payload(NamedTuple):
    """What one payload gave."""

    readings: list[Reading]
    refusals: list[DecoderRefusal]

    @property
    def is_empty(self) -> bool:
        """Whether the payload says nothing that is to be kept, as a device's heartbeat."""
        return not self.readings and not self.refusals

    @property
    def is_refused(self) -> bool:
        """Whether nothing of the payload could be read."""
        return bool(self.refusals) and not self.readings


class PayloadReader:
    """Turns payloads into readings and refusals, in their order.

    Parameters
    ----------
    source
        Name of the source, for refusals and the journal.
    decode
        The decoder with its options.
    now_us
        The agent's wall clock in microseconds.
    """

    def __init__(
        self,
        source: str,
        decode: Callable[[Arrival], Decoded],
        now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
    ) -> None:
        self._source = source
        self._decode = decode
        self._journal: Journal | None = None
        self.now_us = now_us

    def keep(self, journal: Journal) -> None:
        """Tell this journal of every payload from now on."""
        self._journal = journal

    def arrived(self, payload: bytes, topic: str = "", content_type: str = "") -> Payload:
        """Return what a payload says that has just arrived."""
        return self.read(Arrival(payload, self.now_us(), topic, content_type))

    def read(self, arrival: Arrival) -> Payload:
        """Return what a payload says; a decoder's defect is a refusal ``decoder_failed`` without the content."""
        try:
            decoded = self._decode(arrival)
        except PayloadRefusedError as refused:
            decoded = Decoded(refused=(refused,))
        except Exception as error:  # noqa: BLE001, RUF100 - no payload may stop the agent
            kind = type(error).__name__
            fix = "report this as a defect of the decoder; the payload is refused, the source goes on"
            log.error("decoder_failed", source=self._source, error=kind, where=_where(error), fix=fix)
            decoded = Decoded(refused=(PayloadRefusedError("decoder_failed", f"the decoder raised {kind}"),))
        refusals = [self._refusal(each, arrival.at_us) for each in decoded.refused]
        self.contact(len(decoded.readings), len(refusals))
        return Payload(_with_ordinals(decoded.readings), refusals)

    def refused(self, reason: str, detail: str, kept: str = "") -> Payload:
        """Return the refusal of something that never came to the decoder."""
        self.contact(refusals=1)
        return Payload([], [self._refusal(PayloadRefusedError(reason, detail, kept), self.now_us())])

    def contact(self, readings: int = 0, refusals: int = 0) -> None:
        """Note in the journal that the device was heard of."""
        if self._journal is not None:
            self._journal.contact(self._source, readings, refusals)

    def trouble(self, event: str, error: str, fix: str, **keys: Any) -> None:
        """Say in log and journal what went wrong while the source goes on."""
        log.warning(event, source=self._source, error=error, fix=fix, **keys)
        if self._journal is not None:
            self._journal.trouble(self._source, error, fix)

    def _refusal(self, refused: PayloadRefusedError, at_us: int) -> DecoderRefusal:
        return DecoderRefusal(
            source=self._source,
            reason=refused.reason[:_LONGEST_REASON],
            detail=_encodable(refused.detail)[:_LONGEST_DETAIL],
            payload=_encodable(refused.kept)[:_LONGEST_PAYLOAD],
            at_us=at_us,
        )


def group(payloads: Iterable[Payload], position: str, receipt: Receipt | None = None) -> ReadingGroup:
    """Return payloads, in their order, as one group of measured readings."""
    listed = list(payloads)
    return ReadingGroup(
        readings=[reading for each in listed for reading in each.readings],
        origin=Origin.MEASURED,
        position=position,
        refusals=[refusal for each in listed for refusal in each.refusals],
        receipt=receipt,
    )


def _with_ordinals(readings: Iterable[Reading]) -> list[Reading]:
    """Tell events of one series at one instant apart by ordinals 0, 1, … in their order, where the decoder has not.

    Only within one payload: the same payload sent twice must give the same readings twice.
    """
    numbered: list[Reading] = []
    taken: set[tuple[str, int, int]] = set()
    for reading in readings:
        if reading.series.kind is Kind.EVENT:
            series, t_us, ordinal = reading.series.definition, reading.t_us, reading.ordinal
            while (series, t_us, ordinal) in taken:
                ordinal += 1
            taken.add((series, t_us, ordinal))
            reading = reading if ordinal == reading.ordinal else reading._replace(ordinal=ordinal)  # noqa: PLW2901
        numbered.append(reading)
    return numbered


def _encodable(text: str) -> str:
    """Return a text without what UTF-8 cannot write, whatever an added decoder put into it."""
    return text.encode(errors="replace").decode()


def _where(error: Exception) -> str:
    """Return where a defect is: file and line, without the text of the error, which may repeat content."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
