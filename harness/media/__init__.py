"""Items, sets of them, and the reading and writing of pictures, video and sound."""
