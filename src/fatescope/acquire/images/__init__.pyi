from .check import check_image as check_image
from .check import check_pixels as check_pixels
from .labels import label_tiles as label_tiles
from .labels import read_labels as read_labels
from .labels import write_labels as write_labels
from .read import read_image as read_image
