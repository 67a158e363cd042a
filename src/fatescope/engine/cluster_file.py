"""The file behind ``--cluster FILE``: which machines to ask for, in a dozen lines of TOML."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import model_validator

from fatescope.base import Settings, SettingsError, escape, explain_os_error, setting


class ClusterSettings(Settings):
    """Workers of a Dask cluster that is started for one command and ends with it."""

    kind: Literal["local", "ssh", "slurm"] = setting(
        "local", "where workers run: this machine, hosts by SSH, or jobs of Slurm"
    )
    workers: int = setting(2, "processes in all, one thread each", ge=1, le=100_000)
    hosts: tuple[str, ...] = setting((), "for ssh: the scheduler's host, then the workers'")
    wait_min: float = setting(
        10.0, "how long to wait for the first worker", unit="min", gt=0, le=10_000
    )
    options: dict[str, Any] = setting(
        {}, "further arguments of LocalCluster, SSHCluster or dask-jobqueue's SLURMCluster"
    )

    @model_validator(mode="after")
    def _ssh_needs_hosts(self) -> ClusterSettings:
        if (self.kind == "ssh") != (len(self.hosts) > 1):
            raise ValueError("kind ssh, and no other, needs hosts: the scheduler's, then workers'")
        return self


def read_cluster_file(path: Path) -> ClusterSettings:
    """Read which cluster to start.

    Raises
    ------
    SettingsError
        If the file cannot be read or says what no cluster knows.

    Examples
    --------
    A file for Slurm::

        kind = "slurm"
        workers = 200

        [options]
        queue = "short"
        cores = 1
        memory = "4GB"
        walltime = "02:00:00"
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"{escape(path)}: cannot be read: {explain_os_error(error)}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{escape(path)}: is no TOML ({error}). See docs/scale.md for a file that works."
        ) from error
    try:
        return ClusterSettings.from_values(values)
    except SettingsError as error:
        raise SettingsError(f"{escape(path)}: {error}") from error
