"""ACK's own annotations, which its Nginx Ingress Controller no longer has from v1.12 on: what they would do."""

from __future__ import annotations

from acplab.base.errors import AcplabError
from acplab.base.i18n import _


def service_weight(annotation: str) -> dict[str, float]:
    """The percentage of the requests that each Service gets: service_weight("new-nginx: 20, old-nginx: 60").

    Weights are relative: each counts as a part of their sum. AcplabError if the text is no such annotation.
    """
    try:
        pairs = [part.split(":") for part in annotation.split(",")]
        weights = {name.strip(): float(weight) for name, weight in pairs}
        total = sum(weights.values())
        return {name: 100 * weight / total for name, weight in weights.items()}
    except (ValueError, ZeroDivisionError):
        raise AcplabError(
            _("{annotation!r} is no service-weight.").format(annotation=annotation),
            _('Write a weight for each Service, such as "new-nginx: 20, old-nginx: 80".'),
        ) from None
