"""Image formats that fatescope does not read: what each is called, and the way out."""

from __future__ import annotations

_BIO_FORMATS = "Save it as OME-TIFF, for example in Fiji (File > Import > Bio-Formats)."
_AS_TIFF = "Save it as PNG or TIFF."
_AS_MP4 = "Save it as MP4 (H.264) or AVI."
_UNPACK = "Unpack it first, for example with gunzip."

BY_SUFFIX = {
    ".zvi": ("a Zeiss ZVI file", _BIO_FORMATS),
    ".oir": ("an Olympus OIR file", _BIO_FORMATS),
    ".vsi": ("an Olympus VSI file", _BIO_FORMATS),
    ".sld": ("a SlideBook file", _BIO_FORMATS),
    ".mrxs": ("a 3DHISTECH slide", _BIO_FORMATS),
    ".svs": ("an Aperio slide", _BIO_FORMATS),
    ".ndpi": ("a Hamamatsu slide", _BIO_FORMATS),
    ".scn": ("a Leica slide", _BIO_FORMATS),
    ".mrc": ("an MRC file", _BIO_FORMATS),
    ".dcm": ("a DICOM file", _BIO_FORMATS),
    ".nii": ("a NIfTI file", _BIO_FORMATS),
    ".nii.gz": ("a NIfTI file", _BIO_FORMATS),
    ".nrrd": ("an NRRD file", _BIO_FORMATS),
    ".nhdr": ("an NRRD file", _BIO_FORMATS),
    ".mha": ("a MetaImage file", _BIO_FORMATS),
    ".mhd": ("a MetaImage file", _BIO_FORMATS),
    ".fits": ("a FITS file", _BIO_FORMATS),
    ".c01": ("a Cellomics file", _BIO_FORMATS),
    ".flex": ("an Opera Flex file", _BIO_FORMATS),
    ".tif.gz": ("a compressed TIFF", _UNPACK),
    ".tiff.gz": ("a compressed TIFF", _UNPACK),
    ".npy": ("a NumPy array", "Save it as TIFF, or pass the array in Python."),
    ".npz": ("an archive of NumPy arrays", "Save each array as TIFF, or pass it in Python."),
    ".gif": ("a GIF image", _AS_TIFF),
    ".bmp": ("a BMP image", _AS_TIFF),
    ".webp": ("a WebP image", _AS_TIFF),
    ".jp2": ("a JPEG 2000 image", _AS_TIFF),
    ".jxl": ("a JPEG XL image", _AS_TIFF),
    ".heic": ("an HEIC image", _AS_TIFF),
    ".pgm": ("a PGM image", _AS_TIFF),
    ".ppm": ("a PPM image", _AS_TIFF),
    ".mkv": ("a Matroska movie", _AS_MP4),
    ".webm": ("a WebM movie", _AS_MP4),
    ".wmv": ("a Windows Media movie", _AS_MP4),
    ".mpg": ("an MPEG movie", _AS_MP4),
    ".mpeg": ("an MPEG movie", _AS_MP4),
    ".m4v": ("an M4V movie", _AS_MP4),
}
"""By the ending, in lower case. A slide that is a TIFF inside is read as one."""
_BY_BEGINNING = {
    b"\x93NUMPY": ".npy",
    b"GIF8": ".gif",
    b"BM": ".bmp",
    b"\x00\x00\x00\x0cjP  ": ".jp2",
}
_NO_IMAGE = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"RIFF": "a RIFF file",
}


def foreign_suffix(name: str) -> str:
    """Return the longest ending of a name that stands in `BY_SUFFIX`, or nothing."""
    return max((s for s in BY_SUFFIX if name.lower().endswith(s)), key=len, default="")


def foreign_format(name: str, head: bytes) -> str:
    """Say what a file is that no reader of ours took, and what to do; two sentences.

    Parameters
    ----------
    name : str
        The file's name; its ending counts where the content says nothing.
    head : bytes
        Its first bytes.
    """
    begins = next((s for magic, s in _BY_BEGINNING.items() if head.startswith(magic)), "")
    begins = begins or foreign_suffix(name)
    if begins:
        what, way_out = BY_SUFFIX[begins]
        return f"is {what}, which fatescope does not read. {way_out}"
    for magic, what in _NO_IMAGE.items():
        if head.startswith(magic):
            return f"is {what}, whatever its name says. Give PNG, JPEG, TIFF or OME-Zarr images."
    text = head[:8].decode("ascii", errors="replace")
    begins = f" (it begins with {text!r})" if text.isascii() and text.isprintable() else ""
    return f"is not an image that fatescope reads{begins}. Give PNG, JPEG, TIFF or OME-Zarr images."
