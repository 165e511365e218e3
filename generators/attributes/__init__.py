"""Age, emotion and expression of a face edited by strength."""
