from .files import get_reader as get_reader
from .files import sample_nuclei as sample_nuclei
from .files import write_labels_layer as write_labels_layer
from .layers import result_layers as result_layers
from .panels import correct_panel as correct_panel
from .panels import keep_corrections as keep_corrections
from .panels import panel_names as panel_names
from .panels import predict_panel as predict_panel
