"""Nuclei in electron micrographs, from files on disk to outlines, tables and a report.

The way is that of nuclei (`systems/nuclei/find.py`), with the model for sections.
"""

from dataclasses import replace

from fatescope.predict import NucleiEmSettings
from fatescope.systems.nuclei.find import NUCLEI

NUCLEI_EM = replace(NUCLEI, command="predict nuclei-em", settings=NucleiEmSettings)
