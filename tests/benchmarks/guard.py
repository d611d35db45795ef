"""The guard of our own speed: ratios stored beside the benchmarks, and the limit that follows from them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from floors import Comparison

RATIOS = Path(__file__).with_name("ratios.json")
TOLERANCE = 1.25  # times the stored ratio: medians of the same code differ by a fifth and more when neighbours are busy


class Slower(AssertionError):
    """A ratio past its limit, twice."""


@dataclass(frozen=True)
class Stored:
    """The ratio of a case when it was last stored."""

    ratio: float
    bound: float
    date: str  # ISO 8601
    machine: str  # processor and cores


@dataclass
class Guard:
    """Holds ratios to their bounds, and on the machine of a stored ratio to that one too."""

    path: Path
    machine: str
    storing: bool = False
    found: dict[str, tuple[Comparison, float]] = field(default_factory=dict)  # with the bound

    def __post_init__(self) -> None:
        cases = json.loads(self.path.read_text(encoding="utf-8")) if self.path.exists() else {}
        self.stored = {case: Stored(**fields) for case, fields in cases.items()}

    def hold(self, case: str, compared: Comparison, bound: float) -> Comparison:
        """The comparison, measured anew in more rounds where it is past its limit; raises Slower if it stays so."""
        limit, why = self.limit(case, bound)
        if compared.ratio > limit and compared.again is not None:
            compared = compared.again()
        self.found[case] = compared, bound
        if compared.ratio > limit:
            raise Slower(f"{case}: ratio {compared.ratio:.2f} is past {limit:.2f}, {why}")
        return compared

    def limit(self, case: str, bound: float) -> tuple[float, str]:
        """How large the ratio may be, and why."""
        stored = self.stored.get(case)
        if self.storing or stored is None or stored.machine != self.machine or TOLERANCE * stored.ratio >= bound:
            return bound, "its bound"
        return TOLERANCE * stored.ratio, f"{TOLERANCE} times what was stored on {stored.date}"

    def store(self) -> None:
        """Write what was found within its bound; cases that did not run stay as they are."""
        today = datetime.now(UTC).date().isoformat()
        for case, (compared, bound) in self.found.items():
            if compared.ratio <= bound:
                self.stored[case] = Stored(round(compared.ratio, 3), bound, today, self.machine)
        cases = {case: asdict(one) for case, one in sorted(self.stored.items())}
        self.path.write_text(json.dumps(cases, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def lines(self) -> Iterator[str]:
        """Each case: the ratio now, its limits, and CPU times."""
        for case, (compared, bound) in self.found.items():
            stored = self.stored.get(case)
            before = "none" if stored is None else f"{stored.ratio:.2f}"
            if stored is not None and stored.machine != self.machine:
                before += f" on another machine ({stored.machine})"
            times = f"ours {compared.ours * 1e3:.2f} ms, floor {compared.floor * 1e3:.2f} ms CPU"
            yield f"{case}: {compared.ratio:.2f}, stored {before}, bound {bound:.3g} ({times})"
