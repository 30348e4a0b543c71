"""Operations on a GLB file."""
