from .folder import Run as Run
from .inputs import describe_input as describe_input
from .memory import peak_memory_mb as peak_memory_mb
from .summary import Summary as Summary
