"""Content-Encoding of a request's body: what a sender may have compressed, as it was before. Pure.

InvokeEndpoint passes the bytes of its body on without this header, so a container cannot undo it.
"""

from __future__ import annotations

import zlib

_STEP = 2**18
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


class ContentEncodingError(ValueError):
    """The body is not encoded as its header says, or in a way that nobody knows here."""


def decoded(body: bytes | bytearray, encoding: str, limit: int) -> bytes | bytearray | None:
    """`body` without its encodings (a header's value); None when that is more than `limit` bytes.

    Raises ContentEncodingError.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    for name in reversed([name for name in names if name not in ("", "identity")]):
        if name in ("gzip", "x-gzip"):
            plain = _inflated(body, _GZIP, name, limit)
        elif name == "deflate":
            # By its RFC it is zlib's format; some send the bare stream.
            plain = _inflated(body, _ZLIB if _begins_as_zlib(body) else _RAW, name, limit)
        else:
            raise ContentEncodingError(
                f"Content-Encoding {name!r} is not known here: send gzip or deflate, or the plain bytes "
                "without that header."
            )
        if plain is None:
            return None
        body = plain
    return body


def _begins_as_zlib(body: bytes | bytearray) -> bool:
    return len(body) >= 2 and body[0] & 0x0F == 8 and (body[0] << 8 | body[1]) % 31 == 0


def _inflated(body: bytes | bytearray, bits: int, name: str, limit: int) -> bytearray | None:
    plain = bytearray()
    left: bytes = bytes(body)
    try:
        while left:  # gzip may have several members
            stream = zlib.decompressobj(bits)
            while left and not stream.eof:
                plain += stream.decompress(left, _STEP)
                if len(plain) > limit:
                    return None
                left = stream.unconsumed_tail
            if not stream.eof:
                plain += stream.flush()
                if not stream.eof:
                    raise ContentEncodingError(f"The request's body ends in the middle of its {name} data.")
            left = stream.unused_data
    except zlib.error as error:
        raise ContentEncodingError(
            f"Content-Encoding says {name}, but the request's body is not that: {error}."
        ) from error
    return plain if len(plain) <= limit else None
