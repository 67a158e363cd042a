"""Which samples are scored by networks that have not seen them. No array library."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from fatescope.base import Settings, setting


class LeaveOut(Settings):
    """One more training for each fold, without the units of that fold."""

    leave_out: str | None = setting(
        None,
        "kind of image, or all: each of its units is left out of one more training, which scores "
        "it; for the card of a small set, and for samples_loss.csv, which clean reads",
    )
    folds: int | None = setting(
        None, "so many trainings, each without a part of the units; else one for each unit", ge=2
    )
    seeds: int = setting(1, "each training so many times, with other random numbers", ge=1, le=20)
    scored_by: str | None = setting(
        None,
        "package of the same recipe and seed, trained on a part of these data: its held-out score "
        "goes on the card of this one, which learns from all",
    )

    @model_validator(mode="after")
    def _one_way_to_a_score(self) -> Self:
        if self.leave_out is not None and self.scored_by is not None:
            raise ValueError("give leave_out or scored_by, not both")
        return self

    @property
    def words(self) -> list[str]:
        """The flags as a person types them."""
        if self.scored_by is not None:
            return ["--scored-by", "PACKAGE"]
        if self.leave_out is None:
            return []
        own = {"folds": self.folds, "seeds": None if self.seeds == 1 else self.seeds}
        more = [w for name, v in own.items() if v is not None for w in (f"--{name}", str(v))]
        return ["--leave-out", self.leave_out, *more]
