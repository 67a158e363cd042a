from .nuclei import NucleiMovie as NucleiMovie
from .nuclei import simulate_nuclei as simulate_nuclei
from .nuclei import simulate_picture as simulate_picture
from .settings import NucleiMovieSettings as NucleiMovieSettings
