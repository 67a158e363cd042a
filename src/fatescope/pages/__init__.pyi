from .film import side_by_side as side_by_side
from .film import write_film as write_film
from .outlines import colour_of as colour_of
from .outlines import outline_paths as outline_paths
from .outlines import outline_pixels as outline_pixels
from .outlines import paint_outlines as paint_outlines
from .wording import CELL_WORDS as CELL_WORDS
from .wording import in_other_words as in_other_words
