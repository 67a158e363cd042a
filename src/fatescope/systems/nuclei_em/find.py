"""Nuclei in electron micrographs, from files on disk to outlines, tables and a report.

The way is that of nuclei (`systems/nuclei/find.py`), with the model for sections.
"""

from dataclasses import replace

from fatescope.systems.nuclei.find import NUCLEI
from fatescope.systems.nuclei_em.settings import NucleiEmSettings

NUCLEI_EM = replace(NUCLEI, command="predict nuclei-em", settings=NucleiEmSettings)
