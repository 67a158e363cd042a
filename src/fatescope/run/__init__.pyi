from .cluster_file import ClusterSettings as ClusterSettings
from .cluster_file import read_cluster_file as read_cluster_file
from .folder import Run as Run
from .inputs import describe_input as describe_input
from .memory import memory_limit as memory_limit
from .memory import peak_memory_mb as peak_memory_mb
from .scratch import FileScratch as FileScratch
from .summary import Summary as Summary
