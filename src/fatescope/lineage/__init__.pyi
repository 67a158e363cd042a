from .lint import lint_lineage as lint_lineage
from .lint_settings import LintSettings as LintSettings
