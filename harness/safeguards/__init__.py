"""Terms, consent, and the marks that everything synthetic carries across the border."""
