from .fit import MovieFit as MovieFit
from .fit import fit_table as fit_table
from .pose import Pose as Pose
from .stack import FrameStack as FrameStack
