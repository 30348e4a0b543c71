from __future__ import annotations
def carve(field, photo, front, side, grid):
    return None
