from .lineage import LineagePlan as LineagePlan
from .lineage import simulate_lineage as simulate_lineage
from .nuclei import NucleiMovie as NucleiMovie
from .nuclei import simulate_nuclei as simulate_nuclei
from .nuclei import simulate_picture as simulate_picture
from .settings import NucleiMovieSettings as NucleiMovieSettings
