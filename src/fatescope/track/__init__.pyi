from .gaps import close_gaps as close_gaps
from .linking import link_frames as link_frames
from .mending import LifeCost as LifeCost
from .mending import mend_links as mend_links
from .motion import Motion as Motion
from .motion import estimate_motion as estimate_motion
from .settings import LinkSettings as LinkSettings
