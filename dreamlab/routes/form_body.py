"""The body of a form request, read with Werkzeug's decoder.

Werkzeug's own form takes a photo whose part has no file name for a text, and it is empty where the
body cannot be read. This one has the photo, or raises an error.
"""

from __future__ import annotations

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
_CHUNK_BYTES = 1 << 16
# So much of a file shows whether it is text.
_HEAD_BYTES = 512

# The stream, the text fields and the files.
Form = Tuple[IO[bytes], Any, Any]


class FormParser(FormDataParser):
    """Reads a form. Raises BadRequest, MissingImage and RequestEntityTooLarge."""

    max_form_memory_size: int

    def parse(
        self,
        stream: IO[bytes],
        mimetype: str,
        content_length: Optional[int],
        options: Optional[Dict[str, str]] = None,
    ) -> Form:
        """Return the form in `stream`, of which the size is limited already."""
        if mimetype == MULTIPART:
            try:
                return self._read_parts(stream, (options or {}).get("boundary", "").encode("ascii"))
            except ValueError as error:
                raise BadRequest(
                    f"The body is malformed or cut off, or is not {MULTIPART} with the boundary of "
                    "its Content-Type. Leave that header to your HTTP library."
                ) from error
        if mimetype == URLENCODED:
            # Most releases of Werkzeug apply no limit here.
            body = stream.read(self.max_form_memory_size + 1)
            if len(body) > self.max_form_memory_size:
                raise RequestEntityTooLarge
            return super().parse(io.BytesIO(body), mimetype, len(body))
        if not stream.read(1):
            return stream, self.cls(), self.cls()
        if "/" not in mimetype or mimetype.startswith("multipart/"):
            raise BadRequest(f"The Content-Type of the body must be {MULTIPART} with a boundary.")
        raise MissingImage(f"The body is {mimetype[:100]} and no form. {MissingImage.message}")

    def _read_parts(self, stream: IO[bytes], boundary: bytes) -> Form:
        texts: List[Tuple[str, str]] = []
        files: List[Tuple[str, FileStorage]] = []
        decoder = _Decoder(boundary, self.max_form_memory_size, max_parts=self.max_form_parts)
        event = decoder.next_event()
        while not isinstance(event, Epilogue):
            if isinstance(event, NeedData):
                decoder.receive_data(stream.read(_CHUNK_BYTES) or None)
            elif isinstance(event, (Field, File)):
                part, content = event, self.stream_factory(None, None, None)
                is_text = isinstance(part, Field) and part.name not in VIEW_FIELDS
            elif isinstance(event, Data):
                content.write(event.data)
                if is_text and content.tell() > self.max_form_memory_size:
                    raise RequestEntityTooLarge
                if not event.more_data and is_text:
                    content.seek(0)
                    charset = MultiPartParser().get_part_charset(part.headers)
                    texts.append((part.name, content.read().decode(charset, "replace")))
                elif not event.more_data and (isinstance(part, File) or not _is_word(content)):
                    content.seek(0)
                    name = getattr(part, "filename", "")
                    file = FileStorage(content, name, part.name, headers=part.headers)
                    files.append((part.name, file))
            event = decoder.next_event()
        return stream, self.cls(texts), self.cls(files)


class FormRequest(Request):
    """A request whose form FormParser reads, even one without a Content-Type."""

    form_data_parser_class = FormParser
    want_form_data_parsed = True
    # The limit of a text. It is the default of Flask 3.1; Flask 3.0 has none.
    max_form_memory_size = 500_000


class _Decoder(MultipartDecoder):
    """Reads the head of a part in any encoding: Windows' curl sends names in its console's.

    Werkzeug has no public way for that, and refuses a form with such a name.
    """

    def _parse_headers(self, data: Union[bytes, bytearray]) -> Headers:
        return super()._parse_headers(bytes(data).decode("utf-8", "ignore").encode())


def _is_word(content: IO[bytes]) -> bool:
    """Return whether it is no photo. A client without one may send a word: null, undefined."""
    content.seek(0)
    try:
        return "\0" not in content.read(_HEAD_BYTES).decode()
    except UnicodeDecodeError:
        return False
