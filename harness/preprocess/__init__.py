"""Before the numbers: frames evenly over a clip, faces found, followed and aligned, sound brought to one form."""
