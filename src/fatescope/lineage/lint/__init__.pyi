from .check import lint_one_lineage as lint_one_lineage
from .scope import drops_in_counts as drops_in_counts
from .settings import LintSettings as LintSettings
