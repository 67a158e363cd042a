"""Which cells of the embryo divide, and which die: one rule and its exceptions.

The rule: every descendant of a founder divides until its name has `LETTERS` letters after the
founder. 72 cells stop earlier, 101 go on, and 113 die. These are facts of the complete embryonic
lineage (Sulston et al. 1983); two errors of public lists are corrected (the hypodermal cell
hyp11 is Cpappv, and of the HSN and CEM cells the hermaphrodite loses ABprpaapapp).
"""

from __future__ import annotations

LETTERS = {"AB": 9, "MS": 6, "E": 4, "C": 5, "D": 4}
"""Letters after the founder's name that a cell of that founder has when it divides no more."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_EARLY = _names(
    """
    ABalaapapa ABalaappaa ABalapapaa ABalappaaa ABalppaaaa ABalppaapa ABaraaaapp ABarpaaapp
    ABarpaapaa ABarpaapap ABarpaappa ABarpaappp ABarpapapa ABarpapapp ABarpappaa ABarpappap
    ABarpapppa ABarpapppp ABarppaaaa ABarppaaap ABarppaapa ABarppapaa ABarppapap ABarppappa
    ABarppappp ABarpppaaa ABarpppaap ABarpppapa ABarppppaa ABarppppap ABarpppppa ABarpppppp
    ABplaaaapa ABplaaaapp ABplaaapaa ABplaaapap ABplaaappa ABplaaappp ABplaappaa ABplaappap
    ABplaapppa ABplaapppp ABplapaapa ABplapaapp ABplapapap ABplapappa ABplappaaa ABplappaap
    ABplappapa ABplappapp ABplappppa ABplappppp ABplpappap ABplppaaap ABplpppapp ABpraappaa
    ABpraappap ABpraapppa ABpraapppp ABprapaapa ABprapaapp ABprapapap ABprapappa ABprappaaa
    ABprappaap ABprappapa ABprappapp ABprappppa ABprappppp ABprppaaap ABprpppapp MSpaapp
    """
)
"""Cells that stop before the rule says so."""

GO_ON = _names(
    """
    ABalaappppa ABalapaappa ABalapapapa ABalapappaa ABalapppapa ABalappppaa ABalpapapap
    ABalpappaap ABalppapppa ABalpppappp ABalppppapa ABalppppppa ABalppppppp ABaraapapaa
    ABaraapppaa ABarapapaap ABarappapap ABarapppppa ABarpapaapp ABplaaaaapp ABplaapappp
    ABplapaaaap ABplapaaapa ABplapapppp ABplapappppa ABplapppapp ABplpaaappa ABplpaapppp
    ABplppaaaap ABplppapaaa ABplpppaapa ABpraaaappp ABpraaapapa ABpraaapppa ABpraaapppp
    ABpraapappp ABprapaaaap ABprapaaapa ABprapapppp ABprapappppa ABprapppapp ABprpaaappa
    ABprpaapppp ABprppaaaap ABprppapaaa ABprpppaapa Capaaa Capaap Capapa Capapp Cappaa
    Cappap Capppa Capppp Cppaaa Cppaap Cppapa Cppapp Cpppaa Cpppap Cppppa Cppppp Dappa Dappp
    Dpppa Dpppp Ealaa Earaa Eplpp Eprpp MSaaaaaa MSaaaaap MSaaaaapa MSaaaapa MSaaaapp
    MSaaapaa MSaaapap MSaapaaa MSaapaap MSaapaapa MSaapapa MSaapapp MSaapppa MSaapppp
    MSapaaaa MSapapaa MSpaaaaa MSpaaaap MSpaaapa MSpaaapp MSpaapaa MSpaapap MSpapaaa
    MSpapaap MSpapaapa MSpapapa MSpapapp MSpapppa MSpapppp MSppaaaa MSppapaa
    """
)
"""Cells that divide once more although the rule says stop."""

DIE = _names(
    """
    ABalaaaalar ABalaaaalpa ABalaaaarla ABalaaaarra ABalaaaparl ABalaaapplr ABalaapaaal
    ABalaapaapa ABalaapapa ABalaapappa ABalaappaa ABalaapppap ABalaappppap ABalapaaaap
    ABalapaapap ABalapaappap ABalapapaa ABalapapapap ABalapappaap ABalappaaa ABalappaapp
    ABalappapap ABalapppapap ABalappppaap ABalpaaaapp ABalpaaapap ABalpaaappa ABalpapaapp
    ABalpapapapa ABalpapappa ABalpappaaa ABalpappaapp ABalpapppap ABalppaaaa ABalppaapa
    ABalppaappa ABalppapppap ABalpppaapv ABalpppappa ABalpppapppp ABalppppaav ABalppppapap
    ABalppppapp ABalppppppap ABaraaaapaa ABaraaaapp ABaraapapaad ABaraapppaad ABarapaaapp
    ABarapaapap ABarapapaaa ABarapapaapp ABarapappap ABarappaaap ABarappaapp ABarappapapa
    ABarapppppap ABarpaaapp ABarpapaaap ABarpapaapa ABplaaaaaap ABplaaaaapa ABplaapapppp
    ABplapaaaaa ABplapapppa ABplapappppp ABplapppaap ABplapppapa ABplpaaappap ABplpaapapp
    ABplpaappppp ABplpappap ABplppaaaapa ABplppaaap ABplppaapaa ABplpppapp ABplppppppa
    ABpraaaaapv ABpraaaappa ABpraaaapppp ABpraaapaav ABpraaapapap ABpraaapapp ABpraaapppap
    ABpraapapppp ABprapaaaaa ABprapapppa ABprapappppp ABprapppaap ABprapppapa ABprpaaappap
    ABprpaapapp ABprpaappppp ABprppaaaapa ABprppaaap ABprppaapaa ABprpppapp ABprppppppa
    Caapap MSaaaappa MSaaappa MSaapaapap MSaapapap MSapaapa MSappapa MSpaaaaap MSpaapaap
    MSpaapp MSpapaapap MSpapapap MSppaapa MSpppaaa MSpppapa
    """
)
"""Cells that die by programmed death in the embryo."""
