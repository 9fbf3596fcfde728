"""`teamledger rebuild`: read models made anew from the events, beside the live ones."""
