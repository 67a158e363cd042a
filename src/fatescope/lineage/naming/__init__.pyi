from .tracked import NamedTree as NamedTree
from .tracked import name_tracked as name_tracked
