from .looks import vary_volume as vary_volume
from .moments import Lives as Lives
from .moments import Moment as Moment
from .settings import LineageSettings as LineageSettings
from .settings import VolumeSettings as VolumeSettings
from .truth import count_founders as count_founders
from .volume import EmbryoScene as EmbryoScene
from .volume import EmbryoVolume as EmbryoVolume
