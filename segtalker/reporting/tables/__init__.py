"""Tables of scores, with intervals and paired differences."""
