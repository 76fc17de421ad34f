"""The form that a browser sends a file in."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from sen2naip_sr.errors import UserError

_LONGEST = 8192
"""Bytes of the headers of a part."""


class OneFile:
    """A form with one file in it and nothing else, read while it arrives.

    Args:
        media_type: The content type of the request.

    Attributes:
        name: The name of the file, as the browser tells it; "" before it has arrived.

    Raises:
        UserError: If it is none of a form.
    """

    def __init__(self, media_type: str) -> None:
        kind, options = parse_options_header(media_type)
        boundary = options.get(b"boundary")
        if kind != b"multipart/form-data" or not boundary:
            raise _no_form()
        self.name = ""
        self._field, self._value, self._headers = b"", b"", 0
        self._arrived = bytearray()
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._take_field,
                    "on_header_value": self._take_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._require_name,
                    "on_part_data": self._take,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _no_form() from error

    async def content(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the bytes of the file.

        Args:
            stream: The body of the request.

        Raises:
            UserError: If it is no form, or holds anything else than one file.
        """
        async for chunk in stream:
            try:
                self._parser.write(chunk)
            except FormParserError as error:
                raise _no_form() from error
            yield bytes(self._arrived)
            self._arrived.clear()
        if not self._complete or not self.name:
            raise _no_form()

    def _begin(self) -> None:
        if self.name:
            raise _no_form()

    def _take_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]
        self._count(end - start)

    def _take_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]
        self._count(end - start)

    def _count(self, size: int) -> None:
        self._headers += size
        if self._headers > _LONGEST:
            raise _no_form()

    def _end_header(self) -> None:
        if self._field.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self.name = options.get(b"filename", b"").decode("utf-8", "replace")
        self._field, self._value = b"", b""

    def _require_name(self) -> None:
        if not self.name:
            raise _no_form()

    def _take(self, data: bytes, start: int, end: int) -> None:
        self._arrived += data[start:end]

    def _end(self) -> None:
        self._complete = True


def _no_form() -> UserError:
    return UserError("request-invalid", "the upload is no form with one file", "reload the page")
