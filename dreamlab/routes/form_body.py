"""The body of a form request: its text fields and its files.

Werkzeug's own parser loses a photo whose part has no file name, and all photos when the name of one
is not UTF-8. It also takes a body that it cannot read for an empty form.
"""

from __future__ import annotations

import codecs
import io
from typing import IO, Any, Dict, List, Optional, Tuple, Union

from flask import Request
from werkzeug.datastructures import FileStorage, Headers
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser, MultiPartParser
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from dreamlab.errors import MissingImage
from dreamlab.generation.form import VIEW_FIELDS

MULTIPART, URLENCODED = "multipart/form-data", "application/x-www-form-urlencoded"
# Flask's limit of a text field. Flask 3.0 has none.
MAX_TEXT_BYTES = 500_000
_CHUNK_BYTES = 1 << 16
# So much of a file shows whether it is text.
_HEAD_BYTES = 512

# The stream, the text fields and the files.
Form = Tuple[IO[bytes], Any, Any]


class FormParser(FormDataParser):
    """Reads a form. Raises BadRequest, MissingImage and RequestEntityTooLarge."""

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: Optional[int],
        options: Optional[Dict[str, str]] = None,
    ) -> Form:
        """Return the form in `stream`, of which the size is limited already."""
        if mimetype == MULTIPART:
            return self._read_multipart(stream, (options or {}).get("boundary", ""), content_length)
        if mimetype == URLENCODED:
            return self._read_urlencoded(stream)
        if not stream.read(1):
            return stream, self.cls(), self.cls()
        if "/" not in mimetype or mimetype.startswith("multipart/"):
            raise BadRequest(f"The Content-Type of the body must be {MULTIPART} with a boundary.")
        raise MissingImage(f"The body is {mimetype[:100]} and no form. {MissingImage.message}")

    def _read_urlencoded(self, stream: IO[bytes]) -> Form:
        # Most releases of Werkzeug apply no limit here.
        body = stream.read(self._limit + 1)
        if len(body) > self._limit:
            raise RequestEntityTooLarge
        form: Form = super().parse(io.BytesIO(body), URLENCODED, len(body))
        return form

    def _read_multipart(self, stream: IO[bytes], boundary: str, length: Optional[int]) -> Form:
        if not boundary:
            raise BadRequest(
                f"The Content-Type {MULTIPART} has no boundary. Leave that header to your HTTP "
                "library, which knows the boundary."
            )
        try:
            return self._read_parts(stream, boundary.encode("ascii"), length)
        except ValueError as error:
            raise BadRequest(
                f"The body cannot be read as {MULTIPART}: it is malformed or cut off, or it has "
                "another boundary than the Content-Type."
            ) from error

    def _read_parts(self, stream: IO[bytes], boundary: bytes, length: Optional[int]) -> Form:
        fields: List[Tuple[str, str]] = []
        files: List[Tuple[str, FileStorage]] = []
        decoder = _Decoder(
            boundary, max_form_memory_size=self._limit, max_parts=self.max_form_parts
        )
        event = decoder.next_event()
        while not isinstance(event, Epilogue):
            if isinstance(event, NeedData):
                decoder.receive_data(stream.read(_CHUNK_BYTES) or None)
            elif isinstance(event, (Field, File)):
                part, content = event, self._new_file(event, length)
            elif isinstance(event, Data):
                content.write(event.data)
                if not isinstance(part, File) and part.name not in VIEW_FIELDS:
                    self._check_text(content)
                if not event.more_data and _is_file(part, content):
                    files.append((part.name, _file(part, content)))
                elif not event.more_data:
                    self._check_text(content)
                    fields.append((part.name, _text(part, content)))
            event = decoder.next_event()
        return stream, self.cls(fields), self.cls(files)

    def _new_file(self, part: Union[Field, File], length: Optional[int]) -> IO[bytes]:
        """Return a file that is in memory while it is small."""
        return self.stream_factory(
            total_content_length=length,
            content_type=part.headers.get("content-type"),
            filename=getattr(part, "filename", None),
        )

    def _check_text(self, content: IO[bytes]) -> None:
        if content.tell() > self._limit:
            raise RequestEntityTooLarge

    @property
    def _limit(self) -> int:
        """How many bytes one text may have."""
        return self.max_form_memory_size or MAX_TEXT_BYTES


class FormRequest(Request):
    """A request whose form FormParser reads, even one without a Content-Type."""

    form_data_parser_class = FormParser
    want_form_data_parsed = True


class _Decoder(MultipartDecoder):
    """Reads the head of a part in any encoding: Windows' curl sends names in its console's."""

    def _parse_headers(self, data: Union[bytes, bytearray]) -> Headers:
        return super()._parse_headers(bytes(data).decode("utf-8", "ignore").encode())


def _is_file(part: Union[Field, File], content: IO[bytes]) -> bool:
    """Return whether a part is a file: it has a file name, or a photo in place of a text.

    A client without a photo may send a word in its place: null, undefined, [object Object].
    """
    if isinstance(part, File):
        return True
    if part.name not in VIEW_FIELDS:
        return False
    end = content.tell()
    content.seek(0)
    head = content.read(_HEAD_BYTES)
    content.seek(end)
    try:
        # The last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return True
    return b"\0" in head


def _file(part: Union[Field, File], content: IO[bytes]) -> FileStorage:
    content.seek(0)
    name = getattr(part, "filename", "")
    return FileStorage(content, name, part.name, headers=part.headers)


def _text(part: Union[Field, File], content: IO[bytes]) -> str:
    content.seek(0)
    return content.read().decode(MultiPartParser().get_part_charset(part.headers), "replace")
