from .download import check_address as check_address
from .download import download as download
from .known import DataFile as DataFile
from .known import DataSet as DataSet
from .known import known_data as known_data
