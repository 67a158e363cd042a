from .normalise import PlaneStatistics as PlaneStatistics
from .normalise import normalise as normalise
from .normalise import plane_statistics as plane_statistics
