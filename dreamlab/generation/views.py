"""From submitted photos to the pictures that the generator gets. These are written once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

from dreamlab import photos
from dreamlab.generation.form import UPLOAD_FIELD, Views
from dreamlab.options import Options
from dreamlab.storage.records import Accepted
from dreamlab.storage.session import Session
from dreamlab.storage.uploads import NewUpload


class KeptView(NamedTuple):
    """One view of a generation: the side that it shows, its upload's name, its checked photo."""

    side: str
    upload: str
    photo: photos.Photo

    @property
    def picture(self) -> str:
        """The name of the picture in the generation's record."""
        return f"{self.side}{self.photo.suffix}"


class Generation(NamedTuple):
    """One accepted generation. `uploads` and `pictures` are by side.

    `model` is the reserved name of its model, where more than one attempt may make it.
    """

    id: str
    session: Session
    uploads: Dict[str, str]
    pictures: Dict[str, Path]
    options: Options
    model: Optional[str] = None

    @property
    def filename(self) -> str:
        """The name of the front view's upload, after which the model is named."""
        return self.uploads["front"]


def keep_views(session: Session, views: Views, max_megapixels: float) -> List[KeptView]:
    """Check the photos of one request, then keep all new ones or none. The front one comes first.

    Raises UploadNotFound, StorageFull and what photos.read raises.
    """
    kept = []
    if views.upload is not None:
        with session.uploads.open(views.upload) as file:
            photo = photos.read(file, UPLOAD_FIELD, max_megapixels)
        kept.append(KeptView("front", views.upload, photo))
    submitted = views.submitted
    checked = [photos.read(view.file.stream, view.field, max_megapixels) for view in submitted]
    names = session.uploads.keep(
        [
            NewUpload(view.file.stream, view.file.filename or "", photo.suffixes)
            for view, photo in zip(submitted, checked)
        ]
    )
    return kept + [
        KeptView(view.side, name, photo) for view, name, photo in zip(submitted, names, checked)
    ]


def settle_options(options: Options, views: List[KeptView]) -> Options:
    """Return the options, with the background removed unless each photo is already cut out.

    A generator that removes it drops the alpha channel first, and may cut out something else.
    """
    if options.remove_background is None:
        are_cut_out = all(view.photo.is_cut_out for view in views)
        options = replace(options, remove_background=not are_cut_out)
    return options


def reopen(session: Session, generation_id: str, max_megapixels: float) -> Generation:
    """Return a generation that another process has accepted.

    Raises GenerationNotFound, UploadNotFound and what photos.read raises.
    """
    accepted = session.generations.accepted(generation_id)
    options = Options(**accepted["options"])
    pictures = session.generations.pictures(generation_id)
    if not pictures:
        pictures, options = _of_earlier_release(session, generation_id, accepted, max_megapixels)
    uploads, model = accepted["uploads"], accepted["model"]
    return Generation(generation_id, session, uploads, pictures, options, model)


def _of_earlier_release(
    session: Session, generation_id: str, accepted: Accepted, max_megapixels: float
) -> Tuple[Dict[str, Path], Options]:
    """Make the pictures and settle the options: that release did so when a generation ran."""
    views, pictures = [], {}
    for side, name in accepted["uploads"].items():
        with session.uploads.open_held(accepted["hold"], name) as file:
            view = KeptView(side, name, photos.read(file, side, max_megapixels))
        content = view.photo.content
        pictures[side] = session.generations.add_picture(generation_id, view.picture, content)
        views.append(view)
    return pictures, settle_options(Options(**accepted["options"]), views)
