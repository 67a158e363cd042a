from .field import read_field as read_field
from .field import read_projection as read_projection
from .field import stage_position_um as stage_position_um
from .plate_map import apply_plate_map as apply_plate_map
from .plate_map import read_plate_map as read_plate_map
from .plate_map import untreated_findings as untreated_findings
from .read import read_plate as read_plate
from .settings import PlateReading as PlateReading
