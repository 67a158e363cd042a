import pytest
import torch

from fatescope.train.precision import training_precision


@pytest.mark.parametrize(
    ("has", "numbers"),
    [("amx_tile", "bfloat16"), ("avx512_bf16", "bfloat16"), ("avx512_f", "float32")],
)
def test_auto_follows_the_processor(has, numbers, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {has: True, "amx_fp16": False})
    assert training_precision("auto") == numbers


def test_what_was_asked_is_taken():
    assert training_precision("float32") == "float32"
    assert training_precision("bfloat16") == "bfloat16"
