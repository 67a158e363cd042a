from .contacts import find_contacts as find_contacts
from .doubts import doubtful_objects as doubtful_objects
from .exact import ChannelSum as ChannelSum
from .objects import measure_objects as measure_objects
from .settings import DoubtSettings as DoubtSettings
from .shape import measure_solidity as measure_solidity
from .sums import ObjectSums as ObjectSums
from .table import objects_table as objects_table
