"""Data sets listed, fetched and packed: what the interfaces know of this system."""

from fatescope.systems.description import OUT, Argument, Command, Description, Option

DESCRIPTION = Description(
    commands=(
        Command(
            name="data list",
            help="List known data sets: what, licence, size, page; and what can be "
            "rendered offline.",
            example="fatescope data list",
            run="fatescope.systems.data.fetch:list_data",
            arguments=(Option("registry", "another list of data sets, as TOML", metavar="FILE"),),
            fresh=False,
        ),
        Command(
            name="data fetch",
            help="""Download a data set, or unpack one that was packed, and compare every hash.

            No other command opens a connection. The same command continues a download that was
            stopped. A file with a wrong hash is kept beside its place, and nothing else is
            changed.
            """,
            example="fatescope data fetch epic-tables --out tables",
            run="fatescope.systems.data.fetch:fetch_data",
            arguments=(
                Argument(
                    "what",
                    "a known data set, or a packed one",
                    type=str,
                    metavar="NAME|URL|FILE.zip",
                ),
                OUT,
                Option("sha256", "what the zip must have", type=str, metavar="HEX"),
                Option("registry", "another list of data sets, as TOML", metavar="FILE"),
                Option("max_gb", "no more is downloaded or unpacked", type=float, default=20.0),
            ),
            fresh=False,
        ),
        Command(
            name="data pack",
            help="""
            Make one zip of training data or of results, to hand on: datasheet, licence, hashes.

            The same folder gives the same bytes. Images that samples.csv names elsewhere come
            along; paths of this machine do not. The zip is read back and compared.
            """,
            example="fatescope data pack pairs --licence CC-BY-4.0 --out pairs.zip",
            run="fatescope.systems.data.pack:pack_data",
            arguments=(
                Argument("folder", "prepared training data, or results", metavar="DIR"),
                Option("out", "a new .zip file", metavar="FILE", default=...),
                Option("licence", "under which others may use it", type=str, metavar="NAME|FILE"),
                Option(
                    "about", "a sentence for the datasheet: what, from where", type=str, default=""
                ),
            ),
            fresh=False,
        ),
    ),
)
