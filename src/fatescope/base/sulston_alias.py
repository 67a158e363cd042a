"""Terminal names (functional names of the finished animal) that are accepted on input."""

from __future__ import annotations

ALIASES: dict[str, str] = {
    "ADAL": "ABplapaaaapp",
    "ADAR": "ABprapaaaapp",
    "AFDL": "ABalpppapav",
    "AFDR": "ABpraaaapav",
    "ASEL": "ABalppppppaa",
    "ASER": "ABpraaapppaa",
    "AWAL": "ABplaapapaa",
    "AWAR": "ABpraapapaa",
    "AWBL": "ABalpppppap",
    "AWBR": "ABpraaappap",
    "AWCL": "ABplpaaaaap",
    "AWCR": "ABprpaaaaap",
    "hyp11": "Cpappv",
}
"""Terminal name -> Sulston name. Input only: they are never written into a cell column."""
