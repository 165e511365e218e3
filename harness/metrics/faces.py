"""Whether the face of a picture is that of the picture it was made from."""

from .audio import SpeakerSimilarity


class IdentitySimilarity(SpeakerSimilarity):
    """`identity_similarity`: cosine of the vectors of identities that an instrument extracted of both sets."""

    array = "identity"
    noun = "picture"
    unusable = "unusable picture"
