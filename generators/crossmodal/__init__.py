"""A face and a voice that nobody has, put together."""
