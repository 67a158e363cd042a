from .generator import Generator as Generator
from .generator import embryo_generator_model as embryo_generator_model
from .populations import lineage_population_model as lineage_population_model
from .segmentors import cell_membrane_segmentor as cell_membrane_segmentor
from .segmentors import cell_nucleus_segmentor as cell_nucleus_segmentor
from .segmentors import embryo_segmentor as embryo_segmentor
