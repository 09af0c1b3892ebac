"""One file out of a multipart form, passed on as it arrives: 15 GB must not land in memory or /tmp.

Starlette's own form parser first writes the whole file to a temporary place, which may be a RAM
disk, and would copy it from there.
"""

from __future__ import annotations

from collections.abc import Mapping

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from opentranscribe.features.media.errors import NoFileFieldError

FILE_FIELD = "file"


class FileField:
    """Fed with the body; gives back the bytes of the form field ``file`` and its name.

    A browser that sends several such fields is served the first.
    """

    def __init__(self, content_type: str) -> None:
        kind, parameters = parse_options_header(content_type)
        boundary = parameters.get(b"boundary")
        if kind.lower() != b"multipart/form-data" or not boundary:
            raise NoFileFieldError
        self.filename: str | None = None
        self.content_type: str | None = None
        self._seen = False
        self._inside = False
        self._header_name = b""
        self._header_value = b""
        self._headers: dict[bytes, bytes] = {}
        self._out = bytearray()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._on_header_field,
                "on_header_value": self._on_header_value,
                "on_header_end": self._on_header_end,
                "on_headers_finished": self._on_headers_finished,
                "on_part_data": self._on_part_data,
                "on_part_end": self._on_part_end,
            },
        )

    def feed(self, data: bytes) -> bytearray:
        """The bytes of the file among these. Raises NoFileFieldError for what is no form."""
        try:
            self._parser.write(data)
        except MultipartParseError as error:
            raise NoFileFieldError from error
        out, self._out = self._out, bytearray()
        return out

    def finish(self) -> None:
        """Raises NoFileFieldError when the form ended early or held no file."""
        try:
            self._parser.finalize()
        except MultipartParseError as error:
            raise NoFileFieldError from error
        if not self._seen or self._inside:
            raise NoFileFieldError

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, parameters = parse_options_header(self._headers.get(b"content-disposition", b""))
        if self._seen or parameters.get(b"name") != FILE_FIELD.encode():
            return
        self._seen = self._inside = True
        self.filename = _text(parameters, b"filename")
        self.content_type = self._headers.get(b"content-type", b"").decode("latin-1")

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._out += data[start:end]

    def _on_part_end(self) -> None:
        self._inside = False


def _text(parameters: Mapping[bytes, bytes], name: bytes) -> str:
    return parameters.get(name, b"").decode("utf-8", "replace")
