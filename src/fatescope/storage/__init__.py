"""Files and tables on disk: hashes, atomic writing, Parquet and CSV through DuckDB."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
