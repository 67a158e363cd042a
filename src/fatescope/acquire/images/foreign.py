"""Image formats that fatescope does not read: what each is called, and the way out."""

from __future__ import annotations

from pathlib import PurePath

_BIO_FORMATS = "Save it as OME-TIFF, for example in Fiji (File > Import > Bio-Formats)."
_AS_TIFF = "Save it as PNG or TIFF."

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
    ".nrrd": ("an NRRD file", _BIO_FORMATS),
    ".npy": ("a NumPy array", "Save it as TIFF, or pass the array in Python."),
    ".npz": ("an archive of NumPy arrays", "Save each array as TIFF, or pass it in Python."),
    ".gif": ("a GIF image", _AS_TIFF),
    ".bmp": ("a BMP image", _AS_TIFF),
    ".webp": ("a WebP image", _AS_TIFF),
    ".jp2": ("a JPEG 2000 image", _AS_TIFF),
    ".jxl": ("a JPEG XL image", _AS_TIFF),
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


def foreign_format(name: str, head: bytes) -> str:
    """Say what a file is that no reader of ours took, and what to do; two sentences.

    Parameters
    ----------
    name : str
        The file's name; its ending counts where the content says nothing.
    head : bytes
        Its first bytes.
    """
    suffix = PurePath(name).suffix.lower()
    begins = next((s for magic, s in _BY_BEGINNING.items() if head.startswith(magic)), suffix)
    if begins in BY_SUFFIX:
        what, way_out = BY_SUFFIX[begins]
        return f"is {what}, which fatescope does not read. {way_out}"
    for magic, what in _NO_IMAGE.items():
        if head.startswith(magic):
            return f"is {what}, whatever its name says. Give PNG, JPEG, TIFF or OME-Zarr images."
    text = head[:8].decode("ascii", errors="replace")
    begins = f" (it begins with {text!r})" if text.isascii() and text.isprintable() else ""
    return f"is not an image that fatescope reads{begins}. Give PNG, JPEG, TIFF or OME-Zarr images."
