from .annotations import add_table_faults as add_table_faults
from .frames import FRAME_FAULTS as FRAME_FAULTS
from .frames import faulty_frame as faulty_frame
from .plan import PlannedFault as PlannedFault
from .plan import fault_rows as fault_rows
from .plan import plan_faults as plan_faults
