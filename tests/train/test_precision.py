import pytest
import torch

from fatescope.train.precision import training_precision


@pytest.mark.parametrize(("amx", "numbers"), [(True, "bfloat16"), (False, "float32")])
def test_auto_follows_the_processor(amx, numbers, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_tile": amx})
    assert training_precision("auto") == numbers


def test_what_was_asked_is_taken():
    assert training_precision("float32") == "float32"
    assert training_precision("bfloat16") == "bfloat16"
