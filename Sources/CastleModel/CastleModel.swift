// CastleModel
