"""An ND2 of version 3, written chunk by chunk as the readers of others have it: no file of Nikon.

A chunk is its magic number, the lengths of name and data, name and data; a map at the end says
where each begins. Metadata are "lite variants": a byte for the type, the name in UTF-16, the value;
the first letters of a name say its type.
"""

import struct

_MAGIC = 0x0ABECEDA
_TYPES = (("ui", 3, "<I"), ("e", 2, "<i"), ("i", 2, "<i"), ("b", 1, "<?"), ("d", 6, "<d"))
_TIME, _PLACES, _PLANES = 1, 2, 4


def _variant(name, value):
    head = bytes([0, len(name) + 1]) + name.encode("utf-16-le") + b"\0\0"
    if isinstance(value, dict):
        items = b"".join(_variant(k, v) for k, v in value.items())
        inside = struct.pack("<IQ", len(value), len(head) + 12 + len(items)) + items
        return b"\x0b" + head[1:] + inside + bytes(8 * len(value))
    if isinstance(value, str):
        return b"\x08" + head[1:] + value.encode("utf-16-le") + b"\0\0"
    kind, form = next((k, f) for start, k, f in _TYPES if name.startswith(start))
    return bytes([kind]) + head[1:] + struct.pack(form, value)


def _loop(kind, parameters, inner):
    said = {"eType": kind, "uLoopPars": parameters}
    return said | ({"ppNextLevelEx": {"i0000000000": inner}} if inner else {})


def nd2(path, pixels, *, channels, um=0.25, z_um=1.5, places_um=(), seconds=()):
    """Write T, P, C, Z, Y, X; ``places_um`` are the stage's (y, x) of each position.

    Pixels without bytes (`benchmarks.first_tile`) leave holes where the frames lie.
    """
    n_t, n_p, n_c, n_z, height, width = pixels.shape
    loops = _loop(_PLANES, {"uiCount": n_z, "dZStep": z_um}, None) if n_z > 1 else None
    if len(places_um):
        points = {
            f"i{n:010}": {"dPosX": float(x), "dPosY": float(y), "dPosName": f"place {n + 1}"}
            for n, (y, x) in enumerate(places_um)
        }
        loops = _loop(_PLACES, {"uiCount": n_p, "bUseZ": False, "Points": points}, loops)
    if n_t > 1:
        loops = _loop(
            _TIME, {"uiCount": n_t, "dStart": 0.0, "dPeriod": 60_000.0, "dDuration": 0.0}, loops
        )
    n_frames, bits = n_t * n_p * n_z, 8 * pixels.dtype.itemsize
    attributes = {"uiWidth": width, "uiWidthBytes": width * n_c * bits // 8, "uiHeight": height}
    attributes |= {"uiComp": n_c, "uiBpcInMemory": bits, "uiBpcSignificant": bits}
    attributes |= {"uiSequenceCount": n_frames, "eCompression": 2}
    planes = {
        f"a{c}": {"sDescription": name, "uiCompCount": 1, "pFluorescentProbe": {"sName": name}}
        for c, name in enumerate(channels)
    }
    picture = {"bCalibrated": True, "dCalibration": um, "dObjectiveMag": 20.0, "dObjectiveNA": 0.75}
    picture["sPicturePlanes"] = {"uiCount": n_c, "uiCompCount": n_c, "sPlaneNew": planes}
    places = {}
    with path.open("wb") as stream:

        def chunk(name, data, reserve=4072):
            places[name] = (stream.tell(), len(data))
            stream.write(
                struct.pack("<IIQ", _MAGIC, reserve, len(data)) + name.ljust(reserve, b"\0")
            )
            stream.write(data)

        signature = b"ND2 FILE SIGNATURE CHUNK NAME01!"
        chunk(signature, b"Ver3.0".ljust(64, b"\0"), 32)
        chunk(b"ImageAttributesLV!", _variant("SLxImageAttributes", attributes))
        chunk(b"ImageMetadataSeqLV|0!", _variant("SLxPictureMetadata", picture))
        if loops:
            chunk(b"ImageMetadataLV!", _variant("SLxExperiment", loops))
        if seconds:
            stamps = [1000 * s for s in seconds for _ in range(n_p * n_z)]
            chunk(b"CustomData|AcqTimesCache!", struct.pack(f"<{n_frames}d", *stamps))
        n_bytes = n_c * height * width * bits // 8
        for n in range(n_frames):
            name, start = f"ImageDataSeq|{n}!".encode(), stream.tell()
            places[name] = (start, 8 + n_bytes)
            head = struct.pack("<IIQ", _MAGIC, 4072, 8 + n_bytes) + name.ljust(4072, b"\0")
            stream.write(head + struct.pack("<d", 0.0))
            if hasattr(pixels, "__getitem__"):
                t, p, z = n // (n_p * n_z), n // n_z % n_p, n % n_z
                stream.write(pixels[t, p, :, z].transpose(1, 2, 0).tobytes())
            stream.seek(start + 4096 + n_bytes)
        at = stream.tell()
        said = b"".join(name + struct.pack("<QQ", *where) for name, where in places.items())
        end = b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", at)
        chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", said + end, 32)
    return path
