"""A reader that has seen enough, as in ``fatescope ... | head``, is no error."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("words", ["models show nuclei", "models list --json", "--help"])
def test_a_reader_that_leaves_early_is_no_error(words):
    reading, writing = os.pipe()
    os.close(reading)  # before anything is written
    done = subprocess.run(
        [sys.executable, "-m", "fatescope", *words.split()],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        timeout=100,
    )
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode in (0, 1)  # the parser itself ends with 1
