from .build import build_growth as build_growth
from .build import growth_of as growth_of
from .curves import GROUPS as GROUPS
from .curves import GrowthCurves as GrowthCurves
from .estimate import PopulationEstimate as PopulationEstimate
from .estimate import estimate_populations as estimate_populations
from .match import Match as Match
from .match import match_growth as match_growth
