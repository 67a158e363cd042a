"""What a library trips over becomes one sentence of ours; what is ours already stays."""

import pytest

from fatescope.base import FileFormatError, InputError, ModelError, explained


def test_an_error_of_any_kind_becomes_a_sentence_and_keeps_its_cause():
    with pytest.raises(ModelError, match=r"^no weights \(bad\)$") as caught:  # noqa: SIM117
        with explained(lambda e: f"no weights ({e})", ModelError):
            raise LookupError("bad")
    assert isinstance(caught.value.__cause__, LookupError)
    with pytest.raises(FileFormatError, match="damaged"), explained(lambda _: "damaged"):
        raise ZeroDivisionError


@pytest.mark.parametrize("kind", [InputError, ModuleNotFoundError, PermissionError])
def test_our_own_errors_and_what_is_no_damage_pass_as_they_are(kind):
    with pytest.raises(kind, match="as it is"), explained(lambda _: "damaged"):
        raise kind("as it is")
