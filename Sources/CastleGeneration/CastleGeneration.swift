// CastleGeneration
