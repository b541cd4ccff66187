// CastleText
