"""Is a difference more than luck? Tests, intervals and sets, as functions of arrays of losses."""
