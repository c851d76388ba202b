"""A canary under watch: whether the new version fails more often than the old one, and how soon it is gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from acplab.base.errors import AcplabError
from acplab.base.i18n import _
from acplab.measure import Share

if TYPE_CHECKING:
    from acplab.measure import Load, Traffic

LOOK_SECONDS = 1.0  # between two looks


def fails_more(seen: Traffic, new: str, old: str) -> bool:
    """Whether the error share of `new` is above that of `old`, and the intervals do not overlap."""
    return seen.error_share(new).low > seen.error_share(old).high


def watch_errors(load: Load, new: str, old: str, looks: int = 60, say: Callable[[str], None] = print) -> Traffic:
    """Compare the error shares of two versions once a second; return what was seen when `new` fails more often.

    load: a load of measure.steady() that runs. looks: how often at most. say: gets a line per look.
    Raises AcplabError if the intervals still overlap after the last look, or the load has ended.
    """
    for _look in range(looks):
        load.run_for(LOOK_SECONDS)
        seen = load.so_far()
        say(_compared(seen, new, old))
        if fails_more(seen, new, old):
            return seen
        if not load.running:
            break
    raise AcplabError(
        _("The intervals still overlap: {new} was not seen to fail more often than {old}.").format(new=new, old=old),
        _("It may be as good as the other one. To be surer, watch it for longer, or raise its weight."),
    )


def _compared(seen: Traffic, new: str, old: str) -> str:
    line = _("{n} requests; errors of {old}: {old_share}; errors of {new}: {new_share}")
    return line.format(n=seen.total, old=old, new=new, old_share=seen.error_share(old), new_share=seen.error_share(new))


def noticed(seen: Traffic, slow_ms: float = 1000.0) -> str:
    """What customers notice: "some requests fail", "some are slow" (one in ten takes longer than slow_ms), or "nothing"."""
    if seen.failed or not seen.total:
        return _("some requests fail")
    return _("some are slow") if seen.latency(0.9) > slow_ms else _("nothing")


def seconds_until_gone(seen: Traffic, version: str, mark: str) -> float:
    """Seconds from the mark with these words to the last answer of a version, good or bad; 0 if there was none."""
    at = next((one.t for one in seen.marks if one.words == mark), 0.0)
    return max((sample.t - at for sample in seen.after(mark) if sample.version == version), default=0.0)


def lost_meanwhile(seen: Traffic) -> Share:
    """Which share of the requests has failed, from the first failure to the last one; 0 of 0 if none has."""
    failures = [sample.t for sample in seen.samples if not sample.ok]
    meanwhile = sum(failures[0] <= sample.t <= failures[-1] for sample in seen.samples) if failures else 0
    return Share(len(failures), meanwhile)
